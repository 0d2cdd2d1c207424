#ifndef CONDENSE_TESTS_SUPPORT_QUANTIZED_NETWORKS_HPP
#define CONDENSE_TESTS_SUPPORT_QUANTIZED_NETWORKS_HPP

#include <cmath>
#include <map>

#include "condense/core/packing.hpp"
#include "condense/core/random.hpp"
#include "condense/graph/graph.hpp"
#include "condense/graph/operators.hpp"
#include "support/kernel_data.hpp"

namespace condense {

/// A float tensor of numbers about [-2, 2].
inline Tensor random_tensor(const Shape& shape, Random& random) {
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.mutable_values<float>()) value = random.uniform(-2, 2);
  return tensor;
}

/// A tensor of codes of 8, 4 or 2 bits, uniform in [lowest, highest].
inline Tensor random_codes(DataType type, const Shape& shape, int lowest, int highest, Random& random) {
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(shape.count()));
  for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(random_integer(random, lowest, highest));
  Tensor tensor(type, shape);
  pack_codes(codes, bits(type), {tensor.mutable_raw(), tensor.bytes()});
  return tensor;
}

/// Types of the activations of a network.
enum class ActivationTypes { unsigned_asymmetric, signed_symmetric, mixed };

/// Builds random Q/DQ networks, node by node. All values are about as large as 1, so that the codes are spread.
class QuantizedNetwork {
 public:
  using Value = graph::Value;

  QuantizedNetwork(std::uint64_t seed, ActivationTypes types) : random_(seed), types_(types) {}

  graph::Graph& graph() { return graph_; }
  Random& random() { return random_; }

  Value constant(Tensor tensor) { return graph_.constant(fmt::format("constant_{}", ++constants_), std::move(tensor)); }
  Value scalar(float value) { return constant(Tensor::scalar(value)); }

  /// A dequantised activation for a float value. Sometimes its codes become an output of the graph.
  Value quantized(Value x, float low = -3, float high = 3) {
    const bool is_unsigned =
        types_ == ActivationTypes::unsigned_asymmetric || (types_ == ActivationTypes::mixed && random_.below(2) == 0);
    const float stretch = random_.uniform(0.7F, 1.1F);
    const float scale = stretch * (is_unsigned ? (high - low) / 255 : std::max(high, -low) / 127);
    Value zero_point;
    if (is_unsigned) {
      const auto zero = static_cast<std::uint8_t>(std::clamp(std::nearbyint(-low / scale), 0.0F, 255.0F));
      zero_point = constant(Tensor::scalar(zero));
    } else {
      zero_point = constant(Tensor::scalar(std::int8_t{0}));
    }
    const Value codes = graph_.add(graph::QuantizeLinear{}, {x, scalar(scale), zero_point});
    if (random_.below(4) == 0) graph_.output(codes);
    const Value result = graph_.add(graph::DequantizeLinear{}, {codes, scalar(scale), zero_point});
    scales_[result] = scale;
    return result;
  }

  /// Convolution with random weights and bias, sometimes an activation function, and quantisation.
  Value convolution(Value x, Index out, const graph::Conv& conv, Index height, Index width) {
    const Index depth = graph_.type(x).shape[1] / conv.group;
    const Weights w = weights(Shape{out, depth, height, width}, depth * height * width, 0, 1);
    return activated(graph_.add(conv, with_bias({x, w.value}, out, x, w)));
  }

