// The revocation lists of an authority, in crl.pem: one for each issuer that peers may meet. They
// look every leaf up in its issuer's list, and refuse it where there is none.
#pragma once

#include <string>
#include <vector>

#include "crl.h"
#include "parts.h"

namespace heddle::ca {

struct Lists {
  std::string pem;      // empty: there are none
  std::string problem;  // why a bundle with them would make peers be refused, or let in
  std::optional<UnixTime> next_update;
};
Result<Lists> read_crls(const Authority::Parts& parts, const std::vector<Entry>& entries,
                        UnixTime now);

// Signs them all anew, and says when the next are due.
Result<UnixTime> write_crls(Authority::Parts& parts, const std::vector<Entry>& entries,
                            std::optional<uint32_t> days, UnixTime now);
// The same where there are lists, after a rotation.
Result<> renew_crls(Authority::Parts& parts, const std::vector<Entry>& entries, UnixTime now);

// The intermediate that signs, and those with certificates that have not ended, of the bundle's
// roots.
std::vector<const Held*> listed_issuers(const Authority::Parts& parts,
                                        const std::vector<Entry>& entries, UnixTime now);

}  // namespace heddle::ca
