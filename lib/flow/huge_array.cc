#include "flow/huge_array.h"

#include <sys/mman.h>

#include "core/check.h"

namespace heddle::flow::internal {

namespace {
constexpr size_t kPage = 4096;
constexpr size_t kHugePage = 2u << 20;
}  // namespace

size_t whole_pages(size_t bytes) {
  const size_t page = bytes >= kHugePage ? kHugePage : kPage;
  return (bytes + page - 1) / page * page;
}

void* take_pages(size_t bytes) {
  const size_t size = whole_pages(bytes);
  // Room to align: the kernel gives any multiple of a small page.
  const size_t spare = size >= kHugePage ? kHugePage : 0;
  void* at =
      mmap(nullptr, size + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  HEDDLE_CHECK(at != MAP_FAILED, "no memory for a flow table: lower its limits");
  auto* first = static_cast<uint8_t*>(at);
  if (spare != 0) {
    const size_t past = reinterpret_cast<uintptr_t>(first) % kHugePage;
    const size_t head = past == 0 ? 0 : kHugePage - past;
    if (head != 0) munmap(first, head);
    if (head != spare) munmap(first + head + size, spare - head);
    first += head;
    madvise(first, size, MADV_HUGEPAGE);  // advice: without it all works, slower
  }
  for (size_t i = 0; i < size; i += kPage) static_cast<volatile uint8_t*>(first)[i] = 0;
  return first;
}

void give_pages(void* at, size_t bytes) { munmap(at, whole_pages(bytes)); }

}  // namespace heddle::flow::internal
