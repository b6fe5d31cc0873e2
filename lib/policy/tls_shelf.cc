#include "tls_shelf.h"

#include "core/check.h"
#include "tls_use.h"

namespace heddle::policy {

Result<> TlsShelf::stage(TlsUse wanted) {
  if (TlsUsePtr there = find(wanted)) {
    staged_.push_back(std::move(there));
    return {};
  }
  HEDDLE_CHECK(maker_ != nullptr, "TLS is refused where nobody can make it ready");
  auto ready = maker_->make(wanted.config);
  if (!ready) return std::unexpected(ready.error());
  wanted.ready = std::move(*ready);
  auto use = std::make_shared<const TlsUse>(std::move(wanted));
  uses_[use->config.name].push_back(use);
  staged_.push_back(std::move(use));
  return {};
}

TlsUsePtr TlsShelf::find(const TlsUse& wanted) const {
  const auto named = uses_.find(wanted.config.name);
  if (named == uses_.end()) return nullptr;
  for (const auto& each : named->second) {
    TlsUsePtr use = each.lock();
    if (use != nullptr && use->server_name == wanted.server_name && use->config == wanted.config)
      return use;
  }
  return nullptr;
}

void TlsShelf::settle() {
  if (staged_.empty()) return;
  staged_.clear();
  for (auto named = uses_.begin(); named != uses_.end();) {
    std::erase_if(named->second, [](const auto& use) { return use.expired(); });
    named = named->second.empty() ? uses_.erase(named) : std::next(named);
  }
}

size_t TlsShelf::bytes() const {
  size_t bytes = 0;
  for (const auto& [name, uses] : uses_)
    for (auto use = uses.rbegin(); use != uses.rend(); ++use)
      if (const TlsUsePtr alive = use->lock()) {
        bytes += pem_bytes(alive->config);
        break;
      }
  return bytes;
}

}  // namespace heddle::policy
