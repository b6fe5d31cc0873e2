// Payload buffers on the heap, reused, for tests of the transport without DPDK. They count, so
// that a test sees what was not given back.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/check.h"
#include "tcp/chain.h"

namespace heddle {

class HeapBuffers final : public tcp::BufferSource {
 public:
  static constexpr uint32_t kBytes = 2048;
  static constexpr uint32_t kPinned = 2304;

  ~HeapBuffers() {
    for (Block* block : all_) delete block;
  }

  tcp::FreshBuffer allocate() override {
    if (in_use_ >= limit_) return {};
    if (free_.empty()) {
      all_.push_back(new Block);
      free_.push_back(all_.back());
    }
    Block* block = free_.back();
    free_.pop_back();
    block->references = 1;
    ++in_use_;
    return {handle(block), block->bytes, kBytes, kPinned};
  }
  void retain(tcp::BufferHandle buffer) override { ++block(buffer)->references; }
  void release(tcp::BufferHandle buffer) override {
    Block* it = block(buffer);
    HEDDLE_CHECK(it->references > 0, "a buffer is given back twice");
    if (--it->references > 0) return;
    free_.push_back(it);
    --in_use_;
  }

  uint32_t in_use() const { return in_use_; }
  void set_limit(uint32_t limit) { limit_ = limit; }

 private:
  struct Block {
    uint32_t references = 0;
    uint8_t bytes[kBytes];
  };
  static tcp::BufferHandle handle(Block* block) {
    return tcp::BufferHandle(reinterpret_cast<uintptr_t>(block));
  }
  static Block* block(tcp::BufferHandle buffer) { return reinterpret_cast<Block*>(buffer.value()); }

  std::vector<Block*> all_;
  std::vector<Block*> free_;
  uint32_t in_use_ = 0;
  uint32_t limit_ = UINT32_MAX;
};

}  // namespace heddle
