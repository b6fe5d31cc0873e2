// What goes to the peer.
#include <algorithm>

#include "http/chars.h"
#include "http/http1/numbers.h"
#include "http/http2/session.h"

namespace heddle::http2 {

using http::Field;
using http::FieldId;

namespace {

constexpr size_t kMostFields = 256;
constexpr uint32_t kFrame = 16'384;  // the largest that a peer must take (RFC 9113 4.2)

// HPACK's table would fill with values that never come again, and each look-up of the name would
// walk along all of them. Of literals that are not indexed nghttp2 has only those that nobody may
// index.
constexpr bool is_never_the_same(FieldId id) {
  return id == FieldId::kTraceparent || id == FieldId::kXRequestId;
}

// Fields as nghttp2 wants them. It copies what they point to.
class FieldList {
 public:
  void add(std::string_view name, std::string_view value, bool secret = false) {
    if (size_ == entries_.size()) {
      full_ = true;
      return;
    }
    const auto bytes = [](std::string_view text) {
      return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
    };
    const uint8_t flags = secret ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
    entries_[size_++] = {bytes(name), bytes(value), name.size(), value.size(), flags};
  }
  void add(const http::Fields& fields) {
    for (uint16_t i = 0; i < fields.size(); ++i) {
      const Field& field = fields[i];
      if (http::is_hop_by_hop(field.id) || field.id == FieldId::kContentLength ||
          field.id == FieldId::kHost) {
        continue;
      }
      add(fields.name(field), fields.value(field), field.secret || is_never_the_same(field.id));
    }
  }
  void add_length(uint64_t length) {
    add("content-length", {digits_, http1::write_decimal(digits_, length)});
  }
  void add_status(uint16_t status) {
    add(":status", {status_, http1::write_decimal(status_, status)});
  }
  bool full() const { return full_; }
  const nghttp2_nv* data() const { return entries_.data(); }
  size_t size() const { return size_; }

 private:
  std::array<nghttp2_nv, kMostFields> entries_;
  size_t size_ = 0;
  bool full_ = false;
  char digits_[20];
  char status_[20];
};

}  // namespace

bool Session::flush_pending(tcp::Chain& out) {
  if (pending_.empty()) return true;
  const uint32_t kept = store_.pieces.append_copy(out, pending_);
  pending_ = pending_.subspan(kept);
  if (!pending_.empty()) {
    output_blocked_ = true;
    store_.counters.add(Stat::kOutputBlocked);
  }
  return pending_.empty();
}

void Session::emit(tcp::Chain& out, Instant now) {
  now_ = now;
  out_ = &out;
  output_blocked_ = false;
  while (out.bytes < limits_.output && flush_pending(out) && !dead_) {
    const uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) fail(size);
    if (size <= 0) break;
    pending_ = {bytes, static_cast<size_t>(size)};
  }
  out_ = nullptr;
}

int Session::send_data(Stream* from, const uint8_t* header, size_t size) {
  constexpr uint32_t kFrameHeader = 9;
  // Its owner gave it up while this frame waited for memory.
  if (from == nullptr || from->out.bytes < size) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  Stream& stream = *from;
  // Two slots: one for the header, one where the data is cut.
  const bool room = store_.pieces.in_use() + 2 <= store_.pieces.capacity();
  const uint32_t before = out_->bytes;
  if (!room || store_.pieces.append_copy(*out_, {header, kFrameHeader}) != kFrameHeader) {
    store_.pieces.drop_back(*out_, out_->bytes - before);
    output_blocked_ = true;
    store_.counters.add(Stat::kOutputBlocked);
    return NGHTTP2_ERR_WOULDBLOCK;
  }
  tcp::Chain data = store_.pieces.split(stream.out, static_cast<uint32_t>(size));
  HEDDLE_CHECK(data.bytes == size, "a cut of a chain failed with slots free");
  store_.pieces.join(*out_, data);
  stream.sent += static_cast<uint32_t>(size);
  window_updates_left_ += limits_.window_updates_a_frame;
  if (!stream.ending) note(stream, Event::kWritable);
  return 0;
}

