#include "jwt_shelf.h"

#include <algorithm>

namespace heddle::policy {

std::optional<JwtShelf::Refused> JwtShelf::stage(const ResourcePtr& provider) {
  const auto& spec = std::get<JwtProvider>(provider->spec);
  if (maker_ == nullptr)
    return Refused{"", "this heddled verifies no tokens: it is built or started without it"};
  const jwt::Rules rules = rules_of(spec);
  if (const auto good = jwt::check(rules); !good) return Refused{"spec", good.error().text};
  const auto keys = jwt::KeySet::parse(spec.jwks);
  if (!keys) return Refused{"spec.jwks", keys.error().text};
  auto ready = maker_->make(*keys, rules);
  if (!ready) return Refused{"spec.jwks", ready.error().text};
  const auto notes = keys->notes();
  staged_.push_back({.resource = provider,
                     .ready = std::move(*ready),
                     .keys = static_cast<uint32_t>(keys->keys().size()),
                     .notes = {notes.begin(), notes.end()}});
  return {};
}

const JwtTarget* JwtShelf::find(const Resource& provider) const {
  const auto at = std::ranges::find(staged_, &provider,
                                    [](const JwtTarget& each) { return each.resource.get(); });
  return at == staged_.end() ? nullptr : &*at;
}

}  // namespace heddle::policy
