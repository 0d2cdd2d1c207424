#ifndef CONDENSE_KERNELS_POOLING_AVX2_HPP
#define CONDENSE_KERNELS_POOLING_AVX2_HPP

#if defined(__x86_64__)

#include <algorithm>
#include <limits>

#include "condense/kernels/detail/avx2.hpp"
#include "condense/kernels/pooling/pooling.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// Pooling of up to four vectors of channels at a time. Signed codes are made unsigned, by flipping their highest bit,
/// and back.
template <>
struct Pooling<simd::Avx2> {
  CONDENSE_TARGET_AVX2 static void maximum(const PoolingArguments& p) noexcept {
    if (p.type == ElementType::float32) {
      pool(p, MaximumOfFloats{});
    } else {
      pool(p, MaximumOfCodes(p));
    }
  }

  CONDENSE_TARGET_AVX2 static void average(const PoolingArguments& p) noexcept {
    if (p.type == ElementType::float32) {
      pool(p, AverageOfFloats{});
    } else {
      pool(p, AverageOfCodes(p));
    }
  }

 private:
  // An operation has `kLanes` channels in a vector, and of the last ones takes 8 or fewer at a time: where its
  // functions are given `lanes`, these are `kLanes` or up to 8.

  struct FloatOperation {
    using Element = float;
    using Vector = __m256;
    static constexpr Index kLanes = 8;

    CONDENSE_TARGET_AVX2 static __m256 load(const float* data, Index lanes) noexcept {
      return lanes == kLanes ? _mm256_loadu_ps(data) : _mm256_maskload_ps(data, detail::avx2::first_lanes(lanes));
    }
    CONDENSE_TARGET_AVX2 static void store(float* data, __m256 values, Index lanes) noexcept {
      if (lanes == kLanes) return _mm256_storeu_ps(data, values);
      _mm256_maskstore_ps(data, detail::avx2::first_lanes(lanes), values);
    }
  };

  struct MaximumOfFloats : FloatOperation {
    CONDENSE_TARGET_AVX2 __m256 start() const noexcept {
      return _mm256_set1_ps(-std::numeric_limits<float>::infinity());
    }
    /// The operands stand so that a NaN is left out.
    CONDENSE_TARGET_AVX2 __m256 combine(__m256 largest, const float* piece, Index lanes) const noexcept {
      return _mm256_max_ps(load(piece, lanes), largest);
    }
    CONDENSE_TARGET_AVX2 void finish(__m256 largest, float, std::int32_t, float* out, Index lanes) const noexcept {
      store(out, largest, lanes);
    }
  };

  struct AverageOfFloats : FloatOperation {
    CONDENSE_TARGET_AVX2 __m256 start() const noexcept { return _mm256_setzero_ps(); }
    CONDENSE_TARGET_AVX2 __m256 combine(__m256 sum, const float* piece, Index lanes) const noexcept {
      return _mm256_add_ps(sum, load(piece, lanes));
    }
    CONDENSE_TARGET_AVX2 void finish(__m256 sum, float multiplier, std::int32_t, float* out,
                                     Index lanes) const noexcept {
      store(out, _mm256_mul_ps(sum, _mm256_set1_ps(multiplier)), lanes);
    }
  };

  struct MaximumOfCodes {
    using Element = std::uint8_t;
    using Vector = __m256i;
    static constexpr Index kLanes = 32;
    __m256i flip;
    __m256i lowest;

    CONDENSE_TARGET_AVX2 explicit MaximumOfCodes(const PoolingArguments& p) noexcept
        : flip(_mm256_set1_epi8(p.type == ElementType::int8 ? -128 : 0)),
          lowest(_mm256_xor_si256(_mm256_set1_epi8(static_cast<char>(p.lowest)), flip)) {}

