// Pool<T>: a fixed number of slots, all memory taken at construction, addressed by a dense
// slot number. A full pool refuses; the caller counts that.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "core/check.h"

namespace heddle {

inline constexpr uint32_t kNoSlot = UINT32_MAX;

template <class T>
class Pool {
 public:
  explicit Pool(uint32_t capacity)
      : capacity_(capacity), slots_(std::make_unique<Slot[]>(capacity)) {
    for (uint32_t i = 0; i < capacity; ++i)
      slots_[i].next_free = i + 1 < capacity ? i + 1 : kNoSlot;
    free_ = capacity > 0 ? 0 : kNoSlot;
  }
  ~Pool() {
    for (uint32_t i = 0; i < capacity_; ++i)
      if (slots_[i].live) slots_[i].value()->~T();
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  uint32_t capacity() const { return capacity_; }
  uint32_t size() const { return size_; }
  bool full() const { return free_ == kNoSlot; }

  // Constructs a T in a free slot; kNoSlot when there is none.
  template <class... Args>
  uint32_t emplace(Args&&... args) {
    if (free_ == kNoSlot) return kNoSlot;
    const uint32_t at = free_;
    Slot& slot = slots_[at];
    free_ = slot.next_free;
    ::new (static_cast<void*>(slot.storage)) T(std::forward<Args>(args)...);
    slot.live = true;
    ++size_;
    return at;
  }

  void erase(uint32_t at) {
    HEDDLE_CHECK(live(at), "erase of a slot that is not in use");
    Slot& slot = slots_[at];
    slot.value()->~T();
    slot.live = false;
    slot.next_free = free_;
    free_ = at;
    --size_;
  }

  bool live(uint32_t at) const { return at < capacity_ && slots_[at].live; }
  T& operator[](uint32_t at) { return *slots_[at].value(); }
  const T& operator[](uint32_t at) const { return *slots_[at].value(); }

 private:
  struct Slot {
    alignas(T) unsigned char storage[sizeof(T)];
    uint32_t next_free = kNoSlot;
    bool live = false;
    T* value() { return std::launder(reinterpret_cast<T*>(storage)); }
    const T* value() const { return std::launder(reinterpret_cast<const T*>(storage)); }
  };

  uint32_t capacity_;
  uint32_t size_ = 0;
  uint32_t free_ = kNoSlot;
  std::unique_ptr<Slot[]> slots_;
};

}  // namespace heddle
