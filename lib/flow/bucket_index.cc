#include "flow/bucket_index.h"

#include <algorithm>

#include "core/check.h"

namespace heddle::flow {

namespace {
constexpr uint16_t kTop = UINT16_MAX;

bool is_prime(uint64_t n) {
  for (uint64_t d = 2; d * d <= n; ++d) {
    if (n % d == 0) return false;
  }
  return true;
}

// At seven tenths of the slots one entry in forty is not in its own bucket, and one look-up for
// nothing in eight reads a second one; two entries a flow take 18.3 bytes.
uint32_t buckets_for(uint32_t entries) {
  const uint64_t slots = uint64_t{entries} * 10 / 7 + 1;
  uint64_t count = std::max<uint64_t>(3, slots / BucketIndex::kSlots + 1);
  while (!is_prime(count)) ++count;
  return static_cast<uint32_t>(count);
}
}  // namespace

BucketIndex::BucketIndex(uint32_t entries)
    : count_(buckets_for(entries)), buckets_(buckets_for(entries)) {}

bool BucketIndex::insert(uint64_t hash, uint32_t reference) {
  const uint16_t wanted = signature(hash);
  uint32_t at = home(hash);
  if (size_ == count_ * kSlots) return false;
  while (true) {
    Bucket& bucket = buckets_[at];
    const uint32_t free = match(bucket, 0);
    if (free != 0) {
      const int slot = std::countr_zero(free) / 2;
      bucket.signatures[slot] = wanted;
      bucket.references[slot] = reference;
      ++size_;
      return true;
    }
    if (bucket.passed != kTop) ++bucket.passed;
    at = next(at, hash);
  }
}

void BucketIndex::erase(uint64_t hash, uint32_t reference) {
  const uint16_t wanted = signature(hash);
  uint32_t at = home(hash);
  for (uint32_t walked = 0; walked < count_; ++walked) {
    Bucket& bucket = buckets_[at];
    for (uint32_t matches = match(bucket, wanted); matches != 0;) {
      const int slot = std::countr_zero(matches) / 2;
      if (bucket.references[slot] == reference) {
        bucket.signatures[slot] = 0;
        --size_;
        return;
      }
      matches &= matches - 1;
      matches &= matches - 1;
    }
    // Counted when it went past; a count that has reached the top is no count any more.
    if (bucket.passed != kTop) --bucket.passed;
    at = next(at, hash);
  }
  HEDDLE_CHECK(false, "erased an index entry that is not there");
}

uint32_t BucketIndex::probes(uint64_t hash) const {
  uint32_t walked = 1;
  for (uint32_t at = home(hash); buckets_[at].passed != 0 && walked < count_; at = next(at, hash)) {
    ++walked;
  }
  return walked;
}

}  // namespace heddle::flow
