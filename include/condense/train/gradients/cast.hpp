#ifndef CONDENSE_TRAIN_GRADIENTS_CAST_HPP
#define CONDENSE_TRAIN_GRADIENTS_CAST_HPP

#include "condense/graph/operators/cast.hpp"
#include "condense/graph/operators/dropout.hpp"
#include "condense/graph/operators/shape_queries.hpp"
#include "condense/train/detail/zero_gradient.hpp"

namespace condense::train {

namespace detail {

/// dy in the type that the gradient of the input has: float64 for that, otherwise float32.
inline Tensor differentiate_cast(const Backward& b) {
  const DataType type = b.input_types[0].type;
  if (!is_float(type)) {
    throw Unsupported(
        fmt::format("its input 0 is {}, numbers without a gradient; train what comes after it", name(type)));
  }
  const DataType wanted = type == DataType::float64 ? DataType::float64 : DataType::float32;
  if (wanted == b.output_gradient().type()) return b.output_gradient();
  return evaluate(b, graph::Cast{wanted}, {&b.output_gradient()});
}

}  // namespace detail

/// dx = dy between floats, where rounding counts as the identity; zeros if the result is of integers or booleans.
template <>
struct Gradient<graph::Cast> {
  static constexpr Reads kReads = Reads::nothing;

  static bool is_zero(const graph::Cast& op) { return !is_float(op.to); }

  static std::vector<Tensor> backward(const graph::Cast& op, const Backward& b) {
    if (is_zero(op)) return detail::ZeroGradient<graph::Cast>::backward(op, b);
    return {detail::differentiate_cast(b)};
  }
};

/// That of Cast; what says the type gets zeros.
template <>
struct Gradient<graph::CastLike> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::CastLike& op, const Backward& b) {
    std::vector<Tensor> gradients = detail::ZeroGradient<graph::CastLike>::backward(op, b);
    if (b.wants(0) && is_float(b.output_types[0].type)) gradients[0] = detail::differentiate_cast(b);
    return gradients;
  }
};

/// dx = dy.
template <>
struct Gradient<graph::Identity> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Identity&, const Backward& b) { return {b.output_gradient()}; }
};

/// dx = dy: what is dropped at random is dropped by no network that has been exported for use.
template <>
struct Gradient<graph::Dropout> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Dropout&, const Backward& b) {
    detail::refuse(b, 1, "the ratio");
    detail::refuse(b, 2, "the training mode");
    return {b.output_gradient()};
  }
};

/// With y[i] = start + i delta: dstart = the sum of dy, ddelta = the sum of i dy[i]; the limit gets 0.
template <>
struct Gradient<graph::Range> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Range&, const Backward& b) {
    const Tensor& output_gradient = b.output_gradient();
    std::vector<Tensor> gradients;
    graph::with_float_type(output_gradient.type(), [&]<class T>() {
      T sum = 0;
      T moment = 0;
      for (Index i = 0; i < output_gradient.count(); ++i) {
        const T dy = output_gradient.data<T>()[i];
        sum += dy;
        moment += static_cast<T>(i) * dy;
      }
      const T values[] = {sum, T{0}, moment};
      for (std::size_t i = 0; i < 3; ++i) gradients.push_back(Tensor::of<T>(b.input_shape(i), {values[i]}));
    });
    return gradients;
  }
};

}  // namespace condense::train

#endif
