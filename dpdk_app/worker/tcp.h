// Tcp: one worker's transport, whose connections end here, and who uses it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/counter.h"
#include "mesh/relay_stats.h"
#include "mesh/tls_end.h"
#include "packet/pool.h"
#include "policy/snapshot.h"
#include "tcp/transport.h"
#include "tcp_io/buffers.h"
#include "worker/node_secrets.h"

namespace heddle::mesh {
class HttpProxy;
}

namespace heddle::app {

struct Requests;  // worker/requests.h
struct Worker;

// Who connections are for. Called by the worker alone, in its turn.
class TcpUser {
 public:
  virtual ~TcpUser() = default;
  virtual void on_note(const tcp::EventNote& note, Instant now) = 0;
  // Once a turn, after all notes. True: there is more to do at once.
  virtual bool on_turn(Instant now) = 0;
  virtual Instant next_deadline() const = 0;
  // Which of policy's frontends a connection is for, by its user word; policy::kNoSlot: none.
  virtual uint32_t frontend_of(uint64_t user) const = 0;
  // Of a relay; null for any other user.
  virtual const mesh::RelayCounters* relay_counters() const { return nullptr; }
  virtual const mesh::HttpProxy* http() const { return nullptr; }
  // The TLS of a connection, by its user word; null: none.
  virtual const mesh::TlsEnd* tls_of(uint64_t) const { return nullptr; }
};

// Whether a tuple's packets come to this worker.
class TupleOwner final : public tcp::SteeringOwner {
 public:
  explicit TupleOwner(const Worker& worker) : worker_(worker) {}
  bool is_ours(const tcp::FourTuple& tuple) const override;

 private:
  const Worker& worker_;
};

struct TcpOptions {
  tcp::Limits limits;
  tcp::Profile profile;
};

// A policy's listeners, as the transport has them. A change of policy is taken over in pieces.
class TcpListeners {
 public:
  explicit TcpListeners(uint32_t frontends) : slots_(frontends) {}

  // Takes over a piece of what policy has. True: there is more.
  bool follow(const policy::Snapshot& policy, tcp::Transport& transport);
  bool is_settled() const { return next_ == kSettled; }
  tcp::ListenerId listener_of(uint32_t frontend) const { return slots_[frontend].id; }

 private:
  static constexpr uint32_t kSettled = UINT32_MAX;
  struct Slot {
    tcp::ListenerId id = kNoSlot;
    policy::IpAddress address;
    uint16_t port = 0;
  };
  static bool is(const Slot& slot, const policy::ProxyListener* wanted) {
    return wanted != nullptr && slot.address == wanted->address && slot.port == wanted->port;
  }
  // True when a listener came or went.
  static bool drop(Slot& slot, const policy::ProxyListener* wanted, tcp::Transport& transport);
  static bool make(Slot& slot, const policy::ProxyListener* wanted, tcp::Transport& transport);

  std::vector<Slot> slots_;  // by frontend
  std::shared_ptr<const std::vector<policy::ProxyListener>>
      seen_;                  // kept, so that none takes its place
  uint32_t next_ = kSettled;  // frontend slot
  uint32_t at_ = 0;           // in policy's list
  bool making_ = false;       // those that go have gone
};

struct Tcp {
  Tcp(Worker& worker, const TcpOptions& options, const NodeSecrets& first, Instant start);
  ~Tcp();
  Tcp(const Tcp&) = delete;
  Tcp& operator=(const Tcp&) = delete;

  // What may have been replaced since the last turn.
  void begin_turn(const NodeSecrets& of_node) {
    if (of_node.version != secrets_version) [[unlikely]] {
      secrets_version = of_node.version;
      secrets = of_node.secrets;
      tickets = of_node.tickets;
    }
  }

  MbufBuffers buffers;
  tcp::Secrets secrets;  // the node's, copied, so that they never change during a turn
  tls::TicketKeys tickets;
  uint64_t secrets_version = 0;
  TupleOwner owner;
  tcp::Transport transport;
  TcpListeners listeners;
  tcp::Limits limits;
  uint32_t http_requests = 16;  // in work at once
  mesh::TlsWork tls;            // without records where there is nobody who relays
  // Whether the next turn has something to do that nothing else brings about.
  bool is_busy() const { return busy || transport.has_notes() || transport.wants_output(); }

  std::unique_ptr<Requests> requests;  // none where nobody proxies HTTP; made by who does
  std::unique_ptr<TcpUser> user;
  bool busy = false;  // the user has more to do at once
  Gauge swept;        // the generation of policy under which all connections are known to stand
};

}  // namespace heddle::app
