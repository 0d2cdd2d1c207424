#ifndef CONDENSE_TESTS_SUPPORT_INTEGER_INTERPRETER_HPP
#define CONDENSE_TESTS_SUPPORT_INTEGER_INTERPRETER_HPP

#include <cmath>
#include <limits>
#include <set>

#include "condense/core/packing.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators.hpp"

namespace condense {

/// What the numeric contract makes of a Q/DQ graph, by plain loops over channels-first tensors with sums in 64 bits:
/// the reference for the bytes of a compiled program. It shares no code with kernels or runtime.
///
/// Where the inputs of a product, sum or average are dequantised activations (and its weights dequantised constants),
/// it computes on codes, together with the Relu or Clip and the QuantizeLinear that follow if nothing else reads the
/// values between. Every other node is evaluated in float by its own operator: dequantised codes are exact there, and
/// so are maxima, rearrangements and maps of single elements, which a program does by other means.
///
/// So a program has to give the same bytes if each float sum of the graph comes before the first quantisation, and its
/// functions of floats are formulas, as HardSwish: those that have to be approximated, as Sigmoid, may differ in the
/// last places.
class IntegerInterpreter {
 public:
  explicit IntegerInterpreter(const graph::Graph& graph)
      : graph_(graph), producers_(graph.producers()), consumers_(graph.consumers()) {}

  std::vector<Tensor> run(std::span<const Tensor> inputs) {
    std::vector<Shape> shapes;
    for (const Tensor& input : inputs) shapes.push_back(input.shape());
    types_ = graph::infer_types(graph_, shapes);
    values_.assign(types_.size(), {});
    covered_.clear();
    for (std::size_t i = 0; i < inputs.size(); ++i) values_[index(graph_.inputs()[i])] = inputs[i];
    for (const graph::Node& node : graph_.nodes()) {
      if (covered_.contains(&node) || on_codes(node)) continue;
      std::vector<const Tensor*> arguments;
      for (const graph::Value value : node.inputs) arguments.push_back(value.exists() ? &tensor(value) : nullptr);
      std::vector<Tensor> results = graph::evaluate_node(node, arguments);
      for (std::size_t i = 0; i < results.size(); ++i) values_[index(node.outputs[i])] = std::move(results[i]);
    }
    std::vector<Tensor> outputs;
    for (const graph::Value value : graph_.outputs()) outputs.push_back(tensor(value));
    return outputs;
  }

 private:
  using Node = graph::Node;
  using Value = graph::Value;

  /// A quantised activation: codes and their meaning.
  struct Activation {
    Value codes;
    DataType type = DataType::uint8;
    quantize::Affine affine;
  };

  /// What follows a node and is computed with it.
  struct Rest {
    float low = -std::numeric_limits<float>::infinity();
    float high = std::numeric_limits<float>::infinity();
    std::optional<Activation> quantized;
    Value last;
    std::vector<const Node*> nodes;

    float scale() const { return quantized ? quantized->affine.scale : 1.0F; }
  };

  /// Integer weights: zero points subtracted, and the scale of every element.
  struct Weights {
    Shape shape;
    std::vector<std::int64_t> codes;
    std::vector<float> scales;
    Index block_size = 0;
    int block_axis = 0;
  };

  /// One factor of a sum: the number of the activation's element, -1 in the padding, and that of the weight.
  struct Term {
    Index input;
    Index weight;
    Index block;  ///< Terms of one block are neighbours.
  };

  static std::size_t index(Value value) { return static_cast<std::size_t>(value.index); }
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }

  const Tensor& tensor(Value value) const {
    const Tensor* constant = graph_.constant_if(value);
    return constant != nullptr ? *constant : values_[index(value)].value();
  }
  const Shape& shape(Value value) const { return types_[index(value)].shape; }
  const Node* producer(Value value) const {
    if (!value.exists() || producers_[index(value)] < 0) return nullptr;
    return &graph_.nodes()[at(producers_[index(value)])];
  }
  const Node* only_consumer(Value value) const {
    const std::vector<int>& all = consumers_[index(value)];
    return all.size() == 1 && !graph_.is_output(value) ? &graph_.nodes()[at(all[0])] : nullptr;
  }

  static std::vector<std::int64_t> integers(const Tensor& tensor) {
    std::vector<std::int64_t> result;
    const int width = bits(tensor.type());
    for (std::size_t i = 0; i < at(tensor.count()); ++i) {
      if (tensor.type() == DataType::int32) {
        result.push_back(tensor.values<std::int32_t>()[i]);
      } else {
        const std::uint8_t code = packed_code(tensor.raw(), i, width);
        result.push_back(is_signed(tensor.type()) ? std::int64_t{sign_extend(code, width)} : std::int64_t{code});
      }
    }
    return result;
  }

