#include "http_server.h"

#include <algorithm>

#include "http/chars.h"
#include "tls_parts.h"
#include "worker/tcp.h"

namespace heddle::load {

namespace {

using tcp::Notice;

constexpr uint32_t kMostStreams = 1000;     // of a connection
constexpr uint32_t kMostSessions = 10'000;  // connections of HTTP/2
constexpr uint32_t kPreface = 24;           // bytes (RFC 9113 3.4)
constexpr uint16_t kOk = 200;

}  // namespace

HttpServer::HttpServer(app::Worker& worker, const HttpAnswering& answering, Tally& tally)
    : HttpSide(worker, Role::kServer, answering.bodies, worker.tcp->limits.connections,
               answering.tls != nullptr),
      heads_(answering.heads),
      response_bytes_(answering.response_bytes),
      tls_(answering.tls),
      tally_(tally),
      served_(worker.tcp->limits.connections),
      response_(memory_) {
  allow_streams(kMostStreams);
  make_store(worker.tcp->http_requests, std::min(kMostSessions, worker.tcp->limits.connections));
  response_.status = kOk;
  const bool made =
      response_.fields.add("server", kAgent) && response_.fields.add("content-type", kContentType);
  HEDDLE_CHECK(made, "fields of a response that fit into a message");
}

// False: it is gone already.
bool HttpServer::accept(const tcp::EventNote& note, Instant now) {
  const uint32_t slot = note.id.slot;
  if (note.has(Notice::kReset) || note.has(Notice::kClosed)) {
    tally_.fail(Failure::kReset);
    work_.transport.close(note.id, now);
    return false;
  }
  ++tally_.opened;
  work_.transport.set_nodelay(note.id, true);
  lines_[slot].wire = mesh::Wire(note.id);
  served_[slot] = Served{};
  const bool secured = static_cast<Serve>(note.user) == Serve::kHttps;
  if (secured) secure(slot, context_for(*tls_, worker_), {});
  lines_[slot].open = !secured;
  return true;
}

void HttpServer::on_note(const tcp::EventNote& note, Instant now) {
  const uint32_t slot = note.id.slot;
  mesh::Wire& wire = lines_[slot].wire;
  if (wire.id != note.id && !accept(note, now)) return;
  wire.half_closed |= note.has(Notice::kHalfClosed);
  wire.closed |= note.has(Notice::kClosed);
  if (note.has(Notice::kReset)) {
    wire.reset = true;
    return drop(slot, Failure::kReset, now);
  }
  serve(slot, now);
}

void HttpServer::serve(uint32_t slot, Instant now) {
  const Line& line = lines_[slot];
  if (!line.open) {
    const bool silent = work_.transport.find(line.wire.id)->readable() == 0;
    // Who says nothing holds no place among the handshakes.
    return silent && !line.wire.half_closed ? void() : go_on_shaking(slot, now);
  }
  if (served_[slot].ending) return serve_ending(slot, now);
  line.session != nullptr ? serve2(slot, now) : serve1(slot, now);
}

void HttpServer::on_open(uint32_t slot, Instant now) {
  const std::string& alpn = lines_[slot].wire.tls->agreed()->alpn;
  if (alpn == "h2") {
    served_[slot].speaks = Speaks::kHttp2;
    if (!start_session(slot, now)) return drop(slot, Failure::kNoRoom, now);
  } else if (!alpn.empty()) {
    served_[slot].speaks = Speaks::kHttp1;
  }
  serve(slot, now);
}

bool HttpServer::tell_version(uint32_t slot, Instant now) {
  const tcp::Chain& in = lines_[slot].wire.in;
  std::array<uint8_t, kPreface> begin;
  const uint32_t n = std::min(in.bytes, kPreface);
  if (n == 0) return false;
  pieces().copy_out(in, std::span(begin).first(n));
  const auto preface = http2::preface_of(http::text_of(std::span(begin).first(n)));
  if (preface == http2::Preface::kMaybe) return false;
  const bool http2 = preface == http2::Preface::kYes;
  served_[slot].speaks = http2 ? Speaks::kHttp2 : Speaks::kHttp1;
  if (!http2 || start_session(slot, now)) return true;
  drop(slot, Failure::kNoRoom, now);
  return false;
}

uint64_t HttpServer::answer_to(std::string_view path) const {
  return bytes_of_path(path).value_or(response_bytes_);
}

void HttpServer::count_sent(uint32_t slot) {
  const uint64_t sent = lines_[slot].wire.sent;
  tally_.bytes_sent += sent - served_[slot].counted;
  served_[slot].counted = sent;
}

void HttpServer::drop(uint32_t slot, Instant now) {
  count_sent(slot);
  close(slot, now);
}

void HttpServer::drop(uint32_t slot, Failure why, Instant now) {
  tally_.fail(why);
  drop(slot, now);
}

void HttpServer::end(uint32_t slot, Instant now) {
  served_[slot].ending = true;
  lines_[slot].wire.shut();
  serve_ending(slot, now);
}

void HttpServer::serve_ending(uint32_t slot, Instant now) {
  mesh::Wire& wire = lines_[slot].wire;
  wire.pull(work_, UINT32_MAX, now);
  tally_.bytes_received += wire.in.bytes;
  pieces().free(wire.in);
  emit(slot, now);
  count_sent(slot);
  if (wire.is_shut() && (wire.ended(work_) || wire.closed)) drop(slot, now);
}

}  // namespace heddle::load
