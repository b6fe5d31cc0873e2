#include "worker/dns.h"

#include "nodes/owner.h"
#include "tcp_io/own_address.h"
#include "worker/worker.h"

namespace heddle::app {

// An address of one link is none that a resolver beyond it can answer to.
std::optional<dns::IpAddress> DnsPaths::source_towards(const dns::IpAddress& resolver) const {
  const auto own = own_address_towards(*worker_.topology, resolver);
  if (!own || own->is_link_local()) return std::nullopt;
  return own;
}

bool DnsPaths::comes_back(const dns::IpAddress& resolver, const dns::IpAddress& source,
                          uint16_t source_port) const {
  constexpr auto kUdp = wire::IpProtocol::kUdp;
  const Be16 from(dns::kPort), to(source_port);
  const uint16_t owner =
      resolver.is_v4_mapped()
          ? owner_of_flow(worker_,
                          flow::Key4(dns::to_ipv4(resolver), dns::to_ipv4(source), from, to, kUdp))
          : owner_of_flow(worker_, flow::Key6(resolver, source, from, to, kUdp));
  return owner == worker_.id.value();
}

// Each worker draws its own numbers.
Dns::Dns(const Worker& worker, const DnsOptions& options)
    : intercept(options.intercept),
      forwards(!options.resolvers.empty()),
      no_names(options.suffix, 0, {}),
      paths(worker, {options.key[0], options.key[1] ^ worker.id.value()}),
      forwarder(options.limits, options.resolvers, paths) {}

}  // namespace heddle::app
