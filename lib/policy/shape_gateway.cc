// The shape of a Gateway: a Service's, and what listeners have besides.
#include <fmt/format.h>

#include <set>

#include "names.h"
#include "policy/limits.h"
#include "shape.h"

namespace heddle::policy {

void ShapeChecker::hostnames(const std::string& field, const std::vector<std::string>& names) {
  if (!count(field, names.size(), 0, kMaxHostnames, "hostnames")) return;
  std::set<std::string_view> seen;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string at = fmt::format("{}[{}]", field, i);
    if (const auto why = why_no_server_name(names[i], Wildcard::kTaken); !why.empty())
      fail(at, fmt::format("{} {}", quote(names[i]), why));
    if (!seen.insert(names[i]).second) fail(at, quote(names[i]) + " is there twice");
  }
}

void ShapeChecker::check(const Gateway& spec) {
  ports_ = "spec.listeners";
  if (!spec.service_account.empty()) label("spec.service_account", spec.service_account);
  if (!spec.certificate.empty()) label("spec.certificate", spec.certificate);
  if (spec.service.forwarding != Forwarding::kProxy || !spec.service.selector.empty() ||
      !spec.service.fallback.empty())
    return fail("spec", "is no Gateway's: these have no endpoints, and end all connections");
  check_offer(spec.service);
  const std::vector<ServicePort>& listeners = spec.service.ports;
  for (size_t i = 0; i < listeners.size() && i < kMaxServicePorts; ++i)
    listener(fmt::format("{}[{}]", ports_, i), listeners[i]);
}

void ShapeChecker::listener(const std::string& field, const ServicePort& port) {
  const bool passes = port.tls && port.tls->mode == ClientTls::kPassthrough;
  if (port.ends_here || port.upstream_tls) fail(field, "has what is of ExternalServices");
  if (port.target_port != 0) fail(field, "has a target port, and a Gateway has no endpoints");
  hostnames(field + ".hostnames", port.hostnames);
  if (!port.hostnames.empty() && port.sniffed)
    fail(field + ".hostnames",
         "are of requests, and what else passes through a listener of protocol auto asks for none; "
         "name the protocol, or leave them out");
  if (!port.hostnames.empty() && !port.http && !passes)
    fail(field + ".hostnames",
         "are of requests and of TLS that passes through; a connection of tcp asks for none");
}

}  // namespace heddle::policy
