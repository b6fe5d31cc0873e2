#include "explain_access.h"

#include <algorithm>

namespace heddle::server {
namespace {

// As the proxy puts it.
std::string path_of(const policy::HttpRewrite& rewrite, uint32_t prefix, std::string_view path) {
  const size_t query = std::min(path.find('?'), path.size());
  std::string to = rewrite.path;
  if (rewrite.path_kind == policy::HttpRewrite::Path::kPrefix) {
    std::string_view rest = path.substr(prefix, query - prefix);
    if (to.ends_with('/') && rest.starts_with('/')) rest.remove_prefix(1);
    to += rest;
  }
  return to + std::string(path.substr(query));
}

}  // namespace

void tell_tokens(const RequestPlace& place, const policy::HttpTarget* target, Telling& telling) {
  const policy::Frontend& frontend = *place.snapshot.frontends[place.frontend];
  const bool own = target != nullptr && target->jwt != nullptr;
  const policy::JwtCheck* check = own ? target->jwt.get() : frontend.jwt.get();
  if (check == nullptr) return telling.line("token", "none is asked for");
  std::string names;
  for (const auto& provider : check->providers)
    names += fmt::format("{}{}/{}", names.empty() ? "" : " or ", provider->resource->key.ns,
                         provider->resource->key.name);
  telling.line("token", "of {}, as the {} says: {}", names, own ? "rule" : "port",
               check->required ? "without one 401 no_token, with a bad one 401 bad_token"
                               : "without one it goes on, with a bad one 401 bad_token");
  const policy::AccessList* list = frontend.access.get();
  const auto asks = [](const policy::AccessEntry& entry) {
    return std::ranges::any_of(entry.from, [](const policy::SourceMatch& match) {
      return !match.claims.empty() || !match.not_claims.empty();
    });
  };
  if (list != nullptr && std::ranges::any_of(list->entries, asks))
    telling.line("token", "claims are not asked about here: what follows is without a token");
}

bool tell_request_access(const RequestPlace& place, const http::Message& request,
                         Telling& telling) {
  const policy::AccessList* list = place.snapshot.frontends[place.frontend]->access.get();
  if (list == nullptr) return true;  // which was said of the connection
  const policy::Judged judged = policy::judge_request(place.snapshot, place.frontend, place.flow,
                                                      policy::RequestHead::of(request));
  for (const policy::AccessEntry* entry : judged.noted)
    tell_entry("audit", *entry, place.model, telling);
  if (judged.access != nullptr)
    tell_entry("access", *judged.access, place.model, telling);
  else
    telling.line("access", "{}",
                 judged.allowed ? "allowed: no DENY fits, and there is no ALLOW"
                                : "denied: no ALLOW policy of this service fits");
  return judged.allowed;
}

bool become_sent(const policy::HttpTarget& target, uint32_t prefix, http::Message& request) {
  if (const auto& rewrite = target.rewrite) {
    if (rewrite->path_kind != policy::HttpRewrite::Path::kKeep &&
        !request.set_path(path_of(*rewrite, prefix, request.path())))
      return false;
    if (!rewrite->host.empty() && !request.set_authority(rewrite->host)) return false;
  }
  for (const std::string& name : target.request.remove) request.fields.remove(name);
  for (const policy::HttpField& each : target.request.set)
    if (!request.fields.set(each.name, each.value)) return false;
  for (const policy::HttpField& each : target.request.add)
    if (!request.fields.add(each.name, each.value)) return false;
  return true;
}

}  // namespace heddle::server
