// Good files, every field looked at.
#include "config/load.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "builder.h"

namespace heddle::config {
namespace {

using app::DeviceKind;
using app::Role;
using wire::Ipv4Address;
using wire::Ipv6Address;

Ipv4Address v4(std::string_view text) { return *Ipv4Address::parse(text); }
Ipv6Address v6(std::string_view text) { return *Ipv6Address::parse(text); }

constexpr std::string_view kFull = R"(# A node with everything.
node: edge-1
workers:
  cores: [0, 2, 2, 1023]
  idle: spin
memory: { hugepages: 1G, buffers: 16_384 }
control: { grpc: unix:/run/heddle/other.sock }
ports:
  - name: wan
    role: uplink
    device: "3B:00.0"
    addresses: [192.0.2.10/24, "2001:db8::10/64", 198.18.0.1/31]
    gateway: [192.0.2.1, "fe80::1"]
    mtu: 9000
    mac: 02:00:00:00:00:01
    queues: 4
    neighbors:
      - { address: 192.0.2.7, mac: 02:00:00:00:00:07 }
      - { address: "fe80::1", mac: 02:00:00:00:00:08 }
  - { name: wan.100, role: uplink, parent: wan, vlan: 100, addresses: [198.51.100.2/24], mtu: 1500 }
  - { name: trunk, role: uplink, device: "memif:/run/x.sock,role=server,id=7" }
  - { name: trunk.1, role: uplink, parent: trunk, vlan: 4094, addresses: ["2001:db8:1::2/64"] }
  - name: cart
    role: workload
    device: "af_xdp:veth-cart,force_copy=yes"
    workload_addresses: [192.0.2.11, "fd00:8::11"]
    neighbors: [{ address: 192.0.2.11, mac: 02:00:00:00:00:0b }]
  - { name: host, role: host, device: "tap:heddle0" }
routes:
  - { prefix: 10.0.0.0/8, via: [192.0.2.1, 192.0.2.2] }
  - { prefix: "fd00::/8", via: "2001:db8::1" }
  - { prefix: 10.1.0.0/16, action: drop }
  - { prefix: "2001:db8:ffff::/48", action: drop }
)";

class FullFile : public testing::Test {
 protected:
  void SetUp() override {
    auto config = load_text(kFull, "etc/heddled.yaml");
    ASSERT_TRUE(config) << config.error().text;
    config_ = *config;
  }
  app::NodeConfig config_;
};

TEST_F(FullFile, Node) {
  EXPECT_EQ(config_.file, "etc/heddled.yaml");
  EXPECT_EQ(config_.node, "edge-1");
  EXPECT_EQ(config_.cores, (std::vector<unsigned>{0, 2, 2, 1023}));
  EXPECT_EQ(config_.idle, app::Idle::kSpin);
  EXPECT_TRUE(config_.huge_pages);
  EXPECT_EQ(config_.memory_bytes, 1ull << 30);
  EXPECT_EQ(config_.buffers, 16384u);
  EXPECT_EQ(config_.grpc_socket, "/run/heddle/other.sock");
  EXPECT_EQ(config_.ports.size(), 6u);
}

TEST_F(FullFile, Uplink) {
  const app::PortConfig& wan = config_.ports[0];
  EXPECT_EQ(wan.name, "wan");
  EXPECT_EQ(wan.role, Role::kUplink);
  EXPECT_EQ(wan.line, 9);
  ASSERT_TRUE(wan.device);
  EXPECT_EQ(wan.device->kind, DeviceKind::kPci);
  EXPECT_EQ(wan.device->text, "3B:00.0");
  EXPECT_EQ(wan.device->target, "0000:3b:00.0");
  EXPECT_EQ(wan.device->arguments, "");
  EXPECT_EQ(wan.parent, "");
  EXPECT_EQ(wan.vlan, kUntagged);
  EXPECT_EQ(wan.mtu, 9000);
  EXPECT_EQ(wan.mac, *wire::MacAddress::parse("02:00:00:00:00:01"));
  EXPECT_EQ(wan.queues, 4);
  ASSERT_EQ(wan.addresses4.size(), 2u);
  EXPECT_EQ(wan.addresses4[0].address, v4("192.0.2.10"));
  EXPECT_EQ(wan.addresses4[0].prefix_length, 24);
  EXPECT_EQ(wan.addresses4[1].address, v4("198.18.0.1"));
  EXPECT_EQ(wan.addresses4[1].prefix_length, 31);
  ASSERT_EQ(wan.addresses6.size(), 1u);
  EXPECT_EQ(wan.addresses6[0].address, v6("2001:db8::10"));
  EXPECT_EQ(wan.addresses6[0].prefix_length, 64);
  EXPECT_EQ(wan.gateway4, v4("192.0.2.1"));
  EXPECT_EQ(wan.gateway6, v6("fe80::1"));
  ASSERT_EQ(wan.neighbors.size(), 2u);
  EXPECT_EQ(wan.neighbors[0].address, app::IpAddress(v4("192.0.2.7")));
  EXPECT_EQ(wan.neighbors[0].mac, *wire::MacAddress::parse("02:00:00:00:00:07"));
  EXPECT_EQ(wan.neighbors[1].address, app::IpAddress(v6("fe80::1")));
}

TEST_F(FullFile, Vlan) {
  const app::PortConfig& vlan = config_.ports[1];
  EXPECT_EQ(vlan.name, "wan.100");
  EXPECT_FALSE(vlan.device);
  EXPECT_EQ(vlan.parent, "wan");
  EXPECT_EQ(vlan.vlan, VlanId(100));
  EXPECT_EQ(vlan.mtu, 1500);
  ASSERT_EQ(vlan.addresses4.size(), 1u);
  EXPECT_EQ(vlan.addresses4[0].address, v4("198.51.100.2"));
  // A parent of VLANs needs no address of its own.
  const app::PortConfig& trunk = config_.ports[2];
  EXPECT_TRUE(trunk.addresses4.empty() && trunk.addresses6.empty());
  EXPECT_EQ(trunk.device->target, "/run/x.sock");
  EXPECT_EQ(trunk.device->arguments, "role=server,id=7");
}

TEST_F(FullFile, WorkloadAndHost) {
  const app::PortConfig& cart = config_.ports[4];
  EXPECT_EQ(cart.role, Role::kWorkload);
  EXPECT_EQ(cart.device->kind, DeviceKind::kAfXdp);
  EXPECT_EQ(cart.device->target, "veth-cart");
  EXPECT_EQ(cart.device->arguments, "force_copy=1");
  EXPECT_EQ(cart.workload4, std::vector{v4("192.0.2.11")});
  EXPECT_EQ(cart.workload6, std::vector{v6("fd00:8::11")});
  EXPECT_EQ(cart.neighbors.size(), 1u);
  EXPECT_EQ(cart.queues, 0);
  EXPECT_FALSE(cart.mtu || cart.mac || cart.gateway4 || cart.gateway6);
  const app::PortConfig& host = config_.ports[5];
  EXPECT_EQ(host.role, Role::kHost);
  EXPECT_EQ(host.device->kind, DeviceKind::kTap);
  EXPECT_EQ(host.line, 28);
}

TEST_F(FullFile, Routes) {
  ASSERT_EQ(config_.routes4.size(), 2u);
  EXPECT_EQ(config_.routes4[0].prefix, (wire::Ipv4Prefix{v4("10.0.0.0"), 8}));
  EXPECT_EQ(config_.routes4[0].via, (std::vector{v4("192.0.2.1"), v4("192.0.2.2")}));
  EXPECT_EQ(config_.routes4[0].line, 30);
  EXPECT_EQ(config_.routes4[1].prefix, (wire::Ipv4Prefix{v4("10.1.0.0"), 16}));
  EXPECT_TRUE(config_.routes4[1].via.empty());
  ASSERT_EQ(config_.routes6.size(), 2u);
  EXPECT_EQ(config_.routes6[0].prefix, (wire::Ipv6Prefix{v6("fd00::"), 8}));
  EXPECT_EQ(config_.routes6[0].via, std::vector{v6("2001:db8::1")});
  EXPECT_EQ(config_.routes6[1].prefix.length, 48);
  EXPECT_TRUE(config_.routes6[1].via.empty());
}

TEST(LoadText, DefaultsOfASmallFile) {
  const auto config = load_text(Yaml{}.text(), "f.yaml");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->idle, app::Idle::kAdaptive);
  EXPECT_FALSE(config->huge_pages);
  EXPECT_EQ(config->memory_bytes, 512ull << 20);
  EXPECT_EQ(config->buffers, 0u);
  EXPECT_EQ(config->grpc_socket, "/run/heddle/heddled.sock");
  EXPECT_FALSE(config->grpc_tls);
  EXPECT_EQ(config->state_directory, "/var/lib/heddle");
  EXPECT_EQ(config->trust_domain, "");
  EXPECT_TRUE(config->routes4.empty() && config->routes6.empty());
}

