#include "explain_request.h"

#include <algorithm>

#include "explain_access.h"
#include "explain_filters.h"
#include "explain_limits.h"
#include "http/chars.h"
#include "http/field_id.h"
#include "http/hop_by_hop.h"
#include "http/target.h"
#include "policy/http_routes.h"

namespace heddle::server {

namespace {

constexpr size_t kMemory = 64 * 1024;  // of a message; a head may have 16 KB

const char* version_of(const policy::BackendTerms& terms) {
  switch (terms.upstream_http) {
    case policy::HttpUpstream::kHttp1:
      break;
    case policy::HttpUpstream::kHttp2:
      return "HTTP/2";
    case policy::HttpUpstream::kAsClient:
      return "the version of HTTP that its client speaks";
  }
  return "HTTP/1.1";
}

// As the parsers of both versions judge it. Empty: it is a request.
std::string read(const v1::HttpRequest& from, http::Message& to) {
  if (from.method().empty() || !http::all(http::Chars::kToken, from.method()))
    return "its method is none";
  if (!http::is_authority(from.authority())) return "its host is none";
  if (!http::is_path(from.path()) || !http::all(http::Chars::kTarget, from.path()))
    return "its path is none";
  bool fits = to.set_method(from.method()) && to.set_authority(from.authority()) &&
              to.set_path(from.path());
  if (to.method == http::Method::kConnect) return "CONNECT opens no tunnel here";
  for (const v1::HeaderValue& field : from.headers()) {
    if (field.name().empty() || !http::all(http::Chars::kToken, field.name()))
      return fmt::format("\"{}\" is no header's name", field.name());
    const http::FieldId id = http::field_id_of(field.name());
    if (http::is_hop_by_hop(id) || id == http::FieldId::kHost ||
        id == http::FieldId::kContentLength)
      return fmt::format("{} is of a connection or a frame, and no rule sees it", field.name());
    if (!std::ranges::all_of(field.value(), http::is_field_text))
      return fmt::format("the value of {} has characters that no header has", field.name());
    fits = fits && to.fields.add(field.name(), field.value());
  }
  if (!fits) return "its head is too large";
  const http::Refusal refusal = http::normalize_path(to);
  return refusal == http::Refusal::kNone ? "" : std::string(http::name_of(refusal));
}

void tell_change(const char* which, const policy::HttpFieldChange& change, Telling& telling) {
  std::string text;
  const auto add = [&](std::string part) { text += (text.empty() ? "" : ", ") + std::move(part); };
  for (const policy::HttpField& each : change.set)
    add(fmt::format("{} set to {}", each.name, each.value));
  for (const policy::HttpField& each : change.add)
    add(fmt::format("{} added: {}", each.name, each.value));
  for (const std::string& name : change.remove) add(name + " removed");
  if (!text.empty()) telling.line("headers", "of the {}: {}", which, text);
}

void tell_rewrite(const policy::HttpRewrite& rewrite, Telling& telling) {
  if (!rewrite.host.empty()) telling.line("rewrite", "host {}", rewrite.host);
  if (rewrite.path_kind == policy::HttpRewrite::Path::kFull)
    telling.line("rewrite", "path {}", rewrite.path);
  if (rewrite.path_kind == policy::HttpRewrite::Path::kPrefix)
    telling.line("rewrite", "{} in the place of the prefix", rewrite.path);
}

void tell_redirect(const policy::HttpRedirect& to, Telling& telling) {
  std::string where;
  const auto add = [&](const char* what, std::string_view value) {
    if (!value.empty()) where += fmt::format("{}{} {}", where.empty() ? "" : ", ", what, value);
  };
  add("scheme", to.scheme);
  add("host", to.host);
  add("port", to.port == 0 ? "" : fmt::format("{}", to.port));
  if (to.path_kind != policy::HttpRedirect::Path::kKeep)
    add(to.path_kind == policy::HttpRedirect::Path::kFull ? "path" : "prefix", to.path);
  telling.line("answer", "{} by the rule, elsewhere: {}", to.status, where);
}

void tell_times(const policy::HttpTarget& target, Telling& telling) {
  const auto tell = [&](const char* what, Duration time) {
    if (time != Duration()) telling.line("time-out", "{} {} ms", what, time.ns() / 1'000'000);
  };
  tell("request", target.request_timeout);
  tell("idle", target.stream_idle);
  tell("connect", target.connect);
}

// The rule's part; false: the rule answers.
bool tell_rule(const policy::HttpTarget& target, const policy::HttpMatched& matched,
               const policy::Model& model, Telling& telling) {
  telling.line("route", "{} http[{}] matches[{}]", model.route_name(target.route), target.rule,
               matched.match);
  tell_times(target, telling);
  if (target.direct) {
    telling.line("answer", "{} by the rule, {} bytes", target.direct->status,
                 target.direct->body.size());
  } else if (target.redirect) {
    tell_redirect(*target.redirect, telling);
  } else {
    if (target.rewrite) tell_rewrite(*target.rewrite, telling);
    tell_change("request", target.request, telling);
  }
  tell_change("response", target.response, telling);
  return !target.direct && !target.redirect;
}

// The backends, and one endpoint as an example, as each request is drawn anew.
void tell_drawn(std::span<const policy::Choice> choices, const policy::Decision& decision,
                const RequestPlace& place, Telling& telling) {
  uint32_t before = 0;
  for (const policy::Choice& choice : choices) {
    if (choices.size() > 1)
      telling.line("backend", "{}, weight {} of {}", place.model.cluster_name(choice.cluster),
                   choice.until - before, choices.back().until);
    before = choice.until;
  }
  if (decision.verdict != policy::Verdict::kForward)
    return telling.line("endpoint", "none that takes requests");
  const auto* workload = place.model.workload_at(decision.endpoint->address);
  telling.line("endpoint", "drawn for each request; {}{}{} for example",
               decision.endpoint->address.text(), workload == nullptr ? "" : " ",
               workload == nullptr ? "" : workload->key.name);
}

// As the data plane takes them: tokens alone may tell of them.
void strip_claims(const policy::Frontend& frontend, http::Fields& fields) {
  if (frontend.claim_names == nullptr) return;
  fields.remove_if([&](const http::Field& field) {
    return field.id == http::FieldId::kOther && frontend.claim_names->tells(fields.name(field));
  });
}

}  // namespace

void explain_request(const RequestPlace& place, const v1::HttpRequest& request, Telling& telling) {
  const policy::Frontend& frontend = *place.snapshot.frontends[place.frontend];
  std::vector<uint8_t> memory(kMemory);
  http::Message message(memory);
  if (const std::string why = read(request, message); !why.empty())
    return telling.line("answer", "400 bad_request: {}", why);
  telling.line("request", "{} {}{}", message.method_text(), message.authority(), message.path());
  strip_claims(frontend, message.fields);
  policy::HttpMatched matched;
  const bool takes = frontend.takes_host(message.authority());
  if (frontend.http != nullptr && takes)
    matched = frontend.http->find(message, place.flow.identified ? place.flow.in : kNoInterface);
  if (frontend.asks_tokens()) tell_tokens(place, matched.target, telling);
  if (!tell_request_access(place, message, telling)) return telling.line("answer", "403 denied");
  if (!takes)
    return telling.line("answer", "404 no_route: the listener takes no requests for this host");
  if (frontend.http != nullptr) {
    if (matched.target == nullptr)
      return telling.line("answer", "404 no_route: no rule of the {}'s Routes fits",
                          frontend.edge ? "gateway" : "service");
    const bool answers = !tell_rule(*matched.target, matched, place.model, telling);
    if (matched.target->cors != nullptr) tell_cors(*matched.target->cors, message, telling);
    tell_limits(place, matched.target, message, telling);
    if (answers) return;
  } else {
    telling.line("route", "none: the service's own endpoints");
    tell_limits(place, nullptr, message, telling);
  }
  tell_faults(place, matched.target, message, telling);
  const policy::BackendTerms& terms = policy::leading_terms(frontend, matched.target);
  const bool has_affinity = tell_affinity({place, terms}, message, telling);
  const uint64_t hash = policy::hash_of_request(terms, place.flow, message,
                                                policy::hash_of(place.flow, policy::HashOn::kFlow));
  if (matched.target != nullptr && matched.target->mirror)
    tell_mirror(place, *matched.target, hash, telling);
  const policy::Decision decision =
      policy::decide_request(place.snapshot, place.frontend, place.flow, matched.target, hash);
  const std::span<const policy::Choice> choices =
      matched.target == nullptr ? frontend.choices : matched.target->choices;
  if (choices.empty()) return telling.line("answer", "503 no_endpoint: every backend has weight 0");
  if (has_affinity)
    tell_endpoint({decision, choices, terms}, place.snapshot, place.model, telling);
  else
    tell_drawn(choices, decision, place, telling);
  if (decision.verdict != policy::Verdict::kForward)
    return telling.line("answer", "503 no_endpoint");
  policy::Flow there = policy::behind(frontend, place.flow);
  there.destination = decision.endpoint->address;
  there.destination_port = decision.port;
  if (matched.target != nullptr && !become_sent(*matched.target, matched.prefix, message))
    return telling.line("answer", "400 bad_request: with what the rule adds it is too large");
  if (!decision.terms->may_ask_for(message.authority()))
    return telling.line("answer", "404 no_route: the ExternalService takes no requests for {}",
                        message.authority());
  const policy::RequestHead sent = policy::RequestHead::of(message);
  if (!tell_guard(there, place.snapshot, place.model, telling, &sent))
    return telling.line("answer", "403 denied, where it is this endpoint");
  const char* inner = decision.terms->upstream_http == policy::HttpUpstream::kAsClient
                          ? version_of(*decision.terms)
                          : "HTTP/2";
  if (!tell_mesh({decision, place.flow, frontend, place.snapshot, place.model}, inner, telling))
    return telling.line("answer", "403 denied, where it is this endpoint");
  telling.line("endpoint", "spoken to in {}", version_of(*decision.terms));
  if (decision.terms != &frontend) tell_upstream_tls(*decision.terms, telling);
}

}  // namespace heddle::server
