// What most tests of TLS need: buffers, pieces, a record context, and chains from and to bytes.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "core/random.h"
#include "heap_buffers.h"
#include "tls/session.h"

namespace heddle::tls {

using ByteVector = std::vector<uint8_t>;

class Rig {
 public:
  explicit Rig(const RecordLimits& limits = {}, uint32_t capacity = 20'000)
      : pieces(capacity, buffers), context(make(limits)) {}
  // A context holds a buffer of its own.
  ~Rig() {
    context.reset();
    EXPECT_EQ(pieces.in_use(), 0u);
    EXPECT_EQ(buffers.in_use(), 0u);
  }

  // A chain of these bytes in pieces of at most `most` bytes, or of random sizes up to it.
  tcp::Chain chain(std::span<const uint8_t> bytes, uint32_t most = 1448, Random* random = nullptr) {
    tcp::Chain chain;
    size_t done = 0;
    while (done < bytes.size()) {
      const uint32_t want = random == nullptr ? most : 1 + random->below(most);
      const size_t n = std::min<size_t>(want, bytes.size() - done);
      const tcp::FreshBuffer fresh = buffers.allocate();
      std::memcpy(fresh.data, bytes.data() + done, n);
      EXPECT_TRUE(pieces.append(chain, {.data = fresh.data,
                                        .buffer = fresh.handle,
                                        .size = static_cast<uint32_t>(n),
                                        .pinned = fresh.pinned}));
      done += n;
    }
    return chain;
  }
  // The bytes of a chain, which is freed.
  ByteVector drain(tcp::Chain& chain) {
    ByteVector bytes(chain.bytes);
    pieces.copy_out(chain, bytes);
    pieces.free(chain);
    return bytes;
  }

  HeapBuffers buffers;
  tcp::Pieces pieces;
  std::unique_ptr<RecordContext> context;

 private:
  std::unique_ptr<RecordContext> make(const RecordLimits& limits) {
    auto made = RecordContext::create(limits, pieces, buffers);
    HEDDLE_CHECK(made.has_value(), "no record context");
    return std::move(*made);
  }
};

inline ByteVector random_bytes(Random& random, size_t size) {
  ByteVector bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random.next());
  return bytes;
}

}  // namespace heddle::tls
