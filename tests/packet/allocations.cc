#include "allocations.h"

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HEDDLE_SANITIZER_HOOKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HEDDLE_SANITIZER_HOOKS 1
#endif
#endif

namespace {
thread_local bool counting = false;
thread_local uint64_t count = 0;

void note() {
  if (counting) ++count;
}
}  // namespace

#ifdef HEDDLE_SANITIZER_HOOKS

extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, size_t),
                                                         void (*)(const volatile void*));

namespace {
void on_malloc(const volatile void*, size_t) { note(); }
void on_free(const volatile void*) {}
[[maybe_unused]] const int installed =
    __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}  // namespace

#else

// glibc's own names stay reachable when malloc is replaced; operator new calls malloc.
extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t size) {
  note();
  return __libc_malloc(size);
}
void* calloc(size_t items, size_t size) {
  note();
  return __libc_calloc(items, size);
}
void* realloc(void* old, size_t size) {
  note();
  return __libc_realloc(old, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  note();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** out, size_t alignment, size_t size) {
  note();
  *out = __libc_memalign(alignment, size);
  return *out == nullptr ? 12 : 0;  // ENOMEM
}
}

#endif

namespace heddle::rig {

AllocationCount::AllocationCount() {
  count = 0;
  counting = true;
}
AllocationCount::~AllocationCount() { counting = false; }
uint64_t AllocationCount::value() const { return count; }

}  // namespace heddle::rig
