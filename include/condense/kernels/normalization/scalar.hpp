#ifndef CONDENSE_KERNELS_NORMALIZATION_SCALAR_HPP
#define CONDENSE_KERNELS_NORMALIZATION_SCALAR_HPP

#include <algorithm>
#include <cmath>
#include <limits>

#include "condense/kernels/normalization/detail/exponential.hpp"
#include "condense/kernels/normalization/normalization.hpp"
#include "condense/kernels/reduction/scalar.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// The definition of the normalisations.
template <>
struct Normalization<simd::Scalar> {
  static void softmax(const SoftmaxArguments& s) noexcept {
    for (Index row = 0; row < s.rows; ++row) {
      const float* in = s.input + row * s.input_stride;
      float* out = s.output + row * s.output_stride;
      float largest = -std::numeric_limits<float>::infinity();
      for (Index i = 0; i < s.columns; ++i) largest = std::max(largest, in[i]);
      for (Index i = 0; i < s.columns; ++i) out[i] = detail::exponential::of(in[i] - largest);
      const auto factor = static_cast<float>(1 / Reduction<simd::Scalar>::sum(out, s.columns));
      for (Index i = 0; i < s.columns; ++i) out[i] *= factor;
    }
  }

  static void layer_normalization(const LayerNormalizationArguments& n) noexcept {
    using Sums = Reduction<simd::Scalar>;
    const auto columns = static_cast<double>(n.columns);
    for (Index row = 0; row < n.rows; ++row) {
      const float* in = n.input + row * n.input_stride;
      float* out = n.output + row * n.output_stride;
      const auto mean = static_cast<float>(Sums::sum(in, n.columns) / columns);
      for (Index i = 0; i < n.columns; ++i) out[i] = in[i] - mean;
      const double variance = Sums::sum_of_squares(out, n.columns) / columns;
      const auto factor = static_cast<float>(1 / std::sqrt(variance + static_cast<double>(n.epsilon)));
      for (Index i = 0; i < n.columns; ++i) {
        out[i] = std::fma(out[i] * factor, n.scale != nullptr ? n.scale[i] : 1, n.bias != nullptr ? n.bias[i] : 0);
      }
    }
  }
};

}  // namespace condense::kernels

#endif
