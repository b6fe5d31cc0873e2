// Writer: an answer in the making. The question stands as it was asked, letter by letter; names of
// records are pointers to it.
#pragma once

#include <cstring>
#include <span>
#include <string_view>

#include "core/check.h"
#include "core/endian.h"
#include "dns/query.h"

namespace heddle::dns {

class Writer {
 public:
  // Header and question, the latter if it was read. Room for an OPT record is kept.
  Writer(const Query& query, std::span<uint8_t> out)
      : query_(query), out_(out.first(std::min(out.size(), query.limit()))) {
    HEDDLE_CHECK(out.size() >= kPlainLimit, "room for an answer");
    const size_t begin = query.question_end != 0 ? query.question_end : kHeaderSize;
    std::memset(out_.data(), 0, kHeaderSize);
    std::memcpy(out_.data(), query.message.data(), 2);
    if (query.question_end != 0) {
      std::memcpy(out_.data() + kHeaderSize, query.message.data() + kHeaderSize,
                  begin - kHeaderSize);
      set16(kQuestionsAt, 1);
    }
    size_ = begin;
    limit_ = out_.size() - (query.edns ? kOptSize : 0);
  }

  size_t left() const { return limit_ - size_; }
  size_t size() const { return size_; }

  // Requires that so much is left.
  void put8(uint8_t value) { *grow(1) = value; }
  void put16(uint16_t value) { store_be(grow(2), value); }
  void put32(uint32_t value) { store_be(grow(4), value); }
  void put(std::span<const uint8_t> bytes) {
    if (!bytes.empty()) std::memcpy(grow(bytes.size()), bytes.data(), bytes.size());
  }
  void put_label(std::string_view label) {
    put8(static_cast<uint8_t>(label.size()));
    put(bytes_of(label));
  }
  // To a name within the question (RFC 1035 4.1.4).
  void put_pointer(NameView name) {
    const auto at = static_cast<uint16_t>(name.bytes().data() - query_.message.data());
    put16(static_cast<uint16_t>(0xc000 | at));
  }
  // A record up to its data's length.
  void put_record(NameView owner, Type type, uint32_t ttl) {
    put_pointer(owner);
    put16(static_cast<uint16_t>(type));
    put16(static_cast<uint16_t>(Class::kIn));
    put32(ttl);
  }
  // Data of a length that is not known before: begin_data(), the data, end_data() with what
  // begin_data() gave.
  size_t begin_data() {
    put16(0);
    return size_;
  }
  void end_data(size_t begin) { set16(begin - 2, static_cast<uint16_t>(size_ - begin)); }

  void set_answers(uint16_t count) { set16(kAnswersAt, count); }
  void set_authorities(uint16_t count) { set16(kAuthorityAt, count); }

  // The header's flags and the OPT record. `flags`: those besides the query's own. Returns the
  // size.
  uint16_t finish(Rcode rcode, uint16_t flags) {
    const auto code = static_cast<uint16_t>(rcode);
    const uint16_t kept =
        query_.flags & (kOpcodeMask | kFlagRecursionDesired | kFlagCheckingDisabled);
    set16(kFlagsAt, static_cast<uint16_t>(kFlagResponse | kFlagRecursionAvailable | kept | flags |
                                          (code & 0xf)));
    if (query_.edns) {
      limit_ += kOptSize;
      put8(0);
      put16(static_cast<uint16_t>(Type::kOpt));
      put16(kEdnsLimit);
      put8(static_cast<uint8_t>(code >> 4));
      put8(0);                               // version
      put16(query_.dnssec_ok ? 0x8000 : 0);  // RFC 3225 3
      put16(0);
      set16(kAdditionalAt, 1);
    }
    return static_cast<uint16_t>(size_);
  }

 private:
  uint8_t* grow(size_t bytes) {
    HEDDLE_CHECK(bytes <= left(), "an answer within its bounds");
    uint8_t* at = out_.data() + size_;
    size_ += bytes;
    return at;
  }
  void set16(size_t at, uint16_t value) { store_be(out_.data() + at, value); }

  const Query& query_;
  std::span<uint8_t> out_;
  size_t size_ = 0, limit_ = 0;
};

}  // namespace heddle::dns
