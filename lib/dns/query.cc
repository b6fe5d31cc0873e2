#include "dns/query.h"

#include <optional>

#include "core/endian.h"

namespace heddle::dns {
namespace {

// Reads from the front of what is left.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> message) : message_(message) {}

  size_t at() const { return at_; }
  size_t left() const { return message_.size() - at_; }
  void skip(size_t bytes) { at_ += bytes; }
  // Requires that they are left.
  uint8_t byte() { return message_[at_++]; }
  uint16_t word() {
    const auto value = load_be<uint16_t>(message_.data() + at_);
    at_ += 2;
    return value;
  }
  std::span<const uint8_t> since(size_t begin) const {
    return message_.subspan(begin, at_ - begin);
  }

 private:
  std::span<const uint8_t> message_;
  size_t at_ = kHeaderSize;
};

Refusal read_name(Reader& in, NameView& name) {
  const size_t begin = in.at();
  while (true) {
    if (in.left() == 0) return Refusal::kCut;
    const uint8_t length = in.byte();
    if (length > kMaxLabel) return length >= 0xc0 ? Refusal::kPointer : Refusal::kLabel;
    // The root's byte is still to come behind a label that is not the root.
    if (in.at() - begin + length + (length != 0 ? 1 : 0) > kMaxName) return Refusal::kName;
    if (length == 0) break;
    if (in.left() < length) return Refusal::kCut;
    in.skip(length);
  }
  name = NameView(in.since(begin));
  return Refusal::kNone;
}

Refusal read_question(Reader& in, Query& query) {
  if (const Refusal refusal = read_name(in, query.name); refusal != Refusal::kNone) return refusal;
  if (in.left() < 4) return Refusal::kCut;
  query.type = static_cast<Type>(in.word());
  query.klass = static_cast<Class>(in.word());
  query.question_end = static_cast<uint16_t>(in.at());
  return Refusal::kNone;
}

bool options_fit(Reader& in, size_t bytes) {
  const size_t end = in.at() + bytes;
  while (in.at() < end) {
    if (end - in.at() < 4) return false;
    in.skip(2);
    const uint16_t length = in.word();
    if (end - in.at() < length) return false;
    in.skip(length);
  }
  return true;
}

// The one additional record, an OPT (RFC 6891 6.1.2).
Refusal read_opt(Reader& in, Query& query) {
  if (in.left() < kOptSize) return Refusal::kCut;
  if (in.byte() != 0 || static_cast<Type>(in.word()) != Type::kOpt) return Refusal::kAdditional;
  const auto size_at = static_cast<uint16_t>(in.at());
  const uint16_t size = in.word();
  in.skip(1);  // the upper bits of a response's code
  const uint8_t version = in.byte();
  const uint16_t flags = in.word();
  const uint16_t bytes = in.word();
  if (in.left() < bytes) return Refusal::kCut;
  // What a later version's options look like is not known.
  if (version != 0)
    in.skip(bytes);
  else if (!options_fit(in, bytes))
    return Refusal::kOptions;
  query.edns = true;
  query.edns_size_at = size_at;
  query.edns_size = size;
  query.version = version;
  query.dnssec_ok = (flags & 0x8000) != 0;
  return Refusal::kNone;
}

Refusal check_header(std::span<const uint8_t> message, Query& query) {
  query = {.message = message};
  if (message.size() < kHeaderSize) return Refusal::kShort;
  query.id = load_be<uint16_t>(message.data());
  query.flags = load_be<uint16_t>(message.data() + kFlagsAt);
  if ((query.flags & kFlagResponse) != 0) return Refusal::kResponse;
  if ((query.flags & kOpcodeMask) != 0) return Refusal::kOpcode;
  if (load_be<uint16_t>(message.data() + kQuestionsAt) != 1) return Refusal::kQuestions;
  return Refusal::kNone;
}

}  // namespace

Refusal parse_query(std::span<const uint8_t> message, Query& query) {
  if (const Refusal refusal = check_header(message, query); refusal != Refusal::kNone)
    return refusal;
  Reader in(message);
  if (const Refusal refusal = read_question(in, query); refusal != Refusal::kNone) return refusal;
  if (load_be<uint32_t>(message.data() + kAnswersAt) != 0) return Refusal::kRecords;
  const uint16_t additional = load_be<uint16_t>(message.data() + kAdditionalAt);
  if (additional > 1) return Refusal::kAdditional;
  if (additional == 1) {
    if (const Refusal refusal = read_opt(in, query); refusal != Refusal::kNone) return refusal;
  }
  if (in.left() != 0) return Refusal::kTrailing;
  if (query.version != 0) return Refusal::kVersion;
  if (query.type == Type::kOpt) return Refusal::kQuestionType;
  return Refusal::kNone;
}

}  // namespace heddle::dns
