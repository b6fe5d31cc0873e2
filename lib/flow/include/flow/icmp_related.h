// ICMP errors about packets of a flow (RFC 5508 4, RFC 4443 2.4): found by the packet that they
// quote, and translated like its answer, the quoted packet inside with them.
#pragma once

#include <optional>

#include "flow/tracker.h"

namespace heddle::flow {

// Requires packet.kind kError. Verifies the error's checksum, finds the flow of the quoted packet
// and, where the flow is translated, rewrites the quote to what its sender has sent and the outer
// header to lead there; all checksums are updated. The flow itself is left as it is: an error
// neither keeps it alive nor ends it.
//   kPass: `slot` and the direction in which the error goes; the caller looks whether the flow's
//          generation is current.
//   kDrop: one of the kError drops.
template <class Address>
Tracked relate(Tracker& tracker, const Parsed<Address>& packet);

// The packet that an error of kind kError quotes; nullopt: none can be read.
template <class Address>
std::optional<Key<Address>> quoted_key(const Parsed<Address>& packet);

}  // namespace heddle::flow
