// What all who ask for tokens on one way have to agree about.
#include <fmt/format.h>

#include <map>
#include <string>

#include "check.h"
#include "names.h"
#include "policy/claim_names.h"

namespace heddle::policy {
namespace {

struct TokenUser {
  const Key& key;
  std::string field;
  const JwtUse& use;
};

std::vector<TokenUser> users_of(const Group& group) {
  std::vector<TokenUser> users;
  const auto& ports = group.spec().ports;
  for (size_t i = 0; i < ports.size(); ++i)
    if (ports[i].jwt)
      users.push_back({group.service->key,
                       element(ports_field(group.service->key.kind), i) + ".jwt", *ports[i].jwt});
  for (const Resource* route : group.routes) {
    const auto& spec = std::get<Route>(route->spec);
    for (size_t i = 0; i < spec.http.size(); ++i)
      if (spec.http[i].jwt)
        users.push_back({route->key,
                         fmt::format("{}[{}].jwt", spec.grpc ? "spec.grpc" : "spec.http", i),
                         *spec.http[i].jwt});
  }
  return users;
}

}  // namespace

void Checker::check_token_places(const Group& group) {
  if (group.service == nullptr) return;
  const std::vector<TokenUser> users = users_of(group);
  const auto each_provider = [&](const auto& take) {
    for (const TokenUser& user : users)
      for (size_t i = 0; i < user.use.providers.size(); ++i)
        if (const Resource* found =
                index_.find({Kind::kJwtProvider, user.key.ns, user.use.providers[i]}))
          take(user, i, *found);
  };
  std::map<std::string, const Key*> told;  // by the header, who tells in it
  each_provider([&](const TokenUser&, size_t, const Resource& provider) {
    for (const ClaimHeader& each : std::get<JwtProvider>(provider.spec).claim_headers)
      told.emplace(one_spelling(each.header), &provider.key);
  });
  each_provider([&](const TokenUser& user, size_t i, const Resource& provider) {
    const JwtPlace& from = std::get<JwtProvider>(provider.spec).from;
    if (from.kind != JwtPlace::Kind::kHeader) return;
    const auto found = told.find(one_spelling(from.name));
    if (found == told.end() || problems_.full()) return;
    problems_.add(user.key, fmt::format("{}.providers[{}]", user.field, i),
                  fmt::format("its tokens are in the header {}, in which {} tells endpoints a "
                              "claim; of what clients send there nothing is left",
                              quote(from.name), title_of(*found->second)));
  });
}

}  // namespace heddle::policy
