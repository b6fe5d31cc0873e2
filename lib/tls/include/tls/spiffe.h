// SPIFFE IDs: who a workload is. spiffe://TRUST-DOMAIN/PATH, as the SPIFFE-ID standard has it; in
// our meshes the path is /ns/NAMESPACE/sa/SERVICE-ACCOUNT.
#pragma once

#include <optional>
#include <string_view>

namespace heddle::tls {

// Views into the text that was parsed.
struct SpiffeId {
  std::string_view trust_domain;
  std::string_view path;  // with its leading slash; never empty
  // Empty where the path has another form.
  std::string_view name_space;
  std::string_view service_account;
};

inline constexpr size_t kMaxSpiffeId = 2048;

// None for anything but a valid ID of a workload: at most 2,048 bytes, a trust domain of at most
// 255 of [a-z0-9.-_], segments of [a-zA-Z0-9.-_] of which none is empty, "." or "..".
std::optional<SpiffeId> parse_spiffe_id(std::string_view uri);

// A trust domain alone, as a bundle names it.
bool is_trust_domain(std::string_view name);

}  // namespace heddle::tls
