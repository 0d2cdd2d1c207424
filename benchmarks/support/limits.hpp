#ifndef CONDENSE_BENCHMARKS_SUPPORT_LIMITS_HPP
#define CONDENSE_BENCHMARKS_SUPPORT_LIMITS_HPP

#include <unistd.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <vector>

#include "limits_neon.hpp"
#include "limits_x86.hpp"
#include "timing.hpp"

/// What one core can do at most, measured on it: benchmarks print their results as fractions of these, taken in the
/// same run, because the figures of a shared machine move and their ratios do not.
namespace condense::benchmarks {

using kernels::Index;

/// A chain of instructions that multiplies and adds, on registers only.
struct ArithmeticLimit {
  std::string_view name = {};
  std::string_view backend = {};      ///< The instruction set that has it.
  bool integers = true;               ///< Codes of 8 bits; otherwise floats.
  double operations = 0;              ///< Of one step; a multiply-add counts as two.
  void (*run)(Index steps) noexcept;  ///< Does that many steps.
};

/// Those that this machine runs. Integer chains that may saturate are among them: no exact kernel of the same
/// instructions can be faster.
inline std::vector<ArithmeticLimit> arithmetic_limits() {
  std::vector<ArithmeticLimit> limits;
#if defined(__x86_64__)
  if (simd::Avx2::available()) {
    limits.push_back({"vfmadd ymm", simd::Avx2::name, false, 12 * 8 * 2, x86::fma_ymm});
    limits.push_back({"vpmaddubsw + vpmaddwd + vpaddd", simd::Avx2::name, true, 6 * 32 * 2, x86::maddubs});
    limits.push_back(
        {"2 vpmaddubsw + vpaddw + vpmaddwd + vpaddd", simd::Avx2::name, true, 6 * 64 * 2, x86::maddubs_twice});
    limits.push_back({"vpmaddwd + vpaddd", simd::Avx2::name, true, 6 * 16 * 2, x86::maddwd});
  }
  if (simd::AvxVnni::available()) {
    limits.push_back({"vpdpbusd ymm", simd::AvxVnni::name, true, 12 * 32 * 2, x86::dpbusd_ymm});
  }
  if (simd::Avx512Vnni::available()) {
    limits.push_back({"vfmadd zmm", simd::Avx512Vnni::name, false, 16 * 16 * 2, x86::fma_zmm});
    limits.push_back({"vpdpbusd zmm", simd::Avx512Vnni::name, true, 16 * 64 * 2, x86::dpbusd_zmm});
  }
#elif defined(__aarch64__)
  limits.push_back({"fmla", simd::Neon::name, false, 16 * 4 * 2, neon::fmla});
  limits.push_back({"smlal", simd::Neon::name, true, 16 * 4 * 2, neon::smlal});
  limits.push_back({"smull + sadalp", simd::Neon::name, true, 16 * 8 * 2, neon::smull_sadalp});
  if (simd::NeonDotprod::available()) {
    limits.push_back({"sdot", simd::NeonDotprod::name, true, 16 * 16 * 2, neon::sdot});
  }
  if (simd::NeonI8mm::available()) {
    limits.push_back({"smmla", simd::NeonI8mm::name, true, 16 * 32 * 2, neon::smmla});
  }
#endif
  return limits;
}

/// Operations per second of one round of about 2 ms.
inline double measure(const ArithmeticLimit& limit) noexcept {
  constexpr Index kSteps = 200'000;
  return limit.operations * static_cast<double>(kSteps) / seconds_of([&] { limit.run(kSteps); });
}

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

/// Loads `bytes` bytes by the widest registers; `bytes` is a multiple of 512.
inline void read(const char* data, Index bytes) noexcept {
#if defined(__x86_64__)
  if (simd::Avx512Vnni::available()) return x86::read_zmm(data, bytes);
  if (simd::Avx2::available()) return x86::read_ymm(data, bytes);
#elif defined(__aarch64__)
  return neon::read(data, bytes);
#endif
  std::uint64_t words[8];
  for (Index i = 0; i < bytes; i += 64) {
    std::memcpy(words, data + i, sizeof(words));
    __asm__ volatile("" ::"r"(words[0]), "r"(words[1]), "r"(words[2]), "r"(words[3]), "r"(words[4]), "r"(words[5]),
                     "r"(words[6]), "r"(words[7]));
  }
}

/// Bytes per second of one round of reads of the first `bytes` bytes, over and over, at least 8 MiB in all.
inline double measure_bandwidth(const char* data, Index bytes) noexcept {
  const Index passes = std::max<Index>(1, (Index{8} << 20) / bytes);
  const double seconds = seconds_of([&] {
    for (Index pass = 0; pass < passes; ++pass) read(data, bytes);
  });
  return static_cast<double>(passes) * static_cast<double>(bytes) / seconds;
}

}  // namespace condense::benchmarks

#endif
