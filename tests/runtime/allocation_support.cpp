#include <atomic>
#include <cstdlib>
#include <new>

#include "support/allocations.hpp"

// Replacements of the global functions in the whole test program. Inlined, GCC would take `free` for the wrong partner
// of `new`.

namespace {

std::atomic<long> allocations = 0;
std::atomic<std::size_t> bytes = 0;

void count(std::size_t size) {
  ++allocations;
  bytes += size;
}

}  // namespace

namespace condense {

long allocations_so_far() { return allocations; }
std::size_t allocated_bytes_so_far() { return bytes; }

}  // namespace condense

[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  count(size);
  return std::malloc(size > 0 ? size : 1);
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  count(size);
  const auto unit = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(unit, (size + unit - 1) / unit * unit)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void* operator new[](std::size_t size) { return operator new(size); }
[[gnu::noinline]] void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept {
  return operator new(size, tag);
}
[[gnu::noinline]] void* operator new[](std::size_t size, std::align_val_t alignment) {
  return operator new(size, alignment);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t a) noexcept { operator delete(memory, a); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { operator delete(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { operator delete(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::align_val_t a) noexcept { operator delete(memory, a); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t, std::align_val_t a) noexcept {
  operator delete(memory, a);
}

#if defined(CONDENSE_TEST_COUNTS_MALLOC)
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* malloc(std::size_t size) noexcept {
  count(size);
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) noexcept {
  count(number * size);
  return __libc_calloc(number, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
  count(size);
  return __libc_realloc(memory, size);
}
}
#endif
