#ifndef CONDENSE_KERNELS_NORMALIZATION_NORMALIZATION_HPP
#define CONDENSE_KERNELS_NORMALIZATION_NORMALIZATION_HPP

#include "condense/kernels/operands.hpp"

namespace condense::kernels {

/// Softmax of each row: output[r][c] = exp(x[r][c] - max_r) * (1 / sum_c exp(x[r][c] - max_r)). The output may be the
/// input.
///
/// Exponentials below 2^-126, the smallest normal float, may be 0. A row that holds a NaN or +infinity, or nothing but
/// -infinity, becomes NaN.
struct SoftmaxArguments {
  const float* input = nullptr;
  Index input_stride = 0;
  float* output = nullptr;
  Index output_stride = 0;
  Index rows = 0;
  Index columns = 0;
};

/// Layer normalisation of each row: output[r][c] = (x[r][c] - mean_r) / sqrt(variance_r + epsilon) * scale[c] + bias[c]
/// with the mean of the row and the mean square of the differences to it, in two passes, so that a large mean costs no
/// more digits than its own rounding to float. Magnitudes are below 2^127, so that no difference overflows; a row that
/// holds a NaN or an infinity becomes NaN. The output may be the input.
///
/// J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016, equation 4.
struct LayerNormalizationArguments {
  const float* input = nullptr;
  Index input_stride = 0;
  float* output = nullptr;
  Index output_stride = 0;
  Index rows = 0;
  Index columns = 0;             ///< 1 or more.
  const float* scale = nullptr;  ///< (columns); null for ones.
  const float* bias = nullptr;   ///< (columns); null for zeros.
  float epsilon = 1e-5F;
};

/// Normalisation of float rows for the instruction set `Isa`: `softmax(const SoftmaxArguments&)` and
/// `layer_normalization(const LayerNormalizationArguments&)`. Both give the same bytes on every backend, but for which
/// NaN a NaN is.
///
/// Differences to the largest value, or to the mean, are in float, as are exponentials, which are those of
/// `detail::exponential::of`. Their sums, or those of their squares, are those of `Reduction`, in double; what they
/// give, 1 / sum or 1 / sqrt(variance + epsilon), is rounded to float once. A normalised value is
/// fma((x - mean) * factor, scale, bias).
template <class Isa>
struct Normalization;

/// A backend's normalisation, chosen at run time.
struct NormalizationKernel {
  void (*softmax)(const SoftmaxArguments&) noexcept;
  void (*layer_normalization)(const LayerNormalizationArguments&) noexcept;

  template <class Isa>
  static constexpr NormalizationKernel of() noexcept {
    return {&Normalization<Isa>::softmax, &Normalization<Isa>::layer_normalization};
  }
};

}  // namespace condense::kernels

#endif
