// The address that a name of the reverse trees stands for (RFC 1035 3.5, RFC 3596 2.5).
#pragma once

#include <optional>

#include "dns/format.h"
#include "dns/name.h"

namespace heddle::dns {

// None for all other names, also for those of whole networks.
std::optional<IpAddress> address_of(NameView name);

}  // namespace heddle::dns
