#include "jwt/claims.h"

#include "claims_block.h"

namespace heddle::jwt {

namespace {

bool is_scalar(ClaimKind kind) {
  return kind == ClaimKind::kString || kind == ClaimKind::kNumber || kind == ClaimKind::kBool;
}

}  // namespace

bool Claim::has(std::string_view text) const {
  if (is_scalar(kind_)) return text_ == text;
  if (kind_ != ClaimKind::kList) return false;
  const Block block(block_);
  const uint32_t end = block.entry(at_).end;
  for (uint32_t at = at_ + 1; at < end; at = block.entry(at).end) {
    const BlockEntry entry = block.entry(at);
    if (is_scalar(entry.kind) && block.text(entry) == text) return true;
  }
  return false;
}

uint32_t Claim::size() const {
  if (kind_ != ClaimKind::kList) return 0;
  const Block block(block_);
  const uint32_t end = block.entry(at_).end;
  uint32_t count = 0;
  for (uint32_t at = at_ + 1; at < end; at = block.entry(at).end) ++count;
  return count;
}

std::optional<Claim> Claim::element(uint32_t index) const {
  if (kind_ != ClaimKind::kList) return {};
  const Block block(block_);
  const uint32_t end = block.entry(at_).end;
  uint32_t at = at_ + 1;
  for (; at < end && index > 0; --index) at = block.entry(at).end;
  if (at >= end) return {};
  return ClaimsView(block_).claim(at);
}

Claim ClaimsView::claim(uint32_t at) const {
  const Block block(block_);
  const BlockEntry entry = block.entry(at);
  Claim claim;
  claim.kind_ = entry.kind;
  claim.text_ = block.text(entry);
  claim.block_ = block_;
  claim.at_ = at;
  return claim;
}

std::optional<Claim> ClaimsView::find(std::string_view path) const { return find_in(0, path); }

// An object is come to by one part of the path alone, its own path, so each is walked once at most.
std::optional<Claim> ClaimsView::find_in(uint32_t object, std::string_view path) const {
  const Block block(block_);
  const uint32_t end = block.entry(object).end;
  for (uint32_t at = object + 1; at < end; at = block.entry(at).end)
    if (block.name(block.entry(at)) == path) return claim(at);
  for (uint32_t at = object + 1; at < end; at = block.entry(at).end) {
    const BlockEntry entry = block.entry(at);
    const std::string_view name = block.name(entry);
    if (entry.kind != ClaimKind::kObject || path.size() <= name.size() ||
        path[name.size()] != '.' || !path.starts_with(name))
      continue;
    if (const auto found = find_in(at, path.substr(name.size() + 1))) return found;
  }
  return {};
}

std::string_view ClaimsView::text_of(std::string_view name) const {
  const auto found = find_in(0, name);
  return found ? found->text() : std::string_view{};
}

std::string_view ClaimsView::issuer() const { return text_of("iss"); }
std::string_view ClaimsView::subject() const { return text_of("sub"); }

std::optional<UnixTime> ClaimsView::expires() const {
  const int64_t at = Block(block_).header().expires;
  if (at == INT64_MAX) return {};
  return UnixTime(at);
}

UnixTime ClaimsView::refused_from() const { return UnixTime(Block(block_).header().refused_from); }

}  // namespace heddle::jwt
