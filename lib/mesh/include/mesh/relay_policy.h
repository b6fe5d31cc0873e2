// RelayPolicy: what a relay asks, and tells, the layer that knows policy.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "mesh/holds.h"
#include "mesh/proxy_header.h"
#include "tcp/transport.h"
#include "tls/context.h"

namespace heddle::jwt {
class ClaimsView;
}

namespace heddle::mesh {

struct PeerIdentity;  // mesh/peer_identity.h

// Who a connection is from: as TCP has it, or, where a load balancer in front tells more, with the
// address and port that it told.
struct Client {
  tcp::FourTuple tuple;  // seen from our side; local is always the one that was connected to
  bool told = false;     // remote is what was told: no proof that anybody is there
  bool secure = false;   // came through TLS, which has ended here
  bool shaking = false;  // its handshake, or what it begins with, is still to come
  const PeerIdentity* identity = nullptr;  // that it has shown; null: none
  // Of a request: what its token says, which was verified; null: it has none.
  const jwt::ClaimsView* claims = nullptr;
  bool claims_open = false;  // a browser's question that goes before: no token can come with it
};

// What a frontend's clients speak.
enum class ClientSide : uint8_t {
  kPlain,     // bytes, whatever they are
  kTls,       // TLS, which ends here
  kEither,    // TLS or plaintext, told by the first bytes: clients must speak first
  kTlsNamed,  // TLS that goes on to the endpoint as it is; its server name chooses the endpoint
};

struct ClientTerms {
  ClientSide side = ClientSide::kPlain;
  std::shared_ptr<tls::Context> tls;  // of kTls and kEither
  // Of HTTP: clients are nobody's that is known. What they say of themselves in X-Forwarded-Proto,
  // X-Request-Id and Forwarded is not believed.
  bool edge = false;
  // Of HTTP: who has shown an identity is a node, which has told already whom it asks for.
  bool in_mesh = false;
  // Of kEither: TLS is ours where the client offers this protocol, and else bytes as others. Empty:
  // always.
  std::string_view only_alpn{};
  // Of HTTP: clients may speak anything, told by the first bytes; what is not HTTP is given to
  // HttpPolicy::take_bytes. `silence`: for how long they may say nothing; 0: as they like.
  bool sniffs = false;
  Duration silence;
  uint64_t version = 0;  // of the policy that said so
  // Until the endpoint is chosen, which waits for the client's first bytes, or its handshake.
  Duration timeout = seconds(10);
};

// What is known of a client when its endpoint is chosen. Empty: unknown.
struct ClientFacts {
  std::string_view server_name;
  std::string_view identity;  // its SPIFFE ID
  std::string_view alpn;
};

// Where an accepted connection is to go.
struct Upstream {
  tcp::FourTuple tuple;               // local port 0: the transport chooses
  uint8_t profile = 0;                // of the connection to the endpoint
  uint32_t endpoint = 0;              // the policy's name for it, kept for RelayPolicy's calls
  uint32_t generation = 0;            // of the policy that said so
  Duration connect_timeout;           // until the endpoint has answered, TLS included
  Duration idle_timeout;              // without a byte in either direction; 0: none
  std::shared_ptr<tls::Context> tls;  // null: plaintext
  // Names the configuration that `tls` was made from: connections under the same one are alike.
  std::shared_ptr<const void> tls_use;
  std::string server_name;  // with TLS: asked for by SNI, and verified where policy says so
  // With TLS: who the endpoint has to be; null: whoever the configuration takes. The same object as
  // long as it is so.
  std::shared_ptr<const std::string> expected_id;
  // Told to the endpoint of the client, before TLS. Such a connection is for this client alone.
  ProxyHeaderVersion proxy_header = ProxyHeaderVersion::kNone;
  Bounds bounds{};  // what it is counted by
};

// What is known of a pair.
struct RelayPair {
  Client client;
  tcp::Endpoint endpoint;  // address and port
  uint32_t frontend = 0;   // the listener's user word
  uint32_t endpoint_slot = 0;
};

enum class Standing : uint8_t { kStays, kReset, kSilent };

class RelayPolicy {
 public:
  // Whether its clients' streams begin with a header of the PROXY protocol. Asked before terms().
  virtual bool wants_proxy_header(uint32_t frontend) = 0;
  // None: refused, and counted there; the client is reset.
  virtual std::optional<ClientTerms> terms(uint32_t frontend, const Client& client) = 0;
  virtual std::optional<Upstream> choose(uint32_t frontend, const Client& client,
                                         const ClientFacts& facts) = 0;
  virtual void opened(uint32_t frontend, uint32_t endpoint) = 0;
  virtual void closed(uint32_t frontend, uint32_t endpoint) = 0;
  virtual void moved(uint32_t frontend, uint32_t endpoint, bool to_endpoint, uint32_t bytes) = 0;
  // Whether a pair may go on under the policy of now.
  virtual Standing judge(const RelayPair& pair) = 0;

 protected:
  ~RelayPolicy() = default;
};

}  // namespace heddle::mesh
