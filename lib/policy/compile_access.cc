#include <algorithm>

#include "access_index.h"
#include "compile.h"
#include "names.h"

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

size_t bytes_of(const AccessEntry& entry) {
  size_t bytes = entry.from.capacity() * sizeof(SourceMatch);
  for (const SourceMatch& match : entry.from) {
    bytes += (match.cidrs.capacity() + match.not_cidrs.capacity()) * sizeof(IpPrefix);
    for (const auto* list : {&match.claims, &match.not_claims})
      for (const ClaimMatch& each : *list)
        bytes += sizeof(ClaimMatch) + each.path.capacity() + each.value.capacity();
  }
  bytes += entry.to.capacity() * sizeof(AccessOperation);
  for (const AccessOperation& operation : entry.to)
    bytes += (operation.ports.capacity() + operation.not_ports.capacity()) * sizeof(uint16_t);
  return bytes;
}

size_t bytes_of(const std::vector<ListPtr>& lists) {
  size_t bytes = 0;
  for (const AccessList* list : distinct(lists)) {
    bytes += sizeof(AccessList) + list->entries.capacity() * sizeof(AccessEntry);
    if (list->index != nullptr) bytes += list->index->bytes();
    for (const AccessEntry& entry : list->entries) bytes += bytes_of(entry);
  }
  return bytes;
}

bool wants_index(const AccessList& list, Carries carries) {
  return carries == Carries::kRequests &&
         AccessIndex::rows_of(list.entries) >= AccessIndex::kLeastRows;
}

ListPtr find_equal(const AccessList& list, Carries carries, const std::vector<ListPtr>& among) {
  for (const ListPtr& each : among)
    if (each != nullptr && *each == list && (each->index != nullptr) == wants_index(list, carries))
      return each;
  return nullptr;
}

// The ports by number among the texts, sorted.
std::vector<uint16_t> numbers_of(const std::vector<std::string>& texts) {
  std::vector<uint16_t> numbers;
  for (const std::string& text : texts)
    if (const uint16_t number = number_of(text); number != 0) numbers.push_back(number);
  std::ranges::sort(numbers);
  numbers.erase(std::ranges::unique(numbers).begin(), numbers.end());
  numbers.shrink_to_fit();
  return numbers;
}

bool holds(const std::vector<std::string>& texts, const std::string& text) {
  return std::ranges::find(texts, text) != texts.end();
}

bool is_given(const std::vector<Principal>& among, const std::string& ns,
              const std::string& account) {
  return std::ranges::any_of(among, [&](const Principal& each) {
    return !each.foreign && each.ns == ns && each.service_account == account;
  });
}

// With its index, where requests are judged by it.
ListPtr make_list(AccessList list, Carries carries) {
  list.entries.shrink_to_fit();
  auto made = std::make_shared<AccessList>(std::move(list));
  if (wants_index(*made, carries)) made->index = std::make_shared<const AccessIndex>(made->entries);
  return made;
}

}  // namespace

// A sender's identity is that of the workload behind the port that the packet came in by.
SourceMatch Compiler::match_of(const Source& source) const {
  SourceMatch match{.trust_domain = source.trust_domain,
                    .ns = source.ns,
                    .service_account = source.service_account,
                    .not_namespaces = source.not_namespaces,
                    .not_service_accounts = source.not_service_accounts,
                    .not_principals = source.not_principals,
                    .cidrs = source.cidrs,
                    .not_cidrs = source.not_cidrs,
                    .claims = source.claims,
                    .not_claims = source.not_claims,
                    .tokened = source.tokened};
  if (source.foreign) return match;
  const bool asks = source.identified || !source.ns.empty() || !source.service_account.empty();
  match.anonymous = !asks;
  if (!asks) match.ports.set();
  for (uint32_t port = 0; port < std::min(facts_.node.ports.size(), kMaxPolicyPorts); ++port) {
    for (const Resource* workload : index_.workloads_at(port)) {
      const std::string& account = std::get<Workload>(workload->spec).service_account;
      const std::string& ns = workload->key.ns;
      match.ports[port] = (source.ns.empty() || source.ns == ns) &&
                          (source.service_account.empty() || source.service_account == account) &&
                          !holds(source.not_namespaces, ns) &&
                          !holds(source.not_service_accounts, account) &&
                          !is_given(source.not_principals, ns, account);
    }
  }
  return match;
}

