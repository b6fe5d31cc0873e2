#include "jwt/key_set.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base64url.h"
#include "json.h"
#include "signature.h"

namespace heddle::jwt {

namespace {

constexpr JsonLimits kLimits{.bytes = kMaxKeySetBytes, .depth = 8, .members = 64, .values = 4096};

// The private parts of any kind of key (RFC 7518 6.2.2, 6.3.2 and 6.4.1, RFC 8037 2).
constexpr std::array<std::string_view, 8> kSecrets{"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

// What is wrong with a key, or the key.
using Read = std::expected<PublicKey, std::string>;

template <class... Args>
std::unexpected<std::string> skip(fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(fmt::format(format, std::forward<Args>(args)...));
}

constexpr uint64_t kWorkUnit = uint64_t{2048} * 2048 * 2048;  // KeySet::rsa_work

// Names in messages are the document's own: a part of them, as they may be anything.
std::string shown(std::string_view text) {
  std::string result(text.substr(0, 64));
  for (char& c : result)
    if (c < ' ' || c > '~') c = '?';
  return result;
}

std::optional<std::string_view> text_member(json::object jwk, std::string_view name) {
  const auto found = member(jwk, name);
  return found ? string_of(*found) : std::nullopt;
}

// A Base64urlUInt has no zeros in front (RFC 7518 2); the coordinates and Ed25519's have one
// length.
std::optional<std::vector<uint8_t>> bytes_member(json::object jwk, std::string_view name) {
  const auto text = text_member(jwk, name);
  return text ? decode_base64url(*text) : std::nullopt;
}

bool is_number(const std::optional<std::vector<uint8_t>>& bytes) {
  return bytes && !bytes->empty() && bytes->front() != 0;
}

Read read_rsa(json::object jwk) {
  auto modulus = bytes_member(jwk, "n");
  const auto exponent = bytes_member(jwk, "e");
  if (!is_number(modulus) || !is_number(exponent))
    return skip("n or e is missing or no base64url number without zeros in front");
  const size_t bits = modulus->size() * 8 - static_cast<size_t>(std::countl_zero(modulus->front()));
  if (bits < kMinRsaBits || bits > kMaxRsaBits || bits % 8 != 0)
    return skip("an RSA key of {} bits; {} to {} are taken, in whole bytes", bits, kMinRsaBits,
                kMaxRsaBits);
  PublicKey key{.algorithm = Algorithm::kRs256, .bytes = std::move(*modulus)};
  if (exponent->size() > sizeof key.exponent) return skip("e has more than 32 bits");
  for (const uint8_t byte : *exponent) key.exponent = key.exponent << 8 | byte;
  if (key.exponent < 3 || key.exponent % 2 == 0) return skip("e is not an odd number above 1");
  return key;
}

Read read_p256(json::object jwk) {
  const auto curve = text_member(jwk, "crv");
  if (curve != "P-256") return skip("its curve is '{}', not P-256", shown(curve.value_or("")));
  const auto x = bytes_member(jwk, "x");
  const auto y = bytes_member(jwk, "y");
  if (!x || !y || x->size() != 32 || y->size() != 32)
    return skip("x or y is missing or not 32 bytes of base64url");
  PublicKey key{.algorithm = Algorithm::kEs256, .bytes = std::vector<uint8_t>(65)};
  key.bytes[0] = 0x04;
  std::ranges::copy(*x, key.bytes.begin() + 1);
  std::ranges::copy(*y, key.bytes.begin() + 33);
  return key;
}

Read read_ed25519(json::object jwk) {
  const auto curve = text_member(jwk, "crv");
  if (curve != "Ed25519") return skip("its curve is '{}', not Ed25519", shown(curve.value_or("")));
  auto x = bytes_member(jwk, "x");
  if (!x || x->size() != 32) return skip("x is missing or not 32 bytes of base64url");
  return PublicKey{.algorithm = Algorithm::kEdDsa, .bytes = std::move(*x)};
}

Read read_kind(json::object jwk) {
  const auto kind = text_member(jwk, "kty");
  if (kind == "RSA") return read_rsa(jwk);
  if (kind == "EC") return read_p256(jwk);
  if (kind == "OKP") return read_ed25519(jwk);
  return skip("its kty is '{}', not RSA, EC or OKP", shown(kind.value_or("")));
}

// What the document says that the key is for (RFC 7517 4.2 and 4.3).
std::optional<std::string> other_use(json::object jwk) {
  if (const auto use = member(jwk, "use"); use && string_of(*use) != "sig")
    return "its use is not sig";
  const auto operations = member(jwk, "key_ops");
  if (!operations) return {};
  json::array list;
  if (operations->get(list) == simdjson::SUCCESS)
    for (const json::element each : list)
      if (string_of(each) == "verify") return {};
  return "its key_ops lack verify";
}

Read read_key(json::object jwk) {
  if (auto other = other_use(jwk)) return std::unexpected(std::move(*other));
  auto key = read_kind(jwk);
  if (!key) return key;
  if (const auto algorithm = member(jwk, "alg");
      algorithm && string_of(*algorithm) != name_of(key->algorithm))
    return skip("its alg is '{}', not {}", shown(string_of(*algorithm).value_or("")),
                name_of(key->algorithm));
  if (const auto kid = member(jwk, "kid")) {
    const auto text = string_of(*kid);
    if (!text || text->empty() || text->size() > kMaxKidBytes)
      return skip("its kid is not a string of 1 to {} bytes", kMaxKidBytes);
    key->kid = std::string(*text);
  }
  return key;
}

std::string refused(Refusal refusal) {
  switch (refusal) {
    case Refusal::kTooLarge:
      return fmt::format("more than {} members or elements, {} members of one object, or {} levels",
                         kLimits.values, kLimits.members, kLimits.depth);
    case Refusal::kDuplicateMember:
      return "an object has two members of one name";
    case Refusal::kLibrary:
      return "no memory is left to read it";
    default:
      return "it is no JSON object";
  }
}

Result<json::array> keys_of(std::expected<json::object, Refusal> root) {
  if (!root) return fail("JWKS: {}", refused(root.error()));
  json::array keys;
  const auto found = member(*root, "keys");
  if (!found || found->get(keys) != simdjson::SUCCESS)
    return fail("JWKS: it has no list 'keys' (RFC 7517 5)");
  if (keys.size() > kMaxKeys) return fail("JWKS: {} keys; {} are allowed", keys.size(), kMaxKeys);
  return keys;
}

Result<json::object> public_part(json::element element, size_t at) {
  json::object jwk;
  if (element.get(jwk) != simdjson::SUCCESS) return fail("JWKS: keys[{}] is no object", at);
  for (const std::string_view secret : kSecrets)
    if (member(jwk, secret))
      return fail(
          "JWKS: keys[{}] has the member '{}': a secret, which has no place in a set of "
          "public keys; take the key out and replace it where it is used",
          at, secret);
  return jwk;
}

// Looking whether a number is prime takes the third power of its length.
uint64_t work_of(const PublicKey& key) {
  if (key.algorithm != Algorithm::kRs256) return 0;
  const uint64_t bits = key.bytes.size() * 8;
  return (bits * bits * bits + kWorkUnit - 1) / kWorkUnit;
}

}  // namespace

uint64_t KeySet::rsa_work(std::string_view json) {
  if (json.size() > kMaxKeySetBytes) return 0;
  auto reader = JsonReader::create(kLimits);
  if (!reader) return 0;
  std::ranges::copy(json, reader->buffer().begin());
  const auto keys = keys_of(reader->read(json.size()));
  if (!keys) return 0;
  uint64_t work = 0;
  for (const json::element element : *keys) {
    json::object jwk;
    if (element.get(jwk) != simdjson::SUCCESS) return 0;
    if (const auto key = read_key(jwk)) work += work_of(*key);
  }
  return work;
}

Result<KeySet> KeySet::parse(std::string_view json) {
  if (json.size() > kMaxKeySetBytes)
    return fail("JWKS: {} bytes; {} are allowed", json.size(), kMaxKeySetBytes);
  auto reader = JsonReader::create(kLimits);
  if (!reader) return std::unexpected(reader.error());
  std::ranges::copy(json, reader->buffer().begin());
  const auto keys = keys_of(reader->read(json.size()));
  if (!keys) return std::unexpected(keys.error());
  KeySet set;
  const LibCtxPtr library(OSSL_LIB_CTX_new());
  size_t at = 0;
  for (const json::element element : *keys) {
    const auto jwk = public_part(element, at);
    if (!jwk) return std::unexpected(jwk.error());
    auto key = read_key(*jwk);
    if (key) {
      const PkeyPtr loaded = load_key(library.get(), *key);
      if (loaded == nullptr || !is_sound(library.get(), loaded.get()))
        key = skip("its numbers are no {} key", name_of(key->algorithm));
    }
    if (!key) {
      const std::string kid = shown(text_member(*jwk, "kid").value_or(""));
      set.notes_.push_back(fmt::format("keys[{}] (kid '{}'): {}", at, kid, key.error()));
    } else {
      for (const PublicKey& other : set.keys_)
        if (key->kid && other.kid == key->kid)
          return fail("JWKS: two keys have the kid '{}'", shown(*key->kid));
      set.keys_.push_back(std::move(*key));
    }
    ++at;
  }
  if (set.keys_.empty())
    return fail("JWKS: no key that can be used{}{}", set.notes_.empty() ? "" : "; ",
                set.notes_.empty() ? "" : set.notes_.front());
  return set;
}

}  // namespace heddle::jwt
