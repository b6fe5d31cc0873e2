// Hostile tokens and JWK Sets. The first byte says what the rest is: a set; a token; a header or a
// payload, which are signed here, so that what lies behind a genuine signature is reached.
#include <string>

#include "jwt/verified_cache.h"
#include "signer.h"
#include "support.h"

using namespace heddle;
using namespace heddle::jwt;
using heddle::fuzz::require;

namespace {

enum class Kind : uint8_t { kKeySet, kToken, kHeader, kPayload, kCount };

struct Gate {
  Gate() {
    const auto keys = KeySet::parse(key_set({signer.jwk(R"("kid":"a")")}));
    require(keys.has_value());
    library = *Library::create();
    verifier = std::move(*Verifier::create(*library, *keys, test_rules()));
  }
  Signer signer{Algorithm::kEdDsa};
  std::unique_ptr<Library> library;
  std::unique_ptr<Verifier> verifier;
  VerifiedCache cache = *VerifiedCache::create({.tokens = 16, .claim_bytes = 256});
};

void check_key_set(const Gate& gate, std::string_view json) {
  const auto keys = KeySet::parse(json);
  if (!keys) {
    require(!keys.error().text.empty());
    return;
  }
  require(!keys->keys().empty() && keys->keys().size() + keys->notes().size() <= kMaxKeys);
  // OpenSSL takes whatever was taken.
  require(Verifier::create(*gate.library, *keys, test_rules()).has_value());
}

void walk(const Claim& claim) {
  require(claim.kind() == ClaimKind::kString || claim.text().size() < 32);
  heddle::fuzz::use(claim.has("admin"));
  const uint32_t size = claim.size();
  require(size <= kMaxClaims && !claim.element(size));
  for (uint32_t i = 0; i < size; ++i) walk(*claim.element(i));
}

// Asked twice, the cache says what the verifier says.
bool check_token(Gate& gate, std::string_view token, UnixTime now) {
  const auto claims = gate.verifier->verify(token, now);
  for (int i = 0; i < 2; ++i) {
    const auto cached = gate.cache.verify(*gate.verifier, token, now);
    require(cached.has_value() == claims.has_value());
    if (!cached) require(cached.error() == claims.error());
    if (cached) {
      const auto a = cached->block();
      const auto b = claims->view().block();
      require(std::equal(a.begin(), a.end(), b.begin(), b.end()));
    }
  }
  if (!claims) return false;
  const ClaimsView view = claims->view();
  require(view.issuer() == kIssuer && view.expires() && view.refused_from() > now);
  for (const std::string_view path : {"aud", "groups", "realm.roles", "a.b.c", "", "."})
    if (const auto found = view.find(path)) walk(*found);
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Gate gate;
  if (size < 1) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (static_cast<Kind>(data[0] % static_cast<uint8_t>(Kind::kCount))) {
    case Kind::kKeySet:
      check_key_set(gate, rest);
      break;
    case Kind::kToken:
      // Nobody forges a signature.
      require(!check_token(gate, rest, kNow));
      break;
    case Kind::kHeader:
      check_token(gate, gate.signer.token(rest, payload()), kNow);
      break;
    case Kind::kPayload:
      check_token(gate, gate.signer.token(rest), kNow);
      // Behind claims that are taken.
      check_token(gate, gate.signer.token(payload(R"("exp":1800000060,)" + std::string(rest))),
                  kNow);
      break;
    case Kind::kCount:
      break;
  }
  return 0;
}
