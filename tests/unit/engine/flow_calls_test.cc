// ListFlows and FlushFlows: what is asked for, refused and told.
#include "flow_calls.h"

#include <gtest/gtest.h>

namespace heddle::server {
namespace {

policy::IpAddress ip(const std::string& text) { return *policy::IpAddress::parse(text); }

// A node of which only the flows matter.
struct FlowsOnly : NodeView {
  VersionInfo version() override { return {}; }
  std::vector<PortInfo> ports() override { return {}; }
  std::vector<WorkerInfo> workers() override { return {}; }
  std::vector<GraphNodeInfo> graph() override { return {}; }
  std::vector<DropInfo> drops() override { return {}; }
  std::vector<NeighborInfo> neighbors() override { return {}; }
  std::vector<RouteInfo> routes() override { return {}; }
  FlowWalk walk_flows(const FlowFilter& asked, const GoOn&, const TakeFlow& take) override {
    filter = asked;
    for (const FlowInfo& flow : flows) take(flow);
    return {};
  }
  FlowWalk flush_flows(const FlowFilter& asked, const GoOn&, bool with_reset) override {
    filter = asked;
    reset = with_reset;
    return {.complete = false, .flushed = 5, .silent = {3}};
  }

  std::vector<FlowInfo> flows;
  std::optional<FlowFilter> filter;
  bool reset = false;
};

class FlowCalls : public testing::Test {
 protected:
  FlowCalls() {
    names_.by_slot.resize(5);
    names_.by_slot[2] = {"shop/cart", "http"};
    names_.by_slot[4] = {"shop/cart", "http"};  // of its other address
    names_.by_slot[3] = {"shop/web", "dns"};
  }

  grpc::Status list(const v1::ListFlowsRequest& request) {
    response_.Clear();
    return list_flows(view_, names_, [] { return true; }, request, response_);
  }
  std::string refusal(const v1::FlowFilter& filter) {
    v1::ListFlowsRequest request;
    *request.mutable_filter() = filter;
    const grpc::Status status = list(request);
    EXPECT_FALSE(status.ok());
    return status.error_message();
  }
  void add(const std::string& client, uint16_t port, uint32_t frontend, size_t times = 1) {
    FlowInfo flow{.protocol = wire::IpProtocol::kTcp,
                  .state = flow::State::kEstablished,
                  .client = {ip(client), port},
                  .destination = {ip("10.96.0.20"), 80},
                  .source = {ip(client), port},
                  .endpoint = {ip("2001:db8::7"), 8080},
                  .frontend = frontend};
    view_.flows.insert(view_.flows.end(), times, flow);
  }

