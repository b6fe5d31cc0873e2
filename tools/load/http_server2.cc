// Answers of HTTP/2 (RFC 9113).
#include "http_server.h"

namespace heddle::load {

namespace {

constexpr uint32_t kMostRead = 256 * 1024;  // bytes of a connection in one turn
constexpr uint32_t kMostRounds = 16;        // of events and output, the same

}  // namespace

void HttpServer::serve2(uint32_t slot, Instant now) {
  Line& line = lines_[slot];
  mesh::Wire& wire = line.wire;
  const uint32_t before = wire.in.bytes;
  wire.pull(work_, kMostRead, now);
  tally_.bytes_received += wire.in.bytes - before;
  if (wire.broken) return drop(slot, Failure::kTls, now);
  line.session->receive(wire.in, now);
  for (uint32_t round = 0; round <= kMostRounds; ++round) {
    const bool some = drain2(slot);
    if (!some && round > 0) break;
    if (round == kMostRounds) again(slot);
    emit(slot, now);
  }
  count_sent(slot);
  if (line.session->offence() != http2::Offence::kNone) return drop(slot, Failure::kProtocol, now);
  if (!wire.in.empty() || work_.transport.find(wire.id)->readable() > 0) return again(slot);
  if (wire.ended(work_) || (line.session->finished() && wire.pending() == 0)) drop(slot, now);
}

bool HttpServer::drain2(uint32_t slot) {
  http2::Session& session = *lines_[slot].session;
  http2::EventNote note;
  bool some = false;
  while (session.next_event(note)) {
    some = true;
    if (note.has(http2::Event::kHead)) begin2(slot, note.stream);
    StreamWork& its = streams_[note.stream.value()];
    if (note.has(http2::Event::kData)) {
      tcp::Chain data = session.take_data(note.stream, UINT32_MAX);
      pieces().free(data);
    }
    if (note.has(http2::Event::kEnd)) respond2(slot, note.stream);
    if (note.has(http2::Event::kWritable) && its.to_send > 0) send_stream(note.stream);
    if (!note.has(http2::Event::kClosed)) continue;
    // One that is reset before its head is whole has none.
    if (its.connection == lines_[slot].wire.id) its = {};
    session.release(note.stream);
  }
  return some;
}

void HttpServer::begin2(uint32_t slot, http2::StreamId stream) {
  http2::Session& session = *lines_[slot].session;
  streams_[stream.value()] = {.connection = lines_[slot].wire.id, .line = slot, .since = now_};
  if (session.refusal(stream) == http::Refusal::kNone) return;
  tally_.fail(Failure::kBadRequest);
  session.reset(stream, http2::ErrorCode::kProtocolError);
}

void HttpServer::respond2(uint32_t slot, http2::StreamId stream) {
  http2::Session& session = *lines_[slot].session;
  const http::Message& request = session.message(stream);
  const bool bodyless = request.method == http::Method::kHead;
  const uint64_t bytes = answer_to(request.path());
  response_.body = http::Body::of_length(bytes);
  streams_[stream.value()].to_send = bodyless ? 0 : bytes;
  if (!session.respond(stream, response_, bodyless || bytes == 0))
    return session.reset(stream, http2::ErrorCode::kInternalError);
  ++tally_.requests;
  if (!bodyless && bytes > 0) send_stream(stream);
}

}  // namespace heddle::load
