#ifndef CONDENSE_SIMD_INSTRUCTION_SET_HPP
#define CONDENSE_SIMD_INSTRUCTION_SET_HPP

#include <string_view>

#include "condense/simd/detail/processor.hpp"

// Attributes for the functions of a kernel, so that no -m flag is needed and one binary holds all versions. Lambdas do
// not inherit them, and a function without them cannot be inlined into one of another target by force.
//
// GCC compiles the intrinsics of the dot product for an architecture, clang for a feature. Where the command line has
// the feature already the attribute is empty, because naming an architecture would take the others away.
#if defined(__x86_64__)
#define CONDENSE_TARGET_AVX2 __attribute__((target("avx2,fma,f16c")))
#define CONDENSE_TARGET_AVX_VNNI __attribute__((target("avx2,fma,f16c,avxvnni")))
#define CONDENSE_TARGET_AVX512_VNNI \
  __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define CONDENSE_TARGET_AVX512_VBMI \
  __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vbmi")))
#elif defined(__aarch64__)
#define CONDENSE_TARGET_NEON
#if defined(__ARM_FEATURE_DOTPROD)
#define CONDENSE_TARGET_NEON_DOTPROD
#elif defined(__clang__)
#define CONDENSE_TARGET_NEON_DOTPROD __attribute__((target("dotprod")))
#else
#define CONDENSE_TARGET_NEON_DOTPROD __attribute__((target("arch=armv8.2-a+dotprod")))
#endif
#if defined(__ARM_FEATURE_DOTPROD) && defined(__ARM_FEATURE_MATMUL_INT8)
#define CONDENSE_TARGET_NEON_I8MM
#elif defined(__clang__)
#define CONDENSE_TARGET_NEON_I8MM __attribute__((target("dotprod,i8mm")))
#else
#define CONDENSE_TARGET_NEON_I8MM __attribute__((target("arch=armv8.2-a+dotprod+i8mm")))
#endif
#endif

namespace condense::simd {

/// An instruction set is a tag: an empty type with a `name` and with `available()`, which tells whether this machine
/// runs it. Kernels are specialised for tags; code outside condense may bring a tag of its own.
template <class T>
concept InstructionSet = requires {
  std::string_view{T::name};
  bool{T::available()};
  T{};
};

/// Portable C++ without intrinsics: the definition that the other versions of a kernel are tested against.
struct Scalar {
  static constexpr std::string_view name = "scalar";
  static bool available() noexcept { return true; }
};

/// AVX2 with FMA and F16C (x86-64-v3).
struct Avx2 {
  static constexpr std::string_view name = "avx2";
  static bool available() noexcept { return detail::processor().avx2; }
};

/// AVX2 and the dot products of 8-bit integers in the VEX encoding.
struct AvxVnni {
  static constexpr std::string_view name = "avx_vnni";
  static bool available() noexcept { return detail::processor().avx_vnni; }
};

/// AVX-512 F, BW, DQ and VL, and the dot products of 8-bit integers.
struct Avx512Vnni {
  static constexpr std::string_view name = "avx512_vnni";
  static bool available() noexcept { return detail::processor().avx512_vnni; }
};

/// Advanced SIMD, which every 64-bit ARM processor has.
struct Neon {
  static constexpr std::string_view name = "neon";
  static bool available() noexcept {
#if defined(__aarch64__)
    return true;
#else
    return false;
#endif
  }
};

/// Advanced SIMD and the dot products of 8-bit integers (ARMv8.2 FEAT_DotProd).
struct NeonDotprod {
  static constexpr std::string_view name = "neon_dotprod";
  static bool available() noexcept { return detail::processor().dotprod; }
};

/// Advanced SIMD, dot products, and products of 8-bit integer matrices (ARMv8.6 FEAT_I8MM).
struct NeonI8mm {
  static constexpr std::string_view name = "neon_i8mm";
  static bool available() noexcept { return detail::processor().i8mm; }
};

/// An ordered list of instruction sets, the best one last.
template <InstructionSet... Isa>
struct InstructionSets {
  /// This list with others behind it: AllInstructionSets::with<MyAccelerator>.
  template <InstructionSet... Better>
  using with = InstructionSets<Isa..., Better...>;

  /// Calls `visit` with an object of each tag, in order.
  template <class Visit>
  static constexpr void for_each(Visit&& visit) {
    (visit(Isa{}), ...);
  }
};

/// Those of condense, of all architectures.
using AllInstructionSets = InstructionSets<Scalar, Avx2, AvxVnni, Avx512Vnni, Neon, NeonDotprod, NeonI8mm>;

}  // namespace condense::simd

#endif
