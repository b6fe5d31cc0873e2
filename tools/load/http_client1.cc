// Requests of HTTP/1.1 (RFC 9112), one after the other.
#include "http_client.h"

namespace heddle::load {

namespace {

constexpr uint16_t kOk = 200;

}  // namespace

void HttpClient::ask1(uint32_t slot, Instant since, Instant now) {
  Call& call = calls_[slot];
  call.since = since;
  call.asking = call.in_head = call.head_unsent = true;
  call.to_send = plan_.body_bytes();
  send1(slot, now);
}

// What of the request is not sent yet.
void HttpClient::send1(uint32_t slot, Instant now) {
  Call& call = calls_[slot];
  mesh::Wire& wire = lines_[slot].wire;
  if (call.head_unsent) {
    if (!requests_.append_text(pieces(), wire.out)) return again(slot);
    call.head_unsent = false;
  }
  if (call.to_send > 0) send_body(slot, call.to_send, now);
  emit(slot, now);
}

void HttpClient::serve1(uint32_t slot, Instant now) {
  mesh::Wire& wire = lines_[slot].wire;
  const uint32_t before = wire.in.bytes;
  wire.pull(work_, UINT32_MAX, now);
  if (measuring_) outcome_.client.bytes_received += wire.in.bytes - before;
  if (!wire.in.empty()) {
    Failure why = Failure::kWrongAnswer;
    const Read read = read1(slot, why);
    if (read == Read::kWrong) return fail(slot, why, now);
  }
  Call& call = calls_[slot];
  if (call.head_unsent || call.to_send > 0 || wire.pending() > 0) send1(slot, now);
  // It may have come before the question's end (RFC 9112 9.5): both are waited for.
  const bool whole = call.asking && !call.in_head && call.unanswered == 0 && call.to_send == 0;
  // Asks again, or gives the connection up.
  if (whole) return answered1(slot, now);
  if (wire.ended(work_)) return on_end(slot, now);
  if (wire.starved_in) again(slot);
}

// What has come of the answer; kWrong: it is none, or not the one that was asked for.
HttpClient::Read HttpClient::read1(uint32_t slot, Failure& why) {
  Call& call = calls_[slot];
  tcp::Chain& in = lines_[slot].wire.in;
  if (!call.asking || call.head_unsent) return Read::kWrong;
  if (call.in_head) {
    if (!last_head_.is_at(first_of_input(lines_[slot]))) {
      const std::string_view head = head_of_input(lines_[slot]);
      if (head.empty()) return in.bytes < kMostHead ? Read::kRight : Read::kWrong;
      const std::optional<ResponseHead> told = read_response(head);
      if (!told || head.size() > kMostHead) return Read::kWrong;
      last_head_.keep(head, *told);
    }
    const ResponseHead& told = last_head_.told();
    if (told.status != kOk) why = Failure::kStatus;
    if (told.status != kOk || !judge_length(told.length)) return Read::kWrong;
    call.in_head = false;
    call.closes = told.closes;
    call.unanswered = told.length;
    pieces().drop_front(in, last_head_.size());
  }
  if (in.bytes > call.unanswered) return Read::kWrong;
  call.unanswered -= in.bytes;
  pieces().free(in);
  return Read::kRight;
}

void HttpClient::answered1(uint32_t slot, Instant now) {
  Call& call = calls_[slot];
  answered(call.since, now);
  call.asking = false;
  if (plan_.what == Do::kGetClose || call.closes) return give_up(slot, now);
  if (lines_[slot].wire.ended(work_)) return on_end(slot, now);
  if (interval_ == Duration()) return ask1(slot, now, now);
  idle_.push(slot);
}

}  // namespace heddle::load
