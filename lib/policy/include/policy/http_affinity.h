// HttpAffinity: which field or cookie of requests says to which endpoint they go.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/time.h"

namespace heddle::http {
enum class FieldId : uint8_t;
}

namespace heddle::policy {

// Of a frontend whose hash_on is kHeader or kCookie.
struct HttpAffinity {
  std::string name;     // of the field, in small letters, or of the cookie
  http::FieldId field;  // which that is, or that of Cookie
  // A client without the cookie is given one that it keeps for so long, 0: until its session ends;
  // none: it is given none.
  std::optional<Duration> cookie_ttl;
  // What follows "NAME=VALUE" in Set-Cookie then (RFC 6265 4.1): "; Path=/; HttpOnly; Max-Age=60".
  // To clients that speak TLS "; Secure" is added.
  std::string cookie_attributes;
  friend bool operator==(const HttpAffinity&, const HttpAffinity&) = default;
};

}  // namespace heddle::policy
