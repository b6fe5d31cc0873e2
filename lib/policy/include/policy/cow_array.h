// CowArray: an array of slots that is copied in microseconds, as a copy shares all chunks that are
// not changed afterwards. One array is written; its copies are for reading, by any thread, and may
// be destroyed by any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace heddle::policy {

template <class T>
class CowArray {
 public:
  static constexpr uint32_t kChunk = 64;

  uint32_t size() const { return static_cast<uint32_t>(chunks_.size()) * kChunk; }

  // slot < size().
  const T& operator[](uint32_t slot) const {
    return chunks_[slot / kChunk].get()->items[slot % kChunk];
  }

  // After this, what is there now is not written any more: call it before or after copying.
  void freeze() { ++generation_; }

  // Grows as needed; the first time after freeze() it copies the slot's chunk. That asks no
  // reference count, which another thread that destroys a copy might just be changing.
  void set(uint32_t slot, T value) {
    const size_t chunk = slot / kChunk;
    while (chunk >= chunks_.size()) chunks_.push_back(std::make_shared<Chunk>(generation_));
    if (chunks_[chunk]->generation != generation_)
      chunks_[chunk] = std::make_shared<Chunk>(generation_, chunks_[chunk]->items);
    chunks_[chunk]->items[slot % kChunk] = std::move(value);
  }

 private:
  struct Chunk {
    explicit Chunk(uint64_t made) : generation(made) {}
    Chunk(uint64_t made, const std::array<T, kChunk>& from) : generation(made), items(from) {}
    uint64_t generation;
    std::array<T, kChunk> items{};
  };
  std::vector<std::shared_ptr<Chunk>> chunks_;
  uint64_t generation_ = 0;
};

}  // namespace heddle::policy
