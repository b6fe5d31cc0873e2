// ExternalServices, what leads to them, and OutboundPolicies.
#include <fmt/format.h>

#include "backend_port.h"
#include "check.h"
#include "names.h"

namespace heddle::policy {

// The node's own connections to it would come back to the node, or go past the mesh.
void Checker::check_external_endpoint(const Key& key, const std::string& field,
                                      const IpAddress& address) {
  const auto say = [&](const std::string& text) {
    problems_.add(key, field, fmt::format("{} {}", address.text(), text));
  };
  check_own(key, field, address);
  if (const Key* service = index_.services().other(address, key)) say(also_of(*service));
  if (const Key* workload = index_.workloads().first(address)) say(also_of(*workload));
  if (const auto port = facts_.port_addresses.find(address); port != facts_.port_addresses.end())
    say("is of workload port " + facts_.node.ports[port->second].name);
  check_reserved(key, field, address);
}

// What workloads ask for by a host is nobody else's: the mesh's own names are found before it, and
// of two that are told to everybody only one would be found.
void Checker::check_hosts(const Key& key, const ExternalService& spec) {
  for (size_t i = 0; i < spec.hosts.size() && !problems_.full(); ++i) {
    const std::string& host = spec.hosts[i];
    const auto say = [&](const std::string& text) {
      problems_.add(key, element("spec.hosts", i), quote(host) + " " + text);
    };
    if (const auto& suffix = facts_.node.dns_suffix;
        suffix && (host == suffix->text() || host.ends_with("." + suffix->text())))
      say("is under the mesh's own suffix, whose names are those of Services");
    if (!spec.exported) continue;
    if (host.find('.') == std::string::npos)
      say("is exported, and a name without a dot is a Service's of who asks");
    if (const Key* other = index_.other_exporter(host, key))
      say("is exported by " + title_of(*other) + " already");
  }
}

void Checker::check_external(const Key& key, const ExternalService& spec) {
  if (const Key other{Kind::kService, key.ns, key.name}; index_.find_exactly(other) != nullptr)
    problems_.add(key, "metadata.name",
                  title_of(other) + " has it; Services and ExternalServices share names");
  check_hosts(key, spec);
  if (spec.on_the_way())
    for (size_t i = 0; i < spec.service.addresses.size(); ++i)
      if (const Key* other = index_.services().other(spec.service.addresses[i], key))
        problems_.add(key, element("spec.addresses", i),
                      fmt::format("{} {}, and is where this one's connections go without endpoints",
                                  spec.service.addresses[i].text(), also_of(*other)));
  for (size_t i = 0; i < spec.endpoints.size() && !problems_.full(); ++i)
    check_external_endpoint(key, element("spec.endpoints", i) + ".address",
                            spec.endpoints[i].address);
  for (size_t i = 0; i < spec.service.ports.size(); ++i) {
    const auto& tls = spec.service.ports[i].upstream_tls;
    const std::string field = element("spec.ports", i) + ".tls";
    if (tls && !has_tls_)
      problems_.add(key, field, "this heddled has no TLS: it is built or started without it");
    else if (tls)
      check_client_tls(key, field, *tls);
  }
}

// Where the port that was called says how endpoints are spoken to, TLS would not be originated.
void Checker::check_external_backend(const BackendPlace& place, const Backend& backend,
                                     const Service& service) {
  const bool itself = place.spec.gateway.empty() && place.spec.service == backend.service &&
                      place.key.ns == backend.ns;
  if (!itself && !has_own_terms(place.spec, backend))
    return problems_.add(place.key, place.field + ".port",
                         fmt::format("missing: ExternalService {}/{} is spoken to as one of its "
                                     "ports says",
                                     backend.ns, backend.service));
  const ServicePort* port = port_of(service, backend, place.spec);
  if (!place.spec.tls.empty() && port != nullptr && port->upstream_tls)
    problems_.add(
        place.key, place.field + ".port",
        fmt::format("port {} of ExternalService {}/{} has tls, and what passes through is "
                    "TLS already",
                    quote(port->name), backend.ns, backend.service));
}

void Checker::check_outbound_policy(const Key& key) {
  if (const Key* other = index_.other_outbound_policy(key))
    problems_.add(key, "",
                  fmt::format("OutboundPolicy {} is for the namespace already", path_of(*other)));
}

}  // namespace heddle::policy
