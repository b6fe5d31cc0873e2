// BucketIndex: from a 64-bit hash to 32-bit references, open addressing over buckets of one cache
// line. A bucket has ten signatures of 16 bits, compared by one vector instruction, and ten
// references. What does not fit into its own bucket goes to others at a stride of its own; each
// bucket counts how many went past, so a miss ends at the first bucket that nothing went past, and
// there are no tombstones: erasing takes the counts back. The number of buckets is a prime, so
// every stride meets all of them.
#pragma once

#include <immintrin.h>

#include <bit>
#include <cstdint>

#include "flow/huge_array.h"

namespace heddle::flow {

class BucketIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kSlots = 10;

  // Room for `entries` at seven tenths of the slots.
  explicit BucketIndex(uint32_t entries);

  void prefetch(uint64_t hash) const { __builtin_prefetch(&buckets_[home(hash)]); }

  // The first reference with the hash's signature in its own bucket, or kNone. A guess that
  // most often is the only one: for prefetching what it points to. Fetches the next bucket
  // where a look-up may have to go there.
  uint32_t guess(uint64_t hash) const {
    const uint32_t at = home(hash);
    const Bucket& bucket = buckets_[at];
    const uint32_t matches = match(bucket, signature(hash));
    if (matches != 0) return bucket.references[std::countr_zero(matches) / 2];
    if (bucket.passed != 0) __builtin_prefetch(&buckets_[next(at, hash)]);
    return kNone;
  }

  // The first reference with the signature for which `same(reference)` holds, or kNone.
  template <class Same>
  uint32_t find(uint64_t hash, Same&& same) const {
    const uint16_t wanted = signature(hash);
    uint32_t at = home(hash);
    for (uint32_t walked = 0; walked < count_; ++walked) {
      const Bucket& bucket = buckets_[at];
      for (uint32_t matches = match(bucket, wanted); matches != 0;) {
        const uint32_t reference = bucket.references[std::countr_zero(matches) / 2];
        if (same(reference)) return reference;
        matches &= matches - 1;
        matches &= matches - 1;
      }
      if (bucket.passed == 0) return kNone;
      at = next(at, hash);
    }
    return kNone;
  }

  // False when all slots are taken. The caller has looked: an entry may be there twice.
  bool insert(uint64_t hash, uint32_t reference);
  // The entry must be there.
  void erase(uint64_t hash, uint32_t reference);

  uint32_t size() const { return size_; }
  uint32_t capacity() const { return count_ * kSlots; }
  size_t bytes() const { return buckets_.bytes(); }
  // Buckets that a look-up for `hash` may read.
  uint32_t probes(uint64_t hash) const;

 private:
  struct alignas(64) Bucket {
    uint16_t signatures[kSlots];  // 0: free
    uint16_t passed;              // entries that found no place here; sticks at the top
    uint16_t unused;
    uint32_t references[kSlots];
  };
  static_assert(sizeof(Bucket) == 64);

  uint32_t home(uint64_t hash) const {
    return static_cast<uint32_t>(((hash >> 32) * count_) >> 32);
  }
  static uint16_t signature(uint64_t hash) {
    const auto low = static_cast<uint16_t>(hash);
    return low == 0 ? 1 : low;
  }
  // Along the hash's stride, which comes from bits that neither the bucket nor, mostly, the
  // signature is made of.
  uint32_t next(uint32_t at, uint64_t hash) const {
    const uint64_t stride = 1 + (((hash >> 16 & 0xffff) * (count_ - 1)) >> 16);
    const uint64_t sum = at + stride;
    return static_cast<uint32_t>(sum >= count_ ? sum - count_ : sum);
  }

  // Two bits for each slot whose signature is `wanted`.
  static uint32_t match(const Bucket& bucket, uint16_t wanted) {
    constexpr uint32_t kMask = (1u << (2 * kSlots)) - 1;
    const __m256i row = _mm256_load_si256(reinterpret_cast<const __m256i*>(&bucket));
    const __m256i equal = _mm256_cmpeq_epi16(row, _mm256_set1_epi16(static_cast<int16_t>(wanted)));
    return static_cast<uint32_t>(_mm256_movemask_epi8(equal)) & kMask;
  }

  uint32_t count_;
  uint32_t size_ = 0;
  HugeArray<Bucket> buckets_;
};

}  // namespace heddle::flow
