// BackendTerms: how the endpoints behind a choice are spoken to. Of a frontend's own service, or,
// where a rule says so, of the port of another one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/time.h"
#include "policy/http_affinity.h"
#include "policy/resource.h"
#include "policy/retry.h"
#include "policy/tls.h"

namespace heddle::policy {

// Whether both are null, or what they point to is equal.
template <class T>
bool point_alike(const std::shared_ptr<const T>& a, const std::shared_ptr<const T>& b) {
  return a == b || (a != nullptr && b != nullptr && *a == *b);
}

struct BackendTerms {
  uint16_t target_port = 0;  // of endpoints without one of their own; 0: as the packet has it
  HashOn hash_on = HashOn::kFlow;
  // With HashOn::kHeader or kCookie, else null.
  std::shared_ptr<const HttpAffinity> affinity;
  // Of connections that the node opens.
  HttpUpstream upstream_http = HttpUpstream::kHttp1;  // where HTTP is spoken at all
  ProxyProtocol proxy_protocol_out = ProxyProtocol::kOff;
  Duration connect_timeout = kDefaultConnectTimeout;
  Duration idle_timeout = kDefaultIdleTimeout;  // without a byte from either side; 0: never
  // The same object until its configuration changes. Null: plaintext.
  std::shared_ptr<const TlsUse> tls_out;
  // Of requests whose rule says nothing else; null: none.
  std::shared_ptr<const Retry> retry{};
  Duration per_try{};  // 0: none
  // Of an ExternalService that others lead to: what may be asked for there, hosts of requests and
  // server names where TLS passes through; sorted, in small letters. Null: anything.
  std::shared_ptr<const std::vector<std::string>> only_hosts;
  bool may_ask_for(std::string_view authority) const;
  friend bool operator==(const BackendTerms& a, const BackendTerms& b) {
    // All but what is pointed to; naming all members, so that none is forgotten.
    const auto others = [](const BackendTerms& terms) {
      const auto& [port, hash, told_apart, http, proxy_protocol, connect, idle, tls, retry_apart,
                   per_try, names_apart] = terms;
      return std::tie(port, hash, http, proxy_protocol, connect, idle, tls, per_try);
    };
    return others(a) == others(b) && point_alike(a.affinity, b.affinity) &&
           point_alike(a.retry, b.retry) && point_alike(a.only_hosts, b.only_hosts);
  }
};

}  // namespace heddle::policy