// Rows that must not be refused.
TEST(LoadText, Accepts) {
  const std::vector<std::string> rows = {
      "---\n" + Yaml{}.text() + "...\n",
      with_memory("memory: { no_huge: 65536K }"),
      with_memory("memory: { hugepages: 1024G }"),
      with_rest("routes: []\n"),
      with_rest("control: { grpc: unix:/a }\n"),
      // The default route when no port has a gateway of that family.
      with_route("{ prefix: '::/0', via: '2001:db8::1' }"),
      // No broadcast address in a /31 and a /32.
      with_ports({"{ name: a, role: uplink, device: 'null:', addresses: [192.0.2.0/31], "
                  "gateway: 192.0.2.1 }"}),
      with_ports({"{ name: a, role: uplink, device: 'null', addresses: [192.0.2.255/32] }"}),
      with_ports({"{ name: a, role: uplink, device: 'null:', addresses: ['2001:db8::/127'] }"}),
      // Two ends of one memif, and two ports that discard.
      with_ports(
          {"{ name: a, role: uplink, device: 'memif:/x,role=server', addresses: [10.0.0.1/8] }",
           "{ name: b, role: workload, device: 'memif:/x', workload_addresses: [11.0.0.1] }"}),
      with_ports({"{ name: a, role: uplink, device: 'null:', addresses: [10.0.0.1/8] }",
                  "{ name: b, role: host, device: 'null:' }"}),
      // Several addresses in one subnet of one port.
      with_ports({"{ name: a, role: uplink, device: 'null:', addresses: [10.0.0.1/8, 10.0.0.2/8, "
                  "10.1.0.1/16] }"}),
  };
  for (const std::string& row : rows) EXPECT_EQ(error_of(row), "accepted") << row;
}

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view text) {
    const int fd = ::mkstemp(path_);
    EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(fd);
  }
  ~TemporaryFile() { std::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  std::string path() const { return path_; }

 private:
  char path_[32] = "/tmp/heddle-config-XXXXXX";
};

