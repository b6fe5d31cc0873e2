// What comes from the peer.
#include <algorithm>

#include "http/chars.h"
#include "http/http1/numbers.h"
#include "http/http2/session.h"
#include "http/target.h"

namespace heddle::http2 {

using http::Body;
using http::BodyKind;
using http::FieldId;
using http::Method;
using http::Refusal;

namespace {

constexpr uint32_t kFieldCost = 32;  // of each field, beside name and value (RFC 9113 6.5.2)

// Frames that nghttp2 does not know by its enum.
constexpr uint8_t kPriorityUpdate = 16;

// Padding is no content, though it gives the frame a length.
bool is_padding_alone(const nghttp2_frame& frame) {
  return frame.hd.type == NGHTTP2_DATA && frame.hd.length > 0 &&
         (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 && frame.hd.length == frame.data.padlen;
}

}  // namespace

void Session::receive(tcp::Chain& in, Instant now) {
  now_ = now;
  new_streams_ = 0;
  while (!in.empty()) {
    if (dead_ || offence_ != Offence::kNone) {
      store_.pieces.free(in);
      return;
    }
    if (queued_ >= limits_.queued || new_streams_ >= limits_.streams_a_turn) {
      store_.counters.add(Stat::kReadingPaused);
      return;
    }
    feed_piece(store_.pieces[in.head]);
    store_.pieces.pop_front(in);
  }
}

void Session::feed_piece(const tcp::Piece& piece) {
  // A copy: pieces are made while it is read.
  const tcp::Piece held = piece;
  piece_ = &held;
  const ssize_t used = nghttp2_session_mem_recv(session_, held.data, held.size);
  piece_ = nullptr;
  if (used < 0) fail(used);
}

Stream* Session::find(int32_t number) const {
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_, number));
}

bool Session::over_rate(const nghttp2_frame_hd& frame, Offence& offence) {
  const bool ack = (frame.flags & NGHTTP2_FLAG_ACK) != 0;
  const auto over = [&](TokenBucket& bucket, Offence which) {
    offence = which;
    return !bucket.take(now_);
  };
  switch (frame.type) {
    case NGHTTP2_DATA:
    case NGHTTP2_HEADERS:
      if (frame.length > 0 || (frame.flags & NGHTTP2_FLAG_END_STREAM) != 0) return false;
      return over(empty_frames_, Offence::kEmptyFrameFlood);
    case kPriorityUpdate:
    case NGHTTP2_PRIORITY:
      return over(priorities_, Offence::kPriorityFlood);
    case NGHTTP2_RST_STREAM:
      store_.counters.add(Stat::kResetsIn);
      return over(resets_, Offence::kRapidReset);
    case NGHTTP2_SETTINGS:
      return over(settings_, Offence::kSettingsFlood);
    case NGHTTP2_PING:
      return ack ? over(unknown_frames_, Offence::kUnknownFrameFlood)
                 : over(pings_, Offence::kPingFlood);
    case NGHTTP2_WINDOW_UPDATE:
      offence = Offence::kWindowUpdateFlood;
      return window_updates_left_ == 0 || window_updates_left_-- == 0;
    case NGHTTP2_GOAWAY:
      store_.counters.add(Stat::kGoawaysIn);
      return over(unknown_frames_, Offence::kUnknownFrameFlood);
    default:
      return over(unknown_frames_, Offence::kUnknownFrameFlood);
  }
}

int Session::on_begin_frame(const nghttp2_frame_hd& frame) {
  Offence offence = Offence::kNone;
  if (offence_ == Offence::kNone && over_rate(frame, offence)) offend(offence);
  return 0;
}

int Session::on_begin_headers(const nghttp2_frame& frame) {
  head_bytes_ = 0;
  const bool request = frame.hd.type == NGHTTP2_HEADERS &&
                       frame.headers.cat == NGHTTP2_HCAT_REQUEST && side_ == Side::kServer;
  if (!request || offence_ != Offence::kNone) return 0;
  ++new_streams_;
  Stream* stream = open_stream(frame.hd.stream_id);
  if (stream == nullptr) {
    store_.counters.add(Stat::kStreamsRefused);
    return nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, frame.hd.stream_id,
                                     NGHTTP2_REFUSED_STREAM);
  }
  window_updates_left_ += limits_.window_updates_a_frame;
  return nghttp2_session_set_stream_user_data(session_, frame.hd.stream_id, stream);
}

