// CowArray: an array of slots that is copied in microseconds, as copies share the chunks that
// neither has changed since. Readers of an unchanging copy need no lock.
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

  // Grows as needed; copies the slot's chunk when another array shares it.
  void set(uint32_t slot, T value) {
    const size_t chunk = slot / kChunk;
    while (chunk >= chunks_.size()) chunks_.push_back(std::make_shared<Chunk>());
    if (chunks_[chunk].use_count() != 1) chunks_[chunk] = std::make_shared<Chunk>(*chunks_[chunk]);
    chunks_[chunk]->items[slot % kChunk] = std::move(value);
  }

 private:
  struct Chunk {
    std::array<T, kChunk> items{};
  };
  std::vector<std::shared_ptr<Chunk>> chunks_;
};

}  // namespace heddle::policy
