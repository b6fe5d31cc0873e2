// ListConnections and ListListeners: what is asked for, refused and told.
#include "connection_calls.h"

#include <gtest/gtest.h>

#include "peer_calls.h"

namespace heddle::server {
namespace {

policy::IpAddress ip(const std::string& text) { return *policy::IpAddress::parse(text); }

// A node of which only the connections matter.
struct ConnectionsOnly : NodeView {
  VersionInfo version() override { return {}; }
  std::vector<PortInfo> ports() override { return {}; }
  std::vector<WorkerInfo> workers() override { return {}; }
  std::vector<GraphNodeInfo> graph() override { return {}; }
  std::vector<DropInfo> drops() override { return {}; }
  std::vector<NeighborInfo> neighbors() override { return {}; }
  std::vector<RouteInfo> routes() override { return {}; }
  FlowWalk walk_flows(const FlowFilter&, const GoOn&, const TakeFlow&) override { return {}; }
  FlowWalk flush_flows(const FlowFilter&, const GoOn&, bool) override { return {}; }

  FlowWalk walk_connections(const ConnectionFilter& asked, const GoOn&,
                            const TakeConnection& take) override {
    filter = asked;
    for (const ConnectionInfo& each : connections)
      if (asked.takes(each)) take(each);
    return end;
  }
  ConnectionSums connection_sums() override { return sums; }
  std::vector<ListenerInfo> listeners() override {
    return {{.address = ip("2001:db8::1"),
             .port = 443,
             .frontend = 2,
             .half_open = 1,
             .max_half_open = 2,
             .accepted = 3,
             .cookies_sent = 4,
             .refused = 5},
            {.address = ip("10.96.0.9"), .port = 80, .frontend = 99}};
  }

  std::vector<ConnectionInfo> connections;
  ConnectionSums sums;
  FlowWalk end;
  std::optional<ConnectionFilter> filter;
};

class ConnectionCalls : public testing::Test {
 protected:
  ConnectionCalls() {
    names_.by_slot.resize(5);
    names_.by_slot[2] = {"shop/cart", "http"};
    names_.by_slot[3] = {"shop/web", "https"};
  }

