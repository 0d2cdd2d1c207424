#ifndef CONDENSE_TRAIN_GRADIENTS_QUANTIZE_HPP
#define CONDENSE_TRAIN_GRADIENTS_QUANTIZE_HPP

#include "condense/graph/operators/dequantize_linear.hpp"
#include "condense/graph/operators/quantize_linear.hpp"
#include "condense/quantize/integer_type.hpp"
#include "condense/train/gradient.hpp"

namespace condense::train {

namespace detail {

inline void refuse_scale_gradients(const Backward& b) {
  if (b.wants(1) || b.wants(2)) {
    throw Unsupported("its scale and zero point have no straight-through gradient; leave them out of the parameters");
  }
}

}  // namespace detail

/// The straight-through estimator (Bengio et al., "Estimating or propagating gradients through stochastic neurons for
/// conditional computation", 2013, section 4): rounding counts as the identity, so dx = dq / scale where x is in the
/// range of the integers or within half a step of it, and 0 where it is saturated. dq, the "gradient" of integers, is a
/// float tensor.
template <>
struct Gradient<graph::QuantizeLinear> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::QuantizeLinear& op, const Backward& b) {
    detail::refuse_scale_gradients(b);
    const quantize::IntegerType codes = quantize::integer_type(b.output_types[0].type);
    const auto layout = graph::reference::scale_layout(b.input_shape(0), b.input_shape(1), 1, op.axis, op.block_size);
    const float* scales = b.input(1).data<float>();
    const float* x = b.input(0).data<float>();
    const float* dq = b.output_gradient().data<float>();
    Tensor gradient = b.like_input();
    float* dx = gradient.mutable_data<float>();
    graph::reference::with_codes(b.output_types[0].type, [&]<class Code>() {
      graph::reference::for_each_element(layout, gradient.count(), b.pool, [&](Index i, Index scale) {
        const std::int32_t zero_point = b.has(2) ? Code::load(b.input(2).raw(), scale) : 0;
        const float code = x[i] / scales[scale];
        const bool inside = code >= static_cast<float>(codes.lowest() - zero_point) - 0.5F &&
                            code <= static_cast<float>(codes.highest() - zero_point) + 0.5F;
        dx[i] = inside ? dq[i] / scales[scale] : 0;
      });
    });
    return {gradient};
  }
};

/// dq = dx scale, exactly: with that of QuantizeLinear the pair passes the gradient on within its range.
template <>
struct Gradient<graph::DequantizeLinear> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::DequantizeLinear& op, const Backward& b) {
    detail::refuse_scale_gradients(b);
    const auto layout = graph::reference::scale_layout(b.input_shape(0), b.input_shape(1), 1, op.axis, op.block_size);
    const float* scales = b.input(1).data<float>();
    const float* dx = b.output_gradient().data<float>();
    Tensor gradient = b.like_input();
    float* dq = gradient.mutable_data<float>();
    graph::reference::for_each_element(layout, gradient.count(), b.pool,
                                       [&](Index i, Index scale) { dq[i] = dx[i] * scales[scale]; });
    return {gradient};
  }
};

}  // namespace condense::train

#endif
