// MeshPolicy, NetworkIdentity.
#include <fmt/format.h>

#include "policy/limits.h"
#include "policy_reader.h"

namespace heddle::server {
namespace {

policy::MeshTls read_mode(v1::TlsMode from, const std::string& field, PolicyReader& reader) {
  switch (from) {
    case v1::TLS_MODE_STRICT:
      return policy::MeshTls::kStrict;
    case v1::TLS_MODE_PERMISSIVE:
      return policy::MeshTls::kPermissive;
    case v1::TLS_MODE_DISABLE:
      return policy::MeshTls::kDisable;
    case v1::TLS_MODE_UNSPECIFIED:
      reader.problem(field, "missing; expected STRICT, PERMISSIVE or DISABLE");
      break;
    default:
      reader.problem(field, "expected STRICT, PERMISSIVE or DISABLE");
  }
  return policy::MeshTls::kStrict;
}

}  // namespace

policy::MeshPolicy read(const v1::MeshPolicy& from, PolicyReader& reader) {
  policy::MeshPolicy to;
  if (!reader.fits(static_cast<int>(from.workload_labels_size()), policy::kMaxLabels,
                   "spec.workload_labels") ||
      !reader.fits(from.ports_size(), policy::kMaxMeshPorts, "spec.ports") ||
      !reader.fits(from.trust_size(), policy::kMaxTrust, "spec.trust"))
    return to;
  to.workload_labels = PolicyReader::labels(from.workload_labels());
  to.tls = read_mode(from.tls(), "spec.tls", reader);
  for (int i = 0; i < from.ports_size(); ++i) {
    const std::string field = fmt::format("spec.ports[{}]", i);
    const uint16_t port = reader.port(from.ports(i).port(), field + ".port");
    const policy::MeshTls mode = read_mode(from.ports(i).tls(), field + ".tls", reader);
    if (!to.ports.emplace(port, mode).second)
      reader.problem(field + ".port", fmt::format("{} is there twice", port));
  }
  to.trust = {from.trust().begin(), from.trust().end()};
  return to;
}

policy::NetworkIdentity read(const v1::NetworkIdentity& from, PolicyReader& reader) {
  policy::NetworkIdentity to;
  to.service_account = from.service_account();
  to.node = from.node();
  if (reader.fits(from.cidrs_size(), policy::kMaxNetworkCidrs, "spec.cidrs"))
    to.cidrs = reader.prefixes(from.cidrs(), "spec.cidrs");
  return to;
}

}  // namespace heddle::server
