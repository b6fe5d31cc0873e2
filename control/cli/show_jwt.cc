// show jwt: issuers of tokens, and what has become of requests that were asked for one.
#include <fmt/format.h>

#include "commands.h"
#include "table.h"

namespace heddle::cli {
namespace {

std::string outcomes_of(const v1::JwtProviderInfo& provider) {
  std::string text;
  for (const v1::JwtOutcome& outcome : provider.outcomes())
    if (outcome.count() > 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", outcome.name(),
                          thousands(outcome.count()));
  return text.empty() ? "none yet" : text;
}

std::string users_of(const v1::JwtProviderInfo& provider) {
  std::string text;
  for (const std::string& user : provider.used_by())
    text += fmt::format("{}{}", text.empty() ? "" : ", ", user);
  const uint32_t told = static_cast<uint32_t>(provider.used_by_size());
  if (provider.users() > told) text += fmt::format(" and {} more", provider.users() - told);
  return text.empty() ? "nobody" : text;
}

std::string jwt_text(const v1::ListJwtProvidersResponse& response, const Options&) {
  if (response.providers().empty()) return "no JwtProviders\n";
  Table table({{"PROVIDER"}, {"ISSUER"}, {"KEYS", Align::kRight}, {"USED BY"}, {"REQUESTS"}});
  std::string notes;
  for (const v1::JwtProviderInfo& provider : response.providers()) {
    const std::string name = fmt::format("{}/{}", provider.namespace_(), provider.name());
    table.add({name, printable(provider.issuer()), std::to_string(provider.keys()),
               users_of(provider), outcomes_of(provider)});
    for (const std::string& note : provider.notes())
      notes += fmt::format("{}: {}\n", name, printable(note));
  }
  return table.text() + (notes.empty() ? "" : "\n" + notes);
}

}  // namespace

Outcome show_jwt(const Options& options) { return ask(options, &Client::jwt_providers, jwt_text); }

}  // namespace heddle::cli