  /// A convolution whose kernel, strides, padding, dilation and groups are random.
  Value any_convolution(Value x) {
    const Shape shape = graph_.type(x).shape;
    graph::Conv conv{.strides = {}, .dilations = {}, .pads = {0, 0, 0, 0}};
    Index kernel[2];
    for (std::size_t axis = 0; axis < 2; ++axis) {
      kernel[axis] = random_integer(random_, 1, 3);
      conv.strides.push_back(random_integer(random_, 1, 2));
      conv.dilations.push_back(random_integer(random_, 1, 2));
      conv.pads[axis] = random_integer(random_, 0, 2);
      conv.pads[axis + 2] = random_integer(random_, 0, 2);
      const Index room = shape[static_cast<int>(axis) + 2] + conv.pads[axis] + conv.pads[axis + 2];
      if (conv.dilations[axis] * (kernel[axis] - 1) >= room) kernel[axis] = 1;
    }
    Index out = random_integer(random_, 1, 20);
    if (shape[1] % 2 == 0 && random_.below(3) == 0) {
      conv.group = 2;
      out += out % 2;
    }
    return convolution(x, out, conv, kernel[0], kernel[1]);
  }

  /// A transposed convolution of images or signals, with everything random.
  Value any_transposed_convolution(Value x) {
    const Shape shape = graph_.type(x).shape;
    const auto axes = static_cast<std::size_t>(shape.rank() - 2);
    graph::ConvTranspose conv{.pads = std::vector<Index>(2 * axes, 0)};
    if (shape[1] % 2 == 0 && random_.below(3) == 0) conv.group = random_.below(2) == 0 ? 2 : shape[1];
    const Index out = conv.group == shape[1] && random_.below(2) == 0 ? 1 : random_integer(random_, 1, 12);
    std::vector<Index> extents{shape[1], out};
    Index terms = shape[1] / conv.group;
    for (std::size_t axis = 0; axis < axes; ++axis) {
      const Index kernel = random_integer(random_, 1, 4);
      extents.push_back(kernel);
      conv.strides.push_back(random_.below(2) == 0 ? kernel : random_integer(random_, 1, 3));
      conv.dilations.push_back(random_.below(3) == 0 ? 2 : 1);
      conv.output_padding.push_back(random_integer(random_, 0, 1));
      if (shape[static_cast<int>(axis) + 2] > 2) {
        conv.pads[axis] = random_integer(random_, 0, 1);
        conv.pads[axis + axes] = random_integer(random_, 0, 1);
      }
      terms *= (kernel + conv.strides.back() - 1) / conv.strides.back();
    }
    Weights w = weights(Shape(std::span<const Index>(extents)), terms, 1, 0);
    while (conv.group > 1 && w.column_scales.empty()) {  // blocks across groups have sums of several scales
      w = weights(Shape(std::span<const Index>(extents)), terms, 1, 0);
    }
    const std::vector<float> scales = w.column_scales;
    for (Index group = 1; group < conv.group; ++group) {
      w.column_scales.insert(w.column_scales.end(), scales.begin(), scales.end());
    }
    return activated(graph_.add(conv, with_bias({x, w.value}, out * conv.group, x, w)));
  }

  /// Depthwise 3 x 3, then 1 x 1.
  Value separable(Value x, Index out, Index stride) {
    const Index channels = graph_.type(x).shape[1];
    const graph::Conv depthwise{.strides = {stride, stride}, .group = channels, .auto_pad = graph::AutoPad::same_upper};
    return convolution(convolution(x, channels, depthwise, 3, 3), out, graph::Conv{}, 1, 1);
  }

  /// x plus a separable convolution of it, clamped or not.
  Value residual(Value x) {
    const Value sum = graph_.add(graph::Add{}, {x, separable(x, graph_.type(x).shape[1], 1)});
    return random_.below(2) == 0 ? quantized(graph_.add(graph::Relu{}, {sum}), 0, 4) : quantized(sum, -4, 4);
  }

  /// x times a sigmoid of a convolution of it.
  Value gated(Value x) {
    const Value gate = convolution(x, graph_.type(x).shape[1], graph::Conv{}, 1, 1);
    return quantized(graph_.add(graph::Mul{}, {x, quantized(graph_.add(graph::Sigmoid{}, {gate}), 0, 1)}), -2, 2);
  }

