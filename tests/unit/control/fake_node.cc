#include "fake_node.h"

namespace heddle::server {

VersionInfo FakeNode::version() {
  const std::lock_guard lock(guard_);
  return {.version = "0.1.0",
          .commit = "0123abcd",
          .dpdk = "22.11.11",
          .node = "edge-1",
          .pid = 4711,
          .uptime_ms = 93'784'000};
}

std::vector<PortInfo> FakeNode::ports() {
  const std::lock_guard lock(guard_);
  if (empty) return {};
  PortInfo wan{.name = "wan",
               .role = "uplink",
               .device = "0000:3b:00.0",
               .driver = "net_ice",
               .mac = "02:00:00:00:00:01",
               .mtu = 1500,
               .link_up = true,
               .speed_mbps = 25'000,
               .rx_queues = 2,
               .tx_queues = 2,
               .steering = "rss",
               .addresses = {"192.0.2.10/24", "2001:db8::10/64"},
               .rx_packets = 1'234'567,
               .rx_bytes = UINT64_MAX,
               .rx_missed = 1,
               .rx_errors = 2,
               .rx_no_buffer = 3,
               .tx_packets = 7'654'321,
               .tx_bytes = 98'765'432'100,
               .tx_errors = 4};
  PortInfo vlan{.name = "wan.7", .role = "uplink", .parent = "wan", .vlan = 7, .mtu = 1500};
  // What no well-behaved configuration has: a terminal's escape, a quote, half a character.
  PortInfo odd{.name = "odd\x1b[31m\"\xc3", .role = "host", .mtu = 9000};
  return {wan, vlan, odd};
}

std::vector<WorkerInfo> FakeNode::workers() {
  const std::lock_guard lock(guard_);
  if (empty) return {};
  return {{.id = 0,
           .cpu = 3,
           .queues = {"wan:0", "cart:0"},
           .busy_share = 0.25,
           .idle_share = 0.75,
           .sleep_share = 0.5,
           .packets_per_second = 1'250'000,
           .cycles_per_packet = 181.25,
           .policy_version = 42,
           .flows = 1'234,
           .turns = 10,
           .packets = 20,
           .handed_out = 1'001,
           .handed_in = 2'002,
           .busy_cycles = 3'003,
           .idle_cycles = 4'004,
           .flows_opened = 5'005,
           .flows_cut = 6,
           .flows_not_learned = 7,
           .guard_denied = 8,
           .guard_audited = 9},
          {.id = 1, .cpu = 4, .idle_share = 1}};
}

std::vector<GraphNodeInfo> FakeNode::graph() {
  const std::lock_guard lock(guard_);
  if (empty) return {};
  return {{.name = "rx", .next = {"ip4_input"}, .calls = 100, .packets = 6'400, .cycles = 64'000},
          {.name = "ip4_input",
           .next = {"ip4_forward", "ip4_input_bad_checksum"},
           .calls = 100,
           .packets = 6'400,
           .cycles = 120'000},
          {.name = "ip4_forward"},
          {.name = "ip4_input_bad_checksum",
           .is_drop = true,
           .calls = 10,
           .packets = 12,
           .cycles = 16'000}};
}

std::vector<DropInfo> FakeNode::drops() {
  const std::lock_guard lock(guard_);
  const uint64_t happened = empty ? 0 : 1'012;
  return {{.node = "ip4_input",
           .drop = "bad_checksum",
           .help = "header checksum wrong: a broken sender",
           .packets = happened},
          {.node = "arp_resolve",
           .drop = "neighbour_timeout",
           .help = "nobody answered for the next hop",
           .packets = 0}};
}

std::vector<NeighborInfo> FakeNode::neighbors() {
  const std::lock_guard lock(guard_);
  if (empty) return {};
  return {{.interface = "wan",
           .address = "192.0.2.1",
           .mac = "02:00:00:00:00:fe",
           .state = "reachable",
           .age_ms = 1'400,
           .worker = 1},
          {.interface = "wan",
           .address = "192.0.2.77",
           .state = "incomplete",
           .age_ms = 61'000,
           .queued = 3}};
}

std::vector<RouteInfo> FakeNode::routes() {
  const std::lock_guard lock(guard_);
  if (empty) return {};
  return {{.prefix = "0.0.0.0/0",
           .action = "forward",
           .source = "gateway",
           .via = {"192.0.2.1 wan", "192.0.2.2 wan"}},
          {.prefix = "10.1.0.0/16", .action = "drop", .source = "static", .active = false}};
}

FlowWalk FakeNode::walk_flows(const FlowFilter& asked, const GoOn& go_on, const TakeFlow& take) {
  const std::lock_guard lock(guard_);
  filter = asked;
  const auto at = [](const char* address, uint16_t port) {
    return FlowEnd{*policy::IpAddress::parse(address), port};
  };
  const FlowInfo tcp{.protocol = wire::IpProtocol::kTcp,
                     .state = flow::State::kEstablished,
                     .source_translated = true,
                     .client = at("10.9.0.2", 40'000),
                     .destination = at("10.96.0.20", 80),
                     .source = at("192.0.2.10", 1'024),
                     .endpoint = at("10.8.0.11", 8'080),
                     .frontend = 3,
                     .idle_ms = 1'400,
                     .age_ms = 61'000,
                     .expires_ms = 7'438'600,
                     .worker = 1};
  const FlowInfo udp{.protocol = wire::IpProtocol::kUdp,
                     .state = flow::State::kUdpTwoWay,
                     .client = at("2001:db8::2", 40'001),
                     .destination = at("2001:db8:8::11", 53),
                     .source = at("2001:db8::2", 40'001),
                     .endpoint = at("2001:db8:8::11", 53)};
  const FlowInfo ping{.protocol = wire::IpProtocol::kIcmp,
                      .state = flow::State::kQueryTwoWay,
                      .client = at("10.9.0.2", 4'711),
                      .destination = at("10.8.0.11", 4'711),
                      .source = at("10.9.0.2", 4'711),
                      .endpoint = at("10.8.0.11", 4'711)};
  if (!empty && go_on())
    for (uint32_t i = 0; i < copies; ++i)
      for (const FlowInfo& flow : {tcp, udp, ping}) take(flow);
  return end;
}

FlowWalk FakeNode::flush_flows(const FlowFilter& asked, const GoOn&, bool with_reset) {
  const std::lock_guard lock(guard_);
  filter = asked;
  reset = with_reset;
  FlowWalk walk = end;
  walk.flushed = empty ? 0 : 1;
  return walk;
}

FlowWalk FakeNode::walk_connections(const ConnectionFilter& asked, const GoOn& go_on,
                                    const TakeConnection& take) {
  const std::lock_guard lock(guard_);
  connection_filter = asked;
  const auto at = [](const char* address, uint16_t port) {
    return FlowEnd{*policy::IpAddress::parse(address), port};
  };
  const ConnectionInfo client{.local = at("10.96.0.20", 80),
                              .remote = at("10.9.0.2", 40'000),
                              .state = ConnectionState::kEstablished,
                              .accepted = true,
                              .worker = 1,
                              .frontend = 3,
                              .cwnd = 14'480,
                              .ssthresh = UINT32_MAX,
                              .send_window = 65'535,
                              .mss = 1'448,
                              .bytes_in_flight = 2'896,
                              .receive_queue = 12,
                              .send_queue = 1'234'567,
                              .srtt_us = 1'250,
                              .rttvar_us = 250,
                              .rto_us = 201'250,
                              .retransmits = 3,
                              .age_ms = 61'000,
                              .idle_ms = 1'400};
  const ConnectionInfo endpoint{.local = at("2001:db8::10", 33'000),
                                .remote = at("2001:db8:8::11", 8'080),
                                .state = ConnectionState::kSynSent,
                                .cwnd = 14'280,
                                .mss = 1'428,
                                .rto_us = 1'000'000};
  ConnectionInfo secured = client;
  if (tls) {
    secured.tls.state = ConnectionTls::State::kEstablished;
    secured.tls.resumed = true;
    secured.tls.version = "TLSv1.3";
    secured.tls.suite = "TLS_AES_128_GCM_SHA256";
    secured.tls.server_name.set("cart.example.org");
    secured.tls.alpn.set("h2\xff");
    secured.tls.peer_identity.set("spiffe://example.org/ns/shop/sa/web");
  }
  if (!empty && go_on())
    for (uint32_t i = 0; i < copies; ++i)
      for (const ConnectionInfo& each : {secured, endpoint}) take(each);
  return end;
}

ConnectionSums FakeNode::connection_sums() {
  const std::lock_guard lock(guard_);
  if (empty) return {};
  ConnectionSums sums{.receive_queue = 1'001,
                      .send_queue = 2'002,
                      .out_of_order = 3'003,
                      .retransmits = 4'004,
                      .half_open = 5,
                      .time_wait = 34,
                      .pieces = 60,
                      .piece_capacity = 70'000,
                      .pinned = 123'456,
                      .pinned_limit = 64 << 20,
                      .connections = 1'234,
                      .connection_capacity = 16'384,
                      .silent = end.silent};
  sums.by_state[static_cast<size_t>(ConnectionState::kEstablished)] = 1'200;
  sums.by_state[static_cast<size_t>(ConnectionState::kTimeWait)] = 34;
  return sums;
}

std::vector<ListenerInfo> FakeNode::listeners() {
  const std::lock_guard lock(guard_);
  if (empty) return {};
  return {{.address = *policy::IpAddress::parse("10.96.0.20"),
           .port = 80,
           .frontend = 3,
           .half_open = 5,
           .max_half_open = 1'024,
           .accepted = 1'234'567,
           .cookies_sent = 7,
           .refused = 8},
          {.address = *policy::IpAddress::parse("2001:db8:96::20"), .port = 443}};
}

std::vector<TcpCounterInfo> FakeNode::tcp_counters() {
  const std::lock_guard lock(guard_);
  return {{.name = "segments_received",
           .help = "segments that belong to a connection",
           .value = empty ? 0u : 12'345u},
          {.name = "bad_checksum", .help = "a broken sender or wire"}};
}

std::vector<TcpCounterInfo> FakeNode::tls_counters() {
  const std::lock_guard lock(guard_);
  return {{.name = "handshakes", .help = "that were done", .value = empty ? 0u : 7u},
          {.name = "bad_tag", .help = "a record that was changed on its way"}};
}

}  // namespace heddle::server
