// NetworkIdentities in the index, and whether they fit.
#include <fmt/format.h>

#include <iterator>

#include "check.h"
#include "index.h"
#include "names.h"
#include "policy/limits.h"
#include "shape.h"

namespace heddle::policy {

void ShapeChecker::check(const NetworkIdentity& spec) {
  label("spec.service_account", spec.service_account);
  if (!spec.node.empty()) label("spec.node", spec.node);
  if (!count("spec.cidrs", spec.cidrs.size(), 1, kMaxNetworkCidrs, "prefixes")) return;
  for (size_t i = 0; i < spec.cidrs.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      if (meet(spec.cidrs[i], spec.cidrs[j]))
        fail(fmt::format("spec.cidrs[{}]", i),
             fmt::format("{} and {} have addresses in common", spec.cidrs[i].text(),
                         spec.cidrs[j].text()));
}

void Index::link_network_identity(const Resource& resource, Change change, Touched& touched) {
  const auto& spec = std::get<NetworkIdentity>(resource.spec);
  touched.networks = true;
  if (!is_here(spec.node)) return;
  put(networks_, &resource, change);
  for (const IpPrefix& prefix : spec.cidrs)
    put(network_prefixes_, NetworkUse{prefix, &resource}, change);
}

// Prefixes have all of their addresses in common, or none. In their order one that meets others
// meets the one before or behind it, so each has these two to look at.
const Resource* Index::other_network(const IpPrefix& prefix, const Resource& me) const {
  const auto at = network_prefixes_.find({prefix, &me});
  if (at == network_prefixes_.end()) return nullptr;
  const auto meets = [&](NetworkUses::const_iterator other) {
    return other->second->key != me.key && meet(other->first, prefix);
  };
  if (at != network_prefixes_.begin() && meets(std::prev(at))) return std::prev(at)->second;
  const auto behind = std::next(at);
  return behind != network_prefixes_.end() && meets(behind) ? behind->second : nullptr;
}

void Checker::check_network_identity(const Resource& resource) {
  const auto& spec = std::get<NetworkIdentity>(resource.spec);
  for (size_t i = 0; i < spec.cidrs.size() && !problems_.full(); ++i)
    if (const Resource* other = index_.other_network(spec.cidrs[i], resource))
      problems_.add(resource.key, element("spec.cidrs", i),
                    fmt::format("{} has addresses in common with those of {}", spec.cidrs[i].text(),
                                title_of(other->key)));
}

}  // namespace heddle::policy
