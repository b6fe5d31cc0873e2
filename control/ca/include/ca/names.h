// The names that certificates are made for.
#pragma once

#include <string>
#include <string_view>

namespace heddle::ca {

// Namespaces, service accounts and resources: at most 63 small letters, digits and hyphens, and no
// hyphen first or last (RFC 1123 2.1).
bool is_label(std::string_view text);

// A host by its name, as "shop.example" or "*.shop.example": at most 253 bytes in small letters.
bool is_host_name(std::string_view text);

// A serial as certificates are listed by: 32 small hexadecimal digits. Takes capitals, colons and
// zeros left out as well; empty for what is no serial of at most 128 bits.
std::string serial_of_text(std::string_view text);

}  // namespace heddle::ca
