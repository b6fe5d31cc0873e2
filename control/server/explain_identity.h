// Who the sender of what explain is asked about can show to be.
#pragma once

#include <string>

#include "telling.h"

namespace heddle::server {

// What the port makes of who its client says that it is: `shown`, a SPIFFE ID with its parts. It
// counts where TLS ends here and asks clients for it. Then it is the flow's, and nothing is
// returned; else that is told, and what refuses the connection, as "tls.unknown_trust_domain", or
// nothing where it goes on without the identity.
std::string show_identity(const policy::Frontend& frontend, const policy::PeerId& shown,
                          policy::Flow& flow, Telling& telling);

// The same where packets go on as they are.
void tell_unshown(const policy::PeerId& shown, Telling& telling);

// Who a sender is taken for by its address; empty: nobody.
std::string tell_network(const policy::Snapshot& snapshot, const policy::Flow& flow,
                         Telling& telling);

}  // namespace heddle::server
