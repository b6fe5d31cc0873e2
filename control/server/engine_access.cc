// What rules of AccessPolicies have decided, and noted.
#include "engine.h"

namespace heddle::server {
namespace {

const char* text_of(policy::Action action) {
  switch (action) {
    case policy::Action::kAllow:
      return "ALLOW";
    case policy::Action::kDeny:
      return "DENY";
    case policy::Action::kAudit:
      return "AUDIT";
  }
  return "";
}

}  // namespace

void Engine::list_access(v1::ListAccessResponse& response) const {
  const std::vector<policy::Model::AccessRuleName> names = model_.access_rules();
  std::vector<uint32_t> slots;
  slots.reserve(names.size());
  for (const auto& name : names) slots.push_back(name.slot);
  const std::vector<AccessCounts> counts = target_->access_counts(slots);
  for (size_t i = 0; i < names.size(); ++i) {
    const policy::Model::AccessRuleName& name = names[i];
    const auto known = access_baselines_.find(name.slot);
    const AccessCounts base = known == access_baselines_.end() ? AccessCounts() : known->second;
    v1::AccessRuleCounts& to = *response.add_rules();
    to.set_namespace_(name.key.ns);
    to.set_policy(name.key.name);
    to.set_rule(name.rule);
    to.set_target(name.target);
    to.set_action(text_of(name.action));
    to.set_dry_run(name.dry_run);
    to.set_text(name.text);
    to.set_allowed(counts[i].allowed - base.allowed);
    to.set_denied(counts[i].denied - base.denied);
    to.set_audited(counts[i].audited - base.audited);
    to.set_dry_run_matches(counts[i].dry_run - base.dry_run);
  }
}

}  // namespace heddle::server
