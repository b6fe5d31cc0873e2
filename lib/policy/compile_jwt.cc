// JwtProviders: their slots, and what those who name them ask for.
#include "compile.h"
#include "core/check.h"

namespace heddle::policy {

// Before anybody who names it is compiled.
void Compiler::name_jwt_provider(const Key& key) {
  const ResourcePtr resource = index_.shared(key);
  if (resource == nullptr) {
    jwt_slots_.remove(key);
    jwt_targets_.erase(key);
    return;
  }
  const bool is_new = !jwt_slots_.has(key);
  jwt_slots_.add(key);
  if (is_new) fresh_jwt_.push_back(jwt_slots_.at(key));
  std::shared_ptr<const JwtTarget>& target = jwt_targets_[key];
  if (target != nullptr && target->spec() == std::get<JwtProvider>(resource->spec)) return;
  const JwtTarget* staged = jwt_shelf_.find(*resource);
  HEDDLE_CHECK(staged != nullptr, "a JwtProvider is made ready before it is committed");
  JwtTarget made = *staged;
  made.slot = jwt_slots_.at(key);
  target = std::make_shared<const JwtTarget>(std::move(made));
}

std::shared_ptr<const JwtCheck> Compiler::jwt_check(const std::string& ns,
                                                    const std::optional<JwtUse>& use) const {
  if (!use) return nullptr;
  JwtCheck check;
  check.required = use->required;
  for (const std::string& name : use->providers)
    check.providers.push_back(jwt_targets_.at({Kind::kJwtProvider, ns, name}));
  return std::make_shared<const JwtCheck>(std::move(check));
}

std::shared_ptr<const ClaimNames> Compiler::claim_names_of(const Frontend& frontend) {
  if (!frontend.asks_tokens()) return nullptr;
  std::vector<std::string> told, tokens;
  const auto add = [&](const std::shared_ptr<const JwtCheck>& check) {
    if (check == nullptr) return;
    for (const auto& provider : check->providers) {
      const JwtProvider& spec = provider->spec();
      for (const ClaimHeader& each : spec.claim_headers) told.push_back(each.header);
      if (spec.from.kind == JwtPlace::Kind::kHeader) tokens.push_back(spec.from.name);
    }
  };
  add(frontend.jwt);
  if (frontend.http != nullptr)
    for (const HttpRoutes::Rule& rule : frontend.http->rules()) add(rule.target.jwt);
  if (told.empty() && tokens.empty()) return nullptr;
  return std::make_shared<const ClaimNames>(told, tokens);
}

std::vector<std::shared_ptr<const JwtTarget>> Compiler::jwt_providers() const {
  std::vector<std::shared_ptr<const JwtTarget>> all;
  for (const auto& [key, target] : jwt_targets_) all.push_back(target);
  return all;
}

}  // namespace heddle::policy
