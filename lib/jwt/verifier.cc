#include "jwt/verifier.h"

#include <openssl/err.h>

#include <algorithm>

#include "base64url.h"
#include "claims_pack.h"
#include "json.h"
#include "registered_claims.h"
#include "sha256.h"
#include "signature.h"
#include "token.h"

namespace heddle::jwt {

namespace {

constexpr uint32_t kHeaderMembers = 32;
constexpr uint32_t kHeaderValues = 64;

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// Each with its length before it, so that no two lists of fields are the same bytes.
class Fields {
 public:
  void add(std::span<const uint8_t> bytes) {
    add(bytes.size());
    text_.insert(text_.end(), bytes.begin(), bytes.end());
  }
  void add(std::string_view text) { add(bytes_of(text)); }
  void add(uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8)
      text_.push_back(static_cast<uint8_t>(number >> shift));
  }
  std::span<const uint8_t> bytes() const { return text_; }

 private:
  std::vector<uint8_t> text_;
};

Fields fields_of(const KeySet& keys, const Rules& rules) {
  Fields fields;
  fields.add(rules.issuer);
  for (const auto* names : {&rules.audiences, &rules.types}) {
    fields.add(names->size());
    for (const std::string& name : *names) fields.add(name);
  }
  fields.add(rules.algorithms.size());
  for (const Algorithm each : rules.algorithms) fields.add(static_cast<uint64_t>(each));
  fields.add(static_cast<uint64_t>(rules.leeway.ns()));
  fields.add(rules.max_token_bytes);
  fields.add(rules.expiry_required ? 1 : 0);
  fields.add(keys.keys().size());
  for (const PublicKey& key : keys.keys()) {
    fields.add(static_cast<uint64_t>(key.algorithm));
    fields.add(key.kid ? 1 : 0);
    fields.add(key.kid.value_or(""));
    fields.add(key.bytes);
    fields.add(key.exponent);
  }
  return fields;
}

}  // namespace

