#include "node/dns_options.h"

namespace heddle::app {

DnsOptions dns_options(const NodeConfig& config, const tcp::SipKey& key) {
  DnsOptions options{.suffix = *dns::Suffix::parse(config.dns->suffix),
                     .intercept = config.dns->intercept,
                     .key = key};
  for (const IpAddress& resolver : config.dns->resolvers) {
    const auto* four = std::get_if<wire::Ipv4Address>(&resolver);
    options.resolvers.push_back(four != nullptr ? dns::from_ipv4(*four)
                                                : std::get<wire::Ipv6Address>(resolver));
  }
  options.limits.workloads = static_cast<uint32_t>(config.ports.size());
  options.limits.first_port = config.tcp.first_port;
  options.limits.last_port = config.tcp.last_port;
  return options;
}

}  // namespace heddle::app
