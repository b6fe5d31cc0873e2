#include "explain_filters.h"

namespace heddle::server {
namespace {

// "12.5%".
std::string percent(uint32_t millionths) { return fmt::format("{:g}%", millionths / 10'000.0); }

std::string lifetime(Duration ttl) {
  return ttl == Duration() ? "until its session ends"
                           : fmt::format("for {} s", ttl.ns() / seconds(1).ns());
}

}  // namespace

void tell_cors(const policy::HttpCorsTarget& cors, const http::Message& request, Telling& telling) {
  const http::Field* origin = request.fields.find(http::FieldId::kOrigin);
  if (origin == nullptr)
    return telling.line("cors", "the request has no origin header: nothing is asked");
  const std::string_view from = request.fields.value(*origin);
  if (!cors.allows(from)) return telling.line("cors", "origin {} is not allowed", from);
  telling.line("cors", "origin {} is allowed{}{}", from, cors.any_origin() ? ", as any is" : "",
               cors.credentials() ? ", with credentials" : "");
  if (request.method != http::Method::kOptions ||
      request.fields.find(http::FieldId::kAccessControlRequestMethod) == nullptr)
    return;
  const auto or_none = [](const std::string& list) { return list.empty() ? "none" : list; };
  telling.line("cors", "it asks first: methods {}; headers {}", or_none(cors.allow_methods()),
               or_none(cors.allow_headers()));
}

void tell_mirror(const RequestPlace& place, const policy::HttpTarget& target, uint64_t hash,
                 Telling& telling) {
  const std::string where = place.model.cluster_name(target.mirror->cluster);
  const policy::Decision decision =
      policy::decide_mirror(place.snapshot, place.frontend, place.flow, target, hash);
  if (decision.verdict != policy::Verdict::kForward)
    return telling.line("mirror", "{}, {} of requests; no endpoint takes them", where,
                        percent(target.mirror->share));
  telling.line("mirror", "{}, {} of requests; to {} for example", where,
               percent(target.mirror->share), decision.endpoint->address.text());
  policy::Flow there = policy::behind(*place.snapshot.frontends[place.frontend], place.flow);
  there.destination = decision.endpoint->address;
  there.destination_port = decision.port;
  const auto guarded = tell_guard_alone("mirror", there, place.snapshot, place.model, telling);
  if (guarded && !guarded->allowed)
    telling.line("mirror", "this endpoint gets none: the copy is left out");
}

bool tell_affinity(const AffinityPlace& at, const http::Message& request, Telling& telling) {
  const policy::BackendTerms& terms = at.terms;
  const auto hash = [&](uint64_t otherwise) {
    return policy::hash_of_request(at.terms, at.place.flow, request, otherwise);
  };
  const bool has = hash(0) == hash(1);
  if (terms.affinity == nullptr) return has;
  const char* what = terms.hash_on == policy::HashOn::kHeader ? "header" : "cookie";
  const std::string& name = terms.affinity->name;
  if (has)
    telling.line("affinity", "by {} {}", what, name);
  else if (policy::wants_cookie(terms, request))
    telling.line("affinity", "none yet: the answer gives cookie {} {}", name,
                 lifetime(*terms.affinity->cookie_ttl));
  else
    telling.line("affinity", "none: the request has no {} {}", what, name);
  return has;
}

}  // namespace heddle::server
