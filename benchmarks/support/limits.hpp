#ifndef CONDENSE_BENCHMARKS_SUPPORT_LIMITS_HPP
#define CONDENSE_BENCHMARKS_SUPPORT_LIMITS_HPP

#include <unistd.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "condense/simd/limits.hpp"
#include "timing.hpp"

namespace condense::benchmarks {

using simd::arithmetic_limits;
using simd::ArithmeticLimit;
using simd::measure;
using simd::measure_bandwidth;

/// Cycles per second, from a chain of additions of which each waits for the one before. The addend is in a register,
/// because some processors add immediate operands while they rename registers.
inline double measure_clock() noexcept {
  constexpr Index kSteps = 200'000;
  Index sum = 0;
  const Index one = 1;
  const double seconds = seconds_of([&] {
    for (Index i = 0; i < kSteps; ++i) {
#pragma GCC unroll 16
      for (int j = 0; j < 16; ++j) {
#if defined(__aarch64__)
        __asm__ volatile("add %0, %0, %1" : "+r"(sum) : "r"(one));
#else
        __asm__ volatile("add %1, %0" : "+r"(sum) : "r"(one));
#endif
      }
    }
  });
  return 16 * static_cast<double>(kSteps) / seconds;
}

/// Memory of its own pages, filled, so that each of them exists.
class Pages {
 public:
  enum class Size { usual, huge };

  /// `bytes` is a multiple of 2 MiB. Huge pages are asked for; whether the system grants them is its decision.
  Pages(std::size_t bytes, Size size) : bytes_(bytes) {
#if defined(__linux__)
    void* memory = mmap(nullptr, bytes + kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<char*>(memory);
    data_ = base_ + (kHuge - reinterpret_cast<std::uintptr_t>(base_) % kHuge);
    madvise(data_, bytes, size == Size::huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
#else
    static_cast<void>(size);
    base_ = data_ = static_cast<char*>(::operator new(bytes));
#endif
    std::memset(data_, 1, bytes);
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() {
#if defined(__linux__)
    munmap(base_, bytes_ + kHuge);
#else
    ::operator delete(base_);
#endif
  }

  const char* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  static constexpr std::size_t kHuge = std::size_t{2} << 20;
  char* base_ = nullptr;
  char* data_ = nullptr;
  std::size_t bytes_;
};

/// Bytes of the data caches of a core, from the nearest; usual sizes where the system does not tell.
struct CacheSizes {
  Index l1 = 32 << 10;
  Index l2 = 512 << 10;
  Index l3 = 8 << 20;
};

inline CacheSizes cache_sizes() noexcept {
  CacheSizes sizes;
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  const auto ask = [](int name, Index& size) {
    if (const long answer = sysconf(name); answer > 0) size = answer;
  };
  ask(_SC_LEVEL1_DCACHE_SIZE, sizes.l1);
  ask(_SC_LEVEL2_CACHE_SIZE, sizes.l2);
  ask(_SC_LEVEL3_CACHE_SIZE, sizes.l3);
#endif
  return sizes;
}

}  // namespace condense::benchmarks

#endif
