// From what heddled.yaml says to one worker's DNS.
#pragma once

#include "app/node_config.h"
#include "worker/dns.h"

namespace heddle::app {

// Requires config.dns. `key`: what nobody can guess.
DnsOptions dns_options(const NodeConfig& config, const tcp::SipKey& key);

}  // namespace heddle::app
