// Verifier: whether a JWT in compact form (RFC 7519, RFC 7515 3.1) is genuine and taken by rules.
//
//   auto library = Library::create();                       // once a worker
//   auto verifier = Verifier::create(*library, keys, rules); // at each change of either
//   auto claims = (*verifier)->verify(token, now);
//
// All objects are used by one thread, so that no reference of OpenSSL's is counted by two.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <string_view>

#include "core/result.h"
#include "core/unix_time.h"
#include "jwt/claims.h"
#include "jwt/key_set.h"
#include "jwt/refusal.h"
#include "jwt/rules.h"

namespace heddle::jwt {

// A token without kid is tried with every key of its alg, if they are no more than this.
inline constexpr uint32_t kMaxTried = 8;

// SHA-256 over the keys, the rules and a token: what a verdict may be remembered by.
using TokenDigest = std::array<uint8_t, 32>;

// OpenSSL's own state of one thread: a library context with its provider loaded.
class Library {
 public:
  static Result<std::unique_ptr<Library>> create();
  ~Library();

  struct Parts;
  const Parts& parts() const { return *parts_; }

 private:
  explicit Library(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

class Verifier {
 public:
  // The library outlives the verifier; keys and rules are copied. Errors name what is wrong.
  static Result<std::unique_ptr<Verifier>> create(const Library& library, const KeySet& keys,
                                                  const Rules& rules);
  ~Verifier();

  // `token` is all there is: no scheme before it, no blank around it. Allocates, as OpenSSL does.
  std::expected<Claims, Refusal> verify(std::string_view token, UnixTime now);

  // The same under the same keys and rules, for whichever verifier. Does not allocate.
  TokenDigest digest(std::string_view token) const;

  const Rules& rules() const;
  // How many signatures were looked at: what verify() has cost. A token without kid may take
  // several.
  uint64_t signatures() const;

  struct Parts;

 private:
  explicit Verifier(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace heddle::jwt
