#include "http_side.h"

#include <algorithm>

#include "http_text.h"
#include "worker/tcp.h"

namespace heddle::load {

namespace {

using Progress = mesh::TlsEnd::Progress;

// In one turn.
constexpr uint32_t kMostAgain = 512;
// What of a session's output may wait for TCP, bytes.
constexpr uint32_t kMostWritten = 128 * 1024;
// What nghttp2 takes for a session, and for a stream of it, bytes; and for all at most. Pages that
// nobody touches cost nothing.
constexpr size_t kSessionBytes = 48 * 1024;
constexpr size_t kStreamBytes = 2048;
constexpr size_t kMostMemory = size_t{2} << 30;

}  // namespace

HttpSide::HttpSide(app::Worker& worker, Role role, Payload& bodies, uint32_t lines, bool tls)
    : worker_(worker),
      work_{worker.tcp->transport, tls ? &worker.tcp->tls : nullptr},
      lines_(lines),
      role_(role),
      bodies_(bodies),
      handshakes_(work_.tls, lines),
      again_(lines),
      short_(0) {
  if (tls) (role == Role::kClient ? worker.tcp->tls.relay : worker.tcp->tls.http) = this;
}

HttpSide::~HttpSide() {
  for (Line& line : lines_) {
    line.session.reset();
    if (line.wire.id) line.wire.abort(work_, now_);
  }
}

void HttpSide::allow_streams(uint32_t most) {
  limits_.streams = most;
  const auto wanted = static_cast<uint32_t>(kSessionBytes + most * kStreamBytes);
  limits_.session_memory = std::max(limits_.session_memory, wanted);
}

void HttpSide::make_store(uint32_t streams, uint32_t sessions) {
  const size_t memory =
      std::min(sessions * kSessionBytes + streams * kStreamBytes, kMostMemory) + kSessionBytes;
  store_.emplace(streams, memory, limits_, pieces(), worker_.tcp->buffers);
  streams_.resize(streams);
  short_ = mesh::SlotQueue(streams);
}

bool HttpSide::start_session(uint32_t slot, Instant now) {
  const auto side = role_ == Role::kClient ? http2::Side::kClient : http2::Side::kServer;
  lines_[slot].session = std::make_unique<http2::Session>(side, *store_, limits_);
  return lines_[slot].session->start(now);
}

void HttpSide::secure(uint32_t slot, std::shared_ptr<tls::Context> context, std::string name) {
  auto end = std::make_unique<mesh::TlsEnd>(mesh::TlsEnd::Phase::kBegin, std::move(context),
                                            std::move(name));
  // Bodies and texts are sent from the same buffers again and again.
  end->text_is = tls::Ownership::kShared;
  lines_[slot].wire.tls = std::move(end);
}

void HttpSide::go_on_shaking(uint32_t slot, Instant now) {
  mesh::Wire& wire = lines_[slot].wire;
  if (wire.tls->is_away()) return;
  if (wire.ended(work_)) {
    wire.tls->abandon(*work_.tls, tls::Refusal::kHandshakeEnded);
    return on_tls_failure(slot, now);
  }
  handshakes_.push(slot, *wire.tls);
}

void HttpSide::shake(uint32_t slot, Instant now) {
  Line& line = lines_[slot];
  // Another's slot by now, or at a helper already.
  if (!line.wire.id || line.open || !line.wire.is_dear() || line.wire.tls->is_away()) return;
  const uint64_t word = (role_ == Role::kServer ? kHttpWord : 0) | slot;
  const Progress progress = line.wire.shake(work_, word, now);
  if (progress == Progress::kMore && line.wire.tls->phase() == mesh::TlsEnd::Phase::kBegin)
    return handshakes_.push(slot, *line.wire.tls);  // the gate was shut
  on_step(slot, progress, now);
}

void HttpSide::on_back(uint64_t word, Instant now) {
  now_ = now;
  const auto slot = static_cast<uint32_t>(word);
  on_step(slot, lines_[slot].wire.take_back(work_, now), now);
}

void HttpSide::on_step(uint32_t slot, Progress progress, Instant now) {
  Line& line = lines_[slot];
  switch (progress) {
    case Progress::kMore:
      // What has come while it was away nobody tells of again.
      if (work_.transport.find(line.wire.id)->readable() > 0 || line.wire.ended(work_))
        go_on_shaking(slot, now);
      return;
    case Progress::kLater:
      return handshakes_.push(slot, *line.wire.tls);
    case Progress::kRefused:
      return on_tls_failure(slot, now);
    case Progress::kDone:
      line.open = true;
      return on_open(slot, now);
  }
}

bool HttpSide::run(Instant now) {
  now_ = now;
  bool more = handshakes_.run([&](uint32_t slot) { shake(slot, now); });
  for (uint32_t i = std::min(short_.size(), kMostAgain); i > 0; --i) {
    const http2::StreamId stream(short_.pop());
    const StreamWork& its = streams_[stream.value()];
    if (its.line == kNoSlot || lines_[its.line].wire.id != its.connection) continue;
    again(its.line);
    send_stream(stream);
  }
  for (uint32_t i = std::min(again_.size(), kMostAgain); i > 0; --i) {
    const uint32_t slot = again_.pop();
    if (lines_[slot].wire.id) serve(slot, now);
  }
  return more || !again_.empty() || !short_.empty();
}

std::string_view HttpSide::first_of_input(const Line& line) const {
  const tcp::Chain& in = line.wire.in;
  if (in.empty()) return {};
  const tcp::Piece& first = work_.pieces()[in.head];
  return {reinterpret_cast<const char*>(first.data), first.size};
}

std::string_view HttpSide::head_of_input(const Line& line) {
  const tcp::Chain& in = line.wire.in;
  const std::string_view head = head_of(first_of_input(line));
  if (!head.empty() || in.head == in.tail) return head;
  const uint32_t n = std::min(in.bytes, kMostHead);
  work_.pieces().copy_out(in, {reinterpret_cast<uint8_t*>(scratch_.data()), n});
  return head_of({scratch_.data(), n});
}

void HttpSide::send_body(uint32_t slot, uint64_t& left, Instant now) {
  mesh::Wire& wire = lines_[slot].wire;
  const uint32_t piece = work_.transport.find(wire.id)->mss();
  while (left > 0) {
    const auto n = static_cast<uint32_t>(std::min<uint64_t>(wire.room(work_), left));
    if (n == 0) break;
    const uint32_t before = wire.out.bytes;
    bodies_.append(pieces(), wire.out, n, piece);
    const uint32_t got = wire.out.bytes - before;
    left -= got;
    wire.push(work_, now);
    if (got == n) continue;
    again(slot);
    break;
  }
  if (left > 0 && !wire.reset) work_.transport.want_writable(wire.id);
}

void HttpSide::send_stream(http2::StreamId stream) {
  StreamWork& its = streams_[stream.value()];
  http2::Session& session = *lines_[its.line].session;
  const auto n = static_cast<uint32_t>(std::min<uint64_t>(session.room(stream), its.to_send));
  tcp::Chain chain;
  bodies_.append(pieces(), chain, n, UINT32_MAX);
  const uint32_t got = chain.bytes;
  session.send(stream, chain);
  its.to_send -= got;
  if (its.to_send == 0) session.end(stream, nullptr);
  if (got < n) short_.push(stream.value());
}

void HttpSide::emit(uint32_t slot, Instant now) {
  Line& line = lines_[slot];
  mesh::Wire& wire = line.wire;
  wire.push(work_, now);
  if (line.session != nullptr) {
    while (wire.pending() < kMostWritten) {
      const uint32_t before = wire.out.bytes;
      line.session->emit(wire.out, now);
      if (wire.out.bytes == before) break;
      wire.push(work_, now);
    }
    if (wire.pending() > 0) work_.transport.want_writable(wire.id);
    if (line.session->is_output_blocked()) again(slot);
  }
  if (wire.starved_in || wire.starved_out) again(slot);
}

void HttpSide::close(uint32_t slot, Instant now) {
  Line& line = lines_[slot];
  line.session.reset();
  if (line.wire.reset) {
    line.wire.abort(work_, now);
  } else {
    line.wire.shut();
    line.wire.push(work_, now);
    line.wire.close(work_, now);
  }
  line.wire = mesh::Wire(tcp::ConnectionId());
  line.open = false;
}

}  // namespace heddle::load