  grpc::Status list(const v1::ListConnectionsRequest& request) {
    response_.Clear();
    return list_connections(view_, names_, [] { return true; }, request, response_);
  }
  std::string refusal(const v1::ListConnectionsRequest& request) {
    const grpc::Status status = list(request);
    EXPECT_FALSE(status.ok());
    return status.error_message();
  }
  // The relay's two: from a client, and to an endpoint.
  void add_pair(const std::string& client, uint32_t frontend, ConnectionState state) {
    view_.connections.push_back({.local = {ip("10.96.0.20"), 80},
                                 .remote = {ip(client), 40'000},
                                 .state = state,
                                 .accepted = true,
                                 .frontend = frontend});
    view_.connections.push_back({.local = {ip("192.0.2.10"), 33'000},
                                 .remote = {ip("10.8.0.11"), 8'080},
                                 .state = state,
                                 .worker = 1,
                                 .frontend = frontend});
  }

  ConnectionsOnly view_;
  FlowNames names_;
  v1::ListConnectionsResponse response_;
};

TEST_F(ConnectionCalls, FilterByBothEnds) {
  add_pair("10.9.0.1", 2, ConnectionState::kEstablished);
  add_pair("10.9.1.1", 3, ConnectionState::kTimeWait);
  const struct {
    const char* what;
    std::function<void(v1::ConnectionFilter&)> set;
    uint64_t matched;
  } kRows[] = {
      {"all", [](auto&) {}, 4},
      {"a client's prefix", [](auto& f) { f.set_source("10.9.0.0/24"); }, 1},
      {"ourselves, as who opened", [](auto& f) { f.set_source("192.0.2.10"); }, 2},
      {"the service's address", [](auto& f) { f.set_destination("10.96.0.20"); }, 2},
      {"an endpoint", [](auto& f) { f.set_destination("10.8.0.0/16"); }, 2},
      {"the service's port", [](auto& f) { f.set_port(80); }, 2},
      {"no own port of ours", [](auto& f) { f.set_port(33'000); }, 0},
      {"a state", [](auto& f) { f.set_state("TIME-WAIT"); }, 2},
      {"a service, both sides", [](auto& f) { f.set_service("shop/cart"); }, 2},
      {"worker 0", [](auto& f) { f.set_worker(0); }, 2},
      {"all of it",
       [](auto& f) {
         f.set_service("shop/web");
         f.set_state("TIME-WAIT");
         f.set_port(8'080);
       },
       1},
  };
  for (const auto& row : kRows) {
    v1::ListConnectionsRequest request;
    row.set(*request.mutable_filter());
    ASSERT_TRUE(list(request).ok()) << row.what;
    EXPECT_EQ(response_.matched(), row.matched) << row.what;
  }
}

TEST_F(ConnectionCalls, TellEveryField) {
  view_.connections.push_back({.local = {ip("10.96.0.20"), 80},
                               .remote = {ip("2001:db8::2"), 40'000},
                               .state = ConnectionState::kFinWait2,
                               .accepted = true,
                               .worker = 1,
                               .frontend = 2,
                               .cwnd = 3,
                               .ssthresh = 4,
                               .send_window = 5,
                               .mss = 6,
                               .bytes_in_flight = 7,
                               .receive_queue = 8,
                               .send_queue = 9,
                               .out_of_order = 10,
                               .pinned = 11,
                               .srtt_us = 12,
                               .rttvar_us = 13,
                               .rto_us = 14,
                               .retransmits = 15,
                               .age_ms = 16,
                               .idle_ms = 17,
                               .tls = {.state = ConnectionTls::State::kHandshake,
                                       .resumed = true,
                                       .version = "TLSv1.3",
                                       .suite = "TLS_AES_128_GCM_SHA256"}});
  ConnectionTls& tls = view_.connections.back().tls;
  tls.server_name.set("cart.example.org");
  tls.alpn.set("h2");
  tls.peer_identity.set("spiffe://example.org/" + std::string(300, 'a'));
  ASSERT_TRUE(list({}).ok());
  ASSERT_EQ(response_.connections_size(), 1);
  EXPECT_EQ(response_.connections(0).ShortDebugString(),
            "local { address: \"10.96.0.20\" port: 80 } remote { address: \"2001:db8::2\" port: "
            "40000 } state: \"FIN-WAIT-2\" accepted: true service: \"shop/cart:http\" worker: 1 "
            "cwnd: 3 ssthresh: 4 send_window: 5 mss: 6 bytes_in_flight: 7 srtt_us: 12 rttvar_us: "
            "13 rto_us: 14 retransmits: 15 receive_queue: 8 send_queue: 9 out_of_order: 10 "
            "pinned: 11 age_ms: 16 idle_ms: 17 tls_state: \"handshake\" tls_version: \"TLSv1.3\" "
            "tls_suite: \"TLS_AES_128_GCM_SHA256\" tls_resumed: true server_name: "
            "\"cart.example.org\" alpn: \"h2\" peer_identity: \"spiffe://example.org/" +
                std::string(234, 'a') + "\"");
}

TEST_F(ConnectionCalls, AreBoundedAndCountAll) {
  for (int i = 0; i < 60; ++i) add_pair("10.9.0.1", 2, ConnectionState::kEstablished);
  view_.end = {.complete = false, .silent = {1}};
  v1::ListConnectionsRequest request;
  ASSERT_TRUE(list(request).ok());
  EXPECT_EQ(response_.connections_size(), 100);
  EXPECT_EQ(response_.matched(), 120u);
  EXPECT_TRUE(response_.incomplete());
  EXPECT_EQ(response_.silent_workers(0), 1u);
  request.set_limit(10);
  ASSERT_TRUE(list(request).ok());
  EXPECT_EQ(response_.connections_size(), 10);
  EXPECT_EQ(response_.matched(), 120u);
  request.set_limit(10'001);
  EXPECT_EQ(refusal(request), "limit: at most 10000, not 10001");
}

TEST_F(ConnectionCalls, RefuseWhatIsNoFilter) {
  const struct {
    const char* field;
    const char* value;
    const char* text;
  } kRows[] = {
      {"source", "10.9.0.0/33", "source: "},
      {"destination", "cart", "destination: "},
      {"state", "established",
       "state: expected one of CLOSED, LISTEN, SYN-SENT, SYN-RECEIVED, ESTABLISHED, FIN-WAIT-1, "
       "FIN-WAIT-2, CLOSE-WAIT, CLOSING, LAST-ACK, TIME-WAIT, not \"established\""},
      {"state", "?", "state: expected one of "},
      {"service", "shop/crat", "service: there is no Service \"shop/crat\""},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(std::string(row.field) + " " + row.value);
    v1::ListConnectionsRequest request;
    v1::ConnectionFilter& filter = *request.mutable_filter();
    filter.GetReflection()->SetString(&filter, filter.GetDescriptor()->FindFieldByName(row.field),
                                      row.value);
    EXPECT_TRUE(refusal(request).starts_with(row.text)) << refusal(request);
  }
  v1::ListConnectionsRequest request;
  request.mutable_filter()->set_port(65'536);
  EXPECT_EQ(refusal(request), "port: expected 1 to 65535, not 65536");
  request.mutable_filter()->Clear();
  request.mutable_filter()->set_worker(70'000);
  EXPECT_EQ(refusal(request), "worker: there is no worker 70000");
  request.Clear();
  request.mutable_filter()
      ->GetReflection()
      ->MutableUnknownFields(request.mutable_filter())
      ->AddVarint(99, 1);
  EXPECT_NE(refusal(request).find("newer version"), std::string::npos);
  EXPECT_FALSE(view_.filter);
}

TEST_F(ConnectionCalls, SumsAreOfAll) {
  view_.sums.by_state[4] = 5;
  view_.sums.by_state[10] = 6;
  view_.sums.connections = 11;
  view_.sums.connection_capacity = 100;
  view_.sums.silent = {2};
  v1::ListConnectionsRequest request;
  request.set_sums(true);
  ASSERT_TRUE(list(request).ok());
  EXPECT_FALSE(view_.filter) << "no walk";
  EXPECT_EQ(response_.matched(), 11u);
  EXPECT_EQ(response_.connections_size(), 0);
  EXPECT_TRUE(response_.incomplete());
  ASSERT_EQ(response_.sums().states_size(), 11);
  EXPECT_EQ(response_.sums().states(4).state(), "ESTABLISHED");
  EXPECT_EQ(response_.sums().states(4).connections(), 5u);
  EXPECT_EQ(response_.sums().states(10).connections(), 6u);
  request.set_limit(1);
  EXPECT_FALSE(list(request).ok());
  request.set_limit(0);
  request.mutable_filter()->set_worker(0);
  EXPECT_FALSE(list(request).ok());
}

TEST_F(ConnectionCalls, Listeners) {
  v1::ListListenersResponse response;
  ASSERT_TRUE(list_listeners(view_, names_, [] { return true; }, {}, response).ok());
  ASSERT_EQ(response.listeners_size(), 2);
  EXPECT_EQ(response.listeners(0).ShortDebugString(),
            "address: \"2001:db8::1\" port: 443 service: \"shop/cart:http\" half_open: 1 "
            "max_half_open: 2 accepted: 3 cookies_sent: 4 refused: 5");
  EXPECT_EQ(response.listeners(1).service(), "") << "of a policy that is no more";
}

// Who terminates no TCP says so.
TEST(NodeViewDefaults, HaveNothing) {
  struct Plain : ConnectionsOnly {
    FlowWalk walk_connections(const ConnectionFilter& asked, const GoOn& go_on,
                              const TakeConnection& take) override {
      return NodeView::walk_connections(asked, go_on, take);
    }
    ConnectionSums connection_sums() override { return NodeView::connection_sums(); }
    std::vector<ListenerInfo> listeners() override { return NodeView::listeners(); }
  } node;
  const FlowWalk walk =
      node.walk_connections({}, [] { return true; }, [](const ConnectionInfo&) { FAIL(); });
  EXPECT_TRUE(walk.complete);
  EXPECT_EQ(node.connection_sums().connection_capacity, 0u);
  EXPECT_TRUE(node.listeners().empty());
  EXPECT_TRUE(node.tcp_counters().empty());
}

// By identity and address; what has none is counted.
TEST_F(ConnectionCalls, Peers) {
  add_pair("10.9.0.1", 2, ConnectionState::kEstablished);
  const auto add = [&](const char* address, const char* identity, bool accepted, uint64_t age_ms) {
    ConnectionInfo& made = view_.connections.emplace_back();
    made.remote.address = ip(address);
    made.accepted = accepted;
    made.frontend = accepted ? 2 : 3;
    made.age_ms = age_ms;
    made.idle_ms = age_ms / 2;
    made.tls.state = ConnectionTls::State::kEstablished;
    made.tls.version = age_ms < 100 ? "TLSv1.3" : "TLSv1.2";
    made.tls.alpn.set(accepted ? "h2" : "heddle-tcp");
    made.tls.peer_identity.set(identity);
  };
  add("10.8.0.2", "spiffe://a/b", true, 30);
  add("10.8.0.2", "spiffe://a/b", false, 200);
  add("10.8.0.2", "spiffe://a/b", false, 10);
  add("10.8.0.3", "spiffe://a/b", true, 20);
  add("10.8.0.2", "", true, 20);
  view_.connections.emplace_back().tls.state = ConnectionTls::State::kHandshake;
  view_.end.silent = {1};
  v1::ListPeersResponse told;
  ASSERT_TRUE(list_peers(view_, names_, [] { return true; }, {}, told).ok());
  ASSERT_EQ(told.peers_size(), 2);
  const v1::Peer& first = told.peers(0);
  EXPECT_EQ(first.identity(), "spiffe://a/b");
  EXPECT_EQ(first.address(), "10.8.0.2");
  EXPECT_EQ(first.accepted(), 1u);
  EXPECT_EQ(first.opened(), 2u);
  ASSERT_EQ(first.services_size(), 2);
  EXPECT_EQ(first.services(0), "shop/cart:http");
  EXPECT_EQ(first.services(1), "shop/web:https");
  EXPECT_EQ(first.protocols_size(), 2);
  EXPECT_EQ(first.tls_version(), "TLSv1.2");
  EXPECT_EQ(first.longest_ms(), 200u);
  EXPECT_EQ(first.idle_ms(), 5u);
  EXPECT_EQ(told.peers(1).address(), "10.8.0.3");
  EXPECT_EQ(told.left_out(), 0u);
  EXPECT_EQ(told.anonymous(), 1u);
  EXPECT_EQ(told.plaintext(), 2u);
  EXPECT_EQ(told.handshakes(), 1u);
  EXPECT_TRUE(told.incomplete());
  EXPECT_EQ(told.silent_workers(0), 1u);
}

// More than are told: those that are have all of their connections.
TEST_F(ConnectionCalls, PeersAreBounded) {
  for (int round = 0; round < 2; ++round)
    for (uint32_t i = 0; i < 10'050; ++i) {
      ConnectionInfo& made = view_.connections.emplace_back();
      made.accepted = true;
      made.tls.state = ConnectionTls::State::kEstablished;
      made.tls.peer_identity.set("spiffe://a/" + std::to_string(i));
    }
  v1::ListPeersResponse told;
  ASSERT_TRUE(list_peers(view_, names_, [] { return true; }, {}, told).ok());
  ASSERT_EQ(told.peers_size(), 10'000);
  for (const v1::Peer& each : told.peers()) ASSERT_EQ(each.accepted(), 2u);
  EXPECT_EQ(told.left_out(), 50u);
}

}  // namespace
}  // namespace heddle::server
