// Answers of HTTP/1.1 (RFC 9112), those to pipelined requests too.
#include <span>

#include "http/chars.h"
#include "http_server.h"

namespace heddle::load {

namespace {

constexpr uint32_t kMostRead = 256 * 1024;  // bytes that wait in a line
constexpr uint32_t kMostSteps = 256;        // of a line in one turn
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kRefusal =
    "HTTP/1.1 400 Bad Request\r\nserver: heddle-load\r\ncontent-length: 0\r\n"
    "connection: close\r\n\r\n";

}  // namespace

void HttpServer::serve1(uint32_t slot, Instant now) {
  mesh::Wire& wire = lines_[slot].wire;
  const uint32_t before = wire.in.bytes;
  wire.pull(work_, kMostRead, now);
  tally_.bytes_received += wire.in.bytes - before;
  if (wire.broken) return drop(slot, Failure::kTls, now);
  Served& it = served_[slot];
  if (it.speaks == Speaks::kUnknown) {
    if (!tell_version(slot, now)) {
      if (wire.id && wire.ended(work_)) drop(slot, now);
      return;
    }
    if (it.speaks == Speaks::kHttp2) return serve2(slot, now);
  }
  Step step = Step::kMore;
  for (uint32_t i = 0; i < kMostSteps && step == Step::kMore; ++i) step = step1(slot, now);
  if (step == Step::kRefused) return refuse1(slot, now);
  emit(slot, now);
  count_sent(slot);
  const bool idle = !it.asked && !it.owed && it.body_left == 0;
  if (idle && it.last) return end(slot, now);
  if (step == Step::kMore) return again(slot);
  if (wire.ended(work_) && (idle || it.request_left > 0)) return end(slot, now);
  const bool full = wire.in.bytes >= kMostRead;
  if (!full && work_.transport.find(wire.id)->readable() > 0) again(slot);
}

// The next thing that can be done. kWait: before more comes, or more can go, there is none.
HttpServer::Step HttpServer::step1(uint32_t slot, Instant now) {
  Served& it = served_[slot];
  tcp::Chain& in = lines_[slot].wire.in;
  if (it.owed || it.body_left > 0) return answer1(slot, now) ? Step::kMore : Step::kWait;
  if (it.asked) {
    const auto n = static_cast<uint32_t>(std::min<uint64_t>(it.request_left, in.bytes));
    pieces().drop_front(in, n);
    it.request_left -= n;
    if (it.request_left > 0) return Step::kWait;
    it.asked = false;
    it.owed = true;
    return Step::kMore;
  }
  if (it.last || in.empty()) return Step::kWait;
  return read_head1(slot);
}

HttpServer::Step HttpServer::read_head1(uint32_t slot) {
  Served& it = served_[slot];
  mesh::Wire& wire = lines_[slot].wire;
  if (!last_head_.is_at(first_of_input(lines_[slot]))) {
    const std::string_view head = head_of_input(lines_[slot]);
    if (head.empty()) return wire.in.bytes < kMostHead ? Step::kWait : Step::kRefused;
    const std::optional<RequestHead> told = read_request(head);
    // A body that does not say its length is not read here.
    if (!told || told->chunked || head.size() > kMostHead) return Step::kRefused;
    last_head_.keep(head, {.length = told->length,
                           .body = answer_to(told->path),
                           .last = told->closes,
                           .bodyless = told->method == "HEAD",
                           .expects_continue = told->expects_continue});
  }
  const Wanted& wanted = last_head_.told();
  it.asked = true;
  it.request_left = wanted.length;
  it.last = wanted.last;
  it.bodyless = wanted.bodyless;
  it.body = wanted.body;
  if (wanted.expects_continue) pieces().append_copy(wire.out, http::bytes_of(kContinue));
  pieces().drop_front(wire.in, last_head_.size());
  return Step::kMore;
}

// False: there is no room, or no piece, for all of it.
bool HttpServer::answer1(uint32_t slot, Instant now) {
  Served& it = served_[slot];
  mesh::Wire& wire = lines_[slot].wire;
  if (it.owed) {
    if (wire.room(work_) < kHeadRoom) {
      wire.push(work_, now);
      if (wire.room(work_) < kHeadRoom) {
        work_.transport.want_writable(wire.id);
        return false;
      }
    }
    if (!write_head1(slot)) {
      again(slot);
      return false;
    }
    it.owed = false;
    it.body_left = it.bodyless ? 0 : it.body;
    ++tally_.requests;
  }
  if (it.body_left > 0) send_body(slot, it.body_left, now);
  return it.body_left == 0;
}

bool HttpServer::write_head1(uint32_t slot) {
  tcp::Chain& out = lines_[slot].wire.out;
  if (served_[slot].body == response_bytes_) return heads_.append_text(pieces(), out);
  char text[kHeadRoom];
  const std::string_view head = write_response(text, served_[slot].body);
  const uint32_t copied = pieces().append_copy(out, http::bytes_of(head));
  if (copied == head.size()) return true;
  pieces().drop_back(out, copied);
  return false;
}

void HttpServer::refuse1(uint32_t slot, Instant now) {
  tally_.fail(Failure::kBadRequest);
  pieces().append_copy(lines_[slot].wire.out, http::bytes_of(kRefusal));
  end(slot, now);
}

}  // namespace heddle::load
