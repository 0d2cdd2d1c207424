#ifndef CONDENSE_GRAPH_OPERATORS_INTEGER_PRODUCTS_HPP
#define CONDENSE_GRAPH_OPERATORS_INTEGER_PRODUCTS_HPP

#include "condense/graph/operator_list.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/dynamic_quantize_linear.hpp"
#include "condense/graph/reference/integer_product.hpp"
#include "condense/graph/reference/matrix_stack.hpp"
#include "condense/graph/reference/requirements.hpp"

namespace condense::graph {

namespace detail {

/// Parameters of the left factor and the result of a product: a vector is one for each row.
inline Shape row_parameters(const Shape& shape) {
  return shape.rank() == 1 && shape[0] != 1 ? Shape{shape[0], 1} : shape;
}

/// Parameters of convolution weights (out, ...): a vector is one for each output channel.
inline Shape filter_parameters(const Shape& shape, const Shape& weights) {
  if (shape.count() == 1) return {};
  Shape result = weights;
  for (int axis = 1; axis < weights.rank(); ++axis) result = result.with(axis, 1);
  return result;
}

/// The result of a convolution of codes, of type int32. Throws unless the weights, which are input `weights_input`,
/// fit.
inline Shape integer_convolution_shape(const Conv& conv, const Shape& images, const Shape& weights,
                                       std::size_t weights_input) {
  const Window window = conv.window(images, weights);
  require(conv.group >= 1, "its attribute group is {}, the least is 1", conv.group);
  static_cast<void>(Shape{weights[1], conv.group});
  require(images[1] == weights[1] * conv.group,
          "its input 0 has {} channels, its input {} of shape {} in {} groups takes {}", images[1], weights_input,
          weights.to_string(), conv.group, weights[1] * conv.group);
  require(weights[0] % conv.group == 0, "its weights make {} channels, which {} groups do not divide", weights[0],
          conv.group);
  reference::require_exact_sums(weights.count(1, weights.rank()));
  return output_shape(images, weights[0], window);
}

inline void require_scalar_or_channels(const InputTypes& inputs, std::size_t i, Index channels) {
  if (!inputs.has(i)) return;
  const Shape& shape = inputs.shape(i);
  require(shape.rank() <= 1 && (shape.count() == 1 || shape.count() == channels),
          "its input {} has shape {}; it is a scalar or one for each of {} output channels", i, shape.to_string(),
          channels);
}

inline void integer_convolution(const Conv& conv, const Evaluation& e, std::size_t weights_input,
                                std::size_t x_zero_point, std::size_t weight_zero_point, std::int32_t* result) {
  const Shape& images = e.input(0).shape();
  const Shape& weights = e.input(weights_input).shape();
  const Shape zero_points =
      e.has(weight_zero_point) ? filter_parameters(e.input(weight_zero_point).shape(), weights) : Shape{};
  reference::convolve_integers(
      {.images = images[0], .groups = conv.group, .in = weights[1], .out = weights[0] / conv.group},
      conv.window(images, weights), reference::centred(e, 0, x_zero_point, {}).data(),
      reference::centred(e, weights_input, weight_zero_point, zero_points).data(), result, e.pool);
}

/// The product of stacks of matrices of codes, input 0 and input `b_input`.
inline void integer_matrix_product(const Evaluation& e, std::size_t a_zero_point, std::size_t b_input,
                                   std::size_t b_zero_point, std::int32_t* y) {
  const Shape& b = e.input(b_input).shape();
  const reference::MatrixStacks stacks(e.input(0).shape(), b, b_input);
  const auto shape_of = [&](std::size_t i) { return e.has(i) ? e.input(i).shape() : Shape{}; };
  const std::vector<reference::Centred> left =
      reference::centred(e, 0, a_zero_point, row_parameters(shape_of(a_zero_point)));
  const std::vector<reference::Centred> right = reference::centred(e, b_input, b_zero_point, shape_of(b_zero_point));
  std::fill_n(y, stacks.result.count(), 0);
  stacks.for_each(e.pool, [&](Index i, Index a_first, Index b_first) {
    constexpr Index kRows = 16;
    const auto& sizes = stacks.sizes;
    parallel_for(e.pool, sizes.rows, kRows, [&](Index begin, Index end) {
      reference::add_integer_product({end - begin, sizes.columns, sizes.depth},
                                     left.data() + a_first + begin * sizes.depth, right.data() + b_first,
                                     y + (i * sizes.rows + begin) * sizes.columns, sizes.columns);
    });
  });
}

}  // namespace detail

/// The exact int32 product of stacks of matrices of codes less their zero points, (a - a_zero_point) * (b -
/// b_zero_point). ONNX MatMulInteger.
///
/// Inputs: a and b, int8 or uint8, multiplied as by `MatMul`; optional zero points of a, of its type: a scalar, one for
/// each row, or what broadcasts to a; and of b: a scalar, one for each column, or what broadcasts to b.
struct MatMulInteger {
  static constexpr std::string_view kType = "MatMulInteger";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 4);
    for (std::size_t i = 0; i < 4; ++i) reference::require_code(inputs, i);
    const reference::MatrixStacks stacks(inputs.shape(0), inputs.shape(1), 1);
    reference::require_exact_sums(stacks.sizes.depth);
    for (const std::size_t i : {2U, 3U}) {
      if (!inputs.has(i)) continue;
      require(inputs.type(i) == inputs.type(i - 2), "its input {}, a zero point, is {}, the codes are {}", i,
              name(inputs.type(i)), name(inputs.type(i - 2)));
      const Shape shape = i == 2 ? detail::row_parameters(inputs.shape(i)) : inputs.shape(i);
      reference::require_broadcasts_to(shape.count() == 1 ? Shape{} : shape, inputs.shape(i - 2), i);
    }
    return {{DataType::int32, stacks.result}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    detail::integer_matrix_product(e, 2, 1, 3, e.output().as<std::int32_t>());
  }

