// HugeArray<T>: a fixed number of Ts in zeroed memory that the kernel is asked to back with huge
// pages, every page touched at construction. With small pages a table of a million flows would
// miss the TLB for each packet, and the first packets would pay for page faults.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace heddle::flow {

namespace internal {
// Whole huge pages when there is enough for one. Running out of memory at start is a CHECK.
void* take_pages(size_t bytes);
void give_pages(void* at, size_t bytes);
size_t whole_pages(size_t bytes);
}  // namespace internal

template <class T>
  requires std::is_trivially_destructible_v<T>
class HugeArray {
 public:
  // Zero bytes must be a valid T.
  explicit HugeArray(size_t size)
      : size_(size),
        data_(size == 0 ? nullptr : static_cast<T*>(internal::take_pages(size * sizeof(T)))) {}
  ~HugeArray() {
    if (data_ != nullptr) internal::give_pages(data_, size_ * sizeof(T));
  }
  HugeArray(const HugeArray&) = delete;
  HugeArray& operator=(const HugeArray&) = delete;

  size_t size() const { return size_; }
  // What it takes from the machine.
  size_t bytes() const { return size_ == 0 ? 0 : internal::whole_pages(size_ * sizeof(T)); }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](size_t at) { return data_[at]; }
  const T& operator[](size_t at) const { return data_[at]; }

 private:
  size_t size_;
  T* data_;
};

}  // namespace heddle::flow
