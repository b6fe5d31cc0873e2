#include "access_shelf.h"

#include <utility>

#include "access_conditions.h"
#include "access_text.h"
#include "names.h"

namespace heddle::policy {

// One that says the same as before stays, with its regexes.
AccessShelf::ConditionsPtr AccessShelf::make(const Operation& wanted, const Policy& before,
                                             size_t rule, size_t at) {
  if (!wanted.asks_request()) return nullptr;
  if (rule < before.conditions.size() && at < before.conditions[rule].size()) {
    const ConditionsPtr& was = before.conditions[rule][at];
    if (was != nullptr && was->operation() == wanted) return was;
  }
  return std::make_shared<const AccessConditions>(wanted);
}

size_t AccessShelf::bytes_of(const Policy& policy) {
  size_t bytes = 0;
  for (const auto& rule : policy.conditions)
    for (const ConditionsPtr& each : rule) bytes += each == nullptr ? 0 : each->bytes();
  return bytes;
}

void AccessShelf::set(const Key& key, const AccessPolicy* policy) {
  const std::string path = path_of(key);
  Policy next;
  std::vector<RuleSlots::Name> names;
  if (policy != nullptr) {
    const Policy& before = policies_[key];
    next.action = policy->action;
    next.dry_run = policy->dry_run;
    next.target = target_text(key, *policy);
    for (uint16_t i = 0; i < policy->rules.size(); ++i) {
      const AccessRule& rule = policy->rules[i];
      auto& conditions = next.conditions.emplace_back();
      for (size_t j = 0; j < rule.to.size(); ++j)
        conditions.push_back(make(rule.to[j], before, i, j));
      next.texts.push_back(text_of(rule));
      names.push_back({path, next.target, false, i, {}});
    }
  }
  slots_.set(path, std::move(names));
  const auto at = policies_.find(key);
  if (at != policies_.end()) bytes_ -= bytes_of(at->second);
  bytes_ += bytes_of(next);
  if (policy != nullptr)
    policies_[key] = std::move(next);
  else if (at != policies_.end())
    policies_.erase(at);
}

uint32_t AccessShelf::counter(const Key& key, size_t rule) const {
  return slots_.at(path_of(key), rule);
}

std::vector<uint32_t> AccessShelf::take_fresh() {
  slots_.take_gone();
  return slots_.take_fresh();
}

std::vector<Model::AccessRuleName> AccessShelf::names() const {
  std::vector<Model::AccessRuleName> names;
  for (const auto& [key, policy] : policies_)
    for (uint16_t i = 0; i < policy.texts.size(); ++i)
      names.push_back({.key = key,
                       .target = policy.target,
                       .rule = i,
                       .action = policy.action,
                       .dry_run = policy.dry_run,
                       .slot = counter(key, i),
                       .text = policy.texts[i]});
  return names;
}

}  // namespace heddle::policy
