// What steering has to know: as what endpoints answer for services that translate.
#include <algorithm>

#include "compile.h"
#include "names.h"

namespace heddle::policy {
namespace {

using Answer = CompiledService::Answer;

// More different answers than this count as any port's.
constexpr size_t kMaxAnswers = 64;

// Both are sorted.
template <class T>
std::vector<T> without(const std::vector<T>& all, const std::vector<T>& some) {
  std::vector<T> rest;
  std::ranges::set_difference(all, some, std::back_inserter(rest));
  return rest;
}

// The groups whose endpoints serve flows to this one's addresses, but for fallbacks.
void add_served_by(Index& index, Group& group, GroupSet& to) {
  to.insert(&group);
  for (const Resource* route : group.routes)
    for (const TcpRule& rule : std::get<Route>(route->spec).rules)
      for (const Backend& backend : rule.backends)
        to.insert(index.group_of(backend.ns, backend.service));
}

// The same of what leads to `group` by its addresses, by a route, or as a fallback.
void add_leading_to(Index& index, const Group& group, GroupSet& seen, GroupSet& to) {
  GroupSet level = {index.group_of(group.key)};
  for (size_t depth = 0; depth <= kMaxFallbacks && !level.empty(); ++depth) {
    GroupSet next;
    for (Group* each : level) {
      if (!seen.insert(each).second) continue;
      to.insert(each);
      for (const Resource* route : each->backend_of)  // Other rules are of what ends here.
        if (const auto& spec = std::get<Route>(route->spec); !spec.rules.empty())
          to.insert(index.group_of(target_of(route->key, spec)));
      for (const Resource* service : each->fallback_of)
        next.insert(index.group_of(service->key.ns, service->key.name));
    }
    level = std::move(next);
  }
}

}  // namespace

std::vector<Answer> Compiler::answers_of(const Group& group) const {
  GroupSet seen, leading;
  add_leading_to(index_, group, seen, leading);
  std::vector<Answer> answers;
  for (const Group* each : leading) {
    // Full NAT's and a proxy's answers come to an address of the node.
    if (each->service == nullptr) continue;
    for (const ServicePort& port : each->spec().ports)
      if (forwarding_of(each->spec(), port) == Forwarding::kDnat)
        answers.push_back({port.protocol, port.target_port != 0 ? port.target_port : port.number});
  }
  std::ranges::sort(answers);
  answers.erase(std::ranges::unique(answers).begin(), answers.end());
  if (answers.size() > kMaxAnswers) answers = {{Protocol::kTcp, 0}, {Protocol::kUdp, 0}};
  return answers;
}

// Only what differs is put in and out: an endpoint has several answers, and there may be many.
void Compiler::give_roles(Group& group) {
  CompiledService& compiled = group.compiled;
  std::vector<Answer> answers;
  std::vector<EndpointPlace> answering;
  if (group.service != nullptr) answers = answers_of(group);
  if (!answers.empty())
    for (const CompiledService::Endpoint& endpoint : compiled.endpoints)
      answering.push_back(endpoint.place);
  AddressRoles& roles = current_.roles;
  const auto add = [&](const EndpointPlace& place, const std::vector<Answer>& of) {
    for (const auto& [protocol, port] : of)
      roles.add_endpoint(place.address, protocol, place.port != 0 ? place.port : port);
  };
  const auto remove = [&](const EndpointPlace& place, const std::vector<Answer>& of) {
    for (const auto& [protocol, port] : of)
      roles.remove_endpoint(place.address, protocol, place.port != 0 ? place.port : port);
  };
  for (const EndpointPlace& place : without(answering, compiled.answering)) {
    roles.add_endpoint(place.address);
    add(place, answers);
  }
  for (const EndpointPlace& place : without(compiled.answering, answering)) {
    roles.remove_endpoint(place.address);
    remove(place, compiled.answers);
  }
  const std::vector<Answer> fresh = without(answers, compiled.answers);
  const std::vector<Answer> gone = without(compiled.answers, answers);
  if (!fresh.empty() || !gone.empty()) {
    for (const EndpointPlace& place : answering) {
      if (!std::ranges::binary_search(compiled.answering, place)) continue;
      add(place, fresh);
      remove(place, gone);
    }
  }
  compiled.answers = std::move(answers);
  compiled.answering = std::move(answering);
}

void Compiler::compile_roles(const Touched& touched) {
  GroupSet concerned = touched.all;
  for (Group* group : touched.frontends) add_served_by(index_, *group, concerned);
  concerned.insert(recompiled_.begin(), recompiled_.end());
  for (const Group* start : GroupSet(concerned)) {
    const Group* group = start;
    for (size_t depth = 0; depth < kMaxFallbacks && group->service != nullptr; ++depth) {
      if (group->spec().fallback.empty()) break;
      Group* next = index_.group_of(group->key.ns, group->spec().fallback);
      if (!concerned.insert(next).second) break;
      group = next;
    }
  }
  for (Group* group : concerned) give_roles(*group);
}

}  // namespace heddle::policy