    CONDENSE_TARGET_AVX2 __m256i start() const noexcept { return lowest; }
    CONDENSE_TARGET_AVX2 __m256i combine(__m256i largest, const std::uint8_t* piece, Index lanes) const noexcept {
      const __m256i codes = lanes == kLanes ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(piece))
                                            : _mm256_castsi128_si256(detail::avx2::load_bytes(piece, lanes));
      return _mm256_max_epu8(largest, _mm256_xor_si256(codes, flip));
    }
    CONDENSE_TARGET_AVX2 void finish(__m256i largest, float, std::int32_t, std::uint8_t* out,
                                     Index lanes) const noexcept {
      const __m256i codes = _mm256_xor_si256(largest, flip);
      if (lanes == kLanes) return _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), codes);
      detail::avx2::store_bytes(out, _mm256_castsi256_si128(codes), lanes);
    }
  };

  struct AverageOfCodes {
    using Element = std::uint8_t;
    using Vector = __m256i;
    static constexpr Index kLanes = 8;
    __m128i flip;
    std::int32_t input_zero_point;
    detail::avx2::Requantize requantize;

    CONDENSE_TARGET_AVX2 explicit AverageOfCodes(const PoolingArguments& p) noexcept
        : flip(_mm_set1_epi8(p.type == ElementType::int8 ? -128 : 0)),
          input_zero_point(p.input_zero_point + (p.type == ElementType::int8 ? 128 : 0)),
          requantize(p.zero_point, p.lowest, p.highest) {}

    CONDENSE_TARGET_AVX2 __m256i start() const noexcept { return _mm256_setzero_si256(); }
    CONDENSE_TARGET_AVX2 __m256i combine(__m256i sum, const std::uint8_t* piece, Index lanes) const noexcept {
      const __m128i codes = _mm_xor_si128(detail::avx2::load_bytes(piece, lanes), flip);
      return _mm256_add_epi32(sum, _mm256_cvtepu8_epi32(codes));
    }
    CONDENSE_TARGET_AVX2 void finish(__m256i sum, float multiplier, std::int32_t pieces, std::uint8_t* out,
                                     Index lanes) const noexcept {
      const __m256i centred = _mm256_sub_epi32(sum, _mm256_set1_epi32(pieces * input_zero_point));
      const __m256 values = _mm256_mul_ps(_mm256_cvtepi32_ps(centred), _mm256_set1_ps(multiplier));
      detail::avx2::store_bytes(out, requantize.bytes(values), lanes);
    }
  };

  template <class Operation>
  CONDENSE_TARGET_AVX2 static void pool(const PoolingArguments& p, const Operation& operation) noexcept {
    constexpr Index kLanes = Operation::kLanes;
    const Index channels = p.input.depth;
    for (Index row = 0; row < p.input.rows; ++row) {
      Index channel = 0;
      for (; channel + 4 * kLanes <= channels; channel += 4 * kLanes) pool_tile<4>(p, operation, row, channel, kLanes);
      for (; channel + kLanes <= channels; channel += kLanes) pool_tile<1>(p, operation, row, channel, kLanes);
      for (; channel < channels; channel += 8) {
        pool_tile<1>(p, operation, row, channel, std::min(Index{8}, channels - channel));
      }
    }
  }

  template <unsigned kVectors, class Operation>
  CONDENSE_TARGET_AVX2 static void pool_tile(const PoolingArguments& p, const Operation& operation, Index row,
                                             Index channel, Index lanes) noexcept {
    using Element = typename Operation::Element;
    constexpr Index kLanes = Operation::kLanes;
    const auto* data = static_cast<const Element*>(p.input.data) + channel;
    const std::int32_t* offsets = p.input.offsets + row * p.input.taps;
    typename Operation::Vector results[kVectors];
#pragma GCC unroll 4
    for (auto& result : results) result = operation.start();
    std::int32_t pieces = 0;
    for (Index tap = 0; tap < p.input.taps; ++tap) {
      if (offsets[tap] < 0) continue;
      const Element* piece = data + offsets[tap];
#pragma GCC unroll 4
      for (unsigned v = 0; v < kVectors; ++v) results[v] = operation.combine(results[v], piece + v * kLanes, lanes);
      ++pieces;
    }
    const float multiplier = p.multipliers != nullptr ? p.multipliers[row] : 1;
    auto* out = static_cast<Element*>(p.output) + row * p.output_stride + channel;
#pragma GCC unroll 4
    for (unsigned v = 0; v < kVectors; ++v) operation.finish(results[v], multiplier, pieces, out + v * kLanes, lanes);
  }
};

}  // namespace condense::kernels

#endif
#endif
