// Connections that this node terminates itself (forwarding: proxy), as the control side asks for
// them: which ones, and what is told of each. Plain values without memory of their own, as there
// may be millions.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/ip.h"
#include "policy/snapshot.h"
#include "server/connection_state.h"
#include "server/flow_view.h"

namespace heddle::server {

// Text that needs no memory of its own, as workers fill it in. What is too long is cut.
template <size_t kMost>
class ShortText {
 public:
  void set(std::string_view text) {
    size_ = static_cast<uint8_t>(std::min(text.size(), kMost));
    std::copy_n(text.begin(), size_, bytes_.begin());
  }
  std::string_view text() const { return {bytes_.data(), size_}; }

 private:
  static_assert(kMost <= UINT8_MAX);
  uint8_t size_ = 0;
  std::array<char, kMost> bytes_{};  // the first size_ of them
};

// TLS of a connection; texts are empty where it has none.
struct ConnectionTls {
  enum class State : uint8_t { kNone, kHandshake, kEstablished };
  State state = State::kNone;
  bool resumed = false;          // by a ticket
  std::string_view version;      // "TLSv1.3"; a literal's
  std::string_view suite;        // IANA's name, of tls::kSuites
  ShortText<253> server_name;    // asked for by who opened it
  ShortText<32> alpn;            // the protocol that both chose
  ShortText<255> peer_identity;  // SPIFFE ID of the other end
};

struct ConnectionInfo {
  FlowEnd local, remote;
  ConnectionState state{};
  bool accepted = false;  // by a listener; false: ours, to an endpoint
  uint16_t worker = 0;
  uint32_t frontend = policy::kNoSlot;
  // Bytes.
  uint32_t cwnd = 0, ssthresh = 0;  // ssthresh UINT32_MAX: not known yet
  uint32_t send_window = 0;         // the peer's
  uint32_t mss = 0;
  uint32_t bytes_in_flight = 0;
  uint32_t receive_queue = 0, send_queue = 0, out_of_order = 0;
  uint64_t pinned = 0;                              // memory that its queues hold
  uint32_t srtt_us = 0, rttvar_us = 0, rto_us = 0;  // srtt 0: not measured yet
  uint64_t retransmits = 0;                         // segments
  uint64_t age_ms = 0, idle_ms = 0;
  ConnectionTls tls;

  const FlowEnd& opener() const { return accepted ? remote : local; }
  const FlowEnd& destination() const { return accepted ? local : remote; }
};

// All of what is given must fit; nothing given: every connection.
struct ConnectionFilter {
  std::optional<policy::IpPrefix> source;       // who opened it
  std::optional<policy::IpPrefix> destination;  // to whom
  uint16_t port = 0;                            // of that; 0: any
  std::optional<ConnectionState> state;
  std::optional<std::vector<bool>> frontends;  // by slot: of one of these
  std::optional<uint16_t> worker;

  // Whether a connection of the frontend of this slot fits; policy::kNoSlot: of none.
  bool takes_frontend(uint32_t slot) const {
    return !frontends || (slot < frontends->size() && (*frontends)[slot]);
  }
  bool takes(const ConnectionInfo& connection) const {
    if (state && connection.state != *state) return false;
    if (worker && connection.worker != *worker) return false;
    if (!takes_frontend(connection.frontend)) return false;
    if (port != 0 && connection.destination().port != port) return false;
    if (source && !source->contains(connection.opener().address)) return false;
    return !destination || destination->contains(connection.destination().address);
  }
};

// Over all workers, and of what is there now.
struct ConnectionSums {
  std::array<uint64_t, kConnectionStates> by_state{};
  uint64_t receive_queue = 0, send_queue = 0, out_of_order = 0;  // bytes
  uint64_t retransmits = 0;                                      // segments, since start
  uint64_t half_open = 0;                                        // handshakes that are not done
  uint64_t time_wait = 0;
  uint64_t pieces = 0, piece_capacity = 0;  // of queues
  uint64_t pinned = 0, pinned_limit = 0;    // bytes
  uint64_t connections = 0, connection_capacity = 0;
  std::vector<uint16_t> silent;  // workers that did not answer
};

struct ListenerInfo {
  policy::IpAddress address;
  uint16_t port = 0;
  uint32_t frontend = policy::kNoSlot;
  uint32_t half_open = 0, max_half_open = 0;
  // Since start.
  uint64_t accepted = 0, cookies_sent = 0, refused = 0;
};

struct TcpCounterInfo {
  std::string name, help;  // help: one sentence on what a non-zero count means
  uint64_t value = 0;      // since start, over all workers
};

}  // namespace heddle::server
