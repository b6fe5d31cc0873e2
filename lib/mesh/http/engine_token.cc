// What requests show of who sends them: the token that policy asks for (RFC 6750).
#include <utility>

#include "engine.h"
#include "mesh/jwt_gate.h"
#include "text.h"

namespace heddle::mesh {

namespace {

// Of an exchange's claims, that are kept for the next: longer ones are seldom.
constexpr size_t kMostKept = 4'096;

}  // namespace

Client HttpEngine::client_of(Exchange& x) {
  Client client = client_of(peer_of(x, kClient));
  client.claims = x.claims ? &*x.claims : nullptr;
  client.claims_open = x.asks_first;
  return client;
}

// Whether requests may be asked for a token; what tokens alone may tell of is gone.
bool HttpEngine::take_claim_names(Exchange& x) {
  HttpTokens tokens = policy_.tokens(x.frontend);
  x.claim_names = std::move(tokens.names);
  if (x.claim_names != nullptr) JwtGate::strip_head(*x.claim_names, x.request->fields);
  strip_trailers(x);
  return tokens.asked;
}

// They come with the body's end, if any do.
void HttpEngine::strip_trailers(Exchange& x) {
  if (x.claim_names != nullptr) JwtGate::strip_trailers(*x.claim_names, x.request->trailers);
}

// A browser sends no token with the question that goes before its request; the rule answers it,
// where policy would let the request in with some token. Who is not let in learns no more of a rule
// than that it asks for a token.
bool HttpEngine::authenticate(Exchange& x, const HttpRoute* route, HttpToken& token) {
  std::vector<uint8_t>& claims = claims_[x.slot];
  if (claims.capacity() > kMostKept) claims = std::vector<uint8_t>();
  claims.clear();
  if (x.asks_first) {
    x.path = without_query(x.path);  // as of the request that will come
  } else {
    token = policy_.authenticate({x.frontend, route, *x.request}, claims);
    // Without a token in its query, for who is told of it.
    x.path = x.request->path();
    if (token.fault == HttpFault::kBadRequest) x.path = without_query(x.path);
    if (!claims.empty()) x.claims.emplace(claims);
    if (token.fault != HttpFault::kNone) {
      fail(x, token.fault);
      return false;
    }
  }
  if (admit(x)) return true;
  x.route = {};
  x.rule = kNoSlot;
  x.deadline = kNever;
  x.cors = false;
  return false;
}

bool HttpEngine::tell_token(Exchange& x, const HttpToken& token) {
  return policy_.tell_token({x.frontend, &x.route, *x.request}, token,
                            x.claims ? &*x.claims : nullptr);
}

}  // namespace heddle::mesh
