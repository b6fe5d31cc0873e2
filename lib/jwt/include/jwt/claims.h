// Claims: the payload of a verified token, packed into one block of bytes that holds no pointers,
// so that a cache can copy it into a slot. ClaimsView reads such a block and lives as long as it
// does.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/unix_time.h"

namespace heddle::jwt {

inline constexpr uint32_t kMaxClaimDepth = 8;  // objects and arrays within each other
inline constexpr uint32_t kMaxClaims = 512;    // members and elements of a payload, in all
inline constexpr uint32_t kMaxMembers = 128;   // of one object

enum class ClaimKind : uint8_t { kNull, kBool, kNumber, kString, kList, kObject };

class ClaimsView;

// One member of an object, or one element of a list.
class Claim {
 public:
  ClaimKind kind() const { return kind_; }
  // Of a string its text; of a bool "true" or "false"; of an integer its decimal digits, of another
  // number the shortest text that reads as the same double (1e3 is "1000", 0.10 is "0.1"). Empty
  // for the other kinds.
  std::string_view text() const { return text_; }
  // A string, number or bool with this text, or a list with such an element. Never true of null,
  // an object, or a list in a list.
  bool has(std::string_view text) const;
  // Of a list: its number of elements, and one of them, which costs a walk. 0 and none for others.
  uint32_t size() const;
  std::optional<Claim> element(uint32_t index) const;

 private:
  friend class ClaimsView;
  ClaimKind kind_ = ClaimKind::kNull;
  std::string_view text_;
  std::span<const uint8_t> block_;
  uint32_t at_ = 0;
};

// Cheap to copy. The block is one that a Claims has made.
class ClaimsView {
 public:
  explicit ClaimsView(std::span<const uint8_t> block) : block_(block) {}

  // By name, or by a path of names with dots between them ("realm.roles"). A member whose own name
  // has the dots comes first ("https://a.example/roles").
  std::optional<Claim> find(std::string_view path) const;

  // iss and sub. Empty when there is no sub.
  std::string_view issuer() const;
  std::string_view subject() const;
  // exp, rounded down; none when the token never expires.
  std::optional<UnixTime> expires() const;
  // The first second at which the token is not taken any more: exp with the leeway of the rules.
  UnixTime refused_from() const;

  std::span<const uint8_t> block() const { return block_; }

 private:
  friend class Claim;
  Claim claim(uint32_t at) const;
  std::optional<Claim> find_in(uint32_t object, std::string_view path) const;
  std::string_view text_of(std::string_view name) const;
  std::span<const uint8_t> block_;
};

class Claims {
 public:
  // Of a block that claims_pack.h has made.
  explicit Claims(std::vector<uint8_t> block) : block_(std::move(block)) {}
  ClaimsView view() const { return ClaimsView(block_); }

 private:
  std::vector<uint8_t> block_;
};

}  // namespace heddle::jwt
