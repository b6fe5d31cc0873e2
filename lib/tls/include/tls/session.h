// Session: an established TLS connection: records in, records out, and what else its peer may say.
// It sits between a TCP connection and its user, both of whose bytes are chains:
//
//   session.open(context, {.in = from_tcp, .plain = to_user, .out = to_tcp}, now);
//   session.seal(context, from_user, to_tcp, {.room = what TCP takes}, now);
//
// All of its state is plain data. Text is opened and sealed where it lies; no byte of a record
// reaches the user before the record's tag was found right.
#pragma once

#include <array>
#include <cstdint>

#include "core/time.h"
#include "core/token_bucket.h"
#include "tcp/chain.h"
#include "tcp/saved_state.h"
#include "tls/key_schedule.h"
#include "tls/record_context.h"
#include "tls/record_header.h"
#include "tls/role.h"

namespace heddle::tls {

enum class Progress : uint8_t {
  kMore,      // all whole records are done
  kClosed,    // the peer has said close_notify; later bytes are thrown away
  kRefused,   // the connection is broken: send `out`, then close
  kNoMemory,  // a piece or a buffer was missing: call again later with the same bytes
};

// Whose bytes seal() is given: those of a received packet may be overwritten, those that others
// read too (a cached answer) may not.
enum class Ownership : uint8_t { kOurs, kShared };

struct OpenChains {
  tcp::Chain& in;     // from TCP; what is left is a part of a record
  tcp::Chain& plain;  // to the user
  tcp::Chain& out;    // to TCP: answers
};

struct SealOptions {
  uint32_t room = UINT32_MAX;  // bytes that may be appended to `out`
  Ownership ownership = Ownership::kOurs;
};

struct SessionState {
  SuiteId suite = SuiteId::kAes128GcmSha256;
  Role role = Role::kServer;
  bool read_closed = false;     // close_notify came
  bool write_closed = false;    // close_notify or a fatal alert went
  bool key_update_due = false;  // the peer's KeyUpdate asks for one of ours
  Refusal refusal = Refusal::kNone;
  Alert peer_alert = Alert::kCloseNotify;  // the last one
  uint8_t warnings = 0;
  uint16_t max_text = kMaxPlaintext;  // of a record that we send: what the peer has asked for
  uint32_t empty_records = 0;         // in a row
  // A post-handshake message that has begun: its header so far, and bytes of its body to come.
  std::array<uint8_t, 4> message{};
  uint8_t message_head = 0;
  uint32_t message_left = 0;
  TokenBucket key_updates{1, 1};
  RecordSizer sizer;
  TrafficKeys read;
  TrafficKeys write;
};

class Session {
 public:
  Session(RecordContext& context, SuiteId suite, Role role, const TrafficKeys& read,
          const TrafficKeys& write);
  // Wipes the keys that this object holds; release() also those that are expanded.
  ~Session();
  Session(Session&& other) noexcept;
  Session& operator=(Session&& other) noexcept;

  // The peer takes no longer records than that, bytes of plaintext (RFC 6066 4).
  void limit_text(uint16_t most) { state_.max_text = most; }

  // Opens all whole records of `in`. Cost: proportional to its bytes; the caller bounds them.
  Progress open(RecordContext& context, OpenChains chains, Instant now);
  // Seals from the front of `plain` while there is room; returns the bytes taken. Small texts are
  // copied, larger ones sealed in place.
  uint32_t seal(RecordContext& context, tcp::Chain& plain, tcp::Chain& out,
                const SealOptions& options, Instant now);

  // close_notify: nothing is sealed after it. False when there was no memory for it.
  bool close(RecordContext& context, tcp::Chain& out);
  // Ends the connection for a reason of the user's, by the refusal's alert.
  void refuse(RecordContext& context, Refusal refusal, tcp::Chain& out);
  // TCP's stream has ended: kTruncated unless close_notify came before.
  Refusal end_of_stream(RecordContext& context);
  // New keys for what we send; TLS 1.3 only. The peer is not asked for new ones of its own.
  bool update_keys(RecordContext& context, tcp::Chain& out);
  // Before the session is destroyed: expanded keys are wiped.
  void release(RecordContext& context);

  const SessionState& state() const { return state_; }
  Refusal refusal() const { return state_.refusal; }
  const Suite& suite() const { return tls::suite(state_.suite); }

  // The state as bytes, for the same build on the same clock. They hold secrets.
  void save(tcp::StateWriter& writer) const;
  // False, and the session is not to be used, for bytes that no save() wrote.
  [[nodiscard]] static bool restore(tcp::StateReader& reader, Session& session);

 private:
  enum class Step : uint8_t { kDone, kWait, kNoMemory };

  Step open_one(RecordContext& context, OpenChains chains, Instant now);
  Refusal decrypt(RecordContext& context, tcp::Chain& record, const RecordHeader& header);
  Refusal take_inner_type(RecordContext& context, tcp::Chain& content, RecordHeader& header);
  Refusal on_content(RecordContext& context, ContentType type, tcp::Chain& content,
                     tcp::Chain& plain, Instant now);
  Refusal on_data(RecordContext& context, tcp::Chain& content, tcp::Chain& plain);
  Refusal on_alert(RecordContext& context, tcp::Chain& content);
  Refusal on_handshake(RecordContext& context, tcp::Chain& content, Instant now);
  Refusal on_message_header(RecordContext& context);
  Refusal on_key_update(RecordContext& context, uint8_t request, bool last, Instant now);

  uint32_t seal_copy(RecordContext& context, tcp::Chain& plain, tcp::Chain& out, uint32_t n);
  uint32_t seal_in_place(RecordContext& context, tcp::Chain& plain, tcp::Chain& out, uint32_t n);
  bool seal_control(RecordContext& context, ContentType type, Bytes content, tcp::Chain& out);
  void seal_contiguous(RecordContext& context, ContentType type, uint8_t* at, uint32_t n);
  void emit_header(uint8_t* at, ContentType type, uint32_t content) const;
  bool keys_are_worn(RecordContext& context, tcp::Chain& out);

  SessionState state_;
  KeyTicket read_ticket_;
  KeyTicket write_ticket_;
};

}  // namespace heddle::tls
