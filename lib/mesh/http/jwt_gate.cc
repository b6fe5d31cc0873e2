#include "mesh/jwt_gate.h"

#include <algorithm>
#include <array>

#include "core/check.h"
#include "http/chars.h"
#include "jwt/verifier.h"
#include "policy/limits.h"
#include "text.h"

namespace heddle::mesh {

namespace {

using policy::JwtPlace;

// A head's lines have no more.
constexpr size_t kMostText = 16'384;

// What is in the places for a token: none, one, or more than anybody can tell apart.
struct Found {
  uint32_t count = 0;
  std::string_view token;
  void add(std::string_view text) {
    if (count++ == 0) token = text;
  }
};

// Behind the prefix and its blanks; none: it does not begin so.
std::optional<std::string_view> without_prefix(std::string_view value, std::string_view prefix) {
  if (prefix.empty()) return value;
  if (value.size() < prefix.size() ||
      !http::same_ignoring_case(value.substr(0, prefix.size()), prefix))
    return {};
  value.remove_prefix(prefix.size());
  if (!value.empty() && !http::is_blank(value.front())) return {};
  return http::trim(value);
}

// Calls take(field) for the fields of the place.
template <class Take>
void each_field(const JwtPlace& place, const http::Fields& fields, Take&& take) {
  for (uint16_t i = 0; i < fields.size(); ++i)
    if (fields.name(fields[i]) == place.name) take(fields[i]);
}

// Calls take(whole, name, value) for the parts of a text between separators.
template <class Take>
void each_pair(std::string_view text, char separator, Take&& take) {
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    const std::string_view whole =
        separator == ';' ? http::trim(text.substr(0, end)) : text.substr(0, end);
    const size_t equals = whole.find('=');
    const bool has_value = equals != std::string_view::npos;
    take(whole, whole.substr(0, equals), has_value ? whole.substr(equals + 1) : std::string_view());
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string_view query_of(std::string_view path) {
  const size_t mark = path.find('?');
  return mark == std::string_view::npos ? std::string_view() : path.substr(mark + 1);
}

template <class Take>
void each_cookie(const http::Fields& fields, Take&& take) {
  for (uint16_t i = 0; i < fields.size(); ++i)
    if (fields[i].id == http::FieldId::kCookie) each_pair(fields.value(fields[i]), ';', take);
}

Found find(const JwtPlace& place, const http::Message& request) {
  Found found;
  const auto of_name = [&](std::string_view, std::string_view name, std::string_view value) {
    if (name == place.name) found.add(value);
  };
  switch (place.kind) {
    case JwtPlace::Kind::kHeader: {
      uint32_t fields = 0;
      each_field(place, request.fields, [&](const http::Field& field) {
        ++fields;
        const auto token = without_prefix(request.fields.value(field), place.prefix);
        if (token) found.add(*token);
      });
      // A second one makes it doubtful which counts, whatever they say.
      if (fields > 1) found.count = fields;
      break;
    }
    case JwtPlace::Kind::kQuery:
      each_pair(query_of(request.path()), '&', of_name);
      break;
    case JwtPlace::Kind::kCookie:
      each_cookie(request.fields, of_name);
      break;
  }
  return found;
}

bool drop_cookie(std::string_view name, http::Fields& fields) {
  Text<kMostText> kept;
  each_cookie(fields, [&](std::string_view whole, std::string_view its, std::string_view) {
    if (its == name) return;
    if (!kept.view().empty()) kept.put("; ");
    kept.put(whole);
  });
  if (kept.full()) return false;
  if (!kept.view().empty()) return fields.set(http::FieldId::kCookie, kept.view());
  fields.remove(http::FieldId::kCookie);
  return true;
}

bool drop_parameter(std::string_view name, http::Message& request) {
  Text<kMostText> kept;
  kept.put(request.path().substr(0, request.path().find('?')));
  bool any = false;
  each_pair(query_of(request.path()), '&',
            [&](std::string_view whole, std::string_view its, std::string_view) {
              if (its == name) return;
              kept.put(any ? "&" : "?");
              kept.put(whole);
              any = true;
            });
  return !kept.full() && request.set_path(kept.view());
}

bool is_text(jwt::ClaimKind kind) {
  return kind == jwt::ClaimKind::kString || kind == jwt::ClaimKind::kNumber ||
         kind == jwt::ClaimKind::kBool;
}

bool hide_in_query(const policy::JwtCheck& check, http::Message& request) {
  for (const auto& provider : check.providers) {
    const JwtPlace& place = provider->spec().from;
    if (place.kind != JwtPlace::Kind::kQuery || find(place, request).count == 0) continue;
    if (!drop_parameter(place.name, request)) return false;
  }
  return true;
}

// Tokens that endpoints are not to get. That of a provider who forwards its own stays, also where
// another looks in the same place. False: there is no room.
bool take_out(const policy::JwtCheck& check, const HttpToken& token, http::Message& request) {
  const policy::JwtProvider* of = token.provider == nullptr ? nullptr : &token.provider->spec();
  for (const auto& provider : check.providers) {
    const JwtPlace& place = provider->spec().from;
    if (provider->spec().forward || find(place, request).count == 0) continue;
    if (of != nullptr && of->forward && of->from.kind == place.kind && of->from.name == place.name)
      continue;
    if (place.kind == JwtPlace::Kind::kHeader) request.fields.remove(place.name);
    if (place.kind == JwtPlace::Kind::kCookie && !drop_cookie(place.name, request.fields))
      return false;
  }
  return true;
}

// What is no text that a header may have is left out, and what is too long with what was told
// before it.
bool tell_claims(const policy::JwtTarget& provider, const jwt::ClaimsView& claims,
                 http::Fields& fields) {
  size_t room = policy::kMaxClaimHeaderBytes;
  for (const auto& [path, header] : provider.spec().claim_headers) {
    const std::optional<jwt::Claim> claim = claims.find(path);
    if (!claim || !is_text(claim->kind())) continue;
    const std::string_view text = claim->text();
    const bool legal = header.size() + text.size() <= room &&
                       std::ranges::all_of(text, http::is_field_text) && http::trim(text) == text;
    if (!legal) continue;
    if (!fields.add(header, text)) return false;
    room -= header.size() + text.size();
  }
  return true;
}

}  // namespace

JwtGate::JwtGate(WorkerId worker, std::span<JwtCounters> counters, const JwtLimits& limits)
    : worker_(worker),
      counters_(counters),
      cache_([&] {
        auto cache = jwt::VerifiedCache::create(limits.cache);
        HEDDLE_CHECK(cache.has_value(), "limits of the cache are constants");
        return std::move(*cache);
      }()),
      cost_(seconds(1) / std::max<uint32_t>(limits.signatures_per_second, 1)),
      depth_(cost_ * limits.signatures_at_once) {}

void JwtGate::strip_head(const policy::ClaimNames& names, http::Fields& fields) {
  fields.remove_if([&](const http::Field& field) {
    return field.id == http::FieldId::kOther && names.tells(fields.name(field));
  });
}

void JwtGate::strip_trailers(const policy::ClaimNames& names, http::Fields& trailers) {
  trailers.remove_if(
      [&](const http::Field& field) { return names.may_not_trail(trailers.name(field)); });
}

bool JwtGate::may_look(Instant now) {
  paid_until_ = std::max(paid_until_, now - depth_);
  return paid_until_ + cost_ <= now;
}

JwtGate::Verdict JwtGate::accept(const policy::JwtTarget& provider, jwt::ClaimsView claims) {
  of(provider).add(JwtEvent::kVerified);
  return {.fault = HttpFault::kNone, .provider = &provider, .claims = claims};
}

// What is known of any of the tokens comes first: it costs nothing that is bounded.
JwtGate::Verdict JwtGate::ask(const policy::JwtCheck& check, const http::Message& request,
                              UnixTime wall, Instant now) {
  std::array<Candidate, policy::kMaxJwtProviders> candidates;
  size_t count = 0;
  for (const auto& provider : check.providers) {
    const Found found = find(provider->spec().from, request);
    if (found.count == 0 || count == candidates.size()) continue;
    if (found.count > 1) {
      of(*provider).add(JwtEvent::kAmbiguous);
      return {.fault = HttpFault::kBadToken};
    }
    Candidate& candidate = candidates[count++];
    candidate.provider = provider.get();
    candidate.token = found.token;
    const auto known =
        cache_.look_up(provider->ready->of(worker_), found.token, wall, candidate.digest);
    if (!known) continue;
    if (*known) return accept(*provider, **known);
    candidate.refusal = known->error();
  }
  if (count > 0) return verify(std::span(candidates).first(count), wall, now);
  of(*check.providers.front()).add(check.required ? JwtEvent::kMissing : JwtEvent::kAnonymous);
  return {.fault = check.required ? HttpFault::kNoToken : HttpFault::kNone};
}

// Any that is good is enough. What was wrong is told of all where none is.
JwtGate::Verdict JwtGate::verify(std::span<Candidate> candidates, UnixTime wall, Instant now) {
  for (Candidate& each : candidates) {
    if (each.refusal) continue;
    if (!may_look(now)) {
      of(*each.provider).add(JwtEvent::kBusy);
      return {.fault = HttpFault::kTokensBusy};
    }
    jwt::Verifier& verifier = each.provider->ready->of(worker_);
    const uint64_t before = verifier.signatures();
    const auto claims = cache_.verify_anew(verifier, each.token, wall, each.digest);
    paid_until_ = paid_until_ + cost_ * static_cast<int64_t>(verifier.signatures() - before);
    if (claims) return accept(*each.provider, *claims);
    each.refusal = claims.error();
  }
  HttpFault fault = HttpFault::kBadToken;
  for (const Candidate& each : candidates) {
    of(*each.provider).add(*each.refusal);
    if (*each.refusal == jwt::Refusal::kLibrary) fault = HttpFault::kNoMemory;
  }
  return {.fault = fault};
}

HttpToken JwtGate::authenticate(const policy::JwtCheck& check, http::Message& request,
                                UnixTime wall, Instant now, std::vector<uint8_t>& claims) {
  const Verdict verdict = ask(check, request, wall, now);
  if (verdict.claims) {
    const auto block = verdict.claims->block();
    claims.assign(block.begin(), block.end());
  }
  HttpToken token{.fault = verdict.fault, .provider = verdict.provider};
  if (!hide_in_query(check, request)) token = {.fault = HttpFault::kBadRequest};
  return token;
}

bool JwtGate::tell(const policy::JwtCheck& check, const HttpToken& token,
                   const jwt::ClaimsView* claims, http::Message& request) {
  if (!take_out(check, token, request)) return false;
  return token.provider == nullptr || claims == nullptr ||
         tell_claims(*token.provider, *claims, request.fields);
}

}  // namespace heddle::mesh
