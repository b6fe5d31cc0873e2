// JwtProviders: what they are, and what has become of requests that were asked for their tokens.
#include <fmt/format.h>

#include "engine.h"
#include "policy/jwt_check.h"

namespace heddle::server {
namespace {

constexpr int kMostUsers = 16;

}  // namespace

void Engine::list_jwt_providers(v1::ListJwtProvidersResponse& response) const {
  const auto providers = model_.jwt_providers();
  std::vector<uint32_t> slots;
  for (const auto& provider : providers) slots.push_back(provider->slot);
  const std::vector<JwtCounts> counts = target_->jwt_counts(slots);
  const std::vector<JwtOutcomeText> outcomes = target_->jwt_outcomes();
  for (size_t i = 0; i < providers.size(); ++i) {
    const policy::JwtTarget& provider = *providers[i];
    const policy::Key& key = provider.resource->key;
    v1::JwtProviderInfo& to = *response.add_providers();
    to.set_namespace_(key.ns);
    to.set_name(key.name);
    to.set_issuer(provider.spec().issuer);
    to.set_keys(provider.keys);
    for (const std::string& note : provider.notes) to.add_notes(note);
    const std::vector<policy::Key> users = model_.tls_users(key);
    to.set_users(static_cast<uint32_t>(users.size()));
    for (const policy::Key& user : users)
      if (to.used_by_size() < kMostUsers)
        to.add_used_by(fmt::format("{} {}/{}", policy::name_of(user.kind), user.ns, user.name));
    const auto known = jwt_baselines_.find(provider.slot);
    for (size_t k = 0; k < outcomes.size() && k < counts[i].size(); ++k) {
      const bool has_base = known != jwt_baselines_.end() && k < known->second.size();
      v1::JwtOutcome& outcome = *to.add_outcomes();
      outcome.set_name(std::string(outcomes[k].name));
      outcome.set_help(std::string(outcomes[k].sentence));
      outcome.set_count(counts[i][k] - (has_base ? known->second[k] : 0));
    }
  }
}

}  // namespace heddle::server
