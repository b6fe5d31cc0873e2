// What heddled.yaml says, as plain values: the product of control/config, the input of the
// data plane. Everything here has been checked for shape (types, ranges, names, duplicates,
// references); whether a device exists is found out at start.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "core/time.h"
#include "wire/address.h"

namespace heddle::app {

enum class Role : uint8_t {
  kUplink,    // leads to a network: own addresses, a gateway
  kWorkload,  // point to point: one workload, reached by host routes, gateway 169.254.1.1 / fe80::1
  kHost,      // the node's own kernel: gets what is addressed to the node and nothing else takes
};

enum class DeviceKind : uint8_t {
  kPci,
  kAfXdp,
  kMemif,
  kVhost,
  kVirtioUser,
  kTap,
  kAfPacket,
  kRing,
  kPcap,
  kNull,
};

// "KIND:TARGET[,key=value...]", or a PCI address alone.
struct DeviceConfig {
  DeviceKind kind = DeviceKind::kNull;
  std::string text;       // as written, for messages and `show ports`
  std::string target;     // interface name, socket path, PCI address, or empty
  std::string arguments;  // further DPDK device arguments, "key=value,key=value"
};

template <class Address>
struct InterfaceAddress {
  Address address;
  uint8_t prefix_length = 0;
};

using IpAddress = std::variant<wire::Ipv4Address, wire::Ipv6Address>;

struct StaticNeighbor {
  IpAddress address;
  wire::MacAddress mac;
};

struct PortConfig {
  std::string name;
  Role role = Role::kUplink;
  std::optional<DeviceConfig> device;  // none for a VLAN on a parent
  std::string parent;                  // VLAN: the port that carries it
  VlanId vlan = kUntagged;
  std::optional<uint16_t> mtu;  // 576..9216 (1280.. with IPv6 addresses); default: the device's
  std::optional<wire::MacAddress> mac;
  uint16_t queues = 0;  // receive and transmit queues; 0: one a worker where the device can
  std::vector<InterfaceAddress<wire::Ipv4Address>> addresses4;  // uplink: ours
  std::vector<InterfaceAddress<wire::Ipv6Address>> addresses6;
  std::optional<wire::Ipv4Address> gateway4;
  std::optional<wire::Ipv6Address> gateway6;
  std::vector<wire::Ipv4Address> workload4;  // workload: the workload's own
  std::vector<wire::Ipv6Address> workload6;
  std::vector<StaticNeighbor> neighbors;
  int line = 0;  // in the file, for later errors
};

// routes: [{ prefix: 10.0.0.0/8, via: [192.0.2.1, 192.0.2.2] }, { prefix: 10.1.0.0/16, action: drop
// }]
template <class Prefix, class Address>
struct StaticRoute {
  Prefix prefix;
  std::vector<Address> via;  // more than one: ECMP; empty: drop
  int line = 0;
};

// gRPC over TCP: always with TLS, always with certificates on both sides.
struct GrpcTls {
  std::string listen;  // "127.0.0.1:9443", "[::1]:9443"
  // PEM files.
  std::string certificate, key;
  std::string clients;  // certificate authorities of those who may call
};

// How much is believed of TCP segments that flows are tracked by (flow/tcp_window.h).
enum class TcpWindow : uint8_t { kStrict, kLiberal, kOff };

struct FlowSettings {
  // Of the node; each worker gets its share.
  uint32_t flows = 1'000'000;
  uint32_t half_open = 0;  // TCP flows before their handshake is done; 0: a quarter of flows
  uint32_t flows_per_namespace = 0;   // 0: as many as there are
  uint32_t new_flows = 0;             // a second; 0: 1,000,000 for each worker
  uint32_t new_flows_per_source = 0;  // a second, of an IPv4 address or an IPv6 /64; 0: no limit
  TcpWindow window = TcpWindow::kStrict;
  bool pick_up = true;  // connections in their middle, as after a restart
  // What sources are translated to, and with which ports.
  std::vector<wire::Ipv4Address> nat4;
  std::vector<wire::Ipv6Address> nat6;
  uint16_t first_nat_port = 1024, last_nat_port = 65'535;
};

// TCP that the node terminates itself, for services with forwarding: proxy.
struct TcpSettings {
  // Of the node; each worker gets its share.
  uint32_t connections = 16'384;        // of either side; 0: no TCP is terminated here
  uint64_t memory_bytes = 64ull << 20;  // payload that connections may hold
  // Requests of HTTP in work; 0: half as many as connections, as each has two,
  // and at most 16,384.
  uint32_t http_requests = 0;
  // Own ports of connections to endpoints. Not those of the kernel behind a host port, which has
  // the same addresses.
  uint16_t first_port = 10'000, last_port = 32'767;
  bool newreno = false;  // instead of CUBIC
  bool ecn = true;
  Duration keepalive = seconds(60);  // without a segment of the peer; 0: none
  Duration min_rto = milliseconds(200);
  Duration user_timeout = seconds(120);  // without an acknowledgement (RFC 9293 3.8.3)
};

// TLS on connections that end here. Each number is of one worker.
struct TlsSettings {
  uint32_t handshakes = 256;       // at once; others wait
  uint32_t steps_per_turn = 2;     // of handshakes, where the worker makes them
  uint32_t handshake_threads = 0;  // that make them instead; 0: the worker does
};

// Requests of HTTP, a line of JSON each.
struct AccessLogSettings {
  std::string file;
  double sample = 1;  // the share of requests that is logged, above 0 and at most 1
};

// DNS for workloads: names of services are answered, others asked of the resolvers.
struct DnsSettings {
  std::string suffix = "mesh.local";
  std::vector<IpAddress> resolvers;  // none: other names are refused
  bool intercept = false;            // queries to any address, not to the node's own alone
};

enum class Idle : uint8_t { kAdaptive, kSpin };

struct NodeConfig {
  std::string file;
  std::string node;
  std::vector<unsigned> cores;  // one worker each; a core may stand twice (tests, small machines)
  Idle idle = Idle::kAdaptive;
  uint64_t memory_bytes = 512ull << 20;
  bool huge_pages = true;
  uint32_t buffers = 0;      // packet buffers; 0: as many as ports, queues and workers want
  std::string trust_domain;  // of identities on this node; empty: none given
  std::string grpc_socket;   // path of the Unix socket
  std::optional<GrpcTls> grpc_tls;
  std::string metrics_listen;  // "127.0.0.1:9464"; empty: no metrics are served
  std::optional<AccessLogSettings> access_log;
  std::string state_directory;  // where policy is kept; empty: in memory alone
  FlowSettings flows;
  TcpSettings tcp;
  TlsSettings tls;
  std::optional<DnsSettings> dns;  // none: the node answers no names
  std::vector<PortConfig> ports;
  std::vector<StaticRoute<wire::Ipv4Prefix, wire::Ipv4Address>> routes4;
  std::vector<StaticRoute<wire::Ipv6Prefix, wire::Ipv6Address>> routes6;
};

}  // namespace heddle::app