  FlowsOnly view_;
  FlowNames names_;
  v1::ListFlowsResponse response_;
};

TEST_F(FlowCalls, TakeFiltersApart) {
  v1::ListFlowsRequest request;
  v1::FlowFilter& filter = *request.mutable_filter();
  filter.set_source("10.9.0.0/16");
  filter.set_destination("10.96.0.20");
  filter.set_port(80);
  filter.set_protocol("tcp");
  filter.set_state("established");
  filter.set_service("shop/cart");
  filter.set_endpoint("2001:db8::7");
  filter.set_worker(0);
  ASSERT_TRUE(list(request).ok());
  const FlowFilter& asked = *view_.filter;
  EXPECT_EQ(asked.source->text(), "10.9.0.0/16");
  EXPECT_EQ(asked.destination->text(), "10.96.0.20/32");
  EXPECT_EQ(asked.port, 80u);
  EXPECT_EQ(asked.protocol, FlowProtocol::kTcp);
  EXPECT_EQ(asked.state, flow::State::kEstablished);
  EXPECT_EQ(asked.endpoint, ip("2001:db8::7"));
  EXPECT_EQ(asked.worker, 0u);
  for (const auto& [slot, takes] :
       {std::pair(2u, true), {3u, false}, {4u, true}, {5u, false}, {policy::kNoSlot, false}})
    EXPECT_EQ(asked.takes_frontend(slot), takes) << slot;
  ASSERT_TRUE(list({}).ok());
  EXPECT_TRUE(view_.filter->takes_frontend(policy::kNoSlot));
}

TEST_F(FlowCalls, RefuseWhatIsNoFilter) {
  const struct {
    const char* field;
    const char* value;
    const char* text;
  } kRows[] = {
      {"source", "10.9.0.0/33", "source: "},
      {"source", "10.9.0.1/16", "source: "},  // bits behind the prefix
      {"destination", "cart", "destination: "},
      {"protocol", "sctp", "protocol: expected tcp, udp or icmp, not \"sctp\""},
      {"state", "ESTABLISHED", "state: expected one of syn_sent, "},
      {"state", "none", "state: expected one of syn_sent, "},
      {"service", "shop/crat", "service: there is no Service \"shop/crat\""},
      {"service", "shop/cart:http", "service: there is no Service"},
      {"endpoint", "10.0.0.0/8", "endpoint: "},
      {"endpoint", "\xff\x1b", "endpoint: "},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(std::string(row.field) + " " + row.value);
    v1::FlowFilter filter;
    filter.GetReflection()->SetString(&filter, filter.GetDescriptor()->FindFieldByName(row.field),
                                      row.value);
    EXPECT_TRUE(refusal(filter).starts_with(row.text)) << refusal(filter);
  }
  v1::FlowFilter filter;
  filter.set_port(65'536);
  EXPECT_EQ(refusal(filter), "port: expected 1 to 65535, not 65536");
  filter.set_port(80);
  filter.set_protocol("icmp");
  EXPECT_EQ(refusal(filter), "port: ICMP has none");
  filter.Clear();
  filter.set_worker(70'000);
  EXPECT_EQ(refusal(filter), "worker: there is no worker 70000");
  EXPECT_FALSE(view_.filter);
}

TEST_F(FlowCalls, RefuseWhatANewerHeddlectlAsks) {
  v1::ListFlowsRequest request;
  request.mutable_filter()
      ->GetReflection()
      ->MutableUnknownFields(request.mutable_filter())
      ->AddVarint(99, 1);
  EXPECT_NE(list(request).error_message().find("newer version"), std::string::npos);
  v1::FlushFlowsRequest flush;
  flush.set_all(true);
  flush.GetReflection()->MutableUnknownFields(&flush)->AddVarint(99, 1);
  v1::FlushFlowsResponse flushed;
  EXPECT_FALSE(flush_flows(view_, names_, [] { return true; }, flush, flushed).ok());
  EXPECT_FALSE(view_.filter);
}

TEST_F(FlowCalls, ListAsManyAsWantedAndCountAll) {
  add("10.9.0.1", 1'000, 2, 250);
  add("10.9.0.2", 2'000, policy::kNoSlot, 1);
  v1::ListFlowsRequest request;
  ASSERT_TRUE(list(request).ok());
  EXPECT_EQ(response_.flows_size(), 100);
  EXPECT_EQ(response_.matched(), 251u);
  EXPECT_EQ(response_.flows(0).service(), "shop/cart:http");
  request.set_limit(251);
  ASSERT_TRUE(list(request).ok());
  EXPECT_EQ(response_.flows_size(), 251);
  EXPECT_EQ(response_.flows(250).service(), "");
  request.set_limit(0);
  request.set_count_only(true);
  ASSERT_TRUE(list(request).ok());
  EXPECT_EQ(response_.flows_size(), 0);
  EXPECT_EQ(response_.matched(), 251u);
  request.set_limit(10'001);
  EXPECT_EQ(list(request).error_message(), "limit: at most 10000, not 10001");
}

TEST_F(FlowCalls, TopTellsTheTenWithTheMost) {
  for (uint8_t i = 1; i <= 12; ++i) add("10.9.0." + std::to_string(i), 1'000, 2 + i % 3, i);
  add("10.9.0.99", 1, policy::kNoSlot, 30);
  v1::ListFlowsRequest request;
  request.set_top("source");
  ASSERT_TRUE(list(request).ok());
  ASSERT_EQ(response_.top_size(), 10);
  EXPECT_EQ(response_.top(0).what(), "10.9.0.99");
  EXPECT_EQ(response_.top(0).flows(), 30u);
  EXPECT_EQ(response_.top(9).what(), "10.9.0.4");
  EXPECT_EQ(response_.matched(), 108u);
  EXPECT_EQ(response_.flows_size(), 0);
  request.set_top("service");
  ASSERT_TRUE(list(request).ok());
  ASSERT_EQ(response_.top_size(), 3);
  EXPECT_EQ(response_.top(0).what(), "shop/cart:http");  // both of its slots
  EXPECT_EQ(response_.top(0).flows(), 56u);
  EXPECT_EQ(response_.top(1).what(), "(no service)");
  EXPECT_EQ(response_.top(2).what(), "shop/web:dns");
  request.set_top("endpoint");
  ASSERT_TRUE(list(request).ok());
  EXPECT_EQ(response_.top(0).what(), "[2001:db8::7]:8080");
  request.set_top("destination");
  ASSERT_TRUE(list(request).ok());
  EXPECT_EQ(response_.top(0).what(), "10.96.0.20:80");
  request.set_top("port");
  EXPECT_FALSE(list(request).ok());
  request.set_top("source");
  request.set_count_only(true);
  EXPECT_FALSE(list(request).ok());
}

TEST_F(FlowCalls, FlushSaysWhichOrAll) {
  const auto flush = [&](const v1::FlushFlowsRequest& request, v1::FlushFlowsResponse& response) {
    return flush_flows(view_, names_, [] { return true; }, request, response);
  };
  v1::FlushFlowsRequest request;
  v1::FlushFlowsResponse response;
  EXPECT_EQ(flush(request, response).error_message(), "without a filter all must be set");
  EXPECT_FALSE(view_.filter);
  request.set_all(true);
  request.set_reset(true);
  ASSERT_TRUE(flush(request, response).ok());
  EXPECT_TRUE(view_.reset);
  EXPECT_EQ(response.flushed(), 5u);
  EXPECT_TRUE(response.incomplete());
  EXPECT_EQ(response.silent_workers(0), 3u);
  request.mutable_filter()->set_worker(0);  // narrow, though it is a zero
  EXPECT_FALSE(flush(request, response).ok());
  request.set_all(false);
  EXPECT_TRUE(flush(request, response).ok());
}

}  // namespace
}  // namespace heddle::server
