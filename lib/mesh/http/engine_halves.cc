// What an exchange does with its two ends, whatever version of HTTP they speak.
#include <algorithm>

#include "engine.h"
#include "http/http1/reader.h"
#include "http/status.h"

namespace heddle::mesh {

namespace {

// Of a head at once; a longer one comes in pieces.
constexpr uint32_t kMostHead = 32 * 1024;
// One turn of a body in one direction, so that others come to theirs.
constexpr uint32_t kMostAtOnce = 256 * 1024;
constexpr uint32_t kPart = 64 * 1024;
// So that the end of a body is found where there is no room for more of it.
constexpr uint32_t kLeastRead = 512;

constexpr Side other(Side side) { return side == kClient ? kServer : kClient; }

}  // namespace

// HTTP/1: the head out of the connection. True: it is whole, or never will be.
bool HttpEngine::read_head(Exchange& x, Side side) {
  Half& half = x[side];
  Peer& peer = peer_of(x, side);
  while (true) {
    peer.wire.pull(work_, kMostHead, now_);
    if (peer.wire.starved_in) arm(half.peer);
    if (peer.wire.in.empty()) {
      if (!half.lost && !peer.wire.ended(work_)) return false;
      half.lost = true;
      return true;
    }
    switch (http1::read_head(x.parser, work_.pieces(), peer.wire.in)) {
      case http1::Progress::kMore:
        continue;
      case http1::Progress::kDone:
        half.head_read = true;
        return true;
      case http1::Progress::kRefused:
        half.refusal = x.parser.refusal();
        return true;
    }
  }
}

// Sessions of HTTP/2 count what they refuse.
void HttpEngine::count_refusal(const Half& half) {
  if (half.stream == http2::kNoStream) store.counters.add(half.refusal);
}

// A request of HTTP/2 that promises an empty body and goes on. It would be whole for the endpoint
// before it is seen whether that was true.
bool HttpEngine::awaits_end(const Exchange& x) {
  const Half& half = x.halves[kClient];
  return x.request->body == http::Body::of_length(0) && !half.end_seen && !half.lost &&
         half.refusal == http::Refusal::kNone && x.fault == HttpFault::kNone;
}

bool HttpEngine::read_request(Exchange& x) {
  Half& half = x[kClient];
  Peer& peer = peer_of(x, kClient);
  if (peer.session != nullptr) {
    half.refusal = peer.session->refusal(half.stream);
    half.head_read = !awaits_end(x);
    if (!half.head_read) {
      x.deadline = x.begun + limits_.head;
      return false;
    }
  } else if (x.fault == HttpFault::kNone && !read_head(x, kClient)) {
    return false;
  }
  if (half.refusal != http::Refusal::kNone) {
    count_refusal(half);
    x.refused_status = http::status_of(half.refusal);
    fail(x, HttpFault::kBadRequest);
  } else if (half.lost) {
    fail(x, HttpFault::kClientGone);
  } else if (half.head_read && peer.session == nullptr) {
    half.reader.start(*x.request, limits_.message);
    half.read_ended = half.reader.done();
  } else if (half.end_seen) {
    half.read_ended = peer.session->data_bytes(half.stream) == 0;
  }
  return true;
}

// The response's head, interim answers passed on before it. True: it is there, or will not be.
bool HttpEngine::read_response(Exchange& x) {
  Half& half = x[kServer];
  Peer& peer = peer_of(x, kServer);
  if (half.stream != http2::kNoStream) {
    if (half.head_read) {
      half.refusal = peer.session->refusal(half.stream);
      x.response = &peer.session->message(half.stream);
    } else if (!half.closed && !half.lost) {
      return false;
    }
  } else {
    while (true) {
      if (!read_head(x, kServer)) return false;
      if (!half.head_read || !x.own_response.is_interim()) break;
      if (x.interims++ == limits_.message.interims) {
        half.refusal = http::Refusal::kTooManyInterims;
        half.head_read = false;
        break;
      }
      half.doubted |= !x.own_response.persistent;
      pass_interim(x);
      half.head_read = false;
      x.parser.start_response(x.own_response, limits_.message,
                              {x.request->method, x.request->protocol()});
    }
    x.response = &x.own_response;
  }
  if (half.refusal != http::Refusal::kNone) {
    count_refusal(half);
    fail(x, HttpFault::kBadResponse);
  } else if (!half.head_read) {
    half.lost = true;
    fail(x, HttpFault::kUpstreamReset);
  } else if (half.stream == http2::kNoStream) {
    half.reader.start(x.own_response, limits_.message);
    half.read_ended = half.reader.done();
  } else if (half.end_seen) {
    half.read_ended = peer.session->data_bytes(half.stream) == 0;
  }
  if (half.head_read) x.head_at = x.moved = now_;
  return true;
}

// An answer before the answer goes on to clients that know of such.
void HttpEngine::pass_interim(Exchange& x) {
  if (x.is_shadow) return;
  Half& client = x[kClient];
  Peer& peer = peer_of(x, kClient);
  if (client.stream != http2::kNoStream) {
    peer.session->respond(client.stream, x.own_response, false);
  } else if (x.request->version != http::Version::kHttp10 && !client.lost) {
    // One that would have to wait is as good as left out (RFC 9110 15.2).
    if (peer.wire.pending() < kPart)
      http1::write_response(x.own_response, {x.request->method, x.request->version, false},
                            work_.pieces(), peer.wire.out);
  }
  dirty_.push(client.peer);
}

// A 100 of an endpoint that speaks HTTP/2.
void HttpEngine::pass_continue(Exchange& x) {
  if (x.is_shadow || !x.request->expects_continue || x[kClient].lost || x[kClient].write_begun)
    return;
  http::Message& interim = blank_response(x, 100);
  pass_interim(x);
  interim.clear();
}

bool HttpEngine::write_request(Exchange& x) {
  Half& half = x[kServer];
  Peer& peer = peer_of(x, kServer);
  const bool bodyless =
      x.request->body.kind == http::BodyKind::kNone || x.request->body == http::Body::of_length(0);
  half.write_begun = true;
  if (peer.session != nullptr) {
    half.stream = peer.session->request(*x.request, bodyless);
    if (half.stream == http2::kNoStream) return false;
    by_stream_[half.stream.value()] = x.slot;
  } else {
    if (x.response_block == kNoSlot) {
      x.response_block = arenas_.take();
      HEDDLE_CHECK(x.response_block != kNoSlot, "fewer arenas than exchanges");
      x.own_response.attach(arenas_[x.response_block]);
    }
    x.parser.start_response(x.own_response, limits_.message,
                            {x.request->method, x.request->protocol()});
    if (!http1::write_request(*x.request, work_.pieces(), peer.wire.out)) {
      fail(x, HttpFault::kNoMemory);
      return true;
    }
    half.writer.start(http1::request_coding(*x.request), x.request->body);
  }
  half.write_ended = bodyless;
  dirty_.push(half.peer);
  return true;
}

bool HttpEngine::write_response(Exchange& x) {
  Half& half = x[kClient];
  Peer& peer = peer_of(x, kClient);
  http::Message& response = *x.response;
  half.write_begun = true;
  const http::Method asked = x.request->method;
  const bool bodyless = asked == http::Method::kHead || http::never_has_body(response.status) ||
                        response.body.kind == http::BodyKind::kNone ||
                        response.body == http::Body::of_length(0);
  dirty_.push(half.peer);
  if (half.stream != http2::kNoStream) {
    half.write_ended = bodyless;
    return peer.session->respond(half.stream, response, bodyless);
  }
  const http1::Receiver to{
      asked, x.request->version,
      x.close_client || !x.request->persistent || response.body.kind == http::BodyKind::kTunnel};
  if (!http1::write_response(response, to, work_.pieces(), peer.wire.out)) return false;
  x.close_client |= http1::must_close(response, to);
  const http1::Coding coding = http1::response_coding(response, to);
  half.writer.start(coding, response.body);
  half.write_ended = coding == http1::Coding::kNone ||
                     (coding == http1::Coding::kLength && response.body.length == 0);
  return true;
}

uint32_t HttpEngine::room(Exchange& x, Side to) {
  Half& half = x[to];
  if (half.lost || half.closed || half.write_ended || !half.write_begun) return 0;
  Peer& peer = peer_of(x, to);
  if (half.stream != http2::kNoStream) return peer.session->room(half.stream);
  return peer.wire.room(work_);
}

// Data of the message that `from` has sent, at most `most` bytes. Sets read_ended, refusal, lost.
tcp::Chain HttpEngine::take(Exchange& x, Side from, uint32_t most) {
  Half& half = x[from];
  Peer& peer = peer_of(x, from);
  tcp::Chain data;
  if (half.read_ended || half.refusal != http::Refusal::kNone) return data;
  if (half.stream != http2::kNoStream) {
    if (peer.session->data_bytes(half.stream) > 0) {
      data = peer.session->take_data(half.stream, most);
      dirty_.push(half.peer);
      if (!peer.wire.in.empty()) busy_.push(half.peer);
    }
    half.refusal = peer.session->refusal(half.stream);
    const bool drained = peer.session->data_bytes(half.stream) == 0;
    if (drained && half.end_seen && half.refusal == http::Refusal::kNone) half.read_ended = true;
    if (drained && !half.read_ended && (half.closed || half.lost)) half.lost = true;
    return data;
  }
  if (half.lost) return data;
  while (true) {
    peer.wire.pull(work_, std::max(most, kLeastRead), now_);
    if (peer.wire.starved_in) arm(half.peer);
    const uint32_t before = data.bytes;
    const http1::Progress progress =
        http1::read_body(half.reader, work_.pieces(), peer.wire.in, data, most - data.bytes);
    if (progress == http1::Progress::kDone) half.read_ended = true;
    if (progress == http1::Progress::kRefused) half.refusal = half.reader.refusal();
    if (progress != http1::Progress::kMore || data.bytes >= most) return data;
    if (data.bytes != before) continue;
    if (peer.wire.in.empty()) break;
    if (half.reader.data_ready() == 0) continue;
    // No piece is left for the cut: this is no end.
    wake(x.slot);
    return data;
  }
  if (!half.lost && !peer.wire.ended(work_)) return data;
  // A body that the end ends must have ended for good (RFC 9112 6.3, 9.8).
  const bool cut = half.lost || peer.wire.is_cut_off(work_);
  if (!cut && half.reader.end_of_input() == http1::Progress::kDone)
    half.read_ended = true;
  else
    half.lost = true;
  return data;
}

void HttpEngine::put(Exchange& x, Side to, tcp::Chain& data) {
  Half& half = x[to];
  Peer& peer = peer_of(x, to);
  dirty_.push(half.peer);
  if (half.stream != http2::kNoStream) return peer.session->send(half.stream, data);
  switch (half.writer.write(data, work_.pieces(), peer.wire.out)) {
    case http1::BodyWriter::Written::kAll:
      return;
    case http1::BodyWriter::Written::kNoMemory:
      fail(x, HttpFault::kNoMemory);
      break;
    case http1::BodyWriter::Written::kTooMuch:
      fail(x, to == kServer ? HttpFault::kBadBody : HttpFault::kBadResponse);
      break;
  }
  work_.pieces().free(data);
}

void HttpEngine::finish(Exchange& x, Side to, const http::Fields& trailers) {
  Half& half = x[to];
  Peer& peer = peer_of(x, to);
  if (half.tunnel) {
    peer.wire.shut();
    half.write_ended = true;
    return dirty_.push(half.peer);
  }
  if (half.stream != http2::kNoStream) {
    peer.session->end(half.stream, trailers.empty() ? nullptr : &trailers);
    half.write_ended = true;
    return dirty_.push(half.peer);
  }
  switch (half.writer.finish(trailers, work_.pieces(), peer.wire.out)) {
    case http1::BodyWriter::Ended::kWhole:
      half.write_ended = true;
      return dirty_.push(half.peer);
    case http1::BodyWriter::Ended::kNoMemory:
      return fail(x, HttpFault::kNoMemory);
    case http1::BodyWriter::Ended::kShort:
      return fail(x, to == kServer ? HttpFault::kBadBody : HttpFault::kBadResponse);
  }
}

// Asks for a note when there is room again.
void HttpEngine::stuck(uint32_t slot) {
  Peer& peer = peers[slot];
  if (peer.stage != PeerStage::kGone) work_.transport.want_writable(peer.wire.id);
  dirty_.push(slot);
}

// Moves what the one end has sent to the other, as far as that takes it, and then its end.
void HttpEngine::pump(Exchange& x, Side from) {
  const Side to = other(from);
  Half &source = x[from], &sink = x[to];
  if (source.peer == kNoSlot || sink.peer == kNoSlot) return;
  if (!source.head_read || !sink.write_begun || sink.write_ended || sink.lost) return;
  uint32_t moved = 0, said_again = 0;
  while (moved < kMostAtOnce && x.fault == HttpFault::kNone) {
    uint32_t free = room(x, to);
    if (free == 0 && sink.stream == http2::kNoStream) {
      peer_of(x, to).wire.push(work_, now_);
      free = room(x, to);
    }
    if (free == 0) {
      stuck(sink.peer);
      break;
    }
    const bool again = from == kClient && !x.resend.empty();
    tcp::Chain data =
        again ? take_again(x, std::min(free, kPart)) : take(x, from, std::min(free, kPart));
    if (data.empty()) break;
    const uint32_t bytes = data.bytes;
    if (from == kClient && !again) {
      keep_body(x, data);
      if (x.other != kNoSlot) mirror_body(x, data);
    }
    put(x, to, data);
    moved += bytes;
    if (again) said_again += bytes;
  }
  if (moved > 0) {
    x.moved = now_;
    x.bytes[from] += moved - said_again;
    counters.add(from == kClient ? HttpStat::kBytesToServer : HttpStat::kBytesToClient, moved);
  }
  if (x.fault != HttpFault::kNone) return;
  // Bodies without data end here, too: taking is what finds their end.
  if (moved == 0 && !source.read_ended && source.refusal == http::Refusal::kNone && !source.lost) {
    tcp::Chain none = take(x, from, 0);
    HEDDLE_CHECK(none.empty(), "data that nobody asked for");
  }
  if (source.refusal != http::Refusal::kNone) {
    count_refusal(source);
    if (from == kClient) x.refused_status = http::status_of(source.refusal);
    return fail(x, from == kClient ? HttpFault::kBadBody : HttpFault::kBadResponse);
  }
  if (from == kClient && !x.resend.empty()) {
    if (moved >= kMostAtOnce) wake(x.slot);
    return;
  }
  if (source.read_ended) {
    if (from == kClient) {
      strip_trailers(x);
      let_shadow_go(x, true);
    }
    return finish(x, to, (from == kClient ? x.request : x.response)->trailers);
  }
  if (source.lost)
    return fail(x, from == kClient ? HttpFault::kClientGone : HttpFault::kUpstreamReset);
  if (moved >= kMostAtOnce) wake(x.slot);
}

// The body of an answer of our own.
void HttpEngine::pump_answer(Exchange& x) {
  Half& client = x[kClient];
  if (client.write_ended || client.lost) return;
  const uint32_t free = room(x, kClient);
  if (free == 0 && !x.answer.empty()) return stuck(client.peer);
  if (!x.answer.empty()) {
    tcp::Chain part = work_.pieces().split(x.answer, std::min(free, x.answer.bytes));
    x.bytes[kServer] += part.bytes;
    put(x, kClient, part);
    x.moved = now_;
  }
  if (!x.answer.empty()) return wake(x.slot);
  finish(x, kClient, x.response->trailers);
}

// A client of HTTP/2 may still send what nobody will read; its stream ends when it has.
void HttpEngine::discard_request(Exchange& x) {
  Half& client = x[kClient];
  if (client.read_ended || client.lost || client.closed) return;
  constexpr uint64_t kMostDiscarded = 1 << 20;
  tcp::Chain data = take(x, kClient, kMostAtOnce);
  x.discarded += data.bytes;
  work_.pieces().free(data);
  if (x.discarded > kMostDiscarded)
    peer_of(x, kClient).session->reset(client.stream, http2::ErrorCode::kNoError);
}

// From here on both connections carry bytes that are no HTTP.
void HttpEngine::open_tunnel(Exchange& x) {
  counters.add(HttpStat::kUpgrades);
  x.request->body = {.kind = http::BodyKind::kTunnel};
  Half &client = x[kClient], &server = x[kServer];
  client.reader.start(*x.request, limits_.message);
  client.read_ended = false;
  server.writer.start(http1::Coding::kUntilClose, x.request->body);
  server.write_ended = false;
  client.tunnel = server.tunnel = true;
  x.deadline = kNever;  // a tunnel lives as long as bytes move
}

}  // namespace heddle::mesh
