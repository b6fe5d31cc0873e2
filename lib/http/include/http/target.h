// Request targets and authorities, the same for HTTP/1.1 and HTTP/2 (RFC 9112 3.2, RFC 9110 7.2,
// RFC 3986 3.2). Percent-encoding and dot segments stay as they came until normalize_path().
#pragma once

#include <string_view>

#include "http/message.h"
#include "http/refusals.h"

namespace heddle::http {

// host or host:port; a name, an IPv4 address or a bracketed IPv6 address. No user information, no
// empty host or port, and no character that some server could read as a separator.
bool is_authority(std::string_view text);
// The same, and a port is there.
bool is_authority_with_port(std::string_view text);

// "/" and what may follow.
bool is_path(std::string_view text);

// The path as rules and endpoints are to read it, so that they read the same (RFC 3986 6.2.2):
// percent-encoded letters, digits and -._~ become themselves, other encodings get capitals, dot
// segments go. An encoded slash stays what it is. kBadTarget: an encoding that is none or is of a
// NUL, or dots that lead above the root. The query stays as it is.
Refusal normalize_path(Message& message);

// Sorts a target of HTTP/1 into scheme, authority and path. The method is set already.
Refusal take_target(std::string_view target, Message& message);

}  // namespace heddle::http
