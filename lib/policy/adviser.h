// Adviser: looks through all that is staged for what hardly anybody means. What it takes grows
// with the number of resources, and nothing is remembered between two times.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "index.h"
#include "policy/advice.h"

namespace heddle::policy {

class Adviser {
 public:
  // At most `most` are told.
  Adviser(const Index& index, size_t most) : index_(index), most_(most) {}

  std::vector<Advice> advise();

 private:
  bool full() const { return told_.size() >= most_; }
  void warn(const Key& key, std::string field, std::string text) {
    if (!full()) told_.push_back({Advice::Level::kWarning, key, std::move(field), std::move(text)});
  }
  void note(const Key& key, std::string field, std::string text) {
    if (!full()) told_.push_back({Advice::Level::kNote, key, std::move(field), std::move(text)});
  }

  void gather_senders();
  void look_at(const Group& group);
  void look_at_rules(const Group& group);  // for requests (adviser_rules.cc)
  void look_at_access(const Key& key, const AccessPolicy& spec);
  void look_at_source(const Key& key, std::string field, const Source& source);
  void look_at_mesh(const Resource& policy);
  void look_at_limit(const Resource& limit);  // (adviser_limits.cc)
  void look_at_fault(const Key& key, const Fault& spec);
  bool has_workload(const std::string& ns, const Labels& labels) const;

  const Index& index_;
  size_t most_;
  std::vector<Advice> told_;
  // Who can be a sender of the node's trust domain.
  std::set<std::pair<std::string, std::string>> accounts_;  // namespace, service account
  std::set<std::string> namespaces_, names_;                // of these
};

}  // namespace heddle::policy