  /// Scale and zero point of a Q or DQ node that has one of each; empty otherwise.
  std::optional<Activation> parameters(const Node& node, Value codes) const {
    const Tensor* scale = graph_.constant_if(node.inputs[1]);
    if (scale == nullptr || scale->count() != 1) return {};
    Activation result{codes, types_[index(codes)].type, {scale->values<float>()[0], 0}};
    if (node.inputs.size() > 2)
      result.affine.zero_point = static_cast<std::int32_t>(integers(tensor(node.inputs[2]))[0]);
    return result;
  }

  std::optional<Activation> activation(Value real) const {
    const Node* node = producer(real);
    if (node == nullptr || !node->op.is<graph::DequantizeLinear>() || graph_.is_constant(node->inputs[0])) return {};
    return parameters(*node, node->inputs[0]);
  }

  Rest rest_of(const Node& node) const {
    Rest rest;
    rest.last = node.outputs[0];
    rest.nodes.push_back(&node);
    const auto take = [&](const Node* next) {
      rest.last = next->outputs[0];
      rest.nodes.push_back(next);
    };
    const Node* next = only_consumer(rest.last);
    if (next != nullptr && next->op.is<graph::Relu>()) {
      rest.low = 0;
      take(next);
    } else if (next != nullptr && next->op.is<graph::Clip>()) {
      if (next->inputs.size() > 1 && next->inputs[1].exists()) rest.low = tensor(next->inputs[1]).values<float>()[0];
      if (next->inputs.size() > 2 && next->inputs[2].exists()) rest.high = tensor(next->inputs[2]).values<float>()[0];
      take(next);
    }
    next = only_consumer(rest.last);
    if (next != nullptr && next->op.is<graph::QuantizeLinear>()) {
      rest.quantized = parameters(*next, next->outputs[0]);
      if (rest.quantized) take(next);
    }
    return rest;
  }