TEST(Load, TcpHasDefaults) {
  const auto config = load_text(Yaml().text(), "f.yaml");
  ASSERT_TRUE(config) << config.error().text;
  const app::TcpSettings& tcp = config->tcp;
  EXPECT_EQ(tcp.connections, 16'384u);
  EXPECT_EQ(tcp.memory_bytes, 64ull << 20);
  EXPECT_EQ(tcp.first_port, 10'000);
  EXPECT_EQ(tcp.last_port, 32'767);
  EXPECT_FALSE(tcp.newreno);
  EXPECT_TRUE(tcp.ecn);
  EXPECT_EQ(tcp.keepalive, seconds(60));
  EXPECT_EQ(tcp.min_rto, milliseconds(200));
  EXPECT_EQ(tcp.user_timeout, seconds(120));
}

TEST(Load, TcpSettings) {
  const auto config = load_text(
      with_rest("limits: { connections: 2_000_000, tcp_memory: 1M, http_requests: 20_000 }\n"
                "tcp: { ports: [2000, 3023], congestion: newreno, ecn: false, keepalive: 2h,\n"
                "       min_rto: 5ms, user_timeout: 1_0s }\n"),
      "f.yaml");
  ASSERT_TRUE(config) << config.error().text;
  const app::TcpSettings& tcp = config->tcp;
  EXPECT_EQ(tcp.connections, 2'000'000u);
  EXPECT_EQ(tcp.memory_bytes, 1ull << 20);
  EXPECT_EQ(tcp.http_requests, 20'000u);
  EXPECT_EQ(tcp.first_port, 2'000);
  EXPECT_EQ(tcp.last_port, 3'023);
  EXPECT_TRUE(tcp.newreno);
  EXPECT_FALSE(tcp.ecn);
  EXPECT_EQ(tcp.keepalive, seconds(7'200));
  EXPECT_EQ(tcp.min_rto, milliseconds(5));
  EXPECT_EQ(tcp.user_timeout, seconds(10));
  const auto none = load_text(with_rest("limits: { connections: 0 }\n"
                                        "tcp: { keepalive: off, congestion: cubic, ecn: true,\n"
                                        "       min_rto: 1s, user_timeout: 24h }\n"),
                              "f.yaml");
  ASSERT_TRUE(none) << none.error().text;
  EXPECT_EQ(none->tcp.connections, 0u);
  EXPECT_FALSE(none->tcp.newreno);
  EXPECT_TRUE(none->tcp.ecn);
  EXPECT_EQ(none->tcp.keepalive, Duration());
  EXPECT_EQ(none->tcp.min_rto, seconds(1));
  EXPECT_EQ(none->tcp.user_timeout, seconds(24 * 3'600));
}

TEST(Load, TlsSettings) {
  const auto none = load_text(Yaml().text(), "f.yaml");
  ASSERT_TRUE(none) << none.error().text;
  EXPECT_EQ(none->tls.handshakes, 256u);
  EXPECT_EQ(none->tls.steps_per_turn, 2u);
  EXPECT_EQ(none->tls.handshake_threads, 0u);
  const auto config = load_text(
      with_rest("tls: { handshakes: 16_384, handshake_threads: 16, steps_per_turn: 64 }\n"),
      "f.yaml");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->tls.handshakes, 16'384u);
  EXPECT_EQ(config->tls.steps_per_turn, 64u);
  EXPECT_EQ(config->tls.handshake_threads, 16u);
}

TEST(LoadFile, ReadsAFile) {
  const TemporaryFile file(kFull);
  const auto config = load_file(file.path());
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->file, file.path());
  EXPECT_EQ(config->ports.size(), 6u);
}

TEST(LoadFile, NamesTheFileInErrors) {
  const TemporaryFile file("nodes: x\n");
  const auto config = load_file(file.path());
  ASSERT_FALSE(config);
  EXPECT_EQ(
      config.error().text,
      file.path() +
          ":1: nodes: unknown key; expected one of node, trust_domain, "
          "workers, memory, control, ports, "
          "routes, nat, conntrack, limits, tcp, tls, telemetry, dns (did you mean \"node\"?)");
}

TEST(LoadFile, RefusesWhatIsNoFile) {
  EXPECT_EQ(load_file("/nonexistent/heddled.yaml").error().text,
            "/nonexistent/heddled.yaml: cannot open: No such file or directory; expected a "
            "readable YAML file");
  EXPECT_EQ(load_file("/").error().text, "/: not a regular file; expected a readable YAML file");
  EXPECT_EQ(load_file("/dev/zero").error().text,
            "/dev/zero: not a regular file; expected a readable YAML file");
  // A FIFO without a writer is answered at once.
  const TemporaryFile place("");
  std::remove(place.path().c_str());
  ASSERT_EQ(::mkfifo(place.path().c_str(), 0600), 0);
  EXPECT_EQ(load_file(place.path()).error().text,
            place.path() + ": not a regular file; expected a readable YAML file");
}

TEST(Load, Control) {
  const auto config = load_text(
      with_rest("trust_domain: example.org\ncontrol:\n  state: /srv/policy\n  tls: { listen: "
                "'[::1]:9443', certificate: /c.pem, key: /k.pem, clients: /ca.pem }\n"),
      "f.yaml");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->trust_domain, "example.org");
  EXPECT_EQ(config->grpc_socket, "/run/heddle/heddled.sock");
  EXPECT_EQ(config->state_directory, "/srv/policy");
  ASSERT_TRUE(config->grpc_tls);
  EXPECT_EQ(config->grpc_tls->listen, "[::1]:9443");
  EXPECT_EQ(config->grpc_tls->certificate, "/c.pem");
  EXPECT_EQ(config->grpc_tls->key, "/k.pem");
  EXPECT_EQ(config->grpc_tls->clients, "/ca.pem");
  const auto none = load_text(with_rest("control: { state: none }\n"), "f.yaml");
  ASSERT_TRUE(none) << none.error().text;
  EXPECT_EQ(none->state_directory, "");
}

TEST(LoadText, TakesMetricsAndTheAccessLog) {
  const auto config =
      load_text(with_rest("control: { metrics: '[::1]:9464' }\n"
                          "telemetry: { access_log: { file: /l, sample: 0.25 } }\n"),
                "f.yaml");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->metrics_listen, "[::1]:9464");
  ASSERT_TRUE(config->access_log);
  EXPECT_EQ(config->access_log->file, "/l");
  EXPECT_EQ(config->access_log->sample, 0.25);
  const auto none = load_text(with_rest("telemetry: {}\n"), "f.yaml");
  ASSERT_TRUE(none) << none.error().text;
  EXPECT_EQ(none->metrics_listen, "");
  EXPECT_FALSE(none->access_log);
}

TEST(LoadText, TakesDns) {
  const auto config =
      load_text(with_rest("dns: { suffix: cluster.local, resolvers: [192.0.2.53, '2001:db8::53'], "
                          "intercept: true }\n"),
                "f.yaml");
  ASSERT_TRUE(config) << config.error().text;
  ASSERT_TRUE(config->dns);
  EXPECT_EQ(config->dns->suffix, "cluster.local");
  const std::vector<app::IpAddress> resolvers = {*wire::Ipv4Address::parse("192.0.2.53"),
                                                 *wire::Ipv6Address::parse("2001:db8::53")};
  EXPECT_EQ(config->dns->resolvers, resolvers);
  EXPECT_TRUE(config->dns->intercept);
  const auto usual = load_text(with_rest("dns: {}\n"), "f.yaml");
  ASSERT_TRUE(usual) << usual.error().text;
  ASSERT_TRUE(usual->dns);
  EXPECT_EQ(usual->dns->suffix, "mesh.local");
  EXPECT_TRUE(usual->dns->resolvers.empty());
  EXPECT_FALSE(usual->dns->intercept);
  EXPECT_FALSE(load_text(with_rest(""), "f.yaml")->dns);
}

TEST(LoadFile, RefusesAFileAboveOneMebibyte) {
  const TemporaryFile file(std::string((1 << 20) + 5, '#'));
  EXPECT_EQ(load_file(file.path()).error().text,
            file.path() + ":1: the file has 1048577 bytes; expected at most 1048576");
}

}  // namespace
}  // namespace heddle::config