int Session::on_header(const nghttp2_frame& frame, std::string_view name, std::string_view value,
                       bool secret) {
  head_bytes_ += static_cast<uint32_t>(name.size() + value.size()) + kFieldCost;
  if (head_bytes_ > limits_.message.head * limits_.header_flood_factor) {
    // At once: what HPACK unpacks from a few bytes may be a thousand times as much.
    offence_ = Offence::kHeaderFlood;
    store_.counters.add(offence_);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  Stream* stream = find(frame.hd.stream_id);
  if (stream == nullptr || stream->refusal != Refusal::kNone) return 0;
  const uint32_t limit = stream->head_done ? limits_.message.trailers : limits_.message.head;
  if (head_bytes_ > limit) {
    stream->refusal = stream->head_done ? Refusal::kTrailersTooLarge : Refusal::kHeadTooLarge;
  } else if (name.starts_with(':')) {
    stream->refusal = take_pseudo(*stream, name, value);
  } else {
    stream->refusal = take_field(*stream, name, value, secret);
  }
  return 0;
}

Refusal Session::take_pseudo(Stream& stream, std::string_view name, std::string_view value) {
  http::Message& message = stream.message;
  const auto stored = [](bool yes) { return yes ? Refusal::kNone : Refusal::kHeadTooLarge; };
  if (name == ":method") {
    if (value.empty() || value.size() > 32 || !http::all(http::Chars::kToken, value))
      return Refusal::kBadMethod;
    return stored(message.set_method(value));
  }
  if (name == ":scheme") return stored(message.set_scheme(value));
  if (name == ":authority") {
    return http::is_authority(value) ? stored(message.set_authority(value)) : Refusal::kBadHost;
  }
  if (name == ":path") {
    if (value.size() > limits_.message.target) return Refusal::kTargetTooLong;
    return value == "*" || http::is_path(value) ? stored(message.set_path(value))
                                                : Refusal::kBadTarget;
  }
  if (name == ":status") {
    uint64_t status = 0;
    if (value.size() != 3 || !http1::parse_length(value, status) || status < 100 || status > 599)
      return Refusal::kBadStatus;
    message.status = static_cast<uint16_t>(status);
    return Refusal::kNone;
  }
  return Refusal::kBadHttp2Fields;
}

Refusal Session::take_field(Stream& stream, std::string_view name, std::string_view value,
                            bool secret) {
  http::Message& message = stream.message;
  http::Fields& fields = stream.head_done ? message.trailers : message.fields;
  const FieldId id = http::field_id_of(name);
  for (const char c : name)
    if (!http::is(http::Chars::kToken, c) || c != http::lower(c)) return Refusal::kBadFieldName;
  if (!std::ranges::all_of(value, http::is_field_text) || http::trim(value) != value)
    return Refusal::kBadFieldValue;
  if (stream.head_done && http::is_forbidden_trailer(id)) return Refusal::kForbiddenTrailer;
  if (fields.size() >= (stream.head_done ? limits_.message.trailer_fields : limits_.message.fields))
    return stream.head_done ? Refusal::kTrailersTooLarge : Refusal::kTooManyFields;
  if (id == FieldId::kTe) {
    message.te_trailers = value == "trailers";
    return message.te_trailers ? Refusal::kNone : Refusal::kBadHttp2Fields;
  }
  if (http::is_hop_by_hop(id) && id != FieldId::kProxyAuthenticate &&
      id != FieldId::kProxyAuthorization && id != FieldId::kProxyAuthenticationInfo &&
      id != FieldId::kHttp2Settings) {
    return Refusal::kBadHttp2Fields;
  }
  if (http::is_hop_by_hop(id)) return Refusal::kNone;
  if (id == FieldId::kContentLength) {
    if (message.body.has_length) return Refusal::kRepeatedContentLength;
    message.body.has_length = true;
    return http1::parse_length(value, message.body.length) ? Refusal::kNone
                                                           : Refusal::kBadContentLength;
  }
  if (side_ == Side::kServer && id == FieldId::kHost) {
    if (stream.has_host) return Refusal::kRepeatedHost;
    stream.has_host = true;
    return message.arena().store(value, stream.host) ? Refusal::kNone : Refusal::kHeadTooLarge;
  }
  if (side_ == Side::kServer && id == FieldId::kExpect) {
    message.expects_continue = http::same_ignoring_case(value, "100-continue");
    return message.expects_continue ? Refusal::kNone : Refusal::kUnknownExpectation;
  }
  if (!fields.add(name, value)) return Refusal::kHeadTooLarge;
  if (secret) fields.mark_secret(static_cast<uint16_t>(fields.size() - 1));
  return Refusal::kNone;
}

int Session::on_invalid_header(const nghttp2_frame& frame, std::string_view name,
                               std::string_view) {
  Stream* stream = find(frame.hd.stream_id);
  if (stream != nullptr && stream->refusal == Refusal::kNone) {
    const bool bad_name = name.empty() || std::ranges::any_of(name, [](char c) {
                            return !http::is(http::Chars::kToken, c) || c != http::lower(c);
                          });
    stream->refusal = bad_name ? Refusal::kBadFieldName : Refusal::kBadFieldValue;
  }
  // Not passed over: a malformed message is a stream error (RFC 9113 8.1.1).
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

void Session::on_invalid_frame(const nghttp2_frame& frame, int code) {
  Stream* stream = find(frame.hd.stream_id);
  const bool message = code == NGHTTP2_ERR_HTTP_HEADER || code == NGHTTP2_ERR_HTTP_MESSAGING;
  if (stream == nullptr || !message) return;
  if (stream->refusal == Refusal::kNone) {
    const bool length = frame.hd.type == NGHTTP2_DATA || stream->head_done;
    stream->refusal = length ? Refusal::kBodyLengthDisagrees : Refusal::kBadHttp2Fields;
  }
  store_.counters.add(stream->refusal);
}

int Session::on_frame(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_GOAWAY) going_ = true;
  if (is_padding_alone(frame) && !empty_frames_.take(now_)) offend(Offence::kEmptyFrameFlood);
  if (frame.hd.type == NGHTTP2_WINDOW_UPDATE || frame.hd.type == NGHTTP2_SETTINGS) return 0;
  Stream* stream = find(frame.hd.stream_id);
  if (stream == nullptr || offence_ != Offence::kNone) return 0;
  const bool end = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame.hd.type == NGHTTP2_HEADERS) {
    if (stream->head_done) {
      on_trailers_end(*stream);
    } else {
      on_head_end(*stream, end);
    }
  }
  if (end && (frame.hd.type == NGHTTP2_HEADERS || frame.hd.type == NGHTTP2_DATA)) on_end(*stream);
  return 0;
}