ssize_t Session::provide(Stream* from, size_t most, uint32_t& flags) {
  if (from == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  Stream& stream = *from;
  const size_t size = std::min<size_t>(most, stream.out.bytes);
  const bool last = stream.ending && size == stream.out.bytes;
  if (size == 0 && !last) {
    stream.deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (!last) return static_cast<ssize_t>(size);
  flags |= NGHTTP2_DATA_FLAG_EOF;
  if (stream.trailers == nullptr || stream.trailers->empty()) return static_cast<ssize_t>(size);
  FieldList list;
  list.add(*stream.trailers);
  if (nghttp2_submit_trailer(session_, stream.number, list.data(), list.size()) != 0)
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  return static_cast<ssize_t>(size);
}

void Session::resume(Stream& stream) {
  if (!stream.deferred || stream.closed || dead_) return;
  stream.deferred = false;
  const int code = nghttp2_session_resume_data(session_, stream.number);
  if (code == NGHTTP2_ERR_NOMEM) fail(code);
}

// By number, not by pointer: a stream may be released while nghttp2 still has its frames.
nghttp2_data_provider Session::provider() {
  nghttp2_data_provider provider;
  provider.source.ptr = nullptr;
  provider.read_callback = [](nghttp2_session*, int32_t number, uint8_t*, size_t most,
                              uint32_t* flags, nghttp2_data_source*, void* user) {
    Session& session = *static_cast<Session*>(user);
    return session.provide(session.find(number), most, *flags);
  };
  return provider;
}

bool Session::can_open() const {
  if (side_ != Side::kClient || dead_ || draining_ || going_ || offence_ != Offence::kNone)
    return false;
  const uint32_t most =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return open_ < std::min(most, limits_.streams) &&
         nghttp2_session_check_request_allowed(session_) != 0;
}

StreamId Session::request(const http::Message& message, bool end) {
  if (!can_open()) return kNoStream;
  Stream* stream = open_stream(0);
  if (stream == nullptr) {
    store_.counters.add(Stat::kStreamsRefused);
    return kNoStream;
  }
  FieldList list;
  list.add(":method", message.method_text());
  if (message.method != http::Method::kConnect) {
    list.add(":scheme", message.scheme().empty() ? "http" : message.scheme());
    list.add(":authority", message.authority());
    list.add(":path", message.path());
  } else {
    list.add(":authority", message.authority());
  }
  list.add(message.fields);
  if (message.body.kind == http::BodyKind::kLength) list.add_length(message.body.length);
  if (message.te_trailers) list.add("te", "trailers");
  if (message.expects_continue) list.add("expect", "100-continue");
  stream->asked = message.method;
  stream->body = !end;
  const nghttp2_data_provider data = provider();
  const int32_t number = list.full()
                             ? NGHTTP2_ERR_NOMEM
                             : nghttp2_submit_request(session_, nullptr, list.data(), list.size(),
                                                      end ? nullptr : &data, stream);
  if (number < 0) {
    stream->closed = true;  // it never was open
    drop_stream(*stream);
    return kNoStream;
  }
  stream->number = number;
  window_updates_left_ += limits_.window_updates_a_frame;
  return StreamId(stream->slot);
}

bool Session::respond(StreamId id, const http::Message& message, bool end) {
  Stream& stream = at(id);
  if (stream.closed || dead_) return false;
  FieldList list;
  list.add_status(message.status);
  list.add(message.fields);
  const bool informational = message.status / 100 == 1;
  if (message.body.has_length && !informational && message.status != 204)
    list.add_length(message.body.length);
  if (list.full()) return false;
  if (informational) {
    return nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.number, nullptr, list.data(),
                                  list.size(), nullptr) == 0;
  }
  stream.body = !end;
  const nghttp2_data_provider data = provider();
  return nghttp2_submit_response(session_, stream.number, list.data(), list.size(),
                                 end ? nullptr : &data) == 0;
}

uint32_t Session::room(StreamId id) const {
  const Stream& stream = at(id);
  if (stream.closed || stream.ending || !stream.body || dead_) return 0;
  // A few frames keep the next one ready; more would only lie here.
  const uint32_t most = 4 * kFrame;
  return most - std::min(most, stream.out.bytes);
}

void Session::send(StreamId id, tcp::Chain& data) {
  Stream& stream = at(id);
  if (stream.closed || stream.reset_by_us || dead_) return store_.pieces.free(data);
  HEDDLE_CHECK(stream.body && !stream.ending, "data on a stream that has no body or has ended");
  store_.pieces.join(stream.out, data);
  resume(stream);
}

void Session::end(StreamId id, const http::Fields* trailers) {
  Stream& stream = at(id);
  if (stream.closed || stream.ending || !stream.body) return;
  stream.ending = true;
  stream.trailers = trailers;
  resume(stream);
}

Stream* Session::find_unopened(int32_t number) {
  for (uint32_t slot = first_; slot != kNoSlot; slot = store_.streams[slot].next)
    if (store_.streams[slot].number == number) return &store_.streams[slot];
  return nullptr;
}

// A request that was given to nghttp2 and found a GOAWAY in its way.
void Session::on_not_sent(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS || frame.headers.cat != NGHTTP2_HCAT_REQUEST) return;
  Stream* stream = find_unopened(frame.hd.stream_id);
  if (stream != nullptr && !stream->closed) on_close(*stream, ErrorCode::kRefusedStream);
}

void Session::on_sent(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_GOAWAY) {
    store_.counters.add(Stat::kGoawaysOut);
    if (frame.goaway.error_code != NGHTTP2_NO_ERROR && offence_ == Offence::kNone) {
      offence_ = Offence::kProtocol;
      store_.counters.add(offence_);
    }
  }
  if (frame.hd.type != NGHTTP2_RST_STREAM) return;
  store_.counters.add(Stat::kResetsOut);
  Stream* stream = find_unopened(frame.hd.stream_id);
  const bool wanted = frame.rst_stream.error_code == NGHTTP2_REFUSED_STREAM ||
                      frame.rst_stream.error_code == NGHTTP2_NO_ERROR ||
                      frame.rst_stream.error_code == NGHTTP2_CANCEL ||
                      (stream != nullptr && stream->reset_by_us);
  if (!wanted && stream != nullptr && stream->head_done && stream->message.body.has_length &&
      stream->refusal == http::Refusal::kNone &&
      frame.rst_stream.error_code == NGHTTP2_PROTOCOL_ERROR) {
    // nghttp2 counts the bytes, and says nothing when they are too many or too few.
    stream->refusal = http::Refusal::kBodyLengthDisagrees;
    store_.counters.add(stream->refusal);
  }
  if (!wanted && !made_resets_.take(now_)) offend(Offence::kMadeReset);
}

}  // namespace heddle::http2
