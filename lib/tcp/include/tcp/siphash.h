// SipHash behind initial sequence numbers (RFC 6528), SYN cookies, timestamp offsets, ports
// (RFC 6056) and hash tables.
#pragma once

#include "core/siphash.h"
#include "tcp/tuple.h"

namespace heddle::tcp {

using heddle::siphash;
using heddle::siphash_words;
using heddle::SipKey;

// `extra` sets apart what one key is used for.
constexpr uint64_t hash_tuple(const SipKey& key, const FourTuple& t, uint64_t extra = 0) {
  return siphash_words(key, std::array<uint64_t, 6>{
                                t.local.address.high(), t.local.address.low(),
                                t.remote.address.high(), t.remote.address.low(),
                                uint64_t{t.local.port.host()} << 16 | t.remote.port.host(), extra});
}

}  // namespace heddle::tcp