void Session::on_head_end(Stream& stream, bool end) {
  http::Message& message = stream.message;
  if (stream.refusal == Refusal::kNone && message.is_interim() &&
      stream.interims++ == limits_.message.interims)
    stream.refusal = Refusal::kTooManyInterims;
  if (stream.refusal == Refusal::kNone && message.is_interim()) {
    if (message.status == 100) {
      note(stream, Event::kContinue);
    } else {
      store_.counters.add(Stat::kInterimDropped);
    }
    message.clear();
    return;
  }
  if (stream.refusal == Refusal::kNone) stream.refusal = finish_head(stream, end);
  // Trailers' entries may follow at once, and fields are to be added all the same.
  if (stream.refusal == Refusal::kNone && !message.fields.reserve(limits_.message.spare_fields))
    stream.refusal = Refusal::kHeadTooLarge;
  stream.head_refused = stream.refusal != Refusal::kNone;
  if (stream.head_refused) store_.counters.add(stream.refusal);
  stream.head_done = true;
  note(stream, Event::kHead);
}

Refusal Session::finish_head(Stream& stream, bool end) {
  http::Message& message = stream.message;
  message.version = http::Version::kHttp2;
  message.persistent = true;
  Body& body = message.body;
  if (side_ == Side::kClient) {
    if (message.status == 101) return Refusal::kBadStatus;
    const bool tunnel = stream.asked == Method::kConnect && message.status / 100 == 2;
    body.kind = tunnel ? BodyKind::kTunnel
                       : (end ? BodyKind::kNone
                              : (body.has_length ? BodyKind::kLength : BodyKind::kStreamed));
    return Refusal::kNone;
  }
  const std::string_view host = message.arena().view(stream.host);
  if (stream.has_host && message.authority().empty()) {
    if (!http::is_authority(host)) return Refusal::kBadHost;
    if (!message.set_authority(host)) return Refusal::kHeadTooLarge;
  } else if (stream.has_host && !http::same_ignoring_case(host, message.authority())) {
    return Refusal::kHostDisagrees;
  }
  if (message.authority().empty()) return Refusal::kNoHost;
  if (message.method == Method::kConnect) {
    if (!http::is_authority_with_port(message.authority())) return Refusal::kBadTarget;
    body = {.kind = BodyKind::kTunnel};
    return Refusal::kNone;
  }
  if (message.path() == "*" && message.method != Method::kOptions) return Refusal::kBadTarget;
  if (!end) body.kind = body.has_length ? BodyKind::kLength : BodyKind::kStreamed;
  // What HTTP/1.1 writes as Content-Length: 0.
  if (end && body.has_length) body.kind = BodyKind::kLength;
  if (!end && message.method == Method::kTrace) return Refusal::kBodyNotAllowed;
  if (end) message.expects_continue = false;
  return Refusal::kNone;
}

