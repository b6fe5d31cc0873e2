// One HTTP/2 connection (RFC 9113), server or client side, without I/O: chains of bytes go in and
// come out, and every stream has one Message and a chain of data each way. The frames are
// nghttp2's; the bounds are ours.
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/counter.h"
#include "core/pool.h"
#include "core/strong.h"
#include "core/time.h"
#include "core/token_bucket.h"
#include "http/http2/limits.h"
#include "http/http2/memory.h"
#include "http/http2/offences.h"
#include "http/http2/stats.h"
#include "http/message.h"
#include "http/refusals.h"
#include "tcp/chain.h"

namespace heddle::http2 {

// A stream's slot in the worker's store, valid until release().
using StreamId = Strong<struct StreamIdTag, uint32_t>;
inline constexpr StreamId kNoStream{kNoSlot};

// RFC 9113 7.
enum class ErrorCode : uint32_t {
  kNoError = 0,
  kProtocolError = 1,
  kInternalError = 2,
  kFlowControlError = 3,
  kStreamClosed = 5,
  kRefusedStream = 7,
  kCancel = 8,
  kEnhanceYourCalm = 11,
};

enum class Event : uint8_t {
  kHead = 1,       // message() is whole, or refusal() says why it is not
  kData = 2,       // data has come
  kEnd = 4,        // the peer has sent all; trailers are in the message
  kWritable = 8,   // room() has grown
  kContinue = 16,  // client: a 100; other interim answers are dropped and counted
  kClosed = 32,    // both sides are done, or error() says why not; always the last
};

struct EventNote {
  StreamId stream;
  uint8_t events = 0;
  bool has(Event event) const { return (events & static_cast<uint8_t>(event)) != 0; }
};

struct Stream {
  http::Message message;  // received
  tcp::Chain in;
  tcp::Chain out;
  const http::Fields* trailers = nullptr;  // to be sent
  Instant checked_at;                      // when sent bytes were last looked at
  uint64_t received = 0;                   // bytes of data
  uint32_t sent = 0;                       // since checked_at
  uint32_t slot = kNoSlot;
  uint32_t arena = kNoSlot;
  uint32_t next_ready = kNoSlot;
  uint32_t previous = kNoSlot;  // in the session's list
  uint32_t next = kNoSlot;
  int32_t number = 0;  // on the wire
  ErrorCode error = ErrorCode::kNoError;
  http::Refusal refusal = http::Refusal::kNone;
  http::Method asked = http::Method::kGet;  // client: of the request
  http::Text host;
  uint8_t events = 0;
  uint8_t interims = 0;  // that came before the response
  bool ready = false;    // in the list of those with events
  bool head_done = false;
  bool head_refused = false;
  bool ending = false;    // all data to be sent is in `out`
  bool deferred = false;  // nghttp2 waits for data
  bool body = false;      // a data provider was given
  bool closed = false;    // nghttp2 has forgotten it
  bool reset_by_us = false;
  bool has_host = false;
};

// The worker's store for all its sessions. All memory is taken at construction.
class Store {
 public:
  // Streams in work at once, of all sessions; bytes for nghttp2, of all sessions.
  Store(uint32_t streams, size_t memory_bytes, const Limits& limits, tcp::Pieces& pieces,
        tcp::BufferSource& buffers);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  Pool<Stream> streams;
  http::ArenaPool arenas;
  Memory memory;
  tcp::Pieces& pieces;
  tcp::BufferSource& buffers;
  Counters counters;
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
};

enum class Side : uint8_t { kServer, kClient };

class Session {
 public:
  // `limits` outlives the session.
  Session(Side side, Store& store, const Limits& limits);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Says our SETTINGS first. False when there is no memory.
  bool start(Instant now);
  // Reads from the front of `in`; what it leaves waits for takers of data, or for the next turn.
  void receive(tcp::Chain& in, Instant now);
  // Appends what is due to `out`.
  void emit(tcp::Chain& out, Instant now);
  // Streams with news, each once; false when there are none.
  bool next_event(EventNote& note);
  Instant next_deadline() const;
  void on_timer(Instant now);

  http::Message& message(StreamId stream) { return at(stream).message; }
  http::Refusal refusal(StreamId stream) const { return at(stream).refusal; }
  ErrorCode error(StreamId stream) const { return at(stream).error; }
  uint32_t data_bytes(StreamId stream) const { return at(stream).in.bytes; }

  // At most `max` bytes of data; only now the peer may send as much again on this stream.
  tcp::Chain take_data(StreamId stream, uint32_t max);