// Which pass of access_entries a policy is for: what only counts, then DENY, then ALLOW.
size_t Compiler::rank_of(const AccessPolicy& policy) {
  if (policy.dry_run || policy.action == Action::kAudit) return 0;
  return policy.action == Action::kDeny ? 1 : 2;
}

std::vector<Compiler::AccessRuleEntry> Compiler::access_entries(const ResourceSet& policies) const {
  std::vector<AccessRuleEntry> entries;
  for (size_t rank = 0; rank < 3; ++rank) {
    for (const Resource* policy : policies) {
      const auto& spec = std::get<AccessPolicy>(policy->spec);
      if (rank_of(spec) != rank) continue;
      for (uint16_t i = 0; i < spec.rules.size(); ++i) {
        AccessEntry entry{.action = spec.action,
                          .dry_run = spec.dry_run,
                          .on_deny = spec.on_deny,
                          .policy = policies_.at(policy->key),
                          .rule = i,
                          .counter = access_.counter(policy->key, i)};
        entry.from.reserve(std::max<size_t>(1, spec.rules[i].from.size()));
        for (const Source& source : spec.rules[i].from) entry.from.push_back(match_of(source));
        if (entry.from.empty()) entry.from.push_back(match_of({}));
        entries.push_back({&spec.rules[i], &policy->key, std::move(entry)});
      }
    }
  }
  return entries;
}

// Without entries: what holds for whom none of them fits. An ALLOW that is enforced closes the
// rest; of several the first by name says how they are told.
AccessList Compiler::defaults_of(const ResourceSet& policies) {
  AccessList list;
  for (const Resource* policy : policies) {
    const auto& spec = std::get<AccessPolicy>(policy->spec);
    if (rank_of(spec) != 2 || !list.default_allow) continue;
    list.default_allow = false;
    list.on_deny = spec.on_deny;
  }
  return list;
}

// What an element asks for besides its ports.
AccessOperation Compiler::operation_of(const AccessRuleEntry& of, size_t at) const {
  return {.ports = {},
          .not_ports = {},
          .conditions = access_.conditions(*of.policy, of.entry.rule, at)};
}

// The entry as it is for a service's port; false: it is not.
bool Compiler::narrow(const AccessRuleEntry& of, const ServicePort& port, AccessEntry& to) const {
  to = of.entry;
  for (size_t i = 0; i < of.rule->to.size(); ++i) {
    const Operation& wanted = of.rule->to[i];
    if (!is_for(wanted, port)) continue;
    AccessOperation& operation = to.to.emplace_back(operation_of(of, i));
    if (port.number != 0) continue;
    // Of all ports, some are named: the packet is asked for which it is.
    if (!holds(wanted.ports, port.name)) operation.ports = numbers_of(wanted.ports);
    operation.not_ports = numbers_of(wanted.not_ports);
  }
  to.to.shrink_to_fit();
  return of.rule->to.empty() || !to.to.empty();
}

