// The authorities' certificates and keys in the directory. Certificates are known by their serials
// and keys by the certificates that they fit, whatever the files are called, so that a command that
// was killed while it renamed them leaves nothing undecided.
#pragma once

#include <string>
#include <vector>

#include "certificate.h"
#include "directory.h"
#include "state.h"

namespace heddle::ca {

enum class Role : uint8_t { kRoot, kIntermediate };

struct Held {
  Role role = Role::kRoot;
  std::string serial;
  CertificatePtr certificate;
};

// "root.crt", "intermediate.key": of those that sign.
std::string current_name(Role role, std::string_view kind);
// "root-SERIAL.crt": of all others.
std::string other_name(Role role, std::string_view serial, std::string_view kind);

// All root*.crt and intermediate*.crt.
Result<std::vector<Held>> load_held(const Directory& directory);

const Held* find(const std::vector<Held>& held, const std::string& serial);

// The key in the file of either name that fits; null where it is not in the directory.
Result<KeyPtr> find_key(const Directory& directory, const Held& held);

// The file of either name that has the key, or nothing.
Result<std::string> key_file(const Directory& directory, const Held& held);

// Writes both under the names of others. What is there already is an error.
Result<Held> keep(const Directory& directory, Role role, CertificatePtr certificate, EVP_PKEY* key);

// Gives each file the name that the state asks for.
Result<> settle(const Directory& directory, const State& state, const std::vector<Held>& held);

}  // namespace heddle::ca
