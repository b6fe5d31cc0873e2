#include "net.h"

#include <charconv>

#include "core/check.h"

namespace heddle::rig {

namespace {

// "address/length" of either family.
template <class Take4, class Take6>
void with_prefix(std::string_view text, Take4&& take4, Take6&& take6) {
  const size_t slash = text.find('/');
  HEDDLE_CHECK(slash != std::string_view::npos, "a prefix has a length");
  uint8_t length = 0;
  std::from_chars(text.data() + slash + 1, text.data() + text.size(), length);
  const std::string_view address = text.substr(0, slash);
  if (const auto v4 = wire::Ipv4Address::parse(address))
    take4(*v4, length);
  else
    take6(wire::Ipv6Address::parse(address).value(), length);
}

template <class Take4, class Take6>
void with_address(std::string_view text, Take4&& take4, Take6&& take6) {
  if (const auto v4 = wire::Ipv4Address::parse(text))
    take4(*v4);
  else
    take6(wire::Ipv6Address::parse(text).value());
}

template <class Take>
void with_address(std::string_view text, Take&& take) {
  with_address(text, take, take);
}

}  // namespace

wire::MacAddress own_mac(uint16_t port) {
  return wire::MacAddress({2, 0, 0, 0, 0, static_cast<uint8_t>(0x10 + port)});
}
wire::MacAddress peer_mac(uint16_t port, uint8_t station) {
  return wire::MacAddress({2, 0, 0, 1, static_cast<uint8_t>(port), station});
}

Net& Net::add(std::string name, app::Role role) {
  app::PortConfig port;
  port.name = std::move(name);
  port.role = role;
  port.device = app::DeviceConfig{.kind = app::DeviceKind::kNull, .text = "null:"};
  config_.ports.push_back(std::move(port));
  facts_.push_back({.port = PortId(devices_), .mac = own_mac(devices_)});
  ++devices_;
  return *this;
}

Net& Net::workload(std::string name, std::initializer_list<std::string_view> addresses) {
  add(std::move(name), app::Role::kWorkload);
  app::PortConfig& port = config_.ports.back();
  for (const std::string_view text : addresses)
    with_address(
        text, [&](const auto& v4) { port.workload4.push_back(v4); },
        [&](const auto& v6) { port.workload6.push_back(v6); });
  return *this;
}

Net& Net::nat(std::string_view text) {
  with_address(
      text, [&](const auto& v4) { config_.flows.nat4.push_back(v4); },
      [&](const auto& v6) { config_.flows.nat6.push_back(v6); });
  return *this;
}

Net& Net::dns(std::initializer_list<std::string_view> resolvers, bool intercept) {
  app::DnsSettings& dns = config_.dns.emplace();
  dns.intercept = intercept;
  for (const std::string_view text : resolvers)
    with_address(text, [&](const auto& address) { dns.resolvers.emplace_back(address); });
  return *this;
}

Net& Net::vlan(std::string name, std::string_view parent, uint16_t id) {
  app::PortConfig port;
  port.name = std::move(name);
  port.parent = parent;
  port.vlan = VlanId(id);
  const app::PortFacts facts = facts_[index(parent)];
  config_.ports.push_back(std::move(port));
  facts_.push_back(facts);
  return *this;
}

Net& Net::address(std::string_view prefix) {
  app::PortConfig& port = config_.ports.back();
  with_prefix(
      prefix, [&](const auto& v4, uint8_t length) { port.addresses4.push_back({v4, length}); },
      [&](const auto& v6, uint8_t length) { port.addresses6.push_back({v6, length}); });
  return *this;
}

Net& Net::gateway(std::string_view address) {
  app::PortConfig& port = config_.ports.back();
  with_address(
      address, [&](const auto& v4) { port.gateway4 = v4; },
      [&](const auto& v6) { port.gateway6 = v6; });
  return *this;
}

Net& Net::mtu(uint16_t bytes) {
  config_.ports.back().mtu = bytes;
  return *this;
}

Net& Net::down() {
  facts_.back().up = false;
  return *this;
}

Net& Net::route(std::string_view prefix, std::initializer_list<std::string_view> via) {
  with_prefix(
      prefix,
      [&](const auto& v4, uint8_t length) {
        app::StaticRoute<wire::Ipv4Prefix, wire::Ipv4Address> route{.prefix = {v4, length}};
        for (const auto text : via) route.via.push_back(wire::Ipv4Address::parse(text).value());
        config_.routes4.push_back(std::move(route));
      },
      [&](const auto& v6, uint8_t length) {
        app::StaticRoute<wire::Ipv6Prefix, wire::Ipv6Address> route{.prefix = {v6, length}};
        for (const auto text : via) route.via.push_back(wire::Ipv6Address::parse(text).value());
        config_.routes6.push_back(std::move(route));
      });
  return *this;
}

size_t Net::index(std::string_view name) const {
  for (size_t i = 0; i < config_.ports.size(); ++i)
    if (config_.ports[i].name == name) return i;
  HEDDLE_CHECK(false, "no such port in this test's net");
  return 0;
}

Net standard() {
  return Net()
      .uplink("wan")
      .address("192.0.2.10/24")
      .address("2001:db8::10/64")
      .gateway("192.0.2.1")
      .gateway("2001:db8::1")
      .uplink("lan")
      .address("198.51.100.10/24")
      .address("2001:db8:1::10/64")
      .workload("cart", {"10.8.0.11", "2001:db8:8::11"})
      .vlan("v100", "wan", 100)
      .address("203.0.113.10/24")
      .address("2001:db8:64::10/64");
}

Net standard_with_host() { return standard().host("host"); }

}  // namespace heddle::rig
