// Query: a checked query. Strict: one question without compression (RFC 1035 4.1.2, RFC 9619), at
// most one further record, which is an OPT (RFC 6891), and nothing behind it.
#pragma once

#include <cstdint>
#include <span>

#include "dns/format.h"
#include "dns/name.h"
#include "dns/refusal.h"

namespace heddle::dns {

struct Query {
  std::span<const uint8_t> message;
  uint16_t id = 0;
  uint16_t flags = 0;  // the header's second word
  NameView name;       // within `message`
  Type type{};         // any number
  Class klass{};       // any number
  // Bytes of header and question; 0: the question could not be read.
  uint16_t question_end = 0;
  bool edns = false;
  bool dnssec_ok = false;
  uint8_t version = 0;        // of EDNS
  uint16_t edns_size_at = 0;  // where `message` has the size below
  uint16_t edns_size = 0;     // bytes of answers that the sender says to take

  // The most bytes that an answer may have.
  size_t limit() const {
    if (!edns || edns_size < kPlainLimit) return kPlainLimit;
    return edns_size < kEdnsLimit ? edns_size : kEdnsLimit;
  }
};

// What `query` has of a message that is refused: id and flags, and the question and EDNS as far as
// they were read. Of kShort nothing.
Refusal parse_query(std::span<const uint8_t> message, Query& query);

}  // namespace heddle::dns
