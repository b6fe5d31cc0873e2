// HttpPolicy: what the HTTP proxy asks, and tells, the layer that knows policy.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "mesh/handed_over.h"
#include "mesh/http_limits.h"
#include "mesh/http_stats.h"
#include "mesh/relay_policy.h"
#include "policy/access.h"
#include "policy/http_affinity.h"
#include "policy/http_routes.h"

namespace heddle::policy {
class ClaimNames;  // policy/claim_names.h
struct JwtTarget;  // policy/jwt_check.h
}  // namespace heddle::policy

namespace heddle::mesh {

// The rule that a request goes by.
struct HttpRoute {
  // Null: there are no rules; the request goes to the service's own endpoints.
  const policy::HttpTarget* target = nullptr;
  // Who owns the target; it is kept for as long as the request is in work.
  std::shared_ptr<const policy::HttpRoutes> routes;
  uint64_t version = 0;   // of the policy that said so
  bool upgrades = false;  // the request asks for another protocol
  uint32_t prefix = 0;    // bytes of the path that the rule's prefix fits
  // Chooses the endpoint, where something in the request says which; else each try draws.
  std::optional<uint64_t> hash;
  // The client is to be given a cookie of this name, with this value; null: none.
  std::shared_ptr<const policy::HttpAffinity> affinity;
  std::array<char, 32> cookie{};
};

// What the frontend's requests may be asked for.
struct HttpTokens {
  bool asked = false;  // some are, for a token
  // Fields that tokens alone may tell of, whether this request is asked for one or not. Null: none.
  std::shared_ptr<const policy::ClaimNames> names;
};

// A request with what it is asked for a token by.
struct HttpTokenAsk {
  uint32_t frontend = 0;
  const HttpRoute* route = nullptr;  // null: no rule is for it
  http::Message& request;
};

struct HttpToken {
  HttpFault fault = HttpFault::kNone;  // else the request is answered with this
  // Whose token it is; null: it has none. Valid as long as the policy of now.
  const policy::JwtTarget* provider = nullptr;
};

// Where one try of a request is to go.
struct HttpDestination {
  Upstream to;
  bool http2 = false;
  // When the request is tried again, where its rule does not say; null: where nothing can have been
  // done, alone.
  std::shared_ptr<const policy::Retry> retry{};
  Duration per_try{};  // of this one; 0: none
};

// A request that has ended. Messages and texts are valid during the call alone.
struct HttpRecord {
  uint32_t frontend = 0;
  uint32_t endpoint = kNoSlot;  // that was asked last
  uint32_t rule = kNoSlot;      // HttpTarget::slot
  // Of the policies under which the frontend and the rule were these slots: ClientTerms::version
  // and HttpRoute::version. The slots may be others' by now.
  uint64_t frontend_version = 0, rule_version = 0;
  uint16_t status = 0;  // 0: none was given
  HttpFault fault = HttpFault::kNone;
  uint8_t tries = 0;
  http::Version version = http::Version::kHttp11;
  uint64_t bytes_in = 0, bytes_out = 0;     // of the bodies
  Duration time;                            // from the request's first byte to the response's last
  Duration to_head;                         // to the response's head; 0: there was none
  const http::Message* request = nullptr;   // as it was sent on, or as far as it was read
  const http::Message* response = nullptr;  // null: none was begun
  std::string_view path;                    // as the client asked, normalised; with the query
  std::string_view authority;               // as the client asked
  Client client;
  tcp::Endpoint server;  // that was asked last; port 0: none was reached
  bool tls = false;      // of the client
};

class HttpPolicy {
 public:
  // Whether its clients' streams begin with a header of the PROXY protocol. Asked before terms().
  virtual bool wants_proxy_header(uint32_t frontend) = 0;
  // None: refused, and counted there; the client is reset.
  virtual std::optional<ClientTerms> terms(uint32_t frontend, const Client& client) = 0;
  // A client's connection that turned out to be other than HTTP, where terms() has said that it may
  // be (ClientTerms::sniffs). It is the callee's from now on.
  virtual void take_bytes(HandedOver&& /*from*/, Instant /*now*/) {}
  // Whether the request may come in; refused, it is counted there. Asked before route().
  virtual bool admits(uint32_t frontend, const Client& client,
                      const policy::RequestHead& request) = 0;
  // Asked before route(), and before anything else of the request counts.
  virtual HttpTokens tokens(uint32_t /*frontend*/) { return {}; }
  // Whether the request shows one that its rule or port asks for. Asked behind route() and before
  // admits(), where tokens() has said so. `claims`: become the block of its token's; empty: it
  // has none. Tokens are gone from the query then.
  virtual HttpToken authenticate(const HttpTokenAsk& /*ask*/, std::vector<uint8_t>& /*claims*/) {
    return {.fault = HttpFault::kNoToken};
  }
  // Makes of the request what the endpoint is to get of its token, in the same turn. False: there
  // is no room for it.
  virtual bool tell_token(const HttpTokenAsk& /*ask*/, const HttpToken& /*token*/,
                          const jwt::ClaimsView* /*claims*/) {
    return false;
  }
  // None: no rule is for it.
  virtual std::optional<HttpRoute> route(uint32_t frontend, const Client& client,
                                         const http::Message& request) = 0;
  // Whether a request that was let in is beyond a limit; none: it is not. `route`: of route(), in
  // the same turn; `request`: as the client sent it.
  virtual std::optional<HttpLimited> limit(uint32_t /*frontend*/, const Client& /*client*/,
                                           const HttpRoute& /*route*/,
                                           const http::Message& /*request*/) {
    return std::nullopt;
  }
  // What is put into the request on purpose, that would go to an endpoint next. As limit().
  virtual HttpInjected inject(uint32_t /*frontend*/, const Client& /*client*/,
                              const HttpRoute& /*route*/, const http::Message& /*request*/) {
    return {};
  }
  // For one try. `route`: of route(), perhaps under an older policy: a later try goes by what the
  // rule has become. `request`: as the endpoint is to get it.
  struct Try {
    uint32_t frontend = 0;
    const HttpRoute& route;
    const http::Message& request;
    std::span<const uint32_t> tried;  // endpoints that have had it
  };
  virtual std::expected<HttpDestination, HttpFault> choose(const Try& what,
                                                           const Client& client) = 0;
  // Where a copy of the request goes, whose rule has a mirror. kNone: this one is not mirrored.
  virtual std::expected<HttpDestination, HttpFault> mirror(uint32_t frontend, const Client& client,
                                                           const HttpRoute& route,
                                                           const http::Message& request) = 0;
  // A request is in work at the endpoint, and is no more.
  // `frontend`: kNoSlot for a mirror's copy, which nobody has asked for.
  virtual void opened(uint32_t frontend, uint32_t endpoint) = 0;
  virtual void closed(uint32_t frontend, uint32_t endpoint) = 0;
  virtual void ended(const HttpRecord& record) = 0;
  // Whether a client's connection may go on under the policy of now.
  virtual Standing judge(uint32_t frontend, const Client& client) = 0;
  // Whether a request that came in under an older policy may go on, `request` being as it came; and
  // whether it may at the endpoint, that got `sent`.
  virtual bool may_go_on(uint32_t frontend, const Client& client,
                         const policy::RequestHead& request) = 0;
  virtual bool may_stay(uint32_t frontend, const Client& client, const tcp::Endpoint& endpoint,
                        const http::Message& sent) = 0;

 protected:
  ~HttpPolicy() = default;
};

}  // namespace heddle::mesh
