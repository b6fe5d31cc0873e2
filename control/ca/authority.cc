#include "ca/authority.h"

#include <algorithm>

#include "crls.h"
#include "parts.h"
#include "pem.h"

namespace heddle::ca {
namespace {

constexpr int64_t kHour_s = 3'600;

Validity validity_from(UnixTime now, int64_t seconds) {
  return {UnixTime{now.value() - kBackdate_s}, UnixTime{now.value() + seconds}};
}

// That of a leaf: within its issuer's.
Result<Validity> leaf_validity(const Held& issuer, uint32_t hours, UnixTime now) {
  const Validity outer = validity_of(issuer.certificate.get());
  Validity inner = validity_from(now, hours * kHour_s);
  inner.not_before = std::max(inner.not_before, outer.not_before);
  if (inner.not_after <= outer.not_after) return inner;
  const int64_t left = std::max<int64_t>(0, (outer.not_after.value() - now.value()) / kHour_s);
  return fail(
      "the intermediate ends at {}, in {} hours, and what it signs may not outlive it: not {} "
      "hours. Ask for fewer, or make a new one with 'heddlectl ca rotate DIR intermediate'",
      text_of(outer.not_after), left, hours);
}

}  // namespace

std::vector<const Held*> Authority::Parts::roots() const {
  std::vector<const Held*> all{&root()};
  if (const Held* other = find(held, state.other_root); other != nullptr) all.push_back(other);
  return all;
}

const Held* Authority::Parts::root_of(const Held& intermediate) const {
  for (const Held* root : roots())
    if (is_signed_by(intermediate.certificate.get(), root->certificate.get())) return root;
  return nullptr;
}

Result<KeyPtr> Authority::Parts::need_key(const Held& one, std::string_view what_for) const {
  auto key = find_key(directory, one);
  if (!key || *key != nullptr) return key;
  const bool current = one.serial == state.root || one.serial == state.intermediate;
  return fail("the key of {} is not there: {}, which {}", subject_of(one.certificate.get()),
              directory.file(current ? current_name(one.role, "key")
                                     : other_name(one.role, one.serial, "key")),
              what_for);
}

Result<const Held*> make_root(const Directory& directory, const State& state, UnixTime now,
                              std::vector<Held>& held) {
  const auto key = make_key(state.key);
  if (!key) return std::unexpected(key.error());
  auto certificate = make_authority(state.trust_domain, key->get(),
                                    validity_from(now, state.days * kDay_s), Signer{});
  if (!certificate) return std::unexpected(certificate.error());
  auto kept = keep(directory, Role::kRoot, std::move(*certificate), key->get());
  if (!kept) return std::unexpected(kept.error());
  held.push_back(std::move(*kept));
  return &held.back();
}

Result<const Held*> make_intermediate(const Directory& directory, const State& state,
                                      const Held& root, EVP_PKEY* root_key, UnixTime now,
                                      std::vector<Held>& held) {
  const Validity outer = validity_of(root.certificate.get());
  if (outer.not_after <= now)
    return fail(
        "the root has ended at {}; 'heddlectl ca rotate DIR root --prepare' makes a new one",
        text_of(outer.not_after));
  Validity inner = validity_from(now, state.intermediate_days * kDay_s);
  inner = {std::max(inner.not_before, outer.not_before),
           std::min(inner.not_after, outer.not_after)};
  const auto key = make_key(state.key);
  if (!key) return std::unexpected(key.error());
  auto certificate =
      make_authority(state.trust_domain, key->get(), inner, {root.certificate.get(), root_key});
  if (!certificate) return std::unexpected(certificate.error());
  auto kept = keep(directory, Role::kIntermediate, std::move(*certificate), key->get());
  if (!kept) return std::unexpected(kept.error());
  held.push_back(std::move(*kept));
  return &held.back();
}

Authority::Authority(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Authority::Authority(Authority&& other) noexcept = default;
Authority::~Authority() = default;

Result<Authority> Authority::open(const std::string& path, Access access) {
  auto directory = Directory::open(path, access);
  if (!directory) return std::unexpected(directory.error());
  auto state = read_state(*directory);
  if (!state) return std::unexpected(state.error());
  auto held = load_held(*directory);
  if (!held) return std::unexpected(held.error());
  std::vector<std::string> needed{state->root, state->intermediate};
  if (state->step != Step::kSteady) needed.push_back(state->other_root);
  for (const std::string& serial : needed)
    if (find(*held, serial) == nullptr)
      return fail("{} names the certificate {}, which no *.crt beside it is",
                  directory->file(kStateName), serial);
  if (access == Access::kWrite) {
    HEDDLE_TRY(directory->remove_unfinished());
    HEDDLE_TRY(settle(*directory, *state, *held));
  }
  return Authority(
      std::make_unique<Parts>(Parts{std::move(*directory), std::move(*state), std::move(*held)}));
}

std::string_view Authority::trust_domain() const { return parts_->state.trust_domain; }
Step Authority::step() const { return parts_->state.step; }

Result<Bundle> Authority::bundle(UnixTime now) const {
  Bundle bundle{.trust_domain = parts_->state.trust_domain};
  for (const Held* root : parts_->roots()) {
    const auto pem = pem_of_certificate(root->certificate.get());
    if (!pem) return std::unexpected(pem.error());
    bundle.roots_pem += *pem;
  }
  const auto entries = read_index(parts_->directory);
  if (!entries) return std::unexpected(entries.error());
  auto lists = read_crls(*parts_, *entries, now);
  if (!lists) return std::unexpected(lists.error());
  if (!lists->problem.empty())
    return fail("{}; 'heddlectl ca crl DIR' signs the revocation lists anew", lists->problem);
  bundle.crl_pem = std::move(lists->pem);
  return bundle;
}

Result<Issued> Authority::issue(const LeafWanted& wanted, UnixTime now) {
  const Held& issuer = parts_->intermediate();
  const auto validity = leaf_validity(issuer, wanted.hours, now);
  if (!validity) return std::unexpected(validity.error());
  const auto issuer_key = parts_->need_key(issuer, "signs what is issued");
  if (!issuer_key) return std::unexpected(issuer_key.error());
  const auto key = make_key(KeyKind::kP256);
  if (!key) return std::unexpected(key.error());
  const LeafNames names{fmt::format("spiffe://{}/ns/{}/sa/{}", parts_->state.trust_domain,
                                    wanted.name_space, wanted.service_account),
                        wanted.dns_names};
  const auto leaf =
      make_leaf(names, key->get(), *validity, {issuer.certificate.get(), issuer_key->get()});
  if (!leaf) return std::unexpected(leaf.error());
  const auto leaf_pem = pem_of_certificate(leaf->get());
  const auto issuer_pem = pem_of_certificate(issuer.certificate.get());
  if (!leaf_pem || !issuer_pem) return fail("a certificate cannot be written");
  auto key_pem = pem_of_key(key->get());
  if (!key_pem) return std::unexpected(key_pem.error());
  Issued issued{.serial = serial_of(leaf->get()),
                .spiffe_id = names.spiffe_id,
                .not_after = validity->not_after,
                .chain_pem = *leaf_pem + *issuer_pem,
                .key_pem = std::move(*key_pem)};
  // Listed first: what is listed and was never handed out does no harm.
  HEDDLE_TRY(add_issued(
      parts_->directory,
      {.serial = issued.serial, .issuer = issuer.serial, .names = names, .validity = *validity}));
  return issued;
}

Result<std::string> serial_of_pem(const std::string& pem) {
  const auto certificate = certificate_of_pem(pem);
  if (!certificate) return std::unexpected(certificate.error());
  return serial_of(certificate->get());
}

}  // namespace heddle::ca
