#include "ca/report.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <map>

#include "crls.h"
#include "parts.h"

namespace heddle::ca {
namespace {

Result<AuthorityFacts> facts_of(const Authority::Parts& parts, const Held& held) {
  const auto file = key_file(parts.directory, held);
  if (!file) return std::unexpected(file.error());
  const State& state = parts.state;
  const Validity validity = validity_of(held.certificate.get());
  const bool root = held.role == Role::kRoot;
  return AuthorityFacts{
      .root = root,
      .serial = held.serial,
      .subject = subject_of(held.certificate.get()),
      .key_type = key_type_of(held.certificate.get()),
      .not_before = validity.not_before,
      .not_after = validity.not_after,
      .signs = held.serial == (root ? state.root : state.intermediate),
      .trusted = root ? held.serial == state.root || held.serial == state.other_root
                      : parts.root_of(held) != nullptr,
      .has_key = !file->empty()};
}

void warn_of(const AuthorityFacts& facts, Step step, UnixTime now,
             std::vector<std::string>& warnings) {
  if (!facts.signs) return;
  if (!facts.root && !facts.has_key)
    warnings.push_back("the intermediate's key is not there, so nothing can be issued");
  if (!ends_soon(facts.not_before, facts.not_after, now)) return;
  const char* next = !facts.root             ? "DIR intermediate"
                     : step == Step::kSteady ? "DIR root --prepare"
                                             : "DIR root --switch";
  warnings.push_back(fmt::format("the {} ends at {}: heddlectl ca rotate {}",
                                 facts.root ? "root" : "intermediate", text_of(facts.not_after),
                                 next));
}

// Of each identity's certificates that which ends last, where it ends soon.
void warn_of(const std::vector<LeafFacts>& leaves, UnixTime now,
             std::vector<std::string>& warnings) {
  std::map<std::pair<std::string_view, std::vector<std::string>>, const LeafFacts*> last;
  for (const LeafFacts& leaf : leaves) {
    if (leaf.revoked || leaf.not_after <= now) continue;
    const LeafFacts*& known = last[{leaf.spiffe_id, leaf.dns_names}];
    if (known == nullptr || known->not_after < leaf.not_after) known = &leaf;
  }
  for (const auto& [names, leaf] : last)
    if (ends_soon(leaf->not_before, leaf->not_after, now))
      warnings.push_back(fmt::format("the certificate of {} ends at {}: heddlectl ca issue",
                                     leaf->spiffe_id, text_of(leaf->not_after)));
}

}  // namespace

bool ends_soon(UnixTime not_before, UnixTime not_after, UnixTime now) {
  constexpr int64_t kShare = 10;
  return (not_after.value() - now.value()) * kShare < not_after.value() - not_before.value();
}

std::string text_of(UnixTime time) {
  const std::time_t seconds = time.value();
  std::tm parts{};
  std::array<char, 64> text{};
  if (::gmtime_r(&seconds, &parts) == nullptr ||
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
    return fmt::format("{} s", time.value());
  return text.data();
}

Result<Report> Authority::report(UnixTime now) const {
  Report report{.trust_domain = parts_->state.trust_domain, .step = parts_->state.step};
  for (const Held& held : parts_->held) {
    auto facts = facts_of(*parts_, held);
    if (!facts) return std::unexpected(facts.error());
    warn_of(*facts, report.step, now, report.warnings);
    report.authorities.push_back(std::move(*facts));
  }
  // Roots first, and of each kind that which signs, then by their end.
  std::ranges::stable_sort(report.authorities, [](const auto& a, const auto& b) {
    return std::tuple(!a.root, !a.signs, b.not_after) < std::tuple(!b.root, !b.signs, a.not_after);
  });
  const auto entries = read_index(parts_->directory);
  if (!entries) return std::unexpected(entries.error());
  for (const Entry& entry : *entries)
    report.leaves.push_back({entry.serial, entry.issuer, entry.names.spiffe_id,
                             entry.names.dns_names, entry.validity.not_before,
                             entry.validity.not_after, entry.revoked});
  const auto lists = read_crls(*parts_, *entries, now);
  if (!lists) return std::unexpected(lists.error());
  report.next_update = lists->next_update;
  const Validity span{UnixTime{now.value()}, lists->next_update.value_or(UnixTime{0})};
  if (!lists->problem.empty())
    report.warnings.push_back(lists->problem + ": heddlectl ca crl DIR");
  else if (lists->next_update &&
           (span.not_after.value() - now.value()) * 10 < parts_->state.crl_days * kDay_s)
    report.warnings.push_back(
        fmt::format("the revocation lists end at {}, and then every peer is refused: heddlectl ca "
                    "crl DIR",
                    text_of(*lists->next_update)));
  warn_of(report.leaves, now, report.warnings);
  return report;
}

}  // namespace heddle::ca
