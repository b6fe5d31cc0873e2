// Route, but for its rules for requests.
#include <fmt/format.h>

#include "policy/limits.h"
#include "policy_reader.h"

namespace heddle::server {

policy::Backend read_backend(const v1::Backend& from, const std::string& ns,
                             const std::string& field, PolicyReader& reader) {
  policy::Backend to;
  to.service = from.service();
  to.ns = from.namespace_().empty() ? ns : from.namespace_();
  to.subset = PolicyReader::labels(from.subset());
  if (from.has_weight()) to.weight = from.weight();
  if (from.port() != 0) to.port = reader.port(from.port(), field + ".port");
  return to;
}

std::string in_small_letters(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

namespace {

void read_tls_rules(const v1::Route& from, const std::string& ns, policy::Route& to,
                    PolicyReader& reader) {
  if (!reader.fits(from.tls_size(), policy::kMaxRules, "spec.tls")) return;
  for (int i = 0; i < from.tls_size(); ++i) {
    const v1::TlsRule& each = from.tls(i);
    const std::string field = fmt::format("spec.tls[{}]", i);
    if (!reader.fits(each.server_names_size(), policy::kMaxServerNames, field + ".server_names") ||
        !reader.fits(each.backends_size(), policy::kMaxBackends, field + ".backends"))
      return;
    policy::TlsRule& rule = to.tls.emplace_back();
    // Names of hosts are the same in capitals (RFC 4343).
    for (const std::string& name : each.server_names())
      rule.server_names.push_back(in_small_letters(name));
    for (int j = 0; j < each.backends_size(); ++j)
      rule.backends.push_back(
          read_backend(each.backends(j), ns, fmt::format("{}.backends[{}]", field, j), reader));
  }
}

}  // namespace

policy::Route read(const v1::Route& from, const std::string& ns, PolicyReader& reader) {
  policy::Route to;
  to.service = from.service();
  to.gateway = from.gateway();
  if (!reader.fits(from.tcp_size(), policy::kMaxRules, "spec.tcp")) return to;
  if (!reader.fits(from.hostnames_size(), policy::kMaxHostnames, "spec.hostnames")) return to;
  for (const std::string& name : from.hostnames()) to.hostnames.push_back(in_small_letters(name));
  if (from.http_size() != 0 && from.grpc_size() != 0)
    reader.problem("spec.grpc",
                   "a Route has rules of one kind; what is under http takes another Route");
  to.grpc = from.grpc_size() != 0;
  to.http = to.grpc ? read_grpc_rules(from, ns, reader) : read_http_rules(from, ns, reader);
  read_tls_rules(from, ns, to, reader);
  for (int i = 0; i < from.tcp_size(); ++i) {
    policy::TcpRule& rule = to.rules.emplace_back();
    rule.port = from.tcp(i).port();
    if (!reader.fits(from.tcp(i).backends_size(), policy::kMaxBackends,
                     fmt::format("spec.tcp[{}].backends", i)))
      return to;
    for (int j = 0; j < from.tcp(i).backends_size(); ++j)
      rule.backends.push_back(read_backend(from.tcp(i).backends(j), ns,
                                           fmt::format("spec.tcp[{}].backends[{}]", i, j), reader));
  }
  return to;
}

}  // namespace heddle::server
