#include <algorithm>

#include "compile.h"

namespace heddle::policy {
namespace {

using ListPtr = std::shared_ptr<const AccessList>;

// Each list once.
std::set<const AccessList*> distinct(const std::vector<ListPtr>& lists) {
  std::set<const AccessList*> all;
  for (const ListPtr& list : lists)
    if (list != nullptr) all.insert(list.get());
  return all;
}

size_t bytes_of(const std::vector<ListPtr>& lists) {
  size_t bytes = 0;
  for (const AccessList* list : distinct(lists)) {
    bytes += sizeof(AccessList) + list->entries.capacity() * sizeof(AccessEntry);
    for (const AccessEntry& entry : list->entries) {
      bytes += entry.from.capacity() * sizeof(SourceMatch);
      for (const SourceMatch& match : entry.from)
        bytes += (match.cidrs.capacity() + match.not_cidrs.capacity()) * sizeof(IpPrefix);
    }
  }
  return bytes;
}

ListPtr find_equal(const AccessList& list, const std::vector<ListPtr>& among) {
  for (const ListPtr& each : among)
    if (each != nullptr && *each == list) return each;
  return nullptr;
}

}  // namespace

// A sender's identity is that of the workload behind the port that the packet came in by.
SourceMatch Compiler::match_of(const Source& source) const {
  SourceMatch match{.cidrs = source.cidrs, .not_cidrs = source.not_cidrs};
  if (source.foreign) return match;
  const bool asks = source.identified || !source.ns.empty() || !source.service_account.empty();
  match.anonymous = !asks;
  if (!asks) match.ports.set();
  for (uint32_t port = 0; port < std::min(facts_.node.ports.size(), kMaxPolicyPorts); ++port) {
    for (const Resource* workload : index_.workloads_at(port)) {
      const std::string& account = std::get<Workload>(workload->spec).service_account;
      const std::string& ns = workload->key.ns;
      match.ports[port] =
          (source.ns.empty() || source.ns == ns) &&
          (source.service_account.empty() || source.service_account == account) &&
          std::ranges::find(source.not_namespaces, ns) == source.not_namespaces.end();
    }
  }
  return match;
}

// DENY first, then by the policies' names.
std::vector<Compiler::AccessRuleEntry> Compiler::access_entries(const Group& group) const {
  std::vector<AccessRuleEntry> entries;
  for (const Action action : {Action::kDeny, Action::kAllow}) {
    for (const Resource* policy : group.access_policies) {
      const auto& spec = std::get<AccessPolicy>(policy->spec);
      if (spec.action != action) continue;
      for (uint16_t i = 0; i < spec.rules.size(); ++i) {
        AccessEntry entry{.action = action, .policy = policies_.at(policy->key), .rule = i};
        entry.from.reserve(std::max<size_t>(1, spec.rules[i].from.size()));
        for (const Source& source : spec.rules[i].from) entry.from.push_back(match_of(source));
        if (entry.from.empty()) entry.from.push_back(match_of({}));
        entries.push_back({&spec.rules[i], std::move(entry)});
      }
    }
  }
  return entries;
}

bool Compiler::compile_access(Group& group) {
  std::vector<ListPtr> next;
  if (group.service != nullptr) next.resize(group.spec().ports.size());
  if (group.service != nullptr && !group.access_policies.empty()) {
    const std::vector<AccessRuleEntry> entries = access_entries(group);
    const bool default_allow = std::ranges::none_of(group.access_policies, [](const Resource* p) {
      return std::get<AccessPolicy>(p->spec).action == Action::kAllow;
    });
    for (size_t port = 0; port < next.size(); ++port) {
      AccessList list{.default_allow = default_allow};
      for (const auto& [rule, entry] : entries)
        if (is_for(*rule, group.spec().ports[port])) list.entries.push_back(entry);
      list.entries.shrink_to_fit();
      next[port] = find_equal(list, group.compiled.access);
      if (next[port] == nullptr) next[port] = find_equal(list, next);
      if (next[port] == nullptr) next[port] = std::make_shared<const AccessList>(std::move(list));
    }
  }
  if (next == group.compiled.access) return false;
  bytes_ += bytes_of(next) - bytes_of(group.compiled.access);
  group.compiled.access = std::move(next);
  return true;
}

}  // namespace heddle::policy
