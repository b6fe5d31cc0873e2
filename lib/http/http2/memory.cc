#include "http/http2/memory.h"

#include <algorithm>
#include <cstring>

namespace heddle::http2 {

Memory::Memory(size_t bytes)
    : bytes_(bytes), region_(std::make_unique_for_overwrite<std::byte[]>(bytes)) {}

size_t Memory::class_of(size_t size) {
  if (size > kSizes.back()) return kNoClass;
  const size_t whole = size + sizeof(Header);
  return static_cast<size_t>(std::ranges::lower_bound(kSizes, whole) - kSizes.begin());
}

size_t Memory::block_bytes(size_t size) {
  const size_t size_class = class_of(size);
  return size_class == kNoClass ? 0 : kSizes[size_class];
}

size_t Memory::block_bytes_of(const void* block) {
  return kSizes[(static_cast<const Header*>(block) - 1)->size_class];
}

void* Memory::allocate(size_t size) {
  const size_t size_class = class_of(size);
  if (size_class == kNoClass) return nullptr;
  Header* header = free_[size_class];
  if (header != nullptr) {
    free_[size_class] = header->next;
  } else {
    const size_t bytes = (kSizes[size_class] + 15) & ~size_t{15};
    if (bytes > bytes_ - used_) return nullptr;
    header = reinterpret_cast<Header*>(region_.get() + used_);
    used_ += bytes;
  }
  *header = {static_cast<uint32_t>(size_class), static_cast<uint32_t>(size), nullptr};
  in_use_ += kSizes[size_class];
  return header + 1;
}

void Memory::free(void* block) {
  Header* header = static_cast<Header*>(block) - 1;
  in_use_ -= kSizes[header->size_class];
  header->next = free_[header->size_class];
  free_[header->size_class] = header;
}

void* SessionMemory::allocate(size_t size) {
  const size_t bytes = Memory::block_bytes(size);
  if (bytes == 0 || bytes > limit_ - in_use_) return nullptr;
  void* block = memory_.allocate(size);
  if (block != nullptr) in_use_ += bytes;
  return block;
}

void SessionMemory::free(void* block) {
  if (block == nullptr) return;
  in_use_ -= Memory::block_bytes_of(block);
  memory_.free(block);
}

void* SessionMemory::reallocate(void* block, size_t size) {
  if (block == nullptr) return allocate(size);
  const size_t had = Memory::block_bytes_of(block);
  if (Memory::block_bytes(size) == had) return block;
  void* fresh = allocate(size);
  if (fresh == nullptr) return nullptr;
  // Both blocks are at least this large, headers apart.
  std::memcpy(fresh, block, std::min(had, Memory::block_bytes(size)) - 16);
  free(block);
  return fresh;
}

}  // namespace heddle::http2
