// Authority: a root, an intermediate that signs, and what they have issued, in one directory. It
// talks to nobody. The directory is locked while it is open, and whole on the disk after each call:
// a process that is killed in between leaves what the next one understands.
//
// Certificates are X.509-SVIDs as the SPIFFE standard asks (X509-SVID.md 2 to 5), on RFC 5280.
// Time is an argument, seconds since 1970-01-01 UTC. Errors are sentences for the operator.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ca/access.h"
#include "ca/key_kind.h"
#include "ca/report.h"
#include "ca/secret_text.h"
#include "ca/step.h"
#include "core/result.h"
#include "tls/config.h"

namespace heddle::ca {

using tls::UnixTime;

struct InitWanted {
  std::string trust_domain;  // tls::is_trust_domain
  KeyKind key = KeyKind::kP256;
  uint32_t days = 3650, intermediate_days = 365;  // 1 on; the intermediate ends with its root
};

struct LeafWanted {
  std::string name_space, service_account;  // labels
  std::vector<std::string> dns_names;       // host names; kMaxDnsNames
  uint32_t hours = 24;
};

inline constexpr size_t kMaxDnsNames = 100;

struct Issued {
  std::string serial, spiffe_id;
  UnixTime not_after{};
  std::string chain_pem;  // with the intermediate
  SecretText key_pem;
};

// The text of a TrustBundle.
struct Bundle {
  std::string trust_domain, roots_pem;
  std::string crl_pem;  // empty where nothing was ever revoked
};

struct Revoked {
  std::string spiffe_id;
  bool before = false;  // it was revoked already
  UnixTime next_update{};
};

class Authority {
 public:
  // Makes the directory, of mode 0700, or takes an empty one.
  static Result<> init(const std::string& directory, const InitWanted& wanted, UnixTime now);
  static Result<Authority> open(const std::string& directory, Access access);
  Authority(Authority&& other) noexcept;
  Authority& operator=(Authority&&) = delete;
  ~Authority();

  // With kRead.
  Result<Bundle> bundle(UnixTime now) const;
  Result<Report> report(UnixTime now) const;
  std::string_view trust_domain() const;
  Step step() const;

  // With kWrite. A new key, and a certificate that is valid for `hours` from now on and listed
  // before it is returned; an error where its issuer ends before.
  Result<Issued> issue(const LeafWanted& wanted, UnixTime now);

  // Of a certificate that was issued here. Lists are signed anew for each issuer that has
  // certificates which have not ended; they are to be renewed before `days` are over, those of the
  // time before where none are given.
  Result<Revoked> revoke(const std::string& serial, std::optional<uint32_t> days, UnixTime now);
  Result<UnixTime> sign_crls(std::optional<uint32_t> days, UnixTime now);

  // A new intermediate, by the root's key.
  Result<> rotate_intermediate(UnixTime now);
  // A new root in three steps, between which every node has to get the bundle, and every workload a
  // certificate. `finish` refuses while certificates of the old root are in use, unless told.
  enum class Unfinished : uint8_t { kRefuse, kLeave };
  Result<> prepare_root(UnixTime now);
  Result<> switch_root(UnixTime now);
  Result<> finish_root(Unfinished unfinished, UnixTime now);

  struct Parts;

 private:
  explicit Authority(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// The serial of the first certificate of a PEM text.
Result<std::string> serial_of_pem(const std::string& pem);

}  // namespace heddle::ca
