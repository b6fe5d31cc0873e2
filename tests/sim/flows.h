// Applications for the simulator: senders of a known stream, readers that compare each byte.
#pragma once

#include <memory>

#include "host.h"
#include "link.h"

namespace heddle::sim {

// Byte `at` of every stream.
uint8_t stream_byte(uint64_t at);
// `size` bytes from `at` on; size <= 64 KiB.
std::span<const uint8_t> stream(uint64_t at, size_t size);

struct StreamState {
  tcp::ConnectionId id;
  uint64_t to_send = 0;
  uint64_t sent = 0;
  uint64_t received = 0;
  bool right = true;  // every byte so far was as it must be
  bool connected = false;
  bool peer_done = false;
  bool finished = false;  // by the protocol
  bool closed = false;    // and by us
  Instant read_again;
  bool close_when_sent = true;
  bool close_when_received = true;
  uint32_t read_limit = UINT32_MAX;  // bytes an event
  tcp::EndReason ended = tcp::EndReason::kNone;
  Instant first_byte;
  Instant last_byte;
};

// Sends and receives on any number of connections. What comes from a listener sends `reply`.
class StreamApp final : public App {
 public:
  void on_event(tcp::Transport& transport, const tcp::EventNote& note, Instant now) override;

  // Begins a connection that sends `bytes`.
  StreamState& open(Host& host, const tcp::FourTuple& tuple, uint64_t bytes, Instant now);
  // Takes a stream over from another program.
  StreamState& adopt(const StreamState& state) {
    streams_.push_back(std::make_unique<StreamState>(state));
    return *streams_.back();
  }
  void listen(Host& host, const tcp::Endpoint& local, uint64_t reply_bytes);
  std::vector<std::unique_ptr<StreamState>>& streams() { return streams_; }
  const std::vector<std::unique_ptr<StreamState>>& streams() const { return streams_; }
  // Bytes that are read an event; what is left is read a little later.
  void set_read_limit(uint32_t bytes) { read_limit_ = bytes; }
  void attach(Host& host) { host_ = &host; }
  // Called in each turn: readers that go slowly go on.
  void on_turn(tcp::Transport& transport, Instant now) override;
  bool all_closed() const;
  bool all_right() const;
  uint64_t received() const;

  void pump(tcp::Transport& transport, StreamState& state, Instant now);

 private:
  StreamState& of(const tcp::EventNote& note);
  void close_if_read(tcp::Transport& transport, StreamState& state, Instant now);

  std::vector<std::unique_ptr<StreamState>> streams_;
  uint64_t reply_bytes_ = 0;
  uint32_t read_limit_ = UINT32_MAX;
  Host* host_ = nullptr;
};

// Two hosts and a link each way.
class Pair {
 public:
  Pair(const tcp::Profile& profile, const LinkSpec& there, const LinkSpec& back, uint64_t seed);

  static constexpr uint16_t kPort = 80;
  tcp::FourTuple tuple(uint16_t local_port = 0, bool ipv6 = false) const {
    return {{address(1, ipv6), Be16(local_port)}, {address(2, ipv6), Be16(kPort)}};
  }
  // True when both ends gave back all that they took.
  bool is_clean();

  Network network;
  Host client;
  Host server;
  Link there;
  Link back;
  StreamApp client_app;
  StreamApp server_app;
};

}  // namespace heddle::sim
