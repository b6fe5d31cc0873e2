// Rules for requests that no request can follow: others that come first ask for the same. A rule
// that asks for more comes before one that asks for less, so only equal ones can hide each other.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "adviser.h"
#include "names.h"

namespace heddle::policy {
namespace {

// Two matches of a place may be equal; of different places they are not.
using Place = std::tuple<std::string, PathMatch::Kind, std::string, std::string>;

struct Taken {
  HttpMatch match;
  const Resource* route;
  size_t rule;
};

HttpMatch as_compared(HttpMatch match) {
  std::string& path = match.path.text;
  if (match.path.kind == PathMatch::Kind::kPrefix && path.ends_with('/')) path.pop_back();
  const auto by_name = [](const NamedMatch& a, const NamedMatch& b) { return a.name < b.name; };
  std::ranges::stable_sort(match.fields, by_name);
  std::ranges::stable_sort(match.query, by_name);
  return match;
}

}  // namespace

void Adviser::look_at_rules(const Group& group) {
  static const std::vector<std::string> kAnyHost = {{}};
  static const std::vector<HttpMatch> kAnything = {{}};
  std::multimap<Place, Taken> taken;
  for (const Resource* route : group.routes) {
    const auto& spec = std::get<Route>(route->spec);
    const auto& hosts = spec.hostnames.empty() ? kAnyHost : spec.hostnames;
    for (size_t i = 0; i < spec.http.size() && !full(); ++i) {
      const auto& matches = spec.http[i].matches.empty() ? kAnything : spec.http[i].matches;
      const Taken* hidden_by = nullptr;
      bool hidden = true;
      for (const std::string& host : hosts)
        for (const HttpMatch& each : matches) {
          HttpMatch match = as_compared(each);
          Place place{host, match.path.kind, match.path.text, match.method};
          const auto [first, last] = taken.equal_range(place);
          const auto found = std::find_if(
              first, last, [&](const auto& known) { return known.second.match == match; });
          if (found == last) {
            hidden = false;
            taken.emplace(std::move(place), Taken{std::move(match), route, i});
          } else if (hidden_by == nullptr) {
            hidden_by = &found->second;
          }
        }
      if (!hidden) continue;
      const bool same = hidden_by->route == route;
      warn(route->key, fmt::format("spec.{}[{}]", spec.grpc ? "grpc" : "http", i),
           fmt::format("gets no requests: {} asks for the same and comes first",
                       same ? fmt::format("rule {}", hidden_by->rule)
                            : fmt::format("rule {} of Route {}", hidden_by->rule,
                                          path_of(hidden_by->route->key))));
    }
  }
}

}  // namespace heddle::policy
