// What opening and sealing have in common: the nonce and the additional data of a record
// (RFC 8446 5.2, 5.3; RFC 5246 6.2.3.3; RFC 5288 3; RFC 7905 2), and text that lies in pieces.
#pragma once

#include <algorithm>
#include <cstring>

#include "aead.h"
#include "core/endian.h"
#include "tcp/chain.h"
#include "tls/key_schedule.h"
#include "tls/record_context.h"
#include "tls/record_header.h"

namespace heddle::tls {

struct Additional {
  std::array<uint8_t, 13> bytes;
  size_t size;
  Bytes span() const { return {bytes.data(), size}; }
};

// `content` is the length of the plaintext, which only TLS 1.2 needs.
inline Additional additional_data(const Suite& suite, const RecordHeader& header, uint64_t sequence,
                                  uint32_t content) {
  Additional data;
  if (suite.version == Version::kTls13) {
    header.emit(data.bytes.data());
    data.size = kHeaderSize;
    return data;
  }
  store_be(data.bytes.data(), sequence);
  RecordHeader{header.type, header.version, static_cast<uint16_t>(content)}.emit(data.bytes.data() +
                                                                                 8);
  data.size = 13;
  return data;
}

// `sent` is the part of the nonce that came with the record, where there is one.
inline Nonce nonce_of(const Suite& suite, const TrafficKeys& keys, const uint8_t* sent) {
  Nonce nonce = keys.iv;
  if (explicit_nonce_size(suite) > 0) {
    std::memcpy(nonce.data() + 4, sent, 8);
    return nonce;
  }
  store_be(nonce.data() + 4, load_be<uint64_t>(nonce.data() + 4) ^ keys.sequence);
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
