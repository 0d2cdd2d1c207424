#ifndef CONDENSE_TRAIN_DETAIL_ZERO_GRADIENT_HPP
#define CONDENSE_TRAIN_DETAIL_ZERO_GRADIENT_HPP

#include "condense/train/detail/backward.hpp"

namespace condense::train::detail {

/// The gradient of a piecewise constant operator: zeros.
template <class Op>
struct ZeroGradient {
  static constexpr Reads kReads = Reads::nothing;

  static bool is_zero(const Op&) { return true; }

  static std::vector<Tensor> backward(const Op&, const Backward& b) {
    std::vector<Tensor> gradients(b.input_types.size());
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const bool is_double = b.input_types[i].type == DataType::float64;
      if (b.wants(i)) gradients[i] = zeros(b, is_double ? DataType::float64 : DataType::float32, b.input_shape(i));
    }
    return gradients;
  }
};

}  // namespace condense::train::detail

#endif
