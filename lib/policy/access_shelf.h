// AccessShelf: conditions of all AccessPolicies' rules, made once for all lists that they stand in,
// and the counters' slots of the rules.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "policy/access.h"
#include "policy/model.h"
#include "slots.h"

namespace heddle::policy {

class AccessShelf {
 public:
  using ConditionsPtr = std::shared_ptr<const AccessConditions>;

  void start_commit() { slots_.start_commit(); }
  // What the key has now; null: nothing any more.
  void set(const Key& key, const AccessPolicy* policy);
  // Of an element of a rule's `to`. Null: it asks for no request. The same object until it would
  // differ.
  const ConditionsPtr& conditions(const Key& key, size_t rule, size_t operation) const {
    return policies_.at(key).conditions[rule][operation];
  }
  uint32_t counter(const Key& key, size_t rule) const;
  std::vector<uint32_t> take_fresh();                // slots given out since the last call
  std::vector<Model::AccessRuleName> names() const;  // by policy and rule
  size_t bytes() const { return bytes_; }

 private:
  struct Policy {
    std::vector<std::vector<ConditionsPtr>> conditions;  // by rule, by element
    std::vector<std::string> texts;                      // by rule
    std::string target;
    Action action = Action::kAllow;
    bool dry_run = false;
  };
  static size_t bytes_of(const Policy& policy);
  static ConditionsPtr make(const Operation& wanted, const Policy& before, size_t rule, size_t at);

  std::map<Key, Policy> policies_;
  RuleSlots slots_;
  size_t bytes_ = 0;
};

}  // namespace heddle::policy
