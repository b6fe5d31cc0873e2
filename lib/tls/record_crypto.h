// What opening and sealing have in common: the nonce and the additional data of a record
// (RFC 8446 5.2, 5.3; RFC 5246 6.2.3.3; RFC 5288 3; RFC 7905 2), and text that lies in pieces.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "aead.h"
#include "core/endian.h"
#include "tcp/chain.h"
#include "tls/key_schedule.h"
#include "tls/record_context.h"
#include "tls/record_header.h"

namespace heddle::tls {

// Sixteen bytes that are written by one store: IPsec-MB reads nonce and additional data as vectors
// at once, and a load that spans several stores waits until they have left the core.
inline void store_whole(uint8_t* to, uint64_t low, uint64_t high) {
  _mm_store_si128(reinterpret_cast<__m128i*>(to),
                  _mm_set_epi64x(std::bit_cast<int64_t>(high), std::bit_cast<int64_t>(low)));
}

struct Additional {
  alignas(16) std::array<uint8_t, 16> bytes;
  size_t size;
  Bytes span() const { return {bytes.data(), size}; }
};

// `content` is the length of the plaintext, which only TLS 1.2 needs.
inline Additional additional_data(const Suite& suite, const RecordHeader& header, uint64_t sequence,
                                  uint32_t content) {
  const auto head = [&](uint16_t length) {
    return uint64_t{static_cast<uint8_t>(header.type)} |
           uint64_t{__builtin_bswap16(header.version)} << 8 |
           uint64_t{__builtin_bswap16(length)} << 24;
  };
  Additional data;
  if (suite.version == Version::kTls13) {
    store_whole(data.bytes.data(), head(header.length), 0);
    data.size = kHeaderSize;
  } else {
    store_whole(data.bytes.data(), __builtin_bswap64(sequence),
                head(static_cast<uint16_t>(content)));
    data.size = 13;
  }
  return data;
}

// `sent` is the part of the nonce that came with the record, where there is one.
inline Nonce nonce_of(const Suite& suite, const TrafficKeys& keys, const uint8_t* sent) {
  uint64_t low = 0;
  uint32_t high = 0;
  std::memcpy(&low, keys.iv.data(), 8);
  std::memcpy(&high, keys.iv.data() + 8, 4);
  uint64_t mix = __builtin_bswap64(keys.sequence);
  if (explicit_nonce_size(suite) > 0) {
    std::memcpy(&mix, sent, 8);
    low &= 0xffff'ffff;
    high = 0;
  }
  Nonce nonce;
  store_whole(nonce.bytes.data(), low ^ mix << 32, high ^ mix >> 32);
  return nonce;
}

inline AeadKey aead_key(RecordContext& context, const Suite& suite, const TrafficKeys& keys,
                        KeyTicket& ticket) {
  AeadKey key{&context.crypto().manager(), suite.aead, nullptr, keys.key.data()};
  if (suite.aead != Aead::kChaCha20Poly1305)
    key.gcm = &context.keys().get(context.crypto(), suite.aead, keys.key.data(), ticket);
  return key;
}

// Calls visit(bytes, size) for each part of [from, from + size) of the chain. The bytes are ours
// to write: a received byte is in one chain only.
template <class Visit>
void for_each_part(const tcp::Pieces& pieces, const tcp::Chain& chain, uint32_t from, uint32_t size,
                   Visit&& visit) {
  uint32_t at = chain.head;
  while (size > 0) {
    const tcp::Piece& piece = pieces[at];
    if (from < piece.size) {
      const uint32_t n = std::min(piece.size - from, size);
      visit(const_cast<uint8_t*>(piece.data) + from, n);
      size -= n;
      from = 0;
    } else {
      from -= piece.size;
    }
    at = piece.next;
  }
}

}  // namespace heddle::tls
