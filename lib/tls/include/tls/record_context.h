// RecordContext: what all connections of one worker share to open and seal records. One thread.
#pragma once

#include <cstdint>
#include <memory>

#include "core/result.h"
#include "tcp/chain.h"
#include "tls/crypto.h"
#include "tls/key_store.h"
#include "tls/record_size.h"
#include "tls/stats.h"

namespace heddle::tls {

struct RecordLimits {
  uint32_t expanded_keys = 4096;  // 1 KB each; two a connection that is busy
  uint32_t empty_records = 32;    // in a row
  uint32_t warnings = 8;          // warning alerts of a connection
  uint32_t key_updates_per_second = 1;
  uint32_t key_updates_burst = 16;
  uint32_t message_bytes = 1 << 16;    // of a post-handshake message
  uint64_t records_per_key = 1 << 24;  // before a KeyUpdate of our own (RFC 8446 5.5)
  RecordSizes sizes;
};

// Memory at the end of a chain, to be written. Headers and tags of records whose text stays where
// it is are small, so many share one buffer.
class OutBuffers {
 public:
  OutBuffers(tcp::Pieces& pieces, tcp::BufferSource& source) : pieces_(pieces), source_(source) {}
  ~OutBuffers();
  OutBuffers(const OutBuffers&) = delete;
  OutBuffers& operator=(const OutBuffers&) = delete;

  // `n` bytes in one piece, appended to the chain; null when there is no memory or no buffer is
  // that large.
  uint8_t* reserve(tcp::Chain& chain, uint32_t n);
  // The same for few bytes, with room for `spare` more behind them; n + spare <= kSmall.
  static constexpr uint32_t kSmall = 64;
  uint8_t* reserve_small(tcp::Chain& chain, uint32_t n, uint32_t spare);

 private:
  uint8_t* extend(tcp::Chain& chain, uint32_t n);

  tcp::Pieces& pieces_;
  tcp::BufferSource& source_;
  tcp::FreshBuffer small_;  // we hold one reference
  uint32_t small_used_ = 0;
};

class RecordContext {
 public:
  static Result<std::unique_ptr<RecordContext>> create(const RecordLimits& limits,
                                                       tcp::Pieces& pieces,
                                                       tcp::BufferSource& source);

  const RecordLimits& limits() const { return limits_; }
  Crypto& crypto() { return crypto_; }
  KeyStore& keys() { return keys_; }
  tcp::Pieces& pieces() { return pieces_; }
  OutBuffers& buffers() { return buffers_; }
  Counters& counters() { return counters_; }
  const Counters& counters() const { return counters_; }

 private:
  RecordContext(const RecordLimits& limits, Crypto crypto, tcp::Pieces& pieces,
                tcp::BufferSource& source);

  RecordLimits limits_;
  Crypto crypto_;
  KeyStore keys_;
  tcp::Pieces& pieces_;
  OutBuffers buffers_;
  Counters counters_;
};

}  // namespace heddle::tls