  friend bool operator==(const MatMulInteger&, const MatMulInteger&) = default;
};

/// The product of quantised matrices: y = saturate(round_half_even(sum * ((a_scale * b_scale) / y_scale)) +
/// y_zero_point), where sum is that of `MatMulInteger` and the rest is computed in float32. ONNX QLinearMatMul.
///
/// Inputs: a, a_scale, a_zero_point, b, b_scale, b_zero_point, y_scale, y_zero_point. Codes and zero points are int8 or
/// uint8; scales float32, float16 or bfloat16. The parameters of a and y are a scalar, one for each row, or what
/// broadcasts to them; those of b a scalar, one for each column, or what broadcasts to it.
struct QLinearMatMul {
  static constexpr std::string_view kType = "QLinearMatMul";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(8, 8);
    for (const std::size_t i : {0U, 2U, 3U, 5U, 7U}) reference::require_code(inputs, i);
    for (const std::size_t i : {1U, 4U, 6U}) reference::require_scale(inputs, i);
    for (const std::size_t i : {0U, 3U}) {
      require(inputs.type(i) == inputs.type(i + 2), "its input {}, a zero point, is {}, the codes are {}", i + 2,
              name(inputs.type(i + 2)), name(inputs.type(i)));
    }
    const reference::MatrixStacks stacks(inputs.shape(0), inputs.shape(3), 3);
    reference::require_exact_sums(stacks.sizes.depth);
    const auto check = [&](std::size_t i, const Shape& target, bool by_row) {
      const Shape shape = by_row ? detail::row_parameters(inputs.shape(i)) : inputs.shape(i);
      reference::require_broadcasts_to(shape.count() == 1 ? Shape{} : shape, target, i);
    };
    check(2, inputs.shape(0), true);
    check(5, inputs.shape(3), false);
    check(1, stacks.result, true);
    check(4, stacks.result, false);
    check(6, stacks.result, true);
    check(7, stacks.result, true);
    return {{inputs.type(7), stacks.result}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const OutputBuffer& y = e.output();
    std::vector<std::int32_t> sums(static_cast<std::size_t>(y.count()));
    detail::integer_matrix_product(e, 2, 3, 5, sums.data());
    std::vector<float> multipliers(sums.size(), 1);
    const auto combine = [&](std::size_t i, bool by_row, auto&& function) {
      const std::vector<float> values = reference::elements_as<float>(e.input(i));
      const Shape& shape = e.input(i).shape();
      reference::for_each_parameter(y.shape(), by_row ? detail::row_parameters(shape) : shape,
                                    [&](Index element, Index parameter) {
                                      float& multiplier = multipliers[static_cast<std::size_t>(element)];
                                      multiplier = function(multiplier, values[static_cast<std::size_t>(parameter)]);
                                    });
    };
    combine(1, true, [](float, float a) { return a; });
    combine(4, false, [](float a, float b) { return a * b; });
    combine(6, true, [](float a, float b) { return a / b; });
    const quantize::IntegerType type = quantize::integer_type(y.type.type);
    reference::with_codes(y.type.type, [&]<class Code>() {
      reference::for_each_parameter(
          y.shape(), detail::row_parameters(e.input(7).shape()), [&](Index element, Index parameter) {
            const auto i = static_cast<std::size_t>(element);
            const float real = static_cast<float>(sums[i]) * multipliers[i];
            const std::int32_t zero_point = Code::load(e.input(7).data, parameter);
            Code::store(y.data, element, round_to_code(real, zero_point, type.lowest(), type.highest()));
          });
    });
  }

