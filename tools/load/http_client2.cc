// Requests of HTTP/2 (RFC 9113), some at once on a connection.
#include "http/http1/head_parser.h"
#include "http_client.h"

namespace heddle::load {

namespace {

constexpr uint16_t kOk = 200;
constexpr uint32_t kMostRead = 256 * 1024;  // bytes of a connection in one turn
constexpr uint32_t kMostRounds = 16;        // of events and output, the same

}  // namespace

void HttpClient::make_message2() {
  memory_.resize(http1::arena_bytes(limits_.message));
  message_.attach(memory_);
  const bool made = message_.set_method(plan_.what == Do::kPost ? "POST" : "GET") &&
                    message_.set_scheme(plan_.tls ? "https" : "http") &&
                    message_.set_authority(plan_.host) && message_.set_path(plan_.path) &&
                    message_.fields.add("user-agent", kAgent) &&
                    message_.fields.add("accept", "*/*");
  HEDDLE_CHECK(made, "texts of a request that fit into a message");
  if (plan_.body_bytes() > 0) message_.body = http::Body::of_length(plan_.body_bytes());
}

bool HttpClient::has_room2(uint32_t slot) const {
  return calls_[slot].streams < plan_.streams && lines_[slot].session->can_open();
}

// What it has to say goes when the line is served.
bool HttpClient::ask2(uint32_t slot, Instant since) {
  Line& line = lines_[slot];
  const uint64_t body = plan_.body_bytes();
  const http2::StreamId stream = line.session->request(message_, body == 0);
  if (stream == http2::kNoStream) return false;
  streams_[stream.value()] = {
      .connection = line.wire.id, .line = slot, .since = since, .to_send = body};
  ++calls_[slot].streams;
  if (body > 0) send_stream(stream);
  return true;
}

// Of a closed loop.
void HttpClient::fill2(uint32_t slot, Instant now) {
  if (interval_ != Duration()) return;
  const Instant since = plan_.what == Do::kGetClose ? calls_[slot].since : now;
  while (has_room2(slot) && ask2(slot, since)) {
  }
}

void HttpClient::serve2(uint32_t slot, Instant now) {
  Line& line = lines_[slot];
  mesh::Wire& wire = line.wire;
  const uint32_t before = wire.in.bytes;
  wire.pull(work_, kMostRead, now);
  if (measuring_) outcome_.client.bytes_received += wire.in.bytes - before;
  line.session->receive(wire.in, now);
  for (uint32_t round = 0; round <= kMostRounds; ++round) {
    const Drained drained = drain2(slot, now);
    if (drained == Drained::kGone) return;
    if (drained == Drained::kNothing && round > 0) break;
    if (round == kMostRounds) again(slot);
    fill2(slot, now);
    emit(slot, now);
  }
  if (line.session->offence() != http2::Offence::kNone) return fail(slot, Failure::kProtocol, now);
  if (!wire.in.empty() || work_.transport.find(wire.id)->readable() > 0) return again(slot);
  const bool over = line.session->finished() && wire.pending() == 0;
  // The peer wants no more on this connection, and has answered all.
  if (over && calls_[slot].streams == 0) return give_up(slot, now);
  if (over || wire.ended(work_)) on_end(slot, now);
}

HttpClient::Drained HttpClient::drain2(uint32_t slot, Instant now) {
  http2::Session& session = *lines_[slot].session;
  http2::EventNote note;
  Drained drained = Drained::kNothing;
  while (session.next_event(note)) {
    drained = Drained::kSome;
    StreamWork& its = streams_[note.stream.value()];
    if (note.has(http2::Event::kData)) {
      tcp::Chain data = session.take_data(note.stream, UINT32_MAX);
      its.received += data.bytes;
      pieces().free(data);
    }
    its.ended |= note.has(http2::Event::kEnd);
    if (note.has(http2::Event::kWritable) && its.to_send > 0) send_stream(note.stream);
    if (!note.has(http2::Event::kClosed)) continue;
    const std::optional<Failure> why = judge2(session, note.stream);
    const Instant since = its.since;
    its = {};
    session.release(note.stream);
    --calls_[slot].streams;
    if (why) {
      fail(slot, *why, now);
      return Drained::kGone;
    }
    answered(since, now);
    if (plan_.what == Do::kGetClose) {
      give_up(slot, now);
      return Drained::kGone;
    }
    if (interval_ != Duration()) idle_.push(slot);
  }
  return drained;
}

// Why a stream that has ended is no answer.
std::optional<Failure> HttpClient::judge2(http2::Session& session, http2::StreamId stream) {
  const StreamWork& its = streams_[stream.value()];
  const http::Message& message = session.message(stream);
  if (session.refusal(stream) != http::Refusal::kNone) return Failure::kWrongAnswer;
  if (message.status != 0 && message.status != kOk) return Failure::kStatus;
  if (session.error(stream) != http2::ErrorCode::kNoError) return Failure::kReset;
  // A server that has answered may want no more of the body (RFC 9113 8.1).
  const bool whole = its.ended && message.status == kOk &&
                     (!message.body.has_length || message.body.length == its.received);
  if (!whole || !judge_length(its.received)) return Failure::kWrongAnswer;
  return std::nullopt;
}

}  // namespace heddle::load
