// Answers of our own; what is changed in heads that pass.
#include "engine.h"
#include "http/chars.h"
#include "http/grpc.h"
#include "policy/limits.h"
#include "text.h"

namespace heddle::mesh {

namespace {

using http::FieldId;

// RFC 6750 3. Which of its providers' keys, dates or names a token does not meet is told to nobody.
constexpr std::string_view kAsked = R"(Bearer realm="heddle")";
constexpr std::string_view kNotTaken = R"(Bearer realm="heddle", error="invalid_token")";

// RFC 9110 15.5.6 wants it with a 405.
constexpr std::string_view kAllowed = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";

bool apply(const policy::HttpFieldChange& change, http::Fields& fields) {
  for (const std::string& name : change.remove) fields.remove(name);
  for (const policy::HttpField& each : change.set)
    if (!fields.set(each.name, each.value)) return false;
  for (const policy::HttpField& each : change.add)
    if (!fields.add(each.name, each.value)) return false;
  return true;
}

std::string_view query_of(std::string_view path) { return path.substr(without_query(path).size()); }
std::string_view host_of(std::string_view authority) {
  const size_t end = authority.find(':', authority.starts_with('[') ? authority.find(']') : 0);
  return authority.substr(0, end);
}

// A new path by a rule: whole, or the prefix replaced. The query is kept.
template <class Rule, size_t kMost>
void put_path(const Rule& rule, const http::Message& request, uint32_t prefix, Text<kMost>& to) {
  const std::string_view path = without_query(request.path());
  switch (rule.path_kind) {
    case Rule::Path::kKeep:
      to.put(path);
      break;
    case Rule::Path::kFull:
      to.put(rule.path);
      break;
    case Rule::Path::kPrefix: {
      std::string_view rest = path.substr(prefix);
      // "/" in the place of "/v2" makes "/x" of "/v2/x", and of "/v2" itself "/".
      if (rule.path.ends_with('/') && rest.starts_with('/')) rest.remove_prefix(1);
      to.put(rule.path);
      to.put(rest);
      break;
    }
  }
  to.put(query_of(request.path()));
}

constexpr size_t kMostTarget = 8192;
// What is added to a response without being asked for: Date, Server, what CORS wants and a cookie.
constexpr size_t kMostOfOwn = policy::kMaxOrigin + policy::kMaxCorsListBytes + kMostCookie + 128;
constexpr size_t kFieldsOfOwn = 8;
static_assert(http::Limits().spare >= kMostOfOwn + policy::kMaxFieldChangeBytes);
static_assert(http::Limits().spare_fields >= kFieldsOfOwn + policy::kMaxFieldChanges);

bool rewrite(const policy::HttpRewrite& rule, uint32_t prefix, http::Message& request) {
  if (rule.path_kind != policy::HttpRewrite::Path::kKeep) {
    Text<kMostTarget> path;
    put_path(rule, request, prefix, path);
    if (path.full() || !request.set_path(path.view())) return false;
  }
  return rule.host.empty() || request.set_authority(rule.host);
}

}  // namespace

// What an endpoint is told besides what the client said. False: there is no room for it.
bool HttpEngine::prepare_request(Exchange& x) {
  const HttpRoute& route = x.route;
  http::Message& request = *x.request;
  if (!tell_client(x)) return false;
  if (route.target == nullptr) return true;
  if (route.target->rewrite && !rewrite(*route.target->rewrite, route.prefix, request))
    return false;
  return apply(route.target->request, request.fields);
}

// False: there is no room for what the rule wants.
bool HttpEngine::prepare_response(Exchange& x) {
  if (!tell_origin(x) || !give_cookie(x)) return false;
  return x.route.target == nullptr || apply(x.route.target->response, x.response->fields);
}

// By which the client's later requests come to the same endpoint.
bool HttpEngine::give_cookie(Exchange& x) {
  if (x.route.affinity == nullptr || x.local) return true;
  Text<kMostCookie> cookie;
  cookie.put(x.route.affinity->name);
  cookie.put("=");
  cookie.put({x.route.cookie.data(), x.route.cookie.size()});
  cookie.put(x.route.affinity->cookie_attributes);
  if (x.https) cookie.put("; Secure");
  return !cookie.full() && x.response->fields.add(FieldId::kSetCookie, cookie.view());
}

std::string_view HttpEngine::date() {
  if (now_ >= date_until_) {
    http::write_date(limits_.wall(), date_);
    date_until_ = now_ + seconds(1);
  }
  return {date_.data(), date_.size()};
}

http::Message& HttpEngine::blank_response(Exchange& x, uint16_t status) {
  if (x.response_block == kNoSlot) {
    x.response_block = arenas_.take();
    HEDDLE_CHECK(x.response_block != kNoSlot, "fewer arenas than exchanges");
    x.own_response.attach(arenas_[x.response_block]);
  }
  http::Message& response = x.own_response;
  response.clear();
  response.status = status;
  response.persistent = true;
  return response;
}

void HttpEngine::set_answer(Exchange& x, std::string_view body, std::string_view content_type) {
  http::Message& response = *x.response;
  if (!body.empty()) response.fields.add(FieldId::kContentType, content_type);
  const uint32_t kept = work_.pieces().append_copy(x.answer, http::bytes_of(body));
  if (kept < body.size()) work_.pieces().free(x.answer);
  response.body = http::Body::of_length(x.answer.bytes);
}

void HttpEngine::answer_by_rule(Exchange& x) {
  x.local = true;
  // What may still come of the request is not read any more.
  x.close_client |= !x[kClient].read_ended;
  x.idle = limits_.head;  // for a client that does not take it
  x.moved = now_;
  const policy::HttpTarget& target = *x.route.target;
  if (target.direct) {
    x.response = &blank_response(x, target.direct->status);
    const std::string_view type = target.direct->content_type;
    set_answer(x, target.direct->body, type.empty() ? "text/plain" : type);
  } else {
    const policy::HttpRedirect& to = *target.redirect;
    const http::Message& request = *x.request;
    const bool https = peer_of(x, kClient).wire.tls != nullptr;
    Text<kMostTarget> location;
    if (!to.scheme.empty() || !to.host.empty() || to.port != 0) {
      location.put(to.scheme.empty() ? (https ? "https" : "http") : std::string_view(to.scheme));
      location.put("://");
      location.put(to.host.empty() ? host_of(request.authority()) : std::string_view(to.host));
      if (to.port != 0) {
        location.put(":");
        location.put(uint32_t{to.port});
      } else if (to.scheme.empty()) {
        location.put(request.authority().substr(host_of(request.authority()).size()));
      }
    }
    put_path(to, request, x.route.prefix, location);
    x.response = &blank_response(x, to.status);
    x.response->body = http::Body::of_length(0);
    if (location.full() || !x.response->fields.add(FieldId::kLocation, location.view())) {
      x.refused_status = http::status_of(http::Refusal::kTargetTooLong);
      return fail(x, HttpFault::kBadRequest);
    }
  }
  if (!prepare_response(x)) fail(x, HttpFault::kBadResponse);
}

// Short, and without a word that only operators should know.
void HttpEngine::answer_fault(Exchange& x) {
  if (x.fault == HttpFault::kFaultAbort) return answer_injected(x);
  const HttpFaultText& why = mesh::text_of(x.fault);
  uint16_t status = x.refused_status != 0 ? x.refused_status : why.status;
  if (status == 0) status = 502;
  x.local = true;
  work_.pieces().free(x.answer);
  // What may still come of the request is not read any more, nor what follows one that is refused.
  x.close_client |= !x[kClient].read_ended || x.fault == HttpFault::kBadRequest;
  if (http::is_grpc(*x.request)) {
    x.response = &blank_response(x, 200);
    http::Fields& fields = x.response->fields;
    Text<16> number;
    // Of HTTP's statuses none says so. The client's own clock may be a little behind.
    http::GrpcStatus told = http::grpc_status_of(status);
    if (x.fault == HttpFault::kRequestTimeout) told = http::GrpcStatus::kDeadlineExceeded;
    if (x.fault == HttpFault::kRateLimited) told = http::GrpcStatus::kResourceExhausted;
    number.put(static_cast<uint32_t>(told));
    fields.add(FieldId::kContentType, "application/grpc");
    fields.add(FieldId::kGrpcStatus, number.view());
    fields.add(FieldId::kGrpcMessage, why.name);
    if (x.fault == HttpFault::kRateLimited) tell_limit(x);
    return;
  }
  x.response = &blank_response(x, status);
  if (x.fault == HttpFault::kRateLimited) tell_limit(x);
  if (status == 405) x.response->fields.add(FieldId::kAllow, kAllowed);
  if (status == 401)
    x.response->fields.add(FieldId::kWwwAuthenticate,
                           x.fault == HttpFault::kNoToken ? kAsked : kNotTaken);
  Text<64> body;
  body.put(why.name);
  body.put("\n");
  set_answer(x, body.view(), "text/plain");
}

}  // namespace heddle::mesh