  /// Stores the results of a fused node: `values`, in units of the output's scale, are clamped and quantised.
  bool store(const Rest& rest, const std::vector<float>& values) {
    Tensor result(types_[index(rest.last)].type, shape(rest.last));
    if (!rest.quantized) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        result.mutable_values<float>()[i] = std::min(std::max(values[i], rest.low), rest.high);
      }
    } else {
      const quantize::IntegerType type = quantize::integer_type(rest.quantized->type);
      const quantize::Affine& affine = rest.quantized->affine;
      const std::int32_t lowest = quantize::quantize_value(rest.low, affine, type);
      const std::int32_t highest = quantize::quantize_value(rest.high, affine, type);
      std::vector<std::uint8_t> codes;
      for (const float value : values) {
        const double rounded = std::nearbyint(static_cast<double>(value)) + affine.zero_point;
        codes.push_back(static_cast<std::uint8_t>(
            static_cast<std::int32_t>(std::min(std::max<double>(rounded, lowest), static_cast<double>(highest)))));
      }
      pack_codes(codes, type.bits, {result.mutable_raw(), result.bytes()});
    }
    values_[index(rest.last)] = std::move(result);
    covered_.insert(rest.nodes.begin(), rest.nodes.end());
    return true;
  }

  bool on_codes(const Node& node) {
    if (const auto* conv = node.op.get_if<graph::Conv>()) return convolution(node, *conv);
    if (const auto* conv = node.op.get_if<graph::ConvTranspose>()) return transposed_convolution(node, *conv);
    if (node.op.is<graph::Gemm>() || node.op.is<graph::MatMul>()) return matrix_product(node);
    if (node.op.is<graph::Add>() || node.op.is<graph::Mul>()) return binary(node);
    if (node.op.is<graph::AveragePool>() || node.op.is<graph::GlobalAveragePool>()) return average(node);
    return false;
  }

  /// The weights behind a value; empty if they are not integers of 8 bits or fewer under constant scales.
  std::optional<Weights> weights_of(Value real) const {
    const Node* node = producer(real);
    if (node == nullptr) return {};
    const auto* linear = node->op.get_if<graph::DequantizeLinear>();
    const auto* codebook = node->op.get_if<graph::DequantizeCodebook>();
    if ((linear == nullptr && codebook == nullptr) || !graph_.is_constant(node->inputs[0])) return {};
    Weights result;
    result.shape = shape(real);
    result.codes = integers(tensor(node->inputs[0]));
    result.block_size = linear != nullptr ? linear->block_size : codebook->block_size;
    const int axis = result.shape.axis(linear != nullptr ? linear->axis : codebook->axis);
    result.block_axis = axis;
    const Tensor& scales = tensor(node->inputs[linear != nullptr ? 1 : 2]);
    std::vector<std::int64_t> zero_points(at(scales.count()), 0);
    if (linear != nullptr && node->inputs.size() > 2) zero_points = integers(tensor(node->inputs[2]));
    const Tensor* levels = codebook != nullptr ? &tensor(node->inputs[1]) : nullptr;
    if (levels != nullptr && levels->type() != DataType::int8) return {};

    const Index inner = result.shape.count(axis + 1, result.shape.rank());
    const Index extent = result.shape[axis];
    for (std::size_t i = 0; i < result.codes.size(); ++i) {
      const auto element = static_cast<Index>(i);
      const Index along = element / inner % extent;
      Index slice = scales.count() == 1 ? 0 : along;
      if (result.block_size > 0) {
        const Index blocks = (extent + result.block_size - 1) / result.block_size;
        slice = (element / (inner * extent) * blocks + along / result.block_size) * inner + element % inner;
      }
      std::int64_t& code = result.codes[i];
      code = levels != nullptr ? levels->values<std::int8_t>()[at(code)] : code - zero_points[at(slice)];
      if (code < -128 || code > 127) return {};
      result.scales.push_back(scales.values<float>()[at(slice)]);
    }
    return result;
  }

  /// Evaluates a product whose result has the given number of columns. `column_of(output)` tells the column of an
  /// output element and `terms_of(output)` its terms, the same weights in the same order for each output of a column.
  template <class ColumnOf, class TermsOf>
  bool product(const Node& node, Index columns, bool in_blocks, const Weights& weights, ColumnOf&& column_of,
               TermsOf&& terms_of) {
    const auto x = activation(node.inputs[0]);
    const bool has_bias = node.inputs.size() > 2 && node.inputs[2].exists();
    const Node* bias_node = has_bias ? producer(node.inputs[2]) : nullptr;
    if (!x || (has_bias && !graph_.is_constant(node.inputs[2]) &&
               (bias_node == nullptr || !graph_.is_constant(bias_node->inputs[0])))) {
      return false;
    }
    const Rest rest = rest_of(node);
    const std::vector<std::int64_t> codes = integers(tensor(x->codes));
    const std::vector<float> real_bias(has_bias ? real_values(node.inputs[2]) : std::vector<float>(at(columns), 0.0F));

    std::vector<float> values;
    for (Index output = 0; output < shape(rest.last).count(); ++output) {
      const Index column = column_of(output);
      const std::vector<Term> terms = terms_of(output);
      float value = in_blocks ? real_bias[at(column)] / rest.scale() : 0.0F;
      std::int64_t sum = 0;
      for (std::size_t t = 0; t < terms.size(); ++t) {
        const float scale = x->affine.scale * weights.scales[at(terms[t].weight)];
        if (terms[t].input >= 0) {
          sum += (codes[at(terms[t].input)] - x->affine.zero_point) * weights.codes[at(terms[t].weight)];
        }
        if (t > 0 && (!in_blocks || terms[t - 1].block == terms[t].block) &&
            weights.scales[at(terms[t - 1].weight)] != weights.scales[at(terms[t].weight)]) {
          return false;  // a sum of products in different units is no integer
        }
        const bool ends = t + 1 == terms.size() || (in_blocks && terms[t + 1].block != terms[t].block);
        if (!ends) continue;
        if (in_blocks) {
          value = std::fma(static_cast<float>(sum), scale / rest.scale(), value);
          sum = 0;
        } else {
          value = static_cast<float>(sum + integer_bias(bias_node, real_bias, column, scale)) * (scale / rest.scale());
        }
      }
      values.push_back(value);
    }
    return store(rest, values);
  }

  std::vector<float> real_values(Value value) const {
    const auto values = tensor(value).values<float>();
    return {values.begin(), values.end()};
  }

  /// The int32 bias that the graph stores if its scale is that of the products, otherwise the real one in their units.
  std::int64_t integer_bias(const Node* node, const std::vector<float>& real, Index column, float scale) const {
    if (node != nullptr && tensor(node->inputs[0]).type() == DataType::int32) {
      const auto stored = tensor(node->inputs[1]).values<float>();
      if (stored[stored.size() == 1 ? 0 : at(column)] == scale) return integers(tensor(node->inputs[0]))[at(column)];
    }
    return static_cast<std::int64_t>(
        std::nearbyint(static_cast<double>(real[at(column)]) / static_cast<double>(scale)));
  }

  bool convolution(const Node& node, const graph::Conv& conv) {
    const auto weights = weights_of(node.inputs[1]);
    if (!weights) return false;
    const Shape& images = shape(node.inputs[0]);
    const Shape& w = weights->shape;
    const graph::Window window = conv.window(images, w);
    const graph::WindowAxis& h = window.height;
    const graph::WindowAxis& v = window.width;
    const bool depthwise = conv.group > 1 && w[1] == 1 && w[0] == conv.group;
    const bool in_blocks = weights->block_size > 0 && weights->block_axis == 1 && !depthwise;
    const auto terms_of = [&](Index output) {
      const Index x = output % v.output;
      const Index y = output / v.output % h.output;
      const Index channel = output / window.positions() % w[0];
      const Index image = output / (window.positions() * w[0]);
      std::vector<Term> terms;
      for (Index i = 0; i < h.kernel; ++i) {
        for (Index j = 0; j < v.kernel; ++j) {
          for (Index k = 0; k < w[1]; ++k) {
            const Index row = y * h.stride - h.pad_begin + i * h.dilation;
            const Index column = x * v.stride - v.pad_begin + j * v.dilation;
            const bool inside = row >= 0 && row < h.input && column >= 0 && column < v.input;
            const Index from = image * images[1] + channel / (w[0] / conv.group) * w[1] + k;
            const Index blocks = in_blocks ? (w[1] + weights->block_size - 1) / weights->block_size : 1;
            terms.push_back({inside ? (from * h.input + row) * v.input + column : -1,
                             ((channel * w[1] + k) * h.kernel + i) * v.kernel + j,
                             (i * v.kernel + j) * blocks + (in_blocks ? k / weights->block_size : 0)});
          }
        }
      }
      return terms;
    };
    return product(
        node, w[0], in_blocks, *weights, [&](Index output) { return output / window.positions() % w[0]; }, terms_of);
  }

  /// Each output gathers what every tap brings to it, from the pixel that the tap takes there, if there is one.
  bool transposed_convolution(const Node& node, const graph::ConvTranspose& conv) {
    const auto weights = weights_of(node.inputs[1]);
    if (!weights) return false;
    const Shape& images = shape(node.inputs[0]);
    const Shape& w = weights->shape;
    const graph::Window window = conv.window(images, w);
    const Index depth = w[0] / conv.group;
    const Index columns = w[1] * conv.group;
    const bool in_blocks = weights->block_size > 0 && weights->block_axis == 0;
    const auto source = [](const graph::WindowAxis& axis, Index position, Index tap) -> Index {
      const Index distance = position + axis.pad_begin - tap * axis.dilation;
      return distance >= 0 && distance % axis.stride == 0 && distance / axis.stride < axis.output
                 ? distance / axis.stride
                 : -1;
    };
    const auto terms_of = [&](Index output) {
      const Index x = output % window.width.input;
      const Index y = output / window.width.input % window.height.input;
      const Index column = output / window.pixels() % columns;
      const Index image = output / (window.pixels() * columns);
      std::vector<Term> terms;
      for (Index tap = 0; tap < window.taps(); ++tap) {
        const Index row = source(window.height, y, tap / window.width.kernel);
        const Index pixel = source(window.width, x, tap % window.width.kernel);
        for (Index k = 0; k < depth; ++k) {
          const Index from = column / w[1] * depth + k;
          const Index plane = image * images[1] + from;
          const Index blocks = in_blocks ? (depth + weights->block_size - 1) / weights->block_size : 1;
          terms.push_back(
              {row >= 0 && pixel >= 0 ? (plane * window.height.output + row) * window.width.output + pixel : -1,
               (from * w[1] + column % w[1]) * window.taps() + tap,
               tap * blocks + (in_blocks ? k / weights->block_size : 0)});
        }
      }
      return terms;
    };
    return product(
        node, columns, in_blocks, *weights, [&](Index output) { return output / window.pixels() % columns; }, terms_of);
  }

  bool matrix_product(const Node& node) {
    const auto weights = weights_of(node.inputs[1]);
    const auto* gemm = node.op.get_if<graph::Gemm>();
    if (!weights || weights->shape.rank() != 2 || shape(node.inputs[0]).rank() < 2) return false;
    const bool transposed = gemm != nullptr && gemm->trans_b;
    const Index columns = weights->shape[transposed ? 0 : 1];
    const Index depth = weights->shape[transposed ? 1 : 0];
    const bool has_bias = node.inputs.size() > 2 && node.inputs[2].exists();
    if (gemm != nullptr && (gemm->trans_a || gemm->alpha != 1 || (has_bias && gemm->beta != 1))) return false;
    if (has_bias && shape(node.inputs[2]).count() != columns) return false;
    const bool in_blocks = weights->block_size > 0 && weights->block_axis == (transposed ? 1 : 0);
    const auto terms_of = [&](Index output) {
      std::vector<Term> terms;
      for (Index k = 0; k < depth; ++k) {
        terms.push_back({output / columns * depth + k,
                         transposed ? output % columns * depth + k : k * columns + output % columns,
                         in_blocks ? k / weights->block_size : 0});
      }
      return terms;
    };
    return product(
        node, columns, in_blocks, *weights, [&](Index output) { return output % columns; }, terms_of);
  }

  /// The nearest float with 16 significant bits, ties to even.
  static float to_sixteen_bits(float value) {
    int exponent = 0;
    const double fraction = std::frexp(static_cast<double>(value), &exponent);
    return static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(fraction, 16)), exponent - 16));
  }

  /// The element of an operand that meets element i of a result.
  static std::size_t broadcast_element(const Shape& operand, const Shape& result, Index i) {
    Index element = 0;
    Index stride = 1;
    for (int back = 1; back <= operand.rank(); ++back) {
      const Index extent = operand[operand.rank() - back];
      const Index position = i % result[result.rank() - back];
      i /= result[result.rank() - back];
      element += (extent == 1 ? 0 : position) * stride;
      stride *= extent;
    }
    return static_cast<std::size_t>(element);
  }

  bool binary(const Node& node) {
    const auto a = activation(node.inputs[0]);
    const auto b = activation(node.inputs[1]);
    const Rest rest = rest_of(node);
    if (!a || !b || !rest.quantized) return false;
    const std::vector<std::int64_t> left = integers(tensor(a->codes));
    const std::vector<std::int64_t> right = integers(tensor(b->codes));
    const float a_scale = to_sixteen_bits(a->affine.scale / rest.scale());
    const float b_scale = to_sixteen_bits(b->affine.scale / rest.scale());
    const float scale = a->affine.scale * b->affine.scale / rest.scale();
    const Shape& result = shape(node.outputs[0]);
    std::vector<float> values;
    for (Index i = 0; i < result.count(); ++i) {
      const std::int64_t p = left[broadcast_element(shape(node.inputs[0]), result, i)] - a->affine.zero_point;
      const std::int64_t q = right[broadcast_element(shape(node.inputs[1]), result, i)] - b->affine.zero_point;
      if (node.op.is<graph::Mul>()) {
        values.push_back(static_cast<float>(p * q) * scale);
      } else {  // exact in double: the conversion is the one rounding
        values.push_back(static_cast<float>(static_cast<double>(a_scale) * static_cast<double>(p) +
                                            static_cast<double>(b_scale) * static_cast<double>(q)));
      }
    }
    return store(rest, values);
  }

  bool average(const Node& node) {
    const auto x = activation(node.inputs[0]);
    const Rest rest = rest_of(node);
    if (!x || !rest.quantized) return false;
    const Shape& images = shape(node.inputs[0]);
    graph::AveragePool pool;
    if (const auto* given = node.op.get_if<graph::AveragePool>()) {
      pool = *given;
    } else {
      pool.kernel_shape.assign(images.begin() + 2, images.end());
    }
    const graph::Window window = pool.window(images);
    const graph::WindowAxis& height = window.height;
    const graph::WindowAxis& width = window.width;
    const std::vector<std::int64_t> codes = integers(tensor(x->codes));
    const float ratio = x->affine.scale / rest.scale();
    std::vector<float> values;
    for (Index output = 0; output < shape(rest.last).count(); ++output) {
      const Index column = output % width.output;
      const Index row = output / width.output % height.output;
      const Index plane = output / window.positions();
      std::int64_t sum = 0;
      for (Index i = 0; i < height.kernel; ++i) {
        for (Index j = 0; j < width.kernel; ++j) {
          const Index y = height.source(row, i);
          const Index z = width.source(column, j);
          if (y < 0 || y >= height.input || z < 0 || z >= width.input) continue;
          sum += codes[at((plane * height.input + y) * width.input + z)] - x->affine.zero_point;
        }
      }
      const Index count = pool.counted(height, row) * pool.counted(width, column);
      const float share = count > 0 ? 1.0F / static_cast<float>(count) : 0.0F;
      values.push_back(static_cast<float>(sum) * (share * ratio));
    }
    return store(rest, values);
  }

  const graph::Graph& graph_;
  std::vector<int> producers_;
  std::vector<std::vector<int>> consumers_;
  std::vector<graph::TensorType> types_;
  std::vector<std::optional<Tensor>> values_;
  std::set<const Node*> covered_;
};

}  // namespace condense

#endif
