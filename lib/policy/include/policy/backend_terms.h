// BackendTerms: how the endpoints behind a choice are spoken to. Of a frontend's own service, or,
// where a rule says so, of the port of another one.
#pragma once

#include <cstdint>
#include <memory>

#include "core/time.h"
#include "policy/http_affinity.h"
#include "policy/resource.h"
#include "policy/tls.h"

namespace heddle::policy {

struct BackendTerms {
  uint16_t target_port = 0;  // of endpoints without one of their own; 0: as the packet has it
  HashOn hash_on = HashOn::kFlow;
  // With HashOn::kHeader or kCookie, else null. The same object until it would differ.
  std::shared_ptr<const HttpAffinity> affinity;
  // Of connections that the node opens.
  HttpUpstream upstream_http = HttpUpstream::kHttp1;  // where HTTP is spoken at all
  ProxyProtocol proxy_protocol_out = ProxyProtocol::kOff;
  Duration connect_timeout = kDefaultConnectTimeout;
  Duration idle_timeout = kDefaultIdleTimeout;  // without a byte from either side; 0: never
  // The same object until its configuration changes. Null: plaintext.
  std::shared_ptr<const TlsUse> tls_out;
  friend bool operator==(const BackendTerms&, const BackendTerms&) = default;
};

}  // namespace heddle::policy
