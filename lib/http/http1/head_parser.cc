#include "http/http1/head_parser.h"

#include <algorithm>
#include <cstring>

#include "http/chars.h"
#include "http/scan.h"
#include "http/target.h"

namespace heddle::http1 {

namespace scan = http::scan;
using http::Chars;
using http::Message;
using http::Refusal;

void HeadParser::start(Kind kind, Message& message, const http::Limits& limits) {
  *this = HeadParser();
  kind_ = kind;
  message_ = &message;
  limits_ = &limits;
}

void HeadParser::start_request(Message& message, const http::Limits& limits) {
  HEDDLE_CHECK(message.arena().capacity() >= arena_bytes(limits), "too little memory for a head");
  message.clear();
  start(Kind::kRequest, message, limits);
}

void HeadParser::start_response(Message& message, const http::Limits& limits, ResponseTo request) {
  HEDDLE_CHECK(message.arena().capacity() >= arena_bytes(limits), "too little memory for a head");
  message.clear();
  start(Kind::kResponse, message, limits);
  request_ = request;
}

void HeadParser::start_trailers(Message& message, const http::Limits& limits) {
  start(Kind::kTrailers, message, limits);
  started_ = true;
}

HeadParser::Line HeadParser::refuse(Refusal refusal) {
  refusal_ = refusal;
  return Line::kRefused;
}

uint32_t HeadParser::line_limit() const {
  const uint32_t all = kind_ == Kind::kTrailers ? limits_->trailers : limits_->head;
  const uint32_t left = all - std::min(all, consumed_);
  return std::min(left, started_ ? limits_->field_line : limits_->start_line);
}

// Reads one line that begins at `at`; `cut` when the bytes end where the limit is, so that a line
// that is not complete there is too long.
HeadParser::Line HeadParser::read_line(const char* at, const char* end, bool cut,
                                       const char*& next) {
  const Line line = started_ ? read_field(at, end, next) : read_start_line(at, end, next);
  if (line != Line::kMore || !cut) return line;
  if (kind_ == Kind::kTrailers) return refuse(Refusal::kTrailersTooLarge);
  const uint32_t limit = line_limit();
  if (!started_) {
    return refuse(limit < limits_->start_line ? Refusal::kHeadTooLarge
                                              : Refusal::kStartLineTooLong);
  }
  return refuse(limit < limits_->field_line ? Refusal::kHeadTooLarge : Refusal::kFieldTooLong);
}

// Appends to the line that was begun, and reads it from its begin: its length is bounded, and
// most heads come in one piece.
HeadParser::Line HeadParser::read_kept_line(std::string_view input, size_t& used) {
  const uint32_t limit = line_limit();
  size_t take = input.find('\n');
  take = take == std::string_view::npos ? input.size() : take + 1;
  take = std::min<size_t>(take, limit - kept_);
  char* line = message_->arena().top();
  if (kept_ + take > message_->arena().room()) return refuse(Refusal::kHeadTooLarge);
  std::memcpy(line + kept_, input.data(), take);
  const uint32_t size = kept_ + static_cast<uint32_t>(take);
  const char* next = nullptr;
  const Line result = read_line(line, line + size, size == limit, next);
  used = take;
  if (result == Line::kMore) {
    kept_ = size;
  } else if (result != Line::kRefused) {
    consumed_ += size;
    kept_ = 0;
  }
  return result;
}

bool HeadParser::keep(std::string_view rest) {
  if (rest.size() > message_->arena().room()) return false;
  if (!rest.empty()) std::memcpy(message_->arena().top(), rest.data(), rest.size());
  kept_ = static_cast<uint32_t>(rest.size());
  return true;
}

Progress HeadParser::feed(std::string_view input, size_t& used) {
  used = 0;
  if (refusal_ != Refusal::kNone) return Progress::kRefused;
  Line line = Line::kTaken;
  while (line == Line::kTaken) {
    const std::string_view rest = input.substr(used);
    if (rest.empty()) return Progress::kMore;
    if (kept_ > 0) {
      size_t taken = 0;
      line = read_kept_line(rest, taken);
      used += taken;
      continue;
    }
    const uint32_t limit = line_limit();
    const size_t size = std::min<size_t>(rest.size(), limit);
    const char* next = nullptr;
    line = read_line(rest.data(), rest.data() + size, size == limit, next);
    if (line == Line::kMore) {
      if (!keep(rest)) line = refuse(Refusal::kHeadTooLarge);
      used = input.size();
    } else if (line != Line::kRefused) {
      consumed_ += static_cast<uint32_t>(next - rest.data());
      used += static_cast<size_t>(next - rest.data());
    }
  }
  if (line == Line::kMore) return Progress::kMore;
  if (line == Line::kEnd) refusal_ = finish();
  return refusal_ == Refusal::kNone ? Progress::kDone : Progress::kRefused;
}

// CR LF at `at`, where something stands that is not part of the line's text.
HeadParser::Line HeadParser::line_end(const char* at, const char* end, const char*& next) {
  if (at == end) return Line::kMore;
  if (*at == '\n') return refuse(Refusal::kBareLf);
  if (*at == '\0') return refuse(Refusal::kNul);
  if (*at != '\r') return refuse(Refusal::kControlCharacter);
  if (at + 1 == end) return Line::kMore;
  if (at[1] != '\n') return refuse(Refusal::kBareCr);
  next = at + 2;
  return Line::kTaken;
}

// "HTTP/1.1" or "HTTP/1.0"; moves `at` behind it.
HeadParser::Line HeadParser::read_version(const char*& at, const char* end) {
  constexpr std::string_view kShape = "HTTP/d.d";
  for (size_t i = 0; i < kShape.size(); ++i) {
    if (at + i == end) return Line::kMore;
    const bool fits = kShape[i] == 'd' ? http::is(Chars::kDigit, at[i]) : kShape[i] == at[i];
    if (!fits) return refuse(Refusal::kBadVersion);
  }
  const bool http11 = at[5] == '1' && at[7] == '1';
  const bool http10 = at[5] == '1' && at[7] == '0';
  if (!http11 && !(http10 && limits_->http10)) return refuse(Refusal::kUnsupportedVersion);
  message_->version = http11 ? http::Version::kHttp11 : http::Version::kHttp10;
  at += kShape.size();
  return Line::kTaken;
}

HeadParser::Line HeadParser::read_start_line(const char* at, const char* end, const char*& next) {
  return kind_ == Kind::kRequest ? read_request_line(at, end, next)
                                 : read_status_line(at, end, next);
}

HeadParser::Line HeadParser::read_request_line(const char* at, const char* end, const char*& next) {
  constexpr ptrdiff_t kMaxMethod = 32;
  // One empty line may come before a request (RFC 9112 2.2).
  if (at != end && *at == '\r' && !led_) {
    const Line line = line_end(at, end, next);
    led_ = line == Line::kTaken;
    return line;
  }
  const char* method_end = scan::find_not<Chars::kToken>(at, end);
  if (method_end - at > kMaxMethod) return refuse(Refusal::kBadMethod);
  if (method_end == end) return Line::kMore;
  if (method_end == at || *method_end != ' ') return refuse(Refusal::kBadMethod);
  const char* target = method_end + 1;
  const char* target_end = scan::find_not<Chars::kTarget>(target, end);
  if (target_end - target > static_cast<ptrdiff_t>(limits_->target))
    return refuse(Refusal::kTargetTooLong);
  if (target_end == end) return Line::kMore;
  if (*target_end != ' ') {
    const bool ends = *target_end == '\r' || *target_end == '\n' || *target_end == '\t';
    return refuse(ends ? Refusal::kBadRequestLine : Refusal::kBadTarget);
  }
  if (target_end == target) return refuse(Refusal::kBadRequestLine);
  const char* version = target_end + 1;
  const Line line = read_version(version, end);
  if (line != Line::kTaken) return line;
  if (version == end) return Line::kMore;
  if (*version == ' ' || *version == '\t') return refuse(Refusal::kBadRequestLine);
  const Line ended = line_end(version, end, next);
  if (ended != Line::kTaken) {
    if (ended == Line::kRefused && refusal_ == Refusal::kControlCharacter)
      refusal_ = Refusal::kBadVersion;
    return ended;
  }
  const std::string_view target_text(target, target_end);
  if (!message_->set_method({at, method_end})) return refuse(Refusal::kHeadTooLarge);
  const Refusal refusal = http::take_target(target_text, *message_);
  if (refusal != Refusal::kNone) return refuse(refusal);
  started_ = true;
  return Line::kTaken;
}

HeadParser::Line HeadParser::read_status_line(const char* at, const char* end, const char*& next) {
  const Line line = read_version(at, end);
  if (line != Line::kTaken) return line;
  uint16_t status = 0;
  for (ptrdiff_t i = 0; i < 4; ++i) {
    if (at + i == end) return Line::kMore;
    if (i == 0 ? at[0] != ' ' : !http::is(Chars::kDigit, at[i]))
      return refuse(Refusal::kBadStatusLine);
    if (i > 0) status = static_cast<uint16_t>(status * 10 + (at[i] - '0'));
  }
  at += 4;
  if (at == end) return Line::kMore;
  // Servers that leave the reason out often leave out the space before it, too.
  if (*at != ' ' && *at != '\r') return refuse(Refusal::kBadStatusLine);
  const Line ended = line_end(scan::find_not_field_text(at, end), end, next);
  if (ended != Line::kTaken) return ended;
  if (status < 100 || status > 599) return refuse(Refusal::kBadStatus);
  message_->status = status;
  started_ = true;
  return Line::kTaken;
}

// Something else than a colon stands behind a name.
HeadParser::Line HeadParser::bad_name(const char* at, const char* colon) {
  if (*colon == ':') return refuse(Refusal::kEmptyFieldName);
  if (http::is_blank(*colon)) {
    return refuse(colon == at ? Refusal::kObsFold : Refusal::kSpaceBeforeColon);
  }
  if (*colon == '\0') return refuse(Refusal::kNul);
  if (*colon == '\n') return refuse(Refusal::kBareLf);
  return refuse(*colon == '\r' ? Refusal::kFieldWithoutColon : Refusal::kBadFieldName);
}

HeadParser::Line HeadParser::read_field(const char* at, const char* end, const char*& next) {
  if (at == end) return Line::kMore;
  if (*at == '\r') {
    const Line line = line_end(at, end, next);
    return line == Line::kTaken ? Line::kEnd : line;
  }
  const char* colon = scan::find_not<Chars::kToken>(at, end);
  if (colon == end) return Line::kMore;
  if (*colon != ':' || colon == at) return bad_name(at, colon);
  const char* value = colon + 1;
  while (value < end && http::is_blank(*value)) ++value;
  const char* value_end = scan::find_not_field_text(value, end);
  const Line line = line_end(value_end, end, next);
  if (line != Line::kTaken) return line;
  while (value_end > value && http::is_blank(value_end[-1])) --value_end;
  const Refusal refusal = take_field({at, colon}, {value, value_end});
  return refusal == Refusal::kNone ? Line::kTaken : refuse(refusal);
}

}  // namespace heddle::http1