  friend bool operator==(const QLinearMatMul&, const QLinearMatMul&) = default;
};

/// The exact int32 convolution of codes less their zero points. ONNX ConvInteger.
///
/// Inputs: images and weights, int8 or uint8, shaped as those of `Conv`; optional zero points: of the images a scalar,
/// which is also what padding holds, and of the weights a scalar or one for each output channel.
struct ConvInteger {
  static constexpr std::string_view kType = "ConvInteger";

  std::vector<Index> strides = {};    ///< Empty for 1.
  std::vector<Index> dilations = {};  ///< Empty for 1.
  std::vector<Index> pads = {};       ///< Begins of every spatial axis, then ends; empty for 0.
  Index group = 1;
  AutoPad auto_pad = AutoPad::not_set;

  static void attributes(auto& op, auto&& visit) { Conv::attributes(op, visit); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 4);
    for (std::size_t i = 0; i < 4; ++i) reference::require_code(inputs, i);
    for (const std::size_t i : {2U, 3U}) {
      require(!inputs.has(i) || inputs.type(i) == inputs.type(i - 2),
              "its input {}, a zero point, is {}, the codes are {}", i, inputs.has(i) ? name(inputs.type(i)) : "",
              name(inputs.type(i - 2)));
    }
    const Shape result = detail::integer_convolution_shape(conv(), inputs.shape(0), inputs.shape(1), 1);
    reference::require_one_element(inputs, 2);
    detail::require_scalar_or_channels(inputs, 3, inputs.shape(1)[0]);
    return {{DataType::int32, result}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    detail::integer_convolution(conv(), e, 1, 2, 3, e.output().as<std::int32_t>());
  }

  friend bool operator==(const ConvInteger&, const ConvInteger&) = default;

 private:
  Conv conv() const { return {strides, dilations, pads, group, auto_pad}; }
};

/// The convolution of quantised images: y = saturate(round_half_even((sum + bias) * ((x_scale * w_scale) / y_scale)) +
/// y_zero_point), where sum is that of `ConvInteger` and the rest is computed in float32. ONNX QLinearConv.
///
/// Inputs: x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point, optional bias, int32 (out), which
/// wraps where it takes the sum out of int32. Codes and zero points are int8 or uint8, scales float32; w_scale and
/// w_zero_point are a scalar or one for each output channel, the other parameters are scalars.
struct QLinearConv {
  static constexpr std::string_view kType = "QLinearConv";

