// Authority::revoke and sign_crls.
#include <algorithm>

#include "crls.h"
#include "parts.h"

namespace heddle::ca {

Result<Revoked> Authority::revoke(const std::string& serial, std::optional<uint32_t> days,
                                  UnixTime now) {
  auto entries = read_index(parts_->directory);
  if (!entries) return std::unexpected(entries.error());
  const auto entry = std::ranges::find(*entries, serial, &Entry::serial);
  if (entry == entries->end()) {
    if (find(parts_->held, serial) != nullptr)
      return fail(
          "{} is the certificate of an authority, which peers do not look up: replace the root "
          "('heddlectl ca rotate DIR root')",
          serial);
    return fail("no certificate with the serial {} was issued here", serial);
  }
  if (entry->validity.not_after <= now)
    return fail("{} ({}) has ended at {}: there is nothing to revoke", serial,
                entry->names.spiffe_id, text_of(entry->validity.not_after));
  Revoked revoked{.spiffe_id = entry->names.spiffe_id, .before = entry->revoked.has_value()};
  if (!revoked.before) {
    HEDDLE_TRY(add_revoked(parts_->directory, serial, now));
    entry->revoked = now;
  }
  // Also where it was revoked before: who did it may have been killed before this.
  const auto next = write_crls(*parts_, *entries, days, now);
  if (!next) return std::unexpected(next.error());
  revoked.next_update = *next;
  return revoked;
}

Result<UnixTime> Authority::sign_crls(std::optional<uint32_t> days, UnixTime now) {
  const auto entries = read_index(parts_->directory);
  if (!entries) return std::unexpected(entries.error());
  return write_crls(*parts_, *entries, days, now);
}

}  // namespace heddle::ca
