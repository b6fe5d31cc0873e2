// What scripts of other origins are told (the Fetch standard, "CORS protocol").
#include "engine.h"
#include "policy/http_cors.h"
#include "policy/limits.h"

namespace heddle::mesh {

namespace {

using http::FieldId;

bool add_text(http::Fields& fields, FieldId id, const std::string& value) {
  return value.empty() || fields.set(id, value);
}

}  // namespace

bool HttpEngine::is_preflight(const http::Message& request) {
  return request.method == http::Method::kOptions &&
         request.fields.find(FieldId::kAccessControlRequestMethod) != nullptr;
}

// Before anything changes the request.
void HttpEngine::judge_origin(Exchange& x) {
  const policy::HttpCorsTarget* cors = x.route.target->cors.get();
  if (cors == nullptr) return;
  const http::Field* origin = x.request->fields.find(FieldId::kOrigin);
  if (origin == nullptr) {
    // Caches may give this response to scripts of anybody, as nothing in it will depend on who.
    x.cors = cors->any_origin();
    return;
  }
  x.origin = origin->value;
  const std::string_view text = x.request->fields.value(*origin);
  x.cors = text.size() <= policy::kMaxOrigin && cors->allows(text);
  x.asks_first = is_preflight(*x.request);
}

// These end here, whoever asks. False: it is none.
bool HttpEngine::answer_preflight(Exchange& x) {
  if (!x.asks_first) return false;
  counters.add(HttpStat::kPreflights);
  x.local = true;
  x.close_client |= !x[kClient].read_ended;
  x.idle = limits_.head;  // for a client that does not take it
  x.moved = now_;
  x.response = &blank_response(x, 204);
  http::Fields& fields = x.response->fields;
  const policy::HttpCorsTarget& cors = *x.route.target->cors;
  const bool told =
      !x.cors || (add_text(fields, FieldId::kAccessControlAllowMethods, cors.allow_methods()) &&
                  add_text(fields, FieldId::kAccessControlAllowHeaders, cors.allow_headers()) &&
                  add_text(fields, FieldId::kAccessControlMaxAge, cors.max_age()));
  if (!told || !tell_origin(x)) fail(x, HttpFault::kBadResponse);
  return true;
}

// On every response of the rule. Instead of what the endpoint says: it does not know the rule.
// False: there is no room for it.
bool HttpEngine::tell_origin(Exchange& x) {
  const policy::HttpTarget* target = x.route.target;
  if (target == nullptr || target->cors == nullptr) return true;
  const policy::HttpCorsTarget& cors = *target->cors;
  http::Fields& fields = x.response->fields;
  if (!cors.any_origin() && !fields.add(FieldId::kVary, "origin")) return false;
  fields.remove(FieldId::kAccessControlAllowOrigin);
  fields.remove(FieldId::kAccessControlAllowCredentials);
  fields.remove(FieldId::kAccessControlExposeHeaders);
  if (!x.cors) return true;
  const std::string_view origin =
      cors.any_origin() ? std::string_view("*") : x.request->arena().view(x.origin);
  if (!fields.set(FieldId::kAccessControlAllowOrigin, origin)) return false;
  if (cors.credentials() && !fields.set(FieldId::kAccessControlAllowCredentials, "true"))
    return false;
  return is_preflight(*x.request) ||
         add_text(fields, FieldId::kAccessControlExposeHeaders, cors.expose_headers());
}

}  // namespace heddle::mesh