  /// Branches of different scales side by side.
  Value concatenated(Value x) {
    const Value left = convolution(x, random_integer(random_, 1, 6), graph::Conv{}, 1, 1);
    const Value right = separable(x, random_integer(random_, 1, 6), 1);
    const Value joined = graph_.add(graph::Concat{.axis = 1}, {left, x, right});
    return random_.below(2) == 0 ? quantized(graph_.add(graph::Relu{}, {joined}), 0, 3) : quantized(joined);
  }

  Value pooled(Value x) {
    const std::vector<Index> pads{random_integer(random_, 0, 1), random_integer(random_, 0, 1), 1, 1};
    const bool ceil = random_.below(2) == 0;
    if (random_.below(2) == 0) {
      return quantized(
          graph_.add(graph::MaxPool{.kernel_shape = {2, 2}, .strides = {2, 1}, .pads = pads, .ceil_mode = ceil}, {x}));
    }
    return quantized(graph_.add(graph::AveragePool{.kernel_shape = {2, 3},
                                                   .strides = {1, 2},
                                                   .pads = {1, 1, 1, 1},
                                                   .ceil_mode = ceil,
                                                   .count_include_pad = random_.below(2) == 0},
                                {x}),
                     -2, 2);
  }

  /// Pooled or not, flattened, and multiplied by a matrix.
  Value head(Value x, Index out) {
    if (random_.below(2) == 0) x = quantized(graph_.add(graph::GlobalAveragePool{}, {x}), -1, 1);
    x = quantized(graph_.add(graph::Flatten{}, {x}));
    const Index depth = graph_.type(x).shape[1];
    if (random_.below(3) == 0) {
      const Weights w = weights(Shape{depth, out}, depth, 1, 0);
      return quantized(graph_.add(graph::MatMul{}, {x, w.value}));
    }
    const bool transposed = random_.below(2) == 0;
    const Weights w = transposed ? weights(Shape{out, depth}, depth, 0, 1) : weights(Shape{depth, out}, depth, 1, 0);
    return quantized(graph_.add(graph::Gemm{.trans_b = transposed}, with_bias({x, w.value}, out, x, w)));
  }

 private:
  /// Dequantised weights and their scale in each column; no scales if they are in blocks.
  struct Weights {
    Value value;
    std::vector<float> column_scales;
  };

  Weights weights(const Shape& shape, Index terms, int column_axis, int depth_axis) {
    const std::uint32_t kind = random_.below(5);
    const bool in_blocks = shape[depth_axis] > 1 && random_.below(3) == 0;  // of a depthwise one they would be taps
    const bool per_tensor = !in_blocks && random_.below(4) == 0;
    const float spread = kind == 2 ? 4.6F : 73.0F;  // standard deviation of the codes
    const float scale = 1 / (spread * std::sqrt(static_cast<float>(terms)));
    const Index block = random_integer(random_, 2, 9);
    const Shape scale_shape = in_blocks    ? shape.with(depth_axis, (shape[depth_axis] + block - 1) / block)
                              : per_tensor ? Shape{}
                                           : Shape{shape[column_axis]};
    Tensor scales(DataType::float32, scale_shape);
    for (float& s : scales.mutable_values<float>()) s = scale * random_.uniform(0.5F, 1.5F);
    Weights result;
    if (!in_blocks) {
      for (Index c = 0; c < shape[column_axis]; ++c) {
        result.column_scales.push_back(scales.values<float>()[per_tensor ? 0 : static_cast<std::size_t>(c)]);
      }
    }
    const Value scale_value = constant(scales);
    const Index axis = in_blocks ? depth_axis : column_axis;
    const graph::DequantizeLinear linear{.axis = axis, .block_size = in_blocks ? block : 0};
    if (kind == 0) {  // a codebook of 16 levels
      const Value codes = constant(random_codes(DataType::uint4, shape, 0, 15, random_));
      const Value levels = constant(random_codes(DataType::int8, Shape{16}, -128, 127, random_));
      result.value = graph_.add(graph::DequantizeCodebook{.axis = linear.axis, .block_size = linear.block_size},
                                {codes, levels, scale_value});
    } else if (kind == 1) {  // unsigned, with zero points
      const Value codes = constant(random_codes(DataType::uint8, shape, 10, 245, random_));
      const Value zero_points = constant(random_codes(DataType::uint8, scale_shape, 120, 135, random_));
      result.value = graph_.add(linear, {codes, scale_value, zero_points});
    } else if (kind == 2) {
      result.value = graph_.add(linear, {constant(random_codes(DataType::int4, shape, -8, 7, random_)), scale_value});
    } else {
      const int lowest = kind == 3 ? -127 : -128;
      result.value =
          graph_.add(linear, {constant(random_codes(DataType::int8, shape, lowest, 127, random_)), scale_value});
    }
    return result;
  }

