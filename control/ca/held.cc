#include "held.h"

#include <openssl/err.h>

#include <algorithm>

#include "pem.h"

namespace heddle::ca {
namespace {

constexpr size_t kMaxCertificate = 64 << 10;
constexpr std::string_view kCertificate = "crt", kKey = "key";

std::string_view word_of(Role role) { return role == Role::kRoot ? "root" : "intermediate"; }

bool fits(const Held& held, EVP_PKEY* key) {
  const bool same = X509_check_private_key(held.certificate.get(), key) == 1;
  ERR_clear_error();
  return same;
}

// Null where there is no such file.
Result<KeyPtr> read_key(const Directory& directory, const std::string& name) {
  const auto pem = directory.read_secret(name);
  if (!pem) return std::unexpected(pem.error());
  if (!*pem) return KeyPtr();
  auto key = key_of_pem((*pem)->text());
  if (!key) return fail_in(key.error(), "{}", directory.file(name));
  return key;
}

struct FoundKey {
  std::string file;
  KeyPtr key;
};

Result<FoundKey> look_for_key(const Directory& directory, const Held& held) {
  for (std::string name :
       {other_name(held.role, held.serial, kKey), current_name(held.role, kKey)}) {
    auto key = read_key(directory, name);
    if (!key) return std::unexpected(key.error());
    if (*key != nullptr && fits(held, key->get()))
      return FoundKey{std::move(name), std::move(*key)};
  }
  return FoundKey{};
}

// The serial in a certificate's file; empty where there is none.
Result<std::string> serial_in(const Directory& directory, const std::string& name) {
  const auto pem = directory.read(name, kMaxCertificate);
  if (!pem) return std::unexpected(pem.error());
  if (!*pem) return std::string();
  const auto certificate = certificate_of_pem(**pem);
  if (!certificate) return fail_in(certificate.error(), "{}", directory.file(name));
  return serial_of(certificate->get());
}

// What has the names of those that sign, and is another's, gets its own.
Result<> move_others(const Directory& directory, Role role, const std::string& current,
                     const std::vector<Held>& held) {
  const std::string key_name = current_name(role, kKey);
  const auto key = read_key(directory, key_name);
  if (!key) return std::unexpected(key.error());
  const auto owner = std::ranges::find_if(held, [&](const Held& each) {
    return *key != nullptr && each.role == role && fits(each, key->get());
  });
  if (owner != held.end() && owner->serial != current)
    HEDDLE_TRY(directory.rename(key_name, other_name(role, owner->serial, kKey)));
  const auto serial = serial_in(directory, current_name(role, kCertificate));
  if (!serial) return std::unexpected(serial.error());
  if (serial->empty() || *serial == current) return {};
  return directory.rename(current_name(role, kCertificate),
                          other_name(role, *serial, kCertificate));
}

Result<> settle(const Directory& directory, Role role, const std::string& current,
                const std::vector<Held>& held) {
  const auto there = serial_in(directory, current_name(role, kCertificate));
  if (!there) return std::unexpected(there.error());
  const std::string crt = other_name(role, current, kCertificate);
  const std::string key = other_name(role, current, kKey);
  if (*there == current && !directory.has(key)) return {};
  HEDDLE_TRY(move_others(directory, role, current, held));
  HEDDLE_TRY(directory.rename(crt, current_name(role, kCertificate)));
  return directory.rename(key, current_name(role, kKey));
}

}  // namespace

std::string current_name(Role role, std::string_view kind) {
  return fmt::format("{}.{}", word_of(role), kind);
}

std::string other_name(Role role, std::string_view serial, std::string_view kind) {
  return fmt::format("{}-{}.{}", word_of(role), serial, kind);
}

Result<std::vector<Held>> load_held(const Directory& directory) {
  const auto names = directory.list();
  if (!names) return std::unexpected(names.error());
  std::vector<Held> held;
  for (const std::string& name : *names) {
    const bool root = name.starts_with(word_of(Role::kRoot));
    if (!name.ends_with(".crt") || (!root && !name.starts_with(word_of(Role::kIntermediate))))
      continue;
    const auto pem = directory.read(name, kMaxCertificate);
    if (!pem) return std::unexpected(pem.error());
    if (!*pem) continue;
    auto certificate = certificate_of_pem(**pem);
    if (!certificate) return fail_in(certificate.error(), "{}", directory.file(name));
    std::string serial = serial_of(certificate->get());
    held.push_back(
        {root ? Role::kRoot : Role::kIntermediate, std::move(serial), std::move(*certificate)});
  }
  return held;
}

const Held* find(const std::vector<Held>& held, const std::string& serial) {
  const auto found = std::ranges::find(held, serial, &Held::serial);
  return found == held.end() ? nullptr : &*found;
}

Result<KeyPtr> find_key(const Directory& directory, const Held& held) {
  auto found = look_for_key(directory, held);
  if (!found) return std::unexpected(found.error());
  return std::move(found->key);
}

Result<std::string> key_file(const Directory& directory, const Held& held) {
  auto found = look_for_key(directory, held);
  if (!found) return std::unexpected(found.error());
  return std::move(found->file);
}

Result<Held> keep(const Directory& directory, Role role, CertificatePtr certificate,
                  EVP_PKEY* key) {
  const std::string serial = serial_of(certificate.get());
  const auto key_pem = pem_of_key(key);
  if (!key_pem) return std::unexpected(key_pem.error());
  const auto pem = pem_of_certificate(certificate.get());
  if (!pem) return std::unexpected(pem.error());
  // The key first: a certificate without one would be asked for it.
  HEDDLE_TRY(directory.write_new(other_name(role, serial, kKey), key_pem->text(), kPrivate));
  HEDDLE_TRY(directory.write_new(other_name(role, serial, kCertificate), *pem, kPublic));
  return Held{role, serial, std::move(certificate)};
}

Result<> settle(const Directory& directory, const State& state, const std::vector<Held>& held) {
  HEDDLE_TRY(settle(directory, Role::kRoot, state.root, held));
  return settle(directory, Role::kIntermediate, state.intermediate, held);
}

}  // namespace heddle::ca
