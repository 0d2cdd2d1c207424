#ifndef CONDENSE_KERNELS_NORMALIZATION_NEON_HPP
#define CONDENSE_KERNELS_NORMALIZATION_NEON_HPP

#if defined(__aarch64__)

#include <algorithm>
#include <cmath>
#include <limits>

#include "condense/kernels/detail/neon.hpp"
#include "condense/kernels/normalization/detail/exponential.hpp"
#include "condense/kernels/normalization/normalization.hpp"
#include "condense/kernels/reduction/neon.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// Normalisation of 16 floats at a time.
template <>
struct Normalization<simd::Neon> {
  static void softmax(const SoftmaxArguments& s) noexcept {
    for (Index row = 0; row < s.rows; ++row) {
      const float* in = s.input + row * s.input_stride;
      float* out = s.output + row * s.output_stride;
      const float32x4_t largest = vdupq_n_f32(maximum(in, s.columns));
      detail::neon::for_vectors(s.columns, [&](Index i, auto lanes) {
        Floats powers = detail::neon::load_floats(in + i, lanes);
#pragma GCC unroll 4
        for (float32x4_t& x : powers.part) x = exponential(vsubq_f32(x, largest));
        detail::neon::store_floats(out + i, powers, lanes);
      });
      const auto factor = static_cast<float>(1 / Sums::sum(out, s.columns));
      detail::neon::for_vectors(s.columns, [&](Index i, auto lanes) {
        Floats values = detail::neon::load_floats(out + i, lanes);
#pragma GCC unroll 4
        for (float32x4_t& x : values.part) x = vmulq_n_f32(x, factor);
        detail::neon::store_floats(out + i, values, lanes);
      });
    }
  }

  static void layer_normalization(const LayerNormalizationArguments& n) noexcept {
    const auto columns = static_cast<double>(n.columns);
    for (Index row = 0; row < n.rows; ++row) {
      const float* in = n.input + row * n.input_stride;
      float* out = n.output + row * n.output_stride;
      const float32x4_t mean = vdupq_n_f32(static_cast<float>(Sums::sum(in, n.columns) / columns));
      detail::neon::for_vectors(n.columns, [&](Index i, auto lanes) {
        Floats differences = detail::neon::load_floats(in + i, lanes);
#pragma GCC unroll 4
        for (float32x4_t& x : differences.part) x = vsubq_f32(x, mean);
        detail::neon::store_floats(out + i, differences, lanes);
      });
      const double variance = Sums::sum_of_squares(out, n.columns) / columns;
      const auto factor = static_cast<float>(1 / std::sqrt(variance + static_cast<double>(n.epsilon)));
      detail::neon::for_vectors(n.columns, [&](Index i, auto lanes) {
        Floats values = detail::neon::load_floats(out + i, lanes);
        const Floats scales = n.scale != nullptr ? detail::neon::load_floats(n.scale + i, lanes) : all(1);
        const Floats biases = n.bias != nullptr ? detail::neon::load_floats(n.bias + i, lanes) : all(0);
#pragma GCC unroll 4
        for (Index p = 0; p < 4; ++p) {
          values.part[p] = vfmaq_f32(biases.part[p], vmulq_n_f32(values.part[p], factor), scales.part[p]);
        }
        detail::neon::store_floats(out + i, values, lanes);
      });
    }
  }

 private:
  using Floats = detail::neon::Floats;
  using Sums = Reduction<simd::Neon>;
  static constexpr Index kLanes = detail::neon::kLanes;
  static constexpr float kNothing = -std::numeric_limits<float>::infinity();

  /// `detail::exponential::of`.
  static float32x4_t exponential(float32x4_t x) noexcept {
    namespace e = detail::exponential;
    x = vmaxq_f32(x, vdupq_n_f32(e::kLowest));  // a NaN if one of them is
    const int32x4_t n = vcvtnq_s32_f32(vmulq_n_f32(x, e::kInverseLn2));
    const float32x4_t whole = vcvtq_f32_s32(n);
    float32x4_t r = vfmsq_f32(x, whole, vdupq_n_f32(e::kLn2));
    r = vfmsq_f32(r, whole, vdupq_n_f32(e::kLn2Rest));
    float32x4_t p = vdupq_n_f32(e::kCoefficients[4]);
#pragma GCC unroll 4
    for (int i = 3; i >= 0; --i) p = vfmaq_f32(vdupq_n_f32(e::kCoefficients[i]), p, r);
    p = vaddq_f32(vdupq_n_f32(1), vfmaq_f32(r, p, vmulq_f32(r, r)));
    return vmulq_f32(p, vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23)));
  }

  /// The largest value of a row; a NaN if there is one, -infinity if there is none.
  static float maximum(const float* values, Index count) noexcept {
    float32x4_t largest = vdupq_n_f32(kNothing);
    detail::neon::for_vectors(count, [&](Index i, auto lanes) {
      const Floats x = load(values + i, lanes, kNothing);
      largest = vmaxq_f32(largest, vmaxq_f32(vmaxq_f32(x.part[0], x.part[1]), vmaxq_f32(x.part[2], x.part[3])));
    });
    return vmaxvq_f32(largest);
  }

  static Floats all(float value) noexcept {
    const float32x4_t part = vdupq_n_f32(value);
    return {{part, part, part, part}};
  }

  /// The first `count` values, `filling` behind them; 16 if there are more.
  static Floats load(const float* values, Index count, float filling) noexcept {
    if (count >= kLanes) return detail::neon::load_floats(values, kLanes);
    float filled[kLanes];
    std::copy_n(values, count, filled);
    std::fill(filled + count, filled + kLanes, filling);
    return detail::neon::load_floats(filled, kLanes);
  }
};

}  // namespace condense::kernels

#endif
#endif
