// All memory of nghttp2: blocks of few sizes out of one region that is taken at start. A block goes
// back to the others of its size, so what one size has taken no other gets; the sizes in use settle
// soon. A session has a share of its own that it cannot exceed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace heddle::http2 {

class Memory {
 public:
  explicit Memory(size_t bytes);
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Null when the region is used up, or the size is beyond the largest block.
  void* allocate(size_t size);
  void free(void* block);
  // Bytes of a block that allocate(size) takes; 0 for what is too large.
  static size_t block_bytes(size_t size);
  static size_t block_bytes_of(const void* block);
  size_t in_use() const { return in_use_; }

 private:
  struct Header {
    uint32_t size_class;
    uint32_t size;
    Header* next;  // while it is free
  };
  static_assert(sizeof(Header) == 16);
  static constexpr std::array<uint32_t, 15> kSizes = {
      48, 96, 160, 256, 384, 640, 1040, 2064, 4112, 8208, 12'304, 16'464, 33'000, 49'168, 98'320};
  static constexpr size_t kNoClass = kSizes.size();
  static size_t class_of(size_t size);

  size_t bytes_;
  size_t used_ = 0;    // of the region
  size_t in_use_ = 0;  // in blocks that are out
  std::unique_ptr<std::byte[]> region_;
  std::array<Header*, kSizes.size()> free_{};
};

// One session's share.
class SessionMemory {
 public:
  SessionMemory(Memory& memory, size_t limit) : memory_(memory), limit_(limit) {}

  void* allocate(size_t size);
  void free(void* block);
  void* reallocate(void* block, size_t size);
  size_t in_use() const { return in_use_; }

 private:
  Memory& memory_;
  size_t limit_;
  size_t in_use_ = 0;
};

}  // namespace heddle::http2
