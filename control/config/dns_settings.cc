#include "dns_settings.h"

#include <algorithm>
#include <array>

#include "address.h"
#include "dns/forwarder.h"
#include "dns/names.h"

namespace heddle::config {
namespace {

constexpr std::array<std::string_view, 3> kKeys = {"suffix", "resolvers", "intercept"};
constexpr std::array<std::string_view, 2> kSwitchWords = {"true", "false"};

Result<> read_suffix(const Field& field, std::string& out) {
  constexpr std::string_view kExpected = "a domain in small letters, as mesh.local";
  const auto text = read_text(field, kExpected);
  if (!text) return std::unexpected(text.error());
  if (const auto suffix = dns::Suffix::parse(*text); !suffix)
    return field.fail("{} {}; expected {}", quote(*text), suffix.error().text, kExpected);
  out = *text;
  return {};
}

Result<> read_resolver(const Field& field, const Ports& ports, app::DnsSettings& out) {
  app::IpAddress& address = out.resolvers.emplace_back();
  HEDDLE_TRY(read_address(field, LinkLocal::kRefused, address));
  if (std::ranges::find(out.resolvers, address) != out.resolvers.end() - 1)
    return field.fail("{} given twice; expected once", text_of(address));
  for (const Placed& own : ports.own) {
    const std::string& name = ports.ports[own.port].name;
    if (own.subnet.address == address)
      return field.fail("{} is an address of port {}; expected another host's", text_of(address),
                        name);
    if (!contains(own.subnet, address)) continue;
    if (const auto why = reserved_in(own.subnet, address); !why.empty())
      return field.fail("{} is {} of port {}; expected a host's address", text_of(address), why,
                        name);
  }
  return {};
}

}  // namespace

Result<> read_dns(const Field& field, const Ports& ports, app::DnsSettings& out) {
  const auto fields = Fields::of(field, kKeys);
  if (!fields) return std::unexpected(fields.error());
  if (const auto suffix = fields->find("suffix")) HEDDLE_TRY(read_suffix(*suffix, out.suffix));
  if (const auto list = fields->find("resolvers")) {
    HEDDLE_TRY(check_list(*list, 1, dns::kMaxResolvers, "addresses"));
    for (size_t i = 0; i < list->node().children.size(); ++i)
      HEDDLE_TRY(read_resolver(list->item(i), ports, out));
  }
  const auto intercept = fields->find("intercept");
  if (!intercept) return {};
  const auto word = read_choice(*intercept, kSwitchWords);
  if (!word) return std::unexpected(word.error());
  out.intercept = *word == 0;
  return {};
}

}  // namespace heddle::config
