#ifndef CONDENSE_SIMD_LIMITS_HPP
#define CONDENSE_SIMD_LIMITS_HPP

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "condense/core/timing.hpp"
#include "condense/simd/detail/limits_neon.hpp"
#include "condense/simd/detail/limits_x86.hpp"
#include "condense/simd/instruction_set.hpp"

/// What one core can do at most, measured on it: results are best given as fractions of these, taken in the same run,
/// because the figures of a shared machine move and their ratios do not.
namespace condense::simd {

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
  if (Avx2::available()) {
    limits.push_back({"vfmadd ymm", Avx2::name, false, 12 * 8 * 2, detail::x86::fma_ymm});
    limits.push_back({"vpmaddubsw + vpmaddwd + vpaddd", Avx2::name, true, 6 * 32 * 2, detail::x86::maddubs});
    limits.push_back(
        {"2 vpmaddubsw + vpaddw + vpmaddwd + vpaddd", Avx2::name, true, 6 * 64 * 2, detail::x86::maddubs_twice});
    limits.push_back({"vpmaddwd + vpaddd", Avx2::name, true, 6 * 16 * 2, detail::x86::maddwd});
  }
  if (AvxVnni::available()) {
    limits.push_back({"vpdpbusd ymm", AvxVnni::name, true, 12 * 32 * 2, detail::x86::dpbusd_ymm});
  }
  if (Avx512Vnni::available()) {
    limits.push_back({"vfmadd zmm", Avx512Vnni::name, false, 16 * 16 * 2, detail::x86::fma_zmm});
    limits.push_back({"vpdpbusd zmm", Avx512Vnni::name, true, 16 * 64 * 2, detail::x86::dpbusd_zmm});
  }
#elif defined(__aarch64__)
  limits.push_back({"fmla", Neon::name, false, 16 * 4 * 2, detail::neon::fmla});
  limits.push_back({"smlal", Neon::name, true, 16 * 4 * 2, detail::neon::smlal});
  limits.push_back({"smull + sadalp", Neon::name, true, 16 * 8 * 2, detail::neon::smull_sadalp});
  if (NeonDotprod::available()) {
    limits.push_back({"sdot", NeonDotprod::name, true, 16 * 16 * 2, detail::neon::sdot});
  }
  if (NeonI8mm::available()) {
    limits.push_back({"smmla", NeonI8mm::name, true, 16 * 32 * 2, detail::neon::smmla});
  }
#endif
  return limits;
}

/// Steps of a chain that take about 2 ms.
inline constexpr Index kLimitSteps = 200'000;

/// Operations per second of one round of about 2 ms.
inline double measure(const ArithmeticLimit& limit) noexcept {
  return limit.operations * static_cast<double>(kLimitSteps) / seconds_of([&] { limit.run(kLimitSteps); });
}

/// Loads `bytes` bytes by the widest registers; `bytes` is a multiple of 512.
inline void read(const char* data, Index bytes) noexcept {
#if defined(__x86_64__)
  if (Avx512Vnni::available()) return detail::x86::read_zmm(data, bytes);
  if (Avx2::available()) return detail::x86::read_ymm(data, bytes);
#elif defined(__aarch64__)
  return detail::neon::read(data, bytes);
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

}  // namespace condense::simd

#endif
