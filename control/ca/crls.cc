#include "crls.h"

#include <algorithm>
#include <set>

#include "pem.h"

namespace heddle::ca {
namespace {

constexpr std::string_view kName = "crl.pem";
constexpr size_t kMaxBytes = 16 << 20;
constexpr size_t kMaxBundle = 1 << 20;  // as much as a TrustBundle may have of them

// Those that have ended are left out: nobody takes them any more.
std::vector<RevokedSerial> revoked_of(const Held& issuer, const std::vector<Entry>& entries,
                                      UnixTime now) {
  std::vector<RevokedSerial> revoked;
  for (const Entry& entry : entries)
    if (entry.issuer == issuer.serial && entry.revoked && entry.validity.not_after > now)
      revoked.push_back({entry.serial, *entry.revoked});
  return revoked;
}

X509_CRL* list_of(const std::vector<CrlPtr>& lists, const Held& issuer) {
  const auto found = std::ranges::find_if(
      lists, [&](const CrlPtr& each) { return is_crl_of(each.get(), issuer.certificate.get()); });
  return found == lists.end() ? nullptr : found->get();
}

std::string problem_of(X509_CRL* list, const Held& issuer, const std::vector<Entry>& entries,
                       UnixTime now) {
  if (list == nullptr)
    return fmt::format("there is no revocation list of {}", subject_of(issuer.certificate.get()));
  if (next_update_of(list) <= now)
    return fmt::format("the revocation list of {} has ended at {}, and peers would be refused",
                       subject_of(issuer.certificate.get()), text_of(next_update_of(list)));
  for (const RevokedSerial& each : revoked_of(issuer, entries, now))
    if (!lists(list, each.serial))
      return fmt::format("the revocation lists lack {}, which was revoked", each.serial);
  return {};
}

}  // namespace

std::vector<const Held*> listed_issuers(const Authority::Parts& parts,
                                        const std::vector<Entry>& entries, UnixTime now) {
  std::set<std::string_view> live{parts.state.intermediate};
  for (const Entry& entry : entries)
    if (entry.validity.not_after > now) live.insert(entry.issuer);
  std::vector<const Held*> issuers;
  for (const Held& each : parts.held)
    if (each.role == Role::kIntermediate && live.contains(each.serial) &&
        parts.root_of(each) != nullptr)
      issuers.push_back(&each);
  return issuers;
}

Result<Lists> read_crls(const Authority::Parts& parts, const std::vector<Entry>& entries,
                        UnixTime now) {
  const auto pem = parts.directory.read(kName, kMaxBytes);
  if (!pem) return std::unexpected(pem.error());
  Lists result;
  if (!*pem) {
    const bool lacking = std::ranges::any_of(entries, [&](const Entry& entry) {
      return entry.revoked && entry.validity.not_after > now;
    });
    if (lacking) result.problem = "there is no revocation list, and certificates were revoked";
    return result;
  }
  const auto all = crls_of_pem(**pem);
  if (!all) return fail_in(all.error(), "{}", parts.directory.file(kName));
  result.pem = **pem;
  for (const Held* issuer : listed_issuers(parts, entries, now)) {
    X509_CRL* list = list_of(*all, *issuer);
    if (result.problem.empty()) result.problem = problem_of(list, *issuer, entries, now);
    if (list != nullptr)
      result.next_update =
          std::min(result.next_update.value_or(next_update_of(list)), next_update_of(list));
  }
  return result;
}

Result<UnixTime> write_crls(Authority::Parts& parts, const std::vector<Entry>& entries,
                            std::optional<uint32_t> days, UnixTime now) {
  State state = parts.state;
  state.crl_days = days.value_or(state.crl_days);
  ++state.crl_number;
  const Validity update{UnixTime{now.value() - kBackdate_s},
                        UnixTime{now.value() + state.crl_days * kDay_s}};
  std::string text;
  for (const Held* issuer : listed_issuers(parts, entries, now)) {
    const auto key = parts.need_key(*issuer, "signs its revocation list");
    if (!key) return std::unexpected(key.error());
    const auto list = make_crl({.number = state.crl_number,
                                .update = update,
                                .revoked = revoked_of(*issuer, entries, now)},
                               {issuer->certificate.get(), key->get()});
    if (!list) return std::unexpected(list.error());
    const auto pem = pem_of_crl(list->get());
    if (!pem) return std::unexpected(pem.error());
    text += *pem;
  }
  if (text.size() > kMaxBundle)
    return fail("the revocation lists would have {} bytes, and a TrustBundle takes {}", text.size(),
                kMaxBundle);
  // The number first: one that was used is not used again.
  HEDDLE_TRY(write_state(parts.directory, state));
  parts.state = state;
  HEDDLE_TRY(parts.directory.replace(kName, text, kPublic));
  return update.not_after;
}

Result<> renew_crls(Authority::Parts& parts, const std::vector<Entry>& entries, UnixTime now) {
  if (!parts.directory.has(kName)) return {};
  const auto written = write_crls(parts, entries, std::nullopt, now);
  if (!written) return std::unexpected(written.error());
  return {};
}

}  // namespace heddle::ca