  // Client: whether a request may be opened now.
  bool can_open() const;
  // Client: kNoStream when it may not, or memory is out. `end`: no body follows.
  StreamId request(const http::Message& message, bool end);
  // Server: a response, or an interim one, behind which another follows.
  bool respond(StreamId stream, const http::Message& message, bool end);
  // Bytes of data that are worth sending now.
  uint32_t room(StreamId stream) const;
  // Takes all of `data`.
  void send(StreamId stream, tcp::Chain& data);
  // All data was sent; `trailers` (may be null) outlives the stream.
  void end(StreamId stream, const http::Fields* trailers);
  void reset(StreamId stream, ErrorCode code);
  // Gives the stream back, and resets it when it is not closed.
  void release(StreamId stream);

  // Takes no new streams, after a notice of one round trip (RFC 9113 6.8), and lets the others end.
  void drain(Instant now);
  bool draining() const { return draining_; }
  // Nothing more will come or go: the connection is to be closed when all output is sent.
  bool finished() const;
  // There was no memory for what is to be sent.
  bool is_output_blocked() const { return output_blocked_; }
  Offence offence() const { return offence_; }
  uint32_t streams() const { return open_; }
  size_t memory_in_use() const { return memory_.in_use(); }

 private:
  friend struct Callbacks;

  Stream* open_stream(int32_t number);
  void drop_stream(Stream& stream);
  Stream* find_unopened(int32_t number);
  Stream& at(StreamId stream) { return store_.streams[stream.value()]; }
  const Stream& at(StreamId stream) const { return store_.streams[stream.value()]; }
  Stream* find(int32_t number) const;
  void note(Stream& stream, Event event);
  void offend(Offence offence);
  void fail(ssize_t code);
  void check_progress(Instant now);
  void resume(Stream& stream);
  void feed_piece(const tcp::Piece& piece);
  bool over_rate(const nghttp2_frame_hd& frame, Offence& offence);
  http::Refusal take_pseudo(Stream& stream, std::string_view name, std::string_view value);
  http::Refusal take_field(Stream& stream, std::string_view name, std::string_view value,
                           bool secret);
  http::Refusal finish_head(Stream& stream, bool end);
  bool flush_pending(tcp::Chain& out);

  int on_begin_frame(const nghttp2_frame_hd& frame);
  int on_begin_headers(const nghttp2_frame& frame);
  int on_header(const nghttp2_frame& frame, std::string_view name, std::string_view value,
                bool secret);
  int on_invalid_header(const nghttp2_frame& frame, std::string_view name, std::string_view value);
  void on_invalid_frame(const nghttp2_frame& frame, int code);
  int on_frame(const nghttp2_frame& frame);
  void on_head_end(Stream& stream, bool end);
  void on_trailers_end(Stream& stream);
  void on_end(Stream& stream);
  int on_data(Stream* stream, std::span<const uint8_t> data);
  void on_close(Stream& stream, ErrorCode code);
  void on_not_sent(const nghttp2_frame& frame);
  void on_sent(const nghttp2_frame& frame);
  static nghttp2_data_provider provider();
  ssize_t provide(Stream* stream, size_t most, uint32_t& flags);
  int send_data(Stream* stream, const uint8_t* header, size_t size);

  Side side_;
  Store& store_;
  const Limits& limits_;
  SessionMemory memory_;
  nghttp2_mem allocator_;
  nghttp2_session* session_ = nullptr;
  const tcp::Piece* piece_ = nullptr;  // that is being read
  tcp::Chain* out_ = nullptr;          // that is being written
  std::span<const uint8_t> pending_;   // written by nghttp2, and no memory to keep it
  Instant now_;
  Instant drain_at_ = kNever;
  Instant check_at_ = kNever;
  uint32_t first_ = kNoSlot;
  uint32_t ready_first_ = kNoSlot;
  uint32_t ready_last_ = kNoSlot;
  uint32_t open_ = 0;
  uint32_t queued_ = 0;  // bytes of data that nobody took yet
  uint32_t new_streams_ = 0;
  uint32_t head_bytes_ = 0;  // of the head that is being read
  uint64_t window_updates_left_;
  TokenBucket resets_;
  TokenBucket made_resets_;
  TokenBucket pings_;
  TokenBucket settings_;
  TokenBucket priorities_;
  TokenBucket empty_frames_;
  TokenBucket unknown_frames_;
  Offence offence_ = Offence::kNone;
  bool output_blocked_ = false;
  bool draining_ = false;
  bool going_ = false;  // the peer said GOAWAY
  bool dead_ = false;   // nghttp2 must not be called any more
};

// The first bytes of a client (RFC 9113 3.4), by which a listener without ALPN tells HTTP/2.
enum class Preface : uint8_t { kNo, kMaybe, kYes };
Preface preface_of(std::string_view begin);

}  // namespace heddle::http2
