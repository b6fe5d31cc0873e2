#include "listener_names.h"

#include <algorithm>

namespace heddle::policy {
namespace {

std::vector<std::string> hostnames_of(const Service& gateway, ListenerNames::Is is) {
  std::vector<std::string> all;
  for (const ServicePort& port : gateway.ports)
    if (is(port)) all.insert(all.end(), port.hostnames.begin(), port.hostnames.end());
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::vector<ServerNames::Name> named(const std::vector<std::string>& all) {
  std::vector<ServerNames::Name> names;
  for (const std::string& each : all) names.emplace_back(each, 0);
  return names;
}

}  // namespace

ListenerNames::ListenerNames(const Service& gateway, Is is)
    : ListenerNames(hostnames_of(gateway, is), gateway, is) {}

ListenerNames::ListenerNames(const std::vector<std::string>& all, const Service& gateway, Is is)
    : names_(std::vector<ServerNames::Target>(1), named(all)) {
  for (const ServicePort& port : gateway.ports) {
    listeners_ |= is(port);
    all_ |= is(port) && port.hostnames.empty();
  }
  for (const std::string& each : all) reversed_.emplace_back(each.rbegin(), each.rend());
  std::ranges::sort(reversed_);
}

bool ListenerNames::take(std::string_view name) const {
  // As it is, or under a wildcard of a listener's, which may be that of a wildcard.
  if (all_ || names_.find(name) != nullptr) return true;
  if (!name.starts_with("*.")) return false;
  const std::string end(name.rbegin(), name.rend() - 1);  // "gro.elpmaxe."
  const auto at = std::ranges::lower_bound(reversed_, end);
  return at != reversed_.end() && at->starts_with(end);
}

}  // namespace heddle::policy
