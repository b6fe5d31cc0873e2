// What a resource's TLS comes to as a configuration, with the text of all that it names.
#pragma once

#include <string>
#include <vector>

#include "policy/resource.h"
#include "policy/tls.h"

namespace heddle::policy {

class Index;

// The Secrets, TrustBundles and JwtProviders that a resource names; once for each naming.
std::vector<Key> tls_material_of(const Resource& resource);

// The first is of a port that ends TLS, the second of a TrafficPolicy with upstream_tls, or an
// ExternalService, for connections of the port. What they name is in the index. `ready` is left
// out.
TlsUse server_use(const Index& index, const Key& service, const ServicePort& port);
TlsUse client_use(const Index& index, const Key& policy, const UpstreamTls& tls,
                  const ServicePort& port);

// All different ones of a service's ports.
std::vector<TlsUse> client_uses(const Index& index, const Key& policy, const UpstreamTls& tls,
                                const Service& service);

// What a workload of this node shows to others, inside which HTTP/2, HTTP/1.1 and bytes are spoken;
// none where it is not in the mesh, or has no certificate.
std::vector<TlsUse> mesh_uses(const Index& index, const Resource& workload);
// The same of a Gateway.
std::vector<TlsUse> gateway_uses(const Index& index, const Resource& gateway);

// Whether TLS of the port ends here.
bool ends_tls(const ServicePort& port);

// The bytes of PEM text in it.
size_t pem_bytes(const tls::Config& config);

// "example.org" of "spiffe://example.org/ns/shop/sa/cart".
std::string_view trust_domain_of(std::string_view spiffe_id);

}  // namespace heddle::policy
