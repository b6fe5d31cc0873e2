// HttpSide: what a client and a server of HTTP have in common: lines (connections with TLS or
// without, of HTTP/1.1 or HTTP/2), their handshakes, bodies of HTTP/2's streams, and who has to be
// looked at again in the next turn.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/http2/session.h"
#include "http_text.h"
#include "mesh/handshake_queue.h"
#include "mesh/slot_queue.h"
#include "mesh/wire.h"
#include "payload.h"
#include "worker/worker.h"

namespace heddle::load {

struct Line {
  mesh::Wire wire{tcp::ConnectionId()};
  std::unique_ptr<http2::Session> session;  // of HTTP/2
  bool open = false;                        // there is no TLS, or its handshake is done
};

// A stream of HTTP/2, by its slot in the store.
struct StreamWork {
  tcp::ConnectionId connection;  // none: nobody's
  uint32_t line = kNoSlot;
  Instant since;
  uint64_t to_send = 0;   // of our body
  uint64_t received = 0;  // of the other's
  bool ended = false;     // the other has sent all
};

class HttpSide : public mesh::Shaker {
 public:
  HttpSide(const HttpSide&) = delete;
  HttpSide& operator=(const HttpSide&) = delete;

  void on_back(uint64_t word, Instant now) final;

 protected:
  enum class Role : uint8_t { kClient, kServer };
  // `bodies`: what bodies are made of.
  HttpSide(app::Worker& worker, Role role, Payload& bodies, uint32_t lines, bool tls);
  ~HttpSide();

  // Of one connection; before make_store().
  void allow_streams(uint32_t most);
  // Streams in work at once and connections of HTTP/2, at most.
  void make_store(uint32_t streams, uint32_t sessions);
  // False: there is no memory for it.
  bool start_session(uint32_t slot, Instant now);

  // TLS begins on a line that has none yet. `name`: of the server.
  void secure(uint32_t slot, std::shared_ptr<tls::Context> context, std::string name);
  // Something has come for a line that is not open.
  void go_on_shaking(uint32_t slot, Instant now);
  // Handshakes, and those that were put aside. True: there are more.
  bool run(Instant now);

  // The first bytes of a line's input, in one piece.
  std::string_view first_of_input(const Line& line) const;
  // The head of HTTP/1.1 that a line's input begins with, where it is whole; else empty. It holds
  // until anything comes or is freed.
  std::string_view head_of_input(const Line& line);

  // Sends as much of a body as the line takes; `left` is what is not sent then.
  void send_body(uint32_t slot, uint64_t& left, Instant now);
  // The same of a stream, and its end; what is to be sent goes with emit().
  void send_stream(http2::StreamId stream);
  // Sends what the line and its session have.
  void emit(uint32_t slot, Instant now);
  // The line is served again in the next turn.
  void again(uint32_t slot) { again_.push(slot); }
  // All it has is given back, and its connection closed.
  void close(uint32_t slot, Instant now);

  virtual void serve(uint32_t slot, Instant now) = 0;
  virtual void on_open(uint32_t slot, Instant now) = 0;
  virtual void on_tls_failure(uint32_t slot, Instant now) = 0;

  tcp::Pieces& pieces() { return work_.pieces(); }

  app::Worker& worker_;
  mesh::WireWork work_;
  http2::Limits limits_;
  std::optional<http2::Store> store_;
  std::vector<StreamWork> streams_;
  std::vector<Line> lines_;
  Instant now_;

 private:
  void shake(uint32_t slot, Instant now);
  void on_step(uint32_t slot, mesh::TlsEnd::Progress progress, Instant now);

  Role role_;
  Payload& bodies_;
  mesh::HandshakeQueue handshakes_;
  mesh::SlotQueue again_;
  mesh::SlotQueue short_;  // streams that got no piece
  std::array<char, kMostHead> scratch_;
};

}  // namespace heddle::load
