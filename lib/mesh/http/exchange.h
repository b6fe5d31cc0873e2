// Peer: one HTTP connection, a client's or an endpoint's. Exchange: one request and its response,
// between two of them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "flow.h"
#include "http/http1/body_reader.h"
#include "http/http1/writer.h"
#include "http/http2/session.h"
#include "jwt/claims.h"
#include "mesh/http_policy.h"
#include "mesh/peer_identity.h"
#include "mesh/wire.h"
#include "policy/claim_names.h"

namespace heddle::mesh {

enum class Speaks : uint8_t { kUnknown, kHttp1, kHttp2 };

enum class PeerStage : uint8_t {
  kPrelude,     // a client's: a header of the PROXY protocol
  kConnecting,  // to an endpoint
  kOpening,     // TLS or not, its handshake
  kOpen,
  kClosing,  // a client's: the last answer is on its way
  kGone,     // its connection was given back; exchanges may still hold it
};

struct Peer {
  Peer(tcp::ConnectionId id, bool client_side) : wire(id), is_client(client_side) {}

  Wire wire;
  PeerStage stage = PeerStage::kOpening;
  Speaks speaks = Speaks::kUnknown;
  bool is_client;
  bool connected = false;
  bool counted_idle = false;
  bool idle = false;                            // an endpoint's: in its list, for other requests
  bool http2_wanted = false;                    // an endpoint's
  bool for_one = false;                         // an endpoint's: told of its client
  bool edge = false;                            // a client's: ClientTerms::edge
  bool in_mesh = false;                         // a client's: ClientTerms::in_mesh
  bool secure = false;                          // a client's: its TLS has ended here
  bool sniffs = false;                          // a client's: ClientTerms::sniffs
  HttpFault fault = HttpFault::kNone;           // an endpoint's: why it is gone
  uint32_t frontend = kNoSlot;                  // a client's
  uint32_t endpoint = kNoSlot;                  // an endpoint's
  uint32_t generation = 0;                      // a client's: of the policy under which it stands
  uint64_t version = 0;                         // a client's: ClientTerms::version
  uint32_t first_exchange = kNoSlot;            // that hold it
  uint32_t next = kNoSlot, previous = kNoSlot;  // of the same endpoint
  uint32_t requests = 0;
  tcp::Endpoint place;                  // an endpoint's
  std::shared_ptr<const void> tls_use;  // an endpoint's: how it is spoken to; null: in clear
  std::unique_ptr<tcp::Endpoint> told;  // a client's: where it says that it comes from
  std::unique_ptr<const PeerIdentity> identity;    // a client's, that it has shown; null: none
  std::shared_ptr<const std::string> expected_id;  // an endpoint's; null: whoever tls_use takes
  std::unique_ptr<http2::Session> session;
  ConnectionHold hold;                                      // an endpoint's
  bool spare = false;                                       // the same: nobody uses it
  uint32_t next_spare = kNoSlot, previous_spare = kNoSlot;  // of the same service
  Instant deadline = kNever;
  Duration silence;  // a client's: ClientTerms::silence
};

// One end of an exchange. The client's half reads the request and writes the response; the
// server's half the other way round.
struct Half {
  uint32_t peer = kNoSlot;
  http2::StreamId stream = http2::kNoStream;
  uint32_t next = kNoSlot, previous = kNoSlot;   // exchanges of the same peer
  http::Refusal refusal = http::Refusal::kNone;  // of what was read
  bool lost = false;  // the connection, or the stream, before all was said
  bool head_read = false;
  bool end_seen = false;  // HTTP/2: what is left to read lies in the session
  bool read_ended = false;
  bool write_begun = false;
  bool write_ended = false;
  bool closed = false;   // HTTP/2: the stream has nothing more to do
  bool doubted = false;  // an interim answer said what it may not, or that it is the last
  bool tunnel = false;
  http2::ErrorCode error = http2::ErrorCode::kNoError;  // of a lost stream
  http1::BodyReader reader;
  http1::BodyWriter writer;
};

enum Side : uint8_t { kClient = 0, kServer = 1 };

// Endpoints that a request's later tries leave out.
inline constexpr size_t kMostTried = 4;

struct Exchange {
  Half& operator[](Side side) { return halves[side]; }

  uint32_t slot = kNoSlot;
  uint32_t frontend = kNoSlot;
  uint32_t endpoint = kNoSlot;
  uint32_t rule = kNoSlot;
  Half halves[2];
  http1::HeadParser parser;  // of the head that is being read
  http::Message own_request, own_response;
  uint32_t request_block = kNoSlot, response_block = kNoSlot;
  http::Message* request = nullptr;
  http::Message* response = nullptr;  // whose head was, or is to be, given
  HttpRoute route;
  HttpFault fault = HttpFault::kNone;
  uint16_t refused_status = 0;  // with kBadRequest: what the refusal says
  bool local = false;           // answered by a rule
  bool replayable = true;       // nothing of the request's body was taken
  bool reused = false;          // the server's half was there before
  bool close_client = false;    // the client's connection ends behind the response
  bool timed_out = false;
  bool ending = false;   // the response is given; the rest is the client's to say
  bool counted = false;  // policy knows of the endpoint's request
  bool cors = false;     // scripts of the request's origin may read the response
  // A copy of another's request: it has no client, and nobody wants its response.
  bool is_shadow = false;
  bool source_ended = false;  // of a shadow: its whole body is in `answer`
  http::Text origin;          // of the request, in its arena
  uint32_t other = kNoSlot;   // its shadow, or whose shadow it is
  uint8_t tries = 0;
  uint8_t retries = 0;                         // of these that policy asked for
  std::shared_ptr<const policy::Retry> retry;  // null: policy asks for none
  std::array<uint32_t, kMostTried> tried;      // endpoints; the first tried_count count
  uint8_t tried_count = 0;
  tcp::Chain kept, resend;  // of the request's body: for later tries, of this
  TryHold hold;             // of this try
  BoundHold retrying{resilience::Bound::kRetries}, pending{resilience::Bound::kPending};
  // Whose budget the next try takes from, and how often there was none left.
  std::shared_ptr<resilience::Breaker::End> budget;
  uint8_t out_of_budget = 0;
  bool retry_due = false;         // policy asks for the next try, which has not begun
  bool waits = false;             // for a connection of the service to be free
  Duration per_try;               // 0: none
  Instant try_until = kNever;     // of this try
  Instant paused_until = kNever;  // nothing is done before
  uint8_t interims = 0;           // that came before the response
  Instant begun, head_at, moved;
  // Before a rule changes them; in the request's memory.
  std::string_view path, authority;
  // The request as it came, for policy; in its memory. Without fields: it is not admitted yet.
  policy::RequestHead asked;
  http::Fields asked_fields;
  // Of its token, in the engine's memory for this exchange; none: it has shown none.
  std::optional<jwt::ClaimsView> claims;
  std::shared_ptr<const policy::ClaimNames> claim_names;  // HttpTokens::names
  bool asks_first = false;                                // a preflight that its rule answers
  HttpLimited limited;                                    // with kRateLimited, in the turn
  HttpInjected injected;                                  // by a Fault
  Client client;
  tcp::Endpoint server;  // that was asked last
  bool https = false;
  Instant deadline = kNever;
  Instant armed = kNever;  // for when its timer is set
  Duration idle;           // 0: none
  uint64_t discarded = 0;  // of a request that nobody reads any more, bytes
  uint64_t bytes[2] = {};  // of the bodies, by the side they came from
  tcp::Chain answer;       // the body of an answer of our own; of a shadow: what is to be sent
  Flow flow;
};

}  // namespace heddle::mesh