bool Compiler::compile_access(Group& group) {
  std::vector<ListPtr> next;
  if (group.service != nullptr) next.resize(group.spec().ports.size());
  const ResourceSet policies = group.service == nullptr ? ResourceSet() : index_.policies_of(group);
  if (!policies.empty()) {
    const std::vector<AccessRuleEntry> entries = access_entries(policies);
    const AccessList defaults = defaults_of(policies);
    for (size_t i = 0; i < next.size(); ++i) {
      const ServicePort& port = group.spec().ports[i];
      AccessList list = defaults;
      AccessEntry narrowed;
      for (const AccessRuleEntry& each : entries)
        if (narrow(each, port, narrowed)) list.entries.push_back(std::move(narrowed));
      const Carries carries = port.http ? Carries::kRequests : Carries::kBytes;
      next[i] = find_equal(list, carries, group.compiled.access);
      if (next[i] == nullptr) next[i] = find_equal(list, carries, next);
      if (next[i] == nullptr) next[i] = make_list(std::move(list), carries);
    }
  }
  if (next == group.compiled.access) return false;
  bytes_ += bytes_of(next) - bytes_of(group.compiled.access);
  group.compiled.access = std::move(next);
  return true;
}

// Of the workload behind a port, if policies are for it.
ListPtr Compiler::make_guard(uint32_t port) const {
  const ResourceSet policies = index_.guards_of(port);
  const std::optional<MeshModes> mesh = modes_at(port);
  // Flows that a workload in the mesh opens are remembered, so that their answers are not taken for
  // connections to it; and those of one that may not send anywhere, as others that it sends are
  // refused.
  if (policies.empty() && !mesh && outbound_at(port) == Outbound::kAllow) return nullptr;
  AccessList list = defaults_of(policies);
  if (mesh) list.mesh = *mesh;
  for (const Resource* workload : index_.workloads_at(port)) list.ns = workload->key.ns;
  for (const AccessRuleEntry& each : access_entries(policies)) {
    AccessEntry& entry = list.entries.emplace_back(each.entry);
    for (size_t i = 0; i < each.rule->to.size(); ++i) {
      AccessOperation operation = operation_of(each, i);
      operation.ports = numbers_of(each.rule->to[i].ports);
      operation.not_ports = numbers_of(each.rule->to[i].not_ports);
      entry.to.push_back(std::move(operation));
    }
  }
  return make_list(std::move(list), Carries::kRequests);
}

void Compiler::compile_guards(const Touched& touched) {
  std::set<uint32_t> ports = touched.guards;
  std::vector<ListPtr>& guards = current_.guards;
  if (touched.identities)
    for (uint32_t port = 0; port < guards.size(); ++port)
      if (guards[port] != nullptr) ports.insert(port);
  bool changed = false, moved = false;
  const std::vector<ListPtr> before = guards;
  for (const uint32_t port : ports) {
    ListPtr next = make_guard(port);
    if (guards.empty() && next == nullptr) continue;
    guards.resize(facts_.node.ports.size());
    moved |= next != nullptr && touched.ports.contains(port);
    const bool same =
        next == nullptr || guards[port] == nullptr ? next == guards[port] : *next == *guards[port];
    if (same) continue;
    changed = true;
    guards[port] = std::move(next);
  }
  flows_cut_ |= changed;
  if (!changed && !moved) return;
  bytes_ += bytes_of(guards) - bytes_of(before);
  if (std::ranges::all_of(guards, [](const ListPtr& list) { return list == nullptr; }))
    guards.clear();
  list_guarded();
}

// Where recheck finds the guards of flows that were translated.
void Compiler::list_guarded() {
  current_.guarded_addresses = nullptr;
  if (current_.guards.empty()) return;
  std::vector<Snapshot::Guarded> all;
  for (uint32_t port = 0; port < current_.guards.size(); ++port) {
    if (current_.guards[port] == nullptr) continue;
    const InterfaceId interface(static_cast<uint16_t>(port));
    for (const IpAddress& address : facts_.node.ports[port].addresses)
      all.push_back({address, interface});
    for (const Resource* workload : index_.workloads_at(port))
      for (const IpAddress& address : std::get<Workload>(workload->spec).addresses)
        all.push_back({address, interface});
  }
  std::ranges::sort(all, {}, &Snapshot::Guarded::address);
  current_.guarded_addresses =
      std::make_shared<const std::vector<Snapshot::Guarded>>(std::move(all));
}

}  // namespace heddle::policy
