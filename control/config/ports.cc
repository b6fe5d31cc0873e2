#include "ports.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "device.h"

namespace heddle::config {
namespace {

using app::PortConfig;
using app::Role;

constexpr size_t kMaxPorts = 256;
constexpr auto kMaxDevices = 32;  // DPDK's RTE_MAX_ETHPORTS as Debian builds it
constexpr size_t kMaxAddresses = 64;
// Of all uplinks together: each is compared with each, and with every next hop.
constexpr size_t kMaxOwnAddresses = 1024;
constexpr size_t kMaxNeighbors = 1024;
constexpr uint16_t kMaxQueues = 64;
constexpr uint16_t kLeastMtu = 576, kMostMtu = 9216;
constexpr uint16_t kLeastIpv6Mtu = 1280;  // RFC 8200 5
constexpr std::string_view kNameExpected =
    "1 to 15 of A-Z a-z 0-9 . _ -, the first a letter or a digit";

constexpr std::array<std::string_view, 12> kKeys = {
    "name",      "role", "device", "parent", "vlan", "addresses", "gateway", "workload_addresses",
    "neighbors", "mtu",  "mac",    "queues"};
constexpr std::array<std::string_view, 3> kRoles = {"uplink", "workload", "host"};

// One port while it is read.
struct Reading {
  const Fields& fields;
  size_t index;
  PortConfig& port;
  Ports& all;
};

Result<> refuse(const Fields& fields, std::initializer_list<std::string_view> keys,
                std::string_view why) {
  for (const std::string_view key : keys)
    if (const auto field = fields.find(key)) return field->fail("{}; leave it out", why);
  return {};
}

Result<> read_name(const Field& field, std::string& out) {
  const auto text = read_text(field, kNameExpected);
  if (!text) return std::unexpected(text.error());
  const auto alphanumeric = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  const bool good =
      text->size() <= 15 && alphanumeric(text->front()) && std::ranges::all_of(*text, [&](char c) {
        return alphanumeric(c) || c == '.' || c == '_' || c == '-';
      });
  if (!good) return field.fail("{} is no port name; expected {}", quote(*text), kNameExpected);
  out = *text;
  return {};
}

Result<> read_device(const Field& field, PortConfig& out) {
  const auto text = read_text(field, "a PCI address or KIND:TARGET, quoted as \"null:\"");
  if (!text) return std::unexpected(text.error());
  auto device = parse_device(*text);
  if (!device) return field.fail("{}", device.error().text);
  out.device = std::move(*device);
  return {};
}

Result<> read_attachment(Reading& r) {
  const auto parent = r.fields.find("parent");
  const auto vlan = r.fields.find("vlan");
  if (!parent && !vlan) {
    const auto device = r.fields.need("device", "a PCI address or KIND:TARGET; or parent and vlan");
    if (!device) return std::unexpected(device.error());
    return read_device(*device, r.port);
  }
  if (!parent) return r.fields.missing("parent", "the port that carries the VLAN");
  const auto number = r.fields.need("vlan", "a number from 1 to 4094");
  if (!number) return std::unexpected(number.error());
  HEDDLE_TRY(refuse(r.fields, {"device", "queues", "mac"}, "a VLAN uses its parent's"));
  HEDDLE_TRY(read_name(*parent, r.port.parent));
  uint16_t id = 0;
  HEDDLE_TRY(read_number<uint16_t>(*number, 1, 4094, id));
  r.port.vlan = VlanId(id);
  return {};
}

Placed placed(Reading& r, const app::IpAddress& address, const Field& field) {
  const uint8_t length = is_ipv4(address) ? 32 : 128;
  return {{address, length}, r.index, field};
}

Result<> read_own_addresses(Reading& r, const Field& list) {
  HEDDLE_TRY(check_list(list, 1, kMaxAddresses, "addresses"));
  if (r.all.own.size() + list.node().children.size() > kMaxOwnAddresses)
    return list.fail("too many addresses; expected at most {} on all uplinks together",
                     kMaxOwnAddresses);
  for (size_t i = 0; i < list.node().children.size(); ++i) {
    const Field field = list.item(i);
    Subnet subnet;
    HEDDLE_TRY(read_subnet(field, subnet));
    if (const auto* v4 = std::get_if<wire::Ipv4Address>(&subnet.address))
      r.port.addresses4.push_back({*v4, subnet.length});
    else
      r.port.addresses6.push_back({std::get<wire::Ipv6Address>(subnet.address), subnet.length});
    r.all.own.push_back({subnet, r.index, field});
  }
  return {};
}

Result<> read_workload_addresses(Reading& r, const Field& list) {
  HEDDLE_TRY(check_list(list, 1, kMaxAddresses, "addresses"));
  for (size_t i = 0; i < list.node().children.size(); ++i) {
    const Field field = list.item(i);
    app::IpAddress address;
    HEDDLE_TRY(read_address(field, LinkLocal::kRefused, address));
    if (const auto* v4 = std::get_if<wire::Ipv4Address>(&address))
      r.port.workload4.push_back(*v4);
    else
      r.port.workload6.push_back(std::get<wire::Ipv6Address>(address));
    r.all.workloads.push_back(placed(r, address, field));
  }
  return {};
}

Result<> read_one_gateway(Reading& r, const Field& field) {
  app::IpAddress address;
  HEDDLE_TRY(read_address(field, LinkLocal::kAllowed, address));
  const auto* v4 = std::get_if<wire::Ipv4Address>(&address);
  if (v4 != nullptr ? r.port.gateway4.has_value() : r.port.gateway6.has_value())
    return field.fail("{} is a second {} gateway; expected at most one of each family",
                      text_of(address), v4 != nullptr ? "IPv4" : "IPv6");
  if (v4 != nullptr)
    r.port.gateway4 = *v4;
  else
    r.port.gateway6 = std::get<wire::Ipv6Address>(address);
  r.all.gateways.push_back(placed(r, address, field));
  return {};
}

Result<> read_gateways(Reading& r, const Field& field) {
  if (field.node().kind != Node::Kind::kList) return read_one_gateway(r, field);
  HEDDLE_TRY(check_list(field, 1, 2, "gateways"));
  for (size_t i = 0; i < field.node().children.size(); ++i)
    HEDDLE_TRY(read_one_gateway(r, field.item(i)));
  return {};
}

Result<> read_neighbors(Reading& r, const Field& list) {
  constexpr std::array<std::string_view, 2> kNeighborKeys = {"address", "mac"};
  HEDDLE_TRY(check_list(list, 1, kMaxNeighbors, "neighbors"));
  for (size_t i = 0; i < list.node().children.size(); ++i) {
    const auto fields = Fields::of(list.item(i), kNeighborKeys);
    if (!fields) return std::unexpected(fields.error());
    const auto address = fields->need("address", "the neighbor's address");
    if (!address) return std::unexpected(address.error());
    const auto mac = fields->need("mac", "the neighbor's MAC address");
    if (!mac) return std::unexpected(mac.error());
    app::StaticNeighbor neighbor;
    HEDDLE_TRY(read_address(*address, LinkLocal::kAllowed, neighbor.address));
    HEDDLE_TRY(read_mac(*mac, neighbor.mac));
    r.port.neighbors.push_back(neighbor);
    r.all.neighbors.push_back(placed(r, neighbor.address, *address));
  }
  return {};
}

// The addresses that a port of its role has, and none that it has not.
Result<> read_addresses(Reading& r) {
  const Fields& fields = r.fields;
  switch (r.port.role) {
    case Role::kUplink:
      HEDDLE_TRY(refuse(fields, {"workload_addresses"}, "an uplink leads to no single workload"));
      if (const auto list = fields.find("addresses")) HEDDLE_TRY(read_own_addresses(r, *list));
      if (const auto field = fields.find("gateway")) HEDDLE_TRY(read_gateways(r, *field));
      break;
    case Role::kWorkload:
      HEDDLE_TRY(refuse(fields, {"addresses", "gateway"},
                        "heddled has no address of its own on a workload port"));
      // Else, or on top, policy gives them (kind Workload).
      if (const auto list = fields.find("workload_addresses"))
        HEDDLE_TRY(read_workload_addresses(r, *list));
      break;
    case Role::kHost:
      HEDDLE_TRY(refuse(fields, {"addresses", "gateway", "workload_addresses", "neighbors"},
                        "the host port carries the uplinks' addresses"));
      break;
  }
  if (const auto list = fields.find("neighbors")) return read_neighbors(r, *list);
  return {};
}

Result<> read_link(Reading& r) {
  PortConfig& port = r.port;
  if (const auto field = r.fields.find("mac")) {
    wire::MacAddress mac;
    HEDDLE_TRY(read_mac(*field, mac));
    port.mac = mac;
  }
  if (const auto field = r.fields.find("queues"))
    HEDDLE_TRY(read_number<uint16_t>(*field, 1, kMaxQueues, port.queues));
  if (const auto field = r.fields.find("mtu")) {
    uint16_t mtu = 0;
    HEDDLE_TRY(read_number<uint16_t>(*field, kLeastMtu, kMostMtu, mtu));
    port.mtu = mtu;
    const bool ipv6 =
        !port.addresses6.empty() || !port.workload6.empty() || port.gateway6.has_value();
    if (ipv6 && mtu < kLeastIpv6Mtu)
      return field->fail("{} is too small for the port's IPv6 addresses; expected at least {}", mtu,
                         kLeastIpv6Mtu);
  }
  return {};
}

Result<> read_port(Reading& r) {
  const auto name = r.fields.need("name", kNameExpected);
  if (!name) return std::unexpected(name.error());
  HEDDLE_TRY(read_name(*name, r.port.name));
  const auto role = r.fields.need("role", "one of " + list_of(kRoles));
  if (!role) return std::unexpected(role.error());
  const auto choice = read_choice(*role, kRoles);
  if (!choice) return std::unexpected(choice.error());
  r.port.role = static_cast<Role>(*choice);
  if (r.port.role != Role::kUplink)
    HEDDLE_TRY(refuse(r.fields, {"parent", "vlan"}, "VLANs are for uplinks"));
  HEDDLE_TRY(read_attachment(r));
  HEDDLE_TRY(read_addresses(r));
  return read_link(r);
}

static_assert(static_cast<size_t>(Role::kUplink) == 0 &&
              static_cast<size_t>(Role::kWorkload) == 1 && static_cast<size_t>(Role::kHost) == 2);

}  // namespace

Result<> read_ports(const Field& list, Ports& out) {
  HEDDLE_TRY(check_list(list, 1, kMaxPorts, "ports"));
  for (size_t i = 0; i < list.node().children.size(); ++i) {
    const Field field = list.item(i);
    const auto fields = Fields::of(field, kKeys);
    if (!fields) return std::unexpected(fields.error());
    PortConfig port{.line = field.line()};
    Reading reading{*fields, i, port, out};
    HEDDLE_TRY(read_port(reading));
    out.ports.push_back(std::move(port));
    out.fields.push_back(*fields);
    const auto has_device = [](const PortConfig& each) { return each.device.has_value(); };
    if (std::ranges::count_if(out.ports, has_device) > kMaxDevices)
      return field.fail(
          "one device more than DPDK has room for; expected at most {} ports with "
          "a device of their own",
          kMaxDevices);
  }
  return {};
}

}  // namespace heddle::config
