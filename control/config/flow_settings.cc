#include "flow_settings.h"

#include <algorithm>
#include <array>

#include "address.h"
#include "tcp_settings.h"

namespace heddle::config {
namespace {

constexpr std::array<std::string_view, 2> kNatKeys = {"addresses", "ports"};
constexpr std::array<std::string_view, 2> kConntrackKeys = {"tcp_window", "pick_up"};
constexpr std::array<std::string_view, 3> kWindowWords = {"strict", "liberal", "off"};
constexpr std::array<std::string_view, 2> kSwitchWords = {"true", "false"};
constexpr std::array<std::string_view, 8> kLimitKeys = {"flows",
                                                        "half_open",
                                                        "flows_per_namespace",
                                                        "new_flows_per_second",
                                                        "new_flows_per_second_per_source",
                                                        "connections",
                                                        "tcp_memory",
                                                        "http_requests"};
// Each costs 24 KB a worker for the ports in use.
constexpr size_t kMaxNatAddresses = 256;
constexpr uint32_t kLeastFlows = 1'024, kMostFlows = 100'000'000;

Result<> read_nat_address(const Field& field, const Ports& ports, app::FlowSettings& out) {
  app::IpAddress address;
  HEDDLE_TRY(read_address(field, LinkLocal::kRefused, address));
  if (const auto owner = ports.owners.find(address); owner != ports.owners.end())
    return field.fail("{} is an address of port {}; expected one that nothing else has",
                      text_of(address), ports.ports[owner->second].name);
  for (const Placed& own : ports.own)
    if (const auto why = reserved_in(own.subnet, address);
        contains(own.subnet, address) && !why.empty())
      return field.fail("{} is {} of port {}", text_of(address), why, ports.ports[own.port].name);
  for (const Placed& gateway : ports.gateways)
    if (gateway.subnet.address == address)
      return field.fail("{} is the gateway of port {}", text_of(address),
                        ports.ports[gateway.port].name);
  const auto add = [&](auto& list, const auto& value) -> Result<> {
    if (std::ranges::find(list, value) != list.end())
      return field.fail("{} given twice; expected once", text_of(address));
    list.push_back(value);
    return {};
  };
  if (is_ipv4(address)) return add(out.nat4, std::get<wire::Ipv4Address>(address));
  return add(out.nat6, std::get<wire::Ipv6Address>(address));
}

}  // namespace

Result<> read_nat(const Field& field, const Ports& ports, app::FlowSettings& out) {
  const auto fields = Fields::of(field, kNatKeys);
  if (!fields) return std::unexpected(fields.error());
  const auto list = fields->need("addresses", "a list of addresses");
  if (!list) return std::unexpected(list.error());
  HEDDLE_TRY(check_list(*list, 1, kMaxNatAddresses, "addresses"));
  for (size_t i = 0; i < list->node().children.size(); ++i)
    HEDDLE_TRY(read_nat_address(list->item(i), ports, out));
  const auto range = fields->find("ports");
  if (!range) return {};
  HEDDLE_TRY(check_list(*range, 2, 2, "port numbers, the first and the last"));
  HEDDLE_TRY(read_number<uint16_t>(range->item(0), 1, 65'535, out.first_nat_port));
  HEDDLE_TRY(read_number<uint16_t>(range->item(1), 1, 65'535, out.last_nat_port));
  // Each worker's share has to have some of every kind.
  if (out.last_nat_port < out.first_nat_port || out.last_nat_port - out.first_nat_port < 1'023)
    return range->fail("too few ports; expected at least 1,024 from the first to the last");
  return {};
}

Result<> read_conntrack(const Field& field, app::FlowSettings& out) {
  const auto fields = Fields::of(field, kConntrackKeys);
  if (!fields) return std::unexpected(fields.error());
  if (const auto window = fields->find("tcp_window")) {
    const auto word = read_choice(*window, kWindowWords);
    if (!word) return std::unexpected(word.error());
    out.window = static_cast<app::TcpWindow>(*word);
  }
  if (const auto pick_up = fields->find("pick_up")) {
    const auto word = read_choice(*pick_up, kSwitchWords);
    if (!word) return std::unexpected(word.error());
    out.pick_up = *word == 0;
  }
  return {};
}

Result<> read_limits(const Field& field, app::FlowSettings& out, app::TcpSettings& tcp) {
  const auto fields = Fields::of(field, kLimitKeys);
  if (!fields) return std::unexpected(fields.error());
  HEDDLE_TRY(read_tcp_limits(*fields, tcp));
  if (const auto flows = fields->find("flows"))
    HEDDLE_TRY(read_number<uint32_t>(*flows, kLeastFlows, kMostFlows, out.flows));
  const std::pair<const char*, uint32_t*> others[] = {
      {"half_open", &out.half_open},
      {"flows_per_namespace", &out.flows_per_namespace},
      {"new_flows_per_second", &out.new_flows}};
  for (const auto& [key, to] : others)
    if (const auto number = fields->find(key))
      HEDDLE_TRY(read_number<uint32_t>(*number, 1, kMostFlows, *to));
  // SourceLimit's clock has ticks of 100 us.
  if (const auto rate = fields->find("new_flows_per_second_per_source"))
    HEDDLE_TRY(read_number<uint32_t>(*rate, 1, 10'000, out.new_flows_per_source));
  return {};
}

}  // namespace heddle::config
