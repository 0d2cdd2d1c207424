#ifndef CONDENSE_TRAIN_GRADIENT_HPP
#define CONDENSE_TRAIN_GRADIENT_HPP

#include <concepts>
#include <span>
#include <vector>

#include "condense/graph/operator.hpp"
#include "condense/train/tensor_pool.hpp"

namespace condense::train {

/// Which values of its node a gradient reads. The others may be released before it runs; types are always known, and
/// constants of the graph always there.
enum class Reads { nothing, inputs, outputs, everything };

/// What the gradient of a node is computed from.
struct Backward {
  std::span<const graph::TensorType> input_types;  ///< Of an absent optional input, meaningless.
  std::span<const graph::TensorType> output_types;
  std::span<const Tensor* const> inputs;   ///< Null if absent or not kept.
  std::span<const Tensor* const> outputs;  ///< Null if not kept.

  /// Derivatives of the loss with respect to the outputs; null where the loss does not depend on one. Those of integer
  /// tensors are float tensors. At least one is there.
  std::span<const Tensor* const> output_gradients;

  const std::vector<bool>& wanted;  ///< Of which inputs the gradient is asked for.
  const ThreadPool& pool;
  const TensorPool& memory;

  bool has(std::size_t i) const noexcept { return i < inputs.size() && inputs[i] != nullptr; }
  bool wants(std::size_t i) const noexcept { return i < wanted.size() && wanted[i]; }
  const Tensor& input(std::size_t i = 0) const { return *inputs[i]; }
  const Tensor& output(std::size_t i = 0) const { return *outputs[i]; }
  const Shape& input_shape(std::size_t i = 0) const { return input_types[i].shape; }

  /// The derivative with respect to the first output, the only one that most operators have.
  const Tensor& output_gradient() const {
    require(output_gradients[0] != nullptr, "the loss does not depend on its first output");
    return *output_gradients[0];
  }

  /// A tensor of unspecified content, of the shape of input i and the type of the gradients.
  Tensor like_input(std::size_t i = 0) const { return memory.make(output_gradient().type(), input_shape(i)); }
};

/// The gradient of an operator: specialised for each, in a file of its own under gradients/, as
///
///     template <>
///     struct Gradient<Tanh> {
///       static constexpr Reads kReads = Reads::outputs;
///       static std::vector<Tensor> backward(const Tanh&, const Backward& b);
///     };
///
/// `backward` gives one tensor for each input: dloss/dinput, of the input's shape, where it is wanted, and anything
/// where it is not. It throws `Unsupported` for an input without a gradient. Its result does not depend on the number
/// of threads.
///
/// It may also have `static bool is_zero(const Tanh&)`: whether the operator is piecewise constant, so that what comes
/// before it needs no gradients.
template <class Op>
struct Gradient;

/// An operator whose gradient is known.
template <class Op>
concept Differentiable = graph::OperatorType<Op> && requires(const Op& op, const Backward& b) {
  { Gradient<Op>::kReads } -> std::convertible_to<Reads>;
  { Gradient<Op>::backward(op, b) } -> std::same_as<std::vector<Tensor>>;
};

}  // namespace condense::train

#endif