  std::vector<Index> strides = {};    ///< Empty for 1.
  std::vector<Index> dilations = {};  ///< Empty for 1.
  std::vector<Index> pads = {};       ///< Begins of every spatial axis, then ends; empty for 0.
  Index group = 1;
  AutoPad auto_pad = AutoPad::not_set;

  static void attributes(auto& op, auto&& visit) { Conv::attributes(op, visit); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(8, 9);
    for (const std::size_t i : {0U, 2U, 3U, 5U, 7U}) reference::require_code(inputs, i);
    for (const std::size_t i : {1U, 4U, 6U}) {
      require(inputs.type(i) == DataType::float32, "its input {}, a scale, is float32, this one is {}", i,
              name(inputs.type(i)));
    }
    for (const std::size_t i : {0U, 3U}) {
      require(inputs.type(i) == inputs.type(i + 2), "its input {}, a zero point, is {}, the codes are {}", i + 2,
              name(inputs.type(i + 2)), name(inputs.type(i)));
    }
    const Shape& weights = inputs.shape(3);
    const Shape result = detail::integer_convolution_shape(conv(), inputs.shape(0), weights, 3);
    for (const std::size_t i : {1U, 2U, 6U, 7U}) reference::require_one_element(inputs, i);
    for (const std::size_t i : {4U, 5U}) detail::require_scalar_or_channels(inputs, i, weights[0]);
    require(!inputs.has(8) || (inputs.type(8) == DataType::int32 && inputs.shape(8) == Shape{weights[0]}),
            "its input 8, the bias, is int32 of shape ({}), this one is {} of shape {}", weights[0],
            inputs.has(8) ? name(inputs.type(8)) : "", inputs.has(8) ? inputs.shape(8).to_string() : "");
    return {{inputs.type(7), result}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const OutputBuffer& y = e.output();
    std::vector<std::int32_t> sums(static_cast<std::size_t>(y.count()));
    detail::integer_convolution(conv(), e, 3, 2, 5, sums.data());
    const quantize::IntegerType type = quantize::integer_type(y.type.type);
    const float* weight_scales = e.input(4).as<float>();
    const Index scale_step = e.input(4).count() == 1 ? 0 : 1;
    const Index channels = y.shape()[1];
    const Index positions = y.shape().count(2, y.shape().rank());
    reference::with_codes(y.type.type, [&]<class Code>() {
      const std::int32_t zero_point = Code::load(e.input(7).data, 0);
      parallel_for(e.pool, y.shape()[0] * channels, [&](Index plane) {
        const Index channel = plane % channels;
        const float multiplier =
            (*e.input(1).as<float>() * weight_scales[channel * scale_step]) / *e.input(6).as<float>();
        const std::uint32_t bias = e.has(8) ? static_cast<std::uint32_t>(e.input(8).as<std::int32_t>()[channel]) : 0;
        for (Index i = plane * positions; i < (plane + 1) * positions; ++i) {
          const auto sum =
              static_cast<std::int32_t>(static_cast<std::uint32_t>(sums[static_cast<std::size_t>(i)]) + bias);
          const float real = static_cast<float>(sum) * multiplier;
          Code::store(y.data, i, round_to_code(real, zero_point, type.lowest(), type.highest()));
        }
      });
    });
  }

  friend bool operator==(const QLinearConv&, const QLinearConv&) = default;

 private:
  Conv conv() const { return {strides, dilations, pads, group, auto_pad}; }
};

using IntegerProducts = OperatorList<ConvInteger, DynamicQuantizeLinear, MatMulInteger, QLinearConv, QLinearMatMul>;

}  // namespace condense::graph

#endif
