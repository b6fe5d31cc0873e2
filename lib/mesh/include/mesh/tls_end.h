// TlsEnd: one end of a relayed connection that is not, or not yet, plain bytes: sniffed, shaking
// hands, or with an established session. It holds what lies between TCP and the relay:
//
//   TCP -> in -> (TLS) -> plain -> the other end;   the other end -> text -> (TLS) -> out -> TCP
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/time.h"
#include "mesh/relay_policy.h"
#include "tcp/chain.h"
#include "tls/client_hello.h"
#include "tls/handshake.h"
#include "tls/handshake_helper.h"
#include "tls/record_context.h"
#include "tls/session.h"

namespace heddle::mesh {

// Who hands handshakes to helpers, and is called when one has come back. It knows it by its word,
// whose bit kHttpWord tells the two that there may be on a worker.
class Shaker {
 public:
  static constexpr uint64_t kHttpWord = uint64_t{1} << 62;
  virtual void on_back(uint64_t word, Instant now) = 0;

 protected:
  ~Shaker() = default;
};

// A worker's TLS.
struct TlsWork {
  std::unique_ptr<tls::RecordContext> records;
  tls::HandshakeGate gate;
  const tls::TicketKeys* tickets = nullptr;  // null: no resumption
  // What certificates are judged by. A system call, made for handshakes alone.
  tls::UnixTime (*wall)() = nullptr;
  // Threads that make the steps of handshakes, by lane (tls::Library); none: the worker makes them.
  std::vector<std::unique_ptr<tls::HandshakeHelper>> helpers;
  // Without helpers: steps of handshakes in a turn. Each may cost a signature, and what is
  // established waits for it.
  uint32_t steps_per_turn = 2;

  Shaker* relay = nullptr;  // whose words lack kHttpWord
  Shaker* http = nullptr;
  // Around each turn of the worker. start_turn() gives handshakes that have come back from helpers
  // to whose they are, a few of each helper; true: there may be more.
  bool start_turn(Instant now);
  void end_turn(Instant now);
  // Whether one more step may be made in this turn.
  bool take_step() { return steps_left_ > 0 && steps_left_-- > 0; }
  bool any_away() const;
  // When to look whether one has come back.
  Instant next_deadline() const { return back_at_; }

  // The lane whose context a new handshake is to have: the one with the least to do.
  uint32_t least_busy_lane();

 private:
  bool take_back(Instant now);

  uint32_t last_lane_ = 0;
  uint32_t steps_left_ = 0;
  Instant back_at_ = kNever;
};

class TlsEnd {
 public:
  enum class Phase : uint8_t {
    kSniff,  // TLS or plaintext?
    kName,   // the server name is looked for
    kBegin,  // a handshake is to begin, when the gate lets it
    kShake,
    kOpen,
    kPlain,   // no TLS here: `plain` has what was read before that was known
    kBroken,  // refused
  };
  enum class Progress : uint8_t {
    kMore,
    kLater,  // a helper has no room: the same again in another turn
    kDone,
    kRefused,
  };

  // `server_name`: of a client.
  // `expected_id`: the peer's SPIFFE ID; empty: whoever the context takes.
  TlsEnd(Phase phase, std::shared_ptr<tls::Context> context, std::string server_name = {},
         std::string expected_id = {})
      : phase_(phase),
        context_(std::move(context)),
        server_name_(std::move(server_name)),
        expected_id_(std::move(expected_id)) {}
  TlsEnd(TlsEnd&&) = delete;

  Phase phase() const { return phase_; }
  bool is_open() const { return phase_ == Phase::kOpen; }
  // Has to wait for its turn, as its next step may be dear.
  bool is_dear() const { return phase_ == Phase::kBegin || phase_ == Phase::kShake; }

  // kSniff: TLS whose client does not offer the protocol is not ours. Outlives this.
  void set_only_alpn(std::string_view protocol) { only_alpn_ = protocol; }
  // kSniff and kName: looks at `in`. kDone: now kPlain, or (after kSniff) kBegin.
  Progress look(tcp::Pieces& pieces);
  // kBegin: false while the gate is shut. Where it cannot begin it is kBroken.
  bool begin(TlsWork& work, Instant now);
  // kShake: takes from `in`, answers to `out`. kDone: kOpen, and the rest of `in` is records. With
  // a helper it may be away then, and comes back from it with `word`.
  Progress shake(TlsWork& work, uint64_t word);
  // A helper makes a step; nothing can be said or taken before take_back().
  bool is_away() const { return handshake_ != nullptr && handshake_->is_away(); }
  Progress take_back(TlsWork& work);
  // The stream's end, or the time's, in the middle of a handshake.
  void abandon(TlsWork& work, tls::Refusal refusal);

  // kOpen: `in` to `plain`, answers to `out`.
  tls::Progress open(TlsWork& work, Instant now);
  // kOpen: `text` to `out`, at most `room` bytes of it. Returns the bytes of text.
  uint32_t seal(TlsWork& work, uint32_t room, Instant now);
  // kOpen: close_notify to `out`; false: no memory.
  bool close(TlsWork& work) { return session_->close(*work.records, out); }
  // kOpen: whether the stream that TCP has ended was whole.
  bool ended_whole(TlsWork& work) {
    return session_->end_of_stream(*work.records) == tls::Refusal::kNone;
  }

  // Before it is destroyed.
  void release(TlsWork& work);

  // Of a finished handshake, or of a hello that was looked at.
  const tls::Agreed* agreed() const { return agreed_.get(); }
  const tls::Session* session() const { return session_ ? &*session_ : nullptr; }
  ClientFacts facts() const;

  tcp::Chain in, plain, text, out;
  // Of `text`: whether seal() may write over it.
  tls::Ownership text_is = tls::Ownership::kOurs;
  bool ended = false;  // close_notify came
  bool said_close = false;

 private:
  Progress look_for_tls(tcp::Pieces& pieces);
  Progress look_for_name(tcp::Pieces& pieces);
  void become_plain();
  Progress settle(TlsWork& work, tls::HandshakeProgress progress);

  Phase phase_;
  uint32_t needed_ = 0;                    // kName: before that many bytes there is nothing new
  std::shared_ptr<tls::Context> context_;  // until the handshake has ended
  std::string server_name_, expected_id_;
  std::string_view only_alpn_;
  std::unique_ptr<tls::Handshake> handshake_;
  std::optional<tls::Session> session_;
  std::unique_ptr<tls::Agreed> agreed_;
};

}  // namespace heddle::mesh
