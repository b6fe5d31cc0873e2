// Wire: one TCP connection of HTTP, with TLS or without: plaintext comes into `in` and leaves by
// `out`. Who has one passes on what notes say of its connection, and calls pull() and push().
#pragma once

#include <memory>

#include "mesh/tls_end.h"
#include "tcp/transport.h"

namespace heddle::mesh {

// What wires work with.
struct WireWork {
  tcp::Transport& transport;
  TlsWork* tls = nullptr;  // null: there is no TLS
  tcp::Pieces& pieces() const { return transport.pieces(); }
};

class Wire {
 public:
  explicit Wire(tcp::ConnectionId connection) : id(connection) {}

  // Takes up to about `most` bytes of plaintext into `in`; with TLS whole records.
  void pull(WireWork& work, uint32_t most, Instant now);
  // Sends what TCP takes of `out`, and then, where shut() was called, the end.
  void push(WireWork& work, Instant now);
  // No more comes out of here after what is in `out`.
  void shut() { shutting_ = true; }

  // Bytes that `out` should be given now.
  uint32_t room(const WireWork& work) const;
  // What was given and has not gone to TCP.
  uint32_t pending() const;
  // Nothing will come into `in` any more. Where a peer of TLS has not said so, it was cut off.
  bool ended(const WireWork& work) const;
  bool is_cut_off(WireWork& work);
  // The end was sent.
  bool is_shut() const { return shut_; }

  // kSniff: TLS or plaintext?  False: neither.
  bool look(WireWork& work, Instant now, bool& decided);
  // The next step of a handshake; kMore, and still kBegin: the gate is shut. With a helper it may
  // be away then, and comes back with `word`.
  TlsEnd::Progress shake(WireWork& work, uint64_t word, Instant now);
  TlsEnd::Progress take_back(WireWork& work, Instant now);
  bool is_dear() const { return tls != nullptr && tls->is_dear(); }
  bool is_sniffing() const { return tls != nullptr && tls->phase() == TlsEnd::Phase::kSniff; }

  // Gives back all it has, and the connection: in order, or by a reset.
  void close(WireWork& work, Instant now);
  void abort(WireWork& work, Instant now);

  tcp::ConnectionId id;
  std::unique_ptr<TlsEnd> tls;  // null: plain
  tcp::Chain in, out;
  uint64_t sent = 0;         // bytes that TCP took; with TLS of records
  bool half_closed = false;  // the peer sends no more
  bool closed = false;       // by the protocol
  bool reset = false;
  bool broken = false;  // by what came over TLS
  // A buffer was missing, for what came or for what is to go: to be called again a little later.
  bool starved_in = false, starved_out = false;

 private:
  void take_in(WireWork& work, uint32_t most, Instant now);
  void flush(WireWork& work, Instant now);
  void free(WireWork& work);

  bool shutting_ = false;
  bool shut_ = false;
};

}  // namespace heddle::mesh
