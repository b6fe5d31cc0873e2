// SPIFFE IDs: what is taken has the form that it says it has.
#include "support.h"
#include "tls/spiffe.h"

using heddle::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto id = heddle::tls::parse_spiffe_id(text);
  if (!id) return 0;
  require(size <= heddle::tls::kMaxSpiffeId && heddle::tls::is_trust_domain(id->trust_domain));
  require(text.size() == 9 + id->trust_domain.size() + id->path.size());
  require(id->path.size() >= 2 && id->path.front() == '/' && id->path.back() != '/');
  require(id->path.find("/../") == std::string_view::npos);
  require(id->name_space.empty() == id->service_account.empty());
  return 0;
}
