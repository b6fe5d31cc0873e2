// Flow: the course of one exchange as a coroutine, which reads from top to bottom. Its frame comes
// from the worker's pool. It is resumed by the engine's queue alone, never from within a call, so
// that nothing it holds changes under it; destroying it is cancelling it.
#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/check.h"
#include "core/pool.h"

namespace heddle::mesh {

class HttpEngine;
struct Exchange;

// A fixed number of blocks for frames.
class FramePool {
 public:
  static constexpr size_t kFrame = 512;

  explicit FramePool(uint32_t blocks) : blocks_(blocks) {}
  void* take() {
    const uint32_t at = blocks_.emplace(*this);
    HEDDLE_CHECK(at != kNoSlot, "an exchange has no frame");
    Block& block = blocks_[at];
    block.slot = at;
    return block.bytes;
  }
  static void give_back(void* frame) {
    auto* block = reinterpret_cast<Block*>(static_cast<unsigned char*>(frame) - kHead);
    block->pool.blocks_.erase(block->slot);
  }

 private:
  static constexpr size_t kHead = alignof(std::max_align_t);
  struct Block {
    explicit Block(FramePool& owner) : pool(owner) {}
    FramePool& pool;
    uint32_t slot = 0;
    alignas(std::max_align_t) unsigned char bytes[kFrame];
  };
  static_assert(sizeof(FramePool*) + sizeof(uint32_t) <= kHead);

  Pool<Block> blocks_;
};

class Flow {
 public:
  struct promise_type {
    static void* operator new(size_t size, HttpEngine& engine, Exchange&);
    static void operator delete(void* frame) { FramePool::give_back(frame); }
    Flow get_return_object() {
      return Flow(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    [[noreturn]] void unhandled_exception() { HEDDLE_CHECK(false, "an exception in a flow"); }
  };

  Flow() = default;
  Flow(Flow&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Flow& operator=(Flow&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Flow() {
    if (handle_) handle_.destroy();
  }

  void resume() { handle_.resume(); }
  bool done() const { return handle_.done(); }

 private:
  explicit Flow(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

// Until anything about the exchange may have changed: bytes, room, an end, a time-out.
using Change = std::suspend_always;

}  // namespace heddle::mesh