  /// The inputs of a product with an int32 bias in the scale of the products, a float one, or none.
  std::vector<Value> with_bias(std::vector<Value> inputs, Index columns, Value x, const Weights& weights) {
    const std::uint32_t kind = random_.below(3);
    if (kind == 0) return inputs;
    if (kind == 1 || weights.column_scales.empty()) {
      inputs.push_back(constant(random_tensor(Shape{columns}, random_)));
      return inputs;
    }
    Tensor codes(DataType::int32, Shape{columns});
    Tensor scales(DataType::float32, Shape{columns});
    for (std::size_t c = 0; c < weights.column_scales.size(); ++c) {
      const float scale = scales_.at(x) * weights.column_scales[c];
      scales.mutable_values<float>()[c] = scale;
      codes.mutable_values<std::int32_t>()[c] = static_cast<std::int32_t>(random_.uniform(-1, 1) / scale);
    }
    inputs.push_back(graph_.add(graph::DequantizeLinear{.axis = 0}, {constant(codes), constant(scales)}));
    return inputs;
  }

  Value activated(Value x) {
    switch (random_.below(7)) {
      case 0: return quantized(graph_.add(graph::Relu{}, {x}), 0, 4);
      case 1: return quantized(graph_.add(graph::Clip{}, {x, scalar(-0.5F), scalar(1.75F)}));
      case 2: return quantized(graph_.add(graph::Clip{}, {x, graph::kNoValue, scalar(2)}), -4, 2);
      case 3: return quantized(graph_.add(graph::HardSwish{}, {quantized(x)}), -1, 4);
      case 4: return quantized(graph_.add(graph::LeakyRelu{.alpha = 0.1F}, {quantized(x)}), -1, 4);
      case 5: return quantized(graph_.add(graph::HardSwish{}, {x}), -1, 4);  // of a float
      default: return quantized(x);
    }
  }

  Random random_;
  ActivationTypes types_;
  graph::Graph graph_;
  std::map<Value, float> scales_;
  int constants_ = 0;
};

/// A random residual network of depthwise-separable convolutions on images (batch x 3 x height x width) of any batch,
/// quantised from its float input to its outputs.
inline graph::Graph random_quantized_network(std::uint64_t seed, ActivationTypes types) {
  QuantizedNetwork network(seed, types);
  Random& random = network.random();
  const Shape images{kDynamic, 3, random_integer(random, 5, 9), random_integer(random, 5, 9)};
  graph::Value x = network.quantized(network.graph().input("images", DataType::float32, images), -2, 2);
  x = network.any_convolution(x);
  for (int block = 0; block < 4; ++block) {
    switch (random.below(6)) {
      case 0: x = network.any_convolution(x); break;
      case 1: x = network.separable(x, random_integer(random, 4, 16), random_integer(random, 1, 2)); break;
      case 2: x = network.residual(x); break;
      case 3: x = network.gated(x); break;
      case 4: x = network.concatenated(x); break;
      default: x = network.pooled(x); break;
    }
  }
  const graph::Value logits = network.head(x, 10);
  network.graph().output(logits);
  return std::move(network.graph());
}

}  // namespace condense

#endif
