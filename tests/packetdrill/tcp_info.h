// TCP_INFO: what a connection tells about itself, in the kernel's struct. Fields that we do not
// keep are 0.
#pragma once

#include <linux/tcp.h>

#include "tcp/connection.h"

namespace heddle::packetdrill {

// `connection` is null before there is one.
tcp_info tcp_info_of(const tcp::Connection* connection, const tcp::Profile& profile,
                     bool listening);

}  // namespace heddle::packetdrill
