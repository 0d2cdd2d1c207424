#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include "condense/core/parallel.hpp"

namespace {

std::atomic<long> allocations = 0;

}  // namespace

// They replace the global ones in the whole test program; only this file looks at the count. Inlined, GCC would take
// `free` for the wrong partner of `new`.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size > 0 ? size : 1);
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept { return operator new(size, tag); }
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { operator delete(memory); }

namespace condense {
namespace {

TEST(ForEach, DoesNotAllocate) {
  for (const int threads : {1, 2, 3, 8}) {
    const ThreadPool pool(threads);
    std::vector<int> values(256);
    const auto work = [&] {
      pool.for_each(256, [&](Index i) { ++values[static_cast<std::size_t>(i)]; });
      parallel_for(pool, 256, 10, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) ++values[static_cast<std::size_t>(i)];
      });
    };
    work();  // the first call on a thread may set up its thread-local state
    const long before = allocations;
    for (int repeat = 0; repeat < 100; ++repeat) work();
    EXPECT_EQ(allocations - before, 0) << threads;
    EXPECT_EQ(values, std::vector<int>(256, 202));
  }
}

TEST(ForEach, AllocationsWouldBeCounted) {
  const long before = allocations;
  // Calls of the functions: a compiler may leave out a pair of new and delete expressions.
  ThreadPool(1).for_each(3, [](Index) { ::operator delete(::operator new(16)); });
  EXPECT_GE(allocations - before, 3);
}

}  // namespace
}  // namespace condense
