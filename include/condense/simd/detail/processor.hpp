#ifndef CONDENSE_SIMD_DETAIL_PROCESSOR_HPP
#define CONDENSE_SIMD_DETAIL_PROCESSOR_HPP

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace condense::simd::detail {

/// What the processor can do and the operating system lets programs use: an instruction counts only if the registers
/// that it needs are saved at a context switch.
struct Processor {
  bool avx2 = false;         ///< With FMA and F16C, which every processor with AVX2 has but an emulator may hide.
  bool avx_vnni = false;     ///< The VEX-encoded dot products, which processors without AVX-512 have too.
  bool avx512_vnni = false;  ///< With the F, BW, DQ and VL subsets of AVX-512.
  bool avx512_vbmi = false;  ///< Beside those, permutations of bytes, which the first processors with VNNI lack.
  bool dotprod = false;
  bool i8mm = false;
};

#if defined(__x86_64__)

/// The register XCR0, which tells the states that the operating system saves. OSXSAVE is set.
inline std::uint64_t saved_states() noexcept {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return std::uint64_t{high} << 32 | low;
}

/// Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, sections 14.3 and 15.2, and volume 2, CPUID.
inline Processor detect_processor() noexcept {
  constexpr std::uint64_t kVectorStates = 0x6;   // XMM and the upper halves of YMM
  constexpr std::uint64_t kAvx512States = 0xE6;  // and the mask registers, the upper halves of ZMM, ZMM16 to ZMM31
  constexpr std::uint32_t kFirst = 1U << 12 | 1U << 27 | 1U << 28 | 1U << 29;   // FMA, OSXSAVE, AVX, F16C
  constexpr std::uint32_t kAvx512 = 1U << 16 | 1U << 17 | 1U << 30 | 1U << 31;  // F, DQ, BW, VL
  const auto has = [](auto value, auto bits) { return (value & bits) == bits; };

  Processor result;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
  std::uint32_t d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || !has(c, kFirst)) return result;
  const std::uint64_t states = saved_states();
  if (!has(states, kVectorStates) || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return result;
  const std::uint32_t last_subleaf = a;
  result.avx2 = has(b, 1U << 5);
  result.avx512_vnni = result.avx2 && has(states, kAvx512States) && has(b, kAvx512) && has(c, 1U << 11);
  result.avx512_vbmi = result.avx512_vnni && has(c, 1U << 1);
  if (last_subleaf >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0) {
    result.avx_vnni = result.avx2 && has(a, 1U << 4);
  }
  return result;
}

#elif defined(__aarch64__) && defined(__linux__)

/// The flags of the Linux kernel's documentation, "ARM64 ELF hwcaps"; older headers do not name them.
inline Processor detect_processor() noexcept {
  constexpr unsigned long kDotProduct = 1UL << 20;  // HWCAP_ASIMDDP
  constexpr unsigned long kInt8Matrix = 1UL << 13;  // HWCAP2_I8MM
  Processor result;
  result.dotprod = (getauxval(AT_HWCAP) & kDotProduct) != 0;
  result.i8mm = result.dotprod && (getauxval(AT_HWCAP2) & kInt8Matrix) != 0;
  return result;
}

#elif defined(__aarch64__) && defined(__APPLE__)

/// Apple, "Determining instruction set characteristics".
inline Processor detect_processor() noexcept {
  const auto has = [](const char* name) {
    int value = 0;
    std::size_t size = sizeof(value);
    return sysctlbyname(name, &value, &size, nullptr, 0) == 0 && value != 0;
  };
  Processor result;
  result.dotprod = has("hw.optional.arm.FEAT_DotProd");
  result.i8mm = result.dotprod && has("hw.optional.arm.FEAT_I8MM");
  return result;
}

#else

inline Processor detect_processor() noexcept { return {}; }

#endif

/// Looked up once.
inline const Processor& processor() noexcept {
  static const Processor result = detect_processor();
  return result;
}

}  // namespace condense::simd::detail

#endif
