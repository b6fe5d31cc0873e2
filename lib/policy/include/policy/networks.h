// Networks: who sources of prefixes are taken for, where they come in by an uplink. It is an
// identity by address: enough for AccessPolicies, and for nothing that asks for proof.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/ids.h"
#include "policy/ip.h"

namespace heddle::policy {

class Networks {
 public:
  // Of one NetworkIdentity.
  struct Identity {
    std::string ns, name, service_account, trust_domain;
    std::string text;   // "address:NAMESPACE/ACCOUNT": never to be taken for a SPIFFE ID
    uint32_t slot = 0;  // for workers' counters
    friend bool operator==(const Identity&, const Identity&) = default;
  };
  struct Entry {
    IpPrefix prefix;
    uint32_t identity = 0;  // position
    friend auto operator<=>(const Entry&, const Entry&) = default;
  };

  // No two prefixes have an address in common. `uplinks`: by interface.
  Networks(std::vector<Identity> identities, std::vector<Entry> entries, std::vector<bool> uplinks);

  // Null: nobody's.
  const Identity* find(InterfaceId in, const IpAddress& source) const;
  const std::vector<Identity>& identities() const { return identities_; }
  const std::vector<Entry>& entries() const { return entries_; }
  size_t bytes() const;
  friend bool operator==(const Networks&, const Networks&) = default;

 private:
  std::vector<Identity> identities_;
  std::vector<Entry> entries_;  // sorted
  std::vector<bool> uplinks_;
};

}  // namespace heddle::policy