void Session::on_trailers_end(Stream& stream) {
  if (stream.refusal == Refusal::kNone || stream.head_refused) return;
  store_.counters.add(stream.refusal);
  reset(StreamId(stream.slot), ErrorCode::kProtocolError);
}

void Session::on_end(Stream& stream) {
  if (stream.refusal == Refusal::kNone) note(stream, Event::kEnd);
}

int Session::on_data(Stream* to, std::span<const uint8_t> data) {
  const auto size = static_cast<uint32_t>(data.size());
  // The connection's window opens at once; the stream's when somebody takes the data.
  if (nghttp2_session_consume_connection(session_, size) != 0) return NGHTTP2_ERR_CALLBACK_FAILURE;
  if (to == nullptr || to->refusal != Refusal::kNone || to->closed || to->reset_by_us) return 0;
  Stream& stream = *to;
  store_.buffers.retain(piece_->buffer);
  tcp::Chain chain;
  const bool kept = store_.pieces.append(
      chain,
      {.data = data.data(), .buffer = piece_->buffer, .size = size, .pinned = piece_->pinned});
  if (!kept) {
    reset(StreamId(stream.slot), ErrorCode::kEnhanceYourCalm);
    return 0;
  }
  store_.pieces.join(stream.in, chain);
  queued_ += size;
  stream.received += size;
  note(stream, Event::kData);
  return 0;
}

void Session::on_close(Stream& stream, ErrorCode code) {
  stream.closed = true;
  if (stream.error == ErrorCode::kNoError) stream.error = code;
  store_.counters.add(Stat::kStreamsClosed);
  store_.pieces.free(stream.out);
  note(stream, Event::kClosed);
}

tcp::Chain Session::take_data(StreamId id, uint32_t max) {
  Stream& stream = at(id);
  tcp::Chain data = store_.pieces.split(stream.in, std::min(max, stream.in.bytes));
  queued_ -= data.bytes;
  if (!stream.closed && !dead_ && data.bytes > 0 &&
      nghttp2_session_consume_stream(session_, stream.number, data.bytes) != 0) {
    fail(NGHTTP2_ERR_NOMEM);
  }
  return data;
}

}  // namespace heddle::http2