Library::Library(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Library::~Library() = default;

Result<std::unique_ptr<Library>> Library::create() {
  auto parts = std::make_unique<Parts>();
  parts->library.reset(OSSL_LIB_CTX_new());
  if (parts->library == nullptr) return fail("JWT: no memory for OpenSSL's context");
  parts->provider.reset(OSSL_PROVIDER_load(parts->library.get(), "default"));
  ERR_clear_error();
  if (parts->provider == nullptr) return fail("JWT: OpenSSL's default provider does not load");
  return std::unique_ptr<Library>(new Library(std::move(parts)));
}

// The keys that a header names; no more than kMaxTried.
struct Candidates {
  std::array<const SignatureKey*, kMaxTried> keys;
  size_t count = 0;
  std::span<const SignatureKey* const> all() const { return {keys.data(), count}; }
};

struct Verifier::Parts {
  Parts(const Library::Parts& with, const Rules& by, JsonReader json)
      : library(&with), rules(by), reader(std::move(json)) {}

  std::expected<Candidates, Refusal> candidates(const Header& header) const;
  std::expected<Candidates, Refusal> keys_for(const TokenParts& token);
  std::optional<Refusal> check_signature(const TokenParts& token, const Candidates& candidates);
  std::expected<Claims, Refusal> claims_of(const TokenParts& token, UnixTime now);
  // The document that this part of a token is in the reader's buffer.
  bool decode(std::string_view part) { return decode_base64url(part, reader.buffer()); }

  const Library::Parts* library;
  Rules rules;
  std::vector<SignatureKey> keys;
  JsonReader reader;
  std::array<uint8_t, kMaxSignature> signature;
  MdCtxPtr signing{EVP_MD_CTX_new()};
  uint64_t looked_at = 0;  // signatures
  Sha256 fingerprint;      // has keys and rules
};

std::expected<Candidates, Refusal> Verifier::Parts::candidates(const Header& header) const {
  Candidates found;
  for (const SignatureKey& key : keys) {
    if (header.kid && key.kid() != header.kid) continue;
    if (key.algorithm() != header.algorithm) {
      if (header.kid) return std::unexpected(Refusal::kAlgNotAllowed);
      continue;
    }
    if (found.count == kMaxTried) return std::unexpected(Refusal::kUnknownKey);
    found.keys[found.count++] = &key;
  }
  if (found.count == 0) return std::unexpected(Refusal::kUnknownKey);
  return found;
}

std::expected<Candidates, Refusal> Verifier::Parts::keys_for(const TokenParts& token) {
  if (!decode(token.header)) return std::unexpected(Refusal::kBadBase64);
  const auto document =
      reader.read(decoded_size(token.header.size()), kHeaderMembers, kHeaderValues);
  if (!document) return std::unexpected(document.error());
  const auto header = read_header(*document, rules);
  if (!header) return std::unexpected(header.error());
  return candidates(*header);
}

std::optional<Refusal> Verifier::Parts::check_signature(const TokenParts& token,
                                                        const Candidates& candidates) {
  const size_t size = decoded_size(token.signature.size());
  if (size > signature.size()) return Refusal::kBadSignature;
  if (!decode_base64url(token.signature, signature)) return Refusal::kBadBase64;
  for (const SignatureKey* key : candidates.all()) {
    ++looked_at;
    const Verdict verdict =
        key->verify(signing.get(), token.signed_bytes, std::span(signature).first(size));
    if (verdict == Verdict::kGood) return {};
    if (verdict == Verdict::kFailed) return Refusal::kLibrary;
  }
  return Refusal::kBadSignature;
}

std::expected<Claims, Refusal> Verifier::Parts::claims_of(const TokenParts& token, UnixTime now) {
  if (!decode(token.payload)) return std::unexpected(Refusal::kBadBase64);
  const auto payload = reader.read(decoded_size(token.payload.size()));
  if (!payload) return std::unexpected(payload.error());
  const auto validity = check_claims(*payload, rules, now);
  if (!validity) return std::unexpected(validity.error());
  std::vector<uint8_t> block = pack_claims(*payload);
  set_expiry(block, validity->expires, validity->refused_from);
  return Claims(std::move(block));
}

Verifier::Verifier(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Verifier::~Verifier() = default;

Result<std::unique_ptr<Verifier>> Verifier::create(const Library& library, const KeySet& keys,
                                                   const Rules& rules) {
  HEDDLE_TRY(check(rules));
  auto reader = JsonReader::create({.bytes = rules.max_token_bytes,
                                    .depth = kMaxClaimDepth,
                                    .members = kMaxMembers,
                                    .values = kMaxClaims});
  if (!reader) return std::unexpected(reader.error());
  auto parts = std::make_unique<Parts>(library.parts(), rules, std::move(*reader));
  if (parts->signing == nullptr) return fail("JWT: no memory for OpenSSL's context");
  for (const PublicKey& key : keys.keys()) {
    auto loaded = SignatureKey::load(library.parts(), key);
    if (!loaded) return fail("JWT: OpenSSL does not take the key '{}'", key.kid.value_or(""));
    parts->keys.push_back(std::move(*loaded));
  }
  parts->fingerprint.add(fields_of(keys, rules).bytes());
  return std::unique_ptr<Verifier>(new Verifier(std::move(parts)));
}

std::expected<Claims, Refusal> Verifier::verify(std::string_view token, UnixTime now) {
  if (token.size() > parts_->rules.max_token_bytes) return std::unexpected(Refusal::kTooLarge);
  const auto split_token = split(token);
  if (!split_token) return std::unexpected(split_token.error());
  const auto candidates = parts_->keys_for(*split_token);
  if (!candidates) return std::unexpected(candidates.error());
  // Nothing of the payload is read before it is known whose it is.
  if (const auto refusal = parts_->check_signature(*split_token, *candidates))
    return std::unexpected(*refusal);
  return parts_->claims_of(*split_token, now);
}

TokenDigest Verifier::digest(std::string_view token) const {
  Sha256 hash = parts_->fingerprint;
  hash.add(bytes_of(token));
  return hash.digest();
}

const Rules& Verifier::rules() const { return parts_->rules; }
uint64_t Verifier::signatures() const { return parts_->looked_at; }

}  // namespace heddle::jwt
