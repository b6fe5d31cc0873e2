#include "http/http1/body_reader.h"

#include "http/http1/numbers.h"

namespace heddle::http1 {

using http::BodyKind;
using http::Chars;
using http::Refusal;

void BodyReader::start(http::Message& message, const http::Limits& limits) {
  message_ = &message;
  limits_ = &limits;
  kind_ = message.body.kind;
  extension_bytes_ = 0;
  refusal_ = Refusal::kNone;
  switch (kind_) {
    case BodyKind::kNone:
      state_ = State::kDone;
      break;
    case BodyKind::kLength:
      left_ = message.body.length;
      state_ = left_ == 0 ? State::kDone : State::kData;
      break;
    case BodyKind::kStreamed:
      state_ = State::kSizeFirst;
      break;
    case BodyKind::kUntilClose:
    case BodyKind::kTunnel:
      left_ = UINT64_MAX;
      state_ = State::kData;
      break;
  }
}

Progress BodyReader::read_framing(std::string_view input, size_t& used) {
  used = 0;
  while (refusal_ == Refusal::kNone && state_ != State::kDone) {
    if (state_ == State::kData || used == input.size()) return Progress::kMore;
    if (state_ != State::kTrailers) {
      refusal_ = on_byte(input[used++]);
      continue;
    }
    size_t taken = 0;
    const Progress progress = trailers_.feed(input.substr(used), taken);
    used += taken;
    if (progress == Progress::kDone) state_ = State::kDone;
    if (progress == Progress::kRefused) refusal_ = trailers_.refusal();
  }
  return refusal_ == Refusal::kNone ? Progress::kDone : Progress::kRefused;
}

void BodyReader::took(uint64_t n) {
  HEDDLE_CHECK(n <= data_ready(), "more body is taken than there is");
  if (kind_ == BodyKind::kUntilClose || kind_ == BodyKind::kTunnel) return;
  left_ -= n;
  if (left_ > 0) return;
  state_ = kind_ == BodyKind::kStreamed ? State::kDataCr : State::kDone;
}

Progress BodyReader::end_of_input() {
  if (refusal_ != Refusal::kNone) return Progress::kRefused;
  if (kind_ == BodyKind::kUntilClose || kind_ == BodyKind::kTunnel) state_ = State::kDone;
  if (state_ == State::kDone) return Progress::kDone;
  refusal_ = Refusal::kTruncated;
  return Progress::kRefused;
}

Refusal BodyReader::on_byte(char c) {
  switch (state_) {
    case State::kSizeFirst:
    case State::kSize:
      return on_size_byte(c);
    case State::kSizeLf:
      if (c != '\n') return Refusal::kBareCr;
      state_ = left_ > 0 ? State::kData : State::kTrailers;
      if (left_ == 0) trailers_.start_trailers(*message_, *limits_);
      return Refusal::kNone;
    case State::kDataCr:
      state_ = State::kDataLf;
      return c == '\r' ? Refusal::kNone : Refusal::kBadChunkEnd;
    case State::kDataLf:
      state_ = State::kSizeFirst;
      return c == '\n' ? Refusal::kNone : Refusal::kBadChunkEnd;
    default:
      if (++extension_bytes_ > limits_->chunk_extensions) return Refusal::kChunkExtensionsTooLong;
      return on_extension_byte(c);
  }
}

Refusal BodyReader::on_size_byte(char c) {
  constexpr uint8_t kMaxDigits = 16;
  const int digit = hex_digit(c);
  if (digit >= 0) {
    if (state_ == State::kSizeFirst) left_ = digits_ = 0;
    state_ = State::kSize;
    if (++digits_ > kMaxDigits || left_ > kMaxLength >> 4) return Refusal::kChunkTooLarge;
    left_ = left_ << 4 | static_cast<uint64_t>(digit);
    return left_ > kMaxLength ? Refusal::kChunkTooLarge : Refusal::kNone;
  }
  if (c == '\n') return Refusal::kBareLf;
  if (state_ == State::kSizeFirst) return Refusal::kBadChunkSize;
  if (http::is_blank(c)) {
    state_ = State::kSizeBlank;
    return Refusal::kNone;
  }
  if (c == ';') {
    state_ = State::kExtensionStart;
    return Refusal::kNone;
  }
  return c == '\r' ? end_size() : Refusal::kBadChunkSize;
}

Refusal BodyReader::end_size() {
  state_ = State::kSizeLf;
  return Refusal::kNone;
}

// Behind a name or value: a blank, the next extension or the end.
Refusal BodyReader::after_extension_part(char c, State blank) {
  if (http::is_blank(c)) {
    state_ = blank;
    return Refusal::kNone;
  }
  if (c == ';') {
    state_ = State::kExtensionStart;
    return Refusal::kNone;
  }
  return c == '\r' ? end_size() : Refusal::kBadChunkExtension;
}

Refusal BodyReader::on_extension_byte(char c) {
  const bool token = http::is(Chars::kToken, c);
  if (c == '\n') return Refusal::kBareLf;
  switch (state_) {
    case State::kSizeBlank:
    case State::kExtensionBlank:
      // Blanks may stand before a semicolon only, so not at the line's end.
      if (http::is_blank(c)) return Refusal::kNone;
      if (c != ';')
        return state_ == State::kSizeBlank ? Refusal::kBadChunkSize : Refusal::kBadChunkExtension;
      state_ = State::kExtensionStart;
      return Refusal::kNone;
    case State::kExtensionStart:
      if (http::is_blank(c)) return Refusal::kNone;
      state_ = State::kExtensionName;
      return token ? Refusal::kNone : Refusal::kBadChunkExtension;
    case State::kExtensionName:
      if (token) return Refusal::kNone;
      if (c != '=') return after_extension_part(c, State::kExtensionNameBlank);
      state_ = State::kExtensionValueStart;
      return Refusal::kNone;
    case State::kExtensionNameBlank:
      if (http::is_blank(c)) return Refusal::kNone;
      if (c != '=' && c != ';') return Refusal::kBadChunkExtension;
      state_ = c == '=' ? State::kExtensionValueStart : State::kExtensionStart;
      return Refusal::kNone;
    case State::kExtensionValueStart:
      if (http::is_blank(c)) return Refusal::kNone;
      state_ = c == '"' ? State::kExtensionQuoted : State::kExtensionValue;
      return token || c == '"' ? Refusal::kNone : Refusal::kBadChunkExtension;
    case State::kExtensionValue:
      return token ? Refusal::kNone : after_extension_part(c, State::kExtensionBlank);
    case State::kExtensionQuoted:
      if (c == '"') state_ = State::kExtensionAfterQuoted;
      if (c == '\\') state_ = State::kExtensionEscaped;
      return http::is_field_text(c) ? Refusal::kNone : Refusal::kBadChunkExtension;
    case State::kExtensionEscaped:
      state_ = State::kExtensionQuoted;
      return http::is_field_text(c) ? Refusal::kNone : Refusal::kBadChunkExtension;
    default:
      return after_extension_part(c, State::kExtensionBlank);
  }
}

}  // namespace heddle::http1
