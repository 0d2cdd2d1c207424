#ifndef CONDENSE_GRAPH_DETAIL_CHANNEL_SCALING_HPP
#define CONDENSE_GRAPH_DETAIL_CHANNEL_SCALING_HPP

#include <cmath>
#include <map>

#include "condense/graph/detail/editor.hpp"
#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/batch_normalization.hpp"
#include "condense/graph/operators/binary_math.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/conv_transpose.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "condense/graph/operators/mul.hpp"

namespace condense::graph::detail {

inline bool is_float32_or_64(const Tensor& tensor) {
  return tensor.type() == DataType::float32 || tensor.type() == DataType::float64;
}

/// The elements of a float constant as doubles.
inline std::vector<double> doubles(const Tensor& tensor) {
  return with_float_type(tensor.type(), [&]<class T>() {
    const std::span<const T> values = tensor.values<T>();
    return std::vector<double>(values.begin(), values.end());
  });
}

inline Tensor float_tensor(DataType type, const Shape& shape, std::span<const double> values) {
  Tensor tensor(type, shape);
  with_float_type(type, [&]<class T>() {
    std::ranges::transform(values, tensor.mutable_data<T>(), [](double value) { return static_cast<T>(value); });
  });
  return tensor;
}

/// y = x * scale + shift for each channel.
struct ChannelScaling {
  std::vector<double> scale;
  std::vector<double> shift;

  explicit ChannelScaling(Index channels)
      : scale(static_cast<std::size_t>(channels), 1), shift(static_cast<std::size_t>(channels), 0) {}

  bool is_scale_only() const {
    return std::ranges::all_of(shift, [](double value) { return value == 0; });
  }
  /// False for numbers that a product with weights of float32 may not hold.
  bool is_moderate() const {
    const auto moderate = [](double value) { return std::abs(value) < 1e18; };
    return std::ranges::all_of(scale, moderate) && std::ranges::all_of(shift, moderate);
  }

  /// The scaling by this one and then by another.
  ChannelScaling then(const ChannelScaling& next) const {
    ChannelScaling result = *this;
    for (std::size_t c = 0; c < scale.size(); ++c) {
      result.scale[c] *= next.scale[c];
      result.shift[c] = shift[c] * next.scale[c] + next.shift[c];
    }
    return result;
  }

  /// What a node does to the channels of its data along an axis, of which there are `channels`: batch normalisation in
  /// inference, or Mul, Div, Add or Sub with a constant of one number or one for each channel.
  static std::optional<ChannelScaling> of(const Graph& graph, const Node& node, Index channels, int axis) {
    std::optional<ChannelScaling> result = node.op.is<BatchNormalization>()
                                               ? of_normalization(graph, node, channels, axis)
                                               : of_arithmetic(graph, node, channels, axis);
    return result && result->is_moderate() ? result : std::nullopt;
  }

  /// The input of a node that holds its data: that which is no constant.
  static Value data_of(const Graph& graph, const Node& node) {
    const bool swapped = node.inputs.size() == 2 && graph.is_constant(node.inputs[0]);
    return node.inputs.empty() ? kNoValue : node.inputs[swapped ? 1 : 0];
  }

 private:
  static std::optional<ChannelScaling> of_normalization(const Graph& graph, const Node& node, Index channels,
                                                        int axis) {
    const auto& op = *node.op.get_if<BatchNormalization>();
    if (op.training_mode || axis != 1) return std::nullopt;
    for (std::size_t i = 1; i < node.inputs.size(); ++i) {
      const Tensor* tensor = graph.constant_if(node.inputs[i]);
      if (tensor == nullptr || !is_float32_or_64(*tensor) || tensor->count() != channels) return std::nullopt;
    }
    const auto input = [&](std::size_t i) { return doubles(graph.constant(node.inputs[i])); };
    const std::vector<double> mean = input(3);
    const std::vector<double> variance = input(4);
    ChannelScaling result(channels);
    result.scale = input(1);
    result.shift = input(2);
    for (std::size_t c = 0; c < mean.size(); ++c) {
      result.scale[c] /= std::sqrt(variance[c] + static_cast<double>(op.epsilon));
      result.shift[c] -= mean[c] * result.scale[c];
    }
    return result;
  }

  static std::optional<ChannelScaling> of_arithmetic(const Graph& graph, const Node& node, Index channels, int axis) {
    const bool known = node.op.is<Mul>() || node.op.is<Div>() || node.op.is<Add>() || node.op.is<Sub>();
    if (!known || node.inputs.size() != 2) return std::nullopt;
    const Value data = data_of(graph, node);
    const bool is_second = data == node.inputs[0];
    const Tensor* operand = graph.constant_if(node.inputs[is_second ? 1 : 0]);
    if (operand == nullptr || !is_float32_or_64(*operand) || graph.is_constant(data)) return std::nullopt;
    const int rank = graph.type(data).shape.rank();
    const Shape& shape = operand->shape();
    if (shape.rank() > rank || graph.type(data).shape != graph.type(node.outputs[0]).shape) return std::nullopt;
    for (int i = 0; i < shape.rank(); ++i) {
      const bool is_channel = i + rank - shape.rank() == axis;
      if (shape[i] != 1 && !(is_channel && shape[i] == channels)) return std::nullopt;
    }
    const std::vector<double> values = doubles(*operand);
    ChannelScaling result(channels);
    for (std::size_t c = 0; c < result.scale.size(); ++c) {
      const double value = values[values.size() == 1 ? 0 : c];
      if (node.op.is<Mul>()) result.scale[c] = value;
      if (node.op.is<Div>() && !is_second) return std::nullopt;
      if (node.op.is<Div>()) result.scale[c] = 1 / value;
      if (node.op.is<Add>()) result.shift[c] = value;
      if (node.op.is<Sub>()) result.shift[c] = is_second ? -value : value;
      if (node.op.is<Sub>() && !is_second) result.scale[c] = -1;
    }
    return result;
  }
};

/// A Conv, ConvTranspose, Gemm or MatMul whose weights, and bias if any, are constants.
class WeightedProduct {
 public:
  Index input_channels = 0;
  Index output_channels = 0;
  int input_axis = 1;
  int output_axis = 1;
  bool takes_input_shift = false;   ///< A shift of the input is one of the bias.
  bool takes_output_shift = false;  ///< It can have a bias.

  static std::optional<WeightedProduct> of(const Graph& graph, const Node& node) {
    const bool known = node.op.is<Conv>() || node.op.is<ConvTranspose>() || node.op.is<Gemm>() || node.op.is<MatMul>();
    if (!known || graph.is_constant(node.inputs[0])) return std::nullopt;
    const Tensor* weights = graph.constant_if(node.inputs[1]);
    if (weights == nullptr || !is_float32_or_64(*weights) || weights->count() == 0) return std::nullopt;
    const Value bias = node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
    if (bias.exists() && !graph.is_constant(bias)) return std::nullopt;
    WeightedProduct product;
    const Shape& shape = weights->shape();
    const int rank = graph.type(node.inputs[0]).shape.rank();
    product.takes_input_shift = product.takes_output_shift = true;
    if (const auto* conv = node.op.get_if<Conv>()) {
      product.group_ = conv->group;
      product.output_channels = shape[0];
      product.input_channels = shape[1] * conv->group;
      product.inner_ = shape.count(2, shape.rank());
      const bool unpadded = std::ranges::all_of(conv->pads, [](Index pad) { return pad == 0; });
      product.takes_input_shift = conv->auto_pad == AutoPad::valid || (conv->auto_pad == AutoPad::not_set && unpadded);
    } else if (const auto* transposed = node.op.get_if<ConvTranspose>()) {
      product.group_ = transposed->group;
      product.input_channels = shape[0];
      product.output_channels = shape[1] * transposed->group;
      product.inner_ = shape.count(2, shape.rank());
      product.input_first_ = true;
      product.takes_input_shift = false;  // the border sees fewer inputs
    } else {
      const auto* gemm = node.op.get_if<Gemm>();
      if (shape.rank() != 2 || rank < 2 || (gemm != nullptr && gemm->trans_a)) return std::nullopt;
      product.input_first_ = gemm == nullptr || !gemm->trans_b;
      product.input_channels = shape[product.input_first_ ? 0 : 1];
      product.output_channels = shape[product.input_first_ ? 1 : 0];
      product.input_axis = product.output_axis = rank - 1;
      product.takes_input_shift = product.takes_output_shift = rank == 2;
      // A bias that differs between the rows cannot be scaled with the columns.
      if (bias.exists() && graph.type(bias).shape.count() != 1) {
        const Shape& bias_shape = graph.type(bias).shape;
        if (bias_shape[bias_shape.rank() - 1] == 1) return std::nullopt;
        if (bias_shape.rank() > 1 && bias_shape[0] != 1) return std::nullopt;
      }
    }
    return product;
  }

  /// The channels that a weight is between.
  std::size_t input_of(std::size_t weight) const { return input_first_ ? outer(weight) : grouped(weight); }
  std::size_t output_of(std::size_t weight) const { return input_first_ ? grouped(weight) : outer(weight); }

 private:
  Index first_extent() const { return input_first_ ? input_channels : output_channels; }
  Index second_extent() const { return (input_first_ ? output_channels : input_channels) / group_; }

  std::size_t outer(std::size_t weight) const { return weight / static_cast<std::size_t>(second_extent() * inner_); }
  std::size_t grouped(std::size_t weight) const {
    const auto second = static_cast<std::size_t>(second_extent());
    const std::size_t of_group = outer(weight) / static_cast<std::size_t>(first_extent() / group_);
    return of_group * second + weight / static_cast<std::size_t>(inner_) % second;
  }

  Index group_ = 1;
  Index inner_ = 1;
  bool input_first_ = false;  ///< Weights are (in x out / group x inner), otherwise (out x in / group x inner).
};

/// Collects the scalings around products and puts each into its product's weights and bias.
class ScalingFolder {
 public:
  explicit ScalingFolder(Graph& graph) : graph_(graph), editor_(graph) {}

  /// Takes the scalings that alone read the result of a product, and then each other. `wanted(node)` says which.
  template <class Wanted>
  void fold_following(Wanted&& wanted) {
    for (int index = 0; index < editor_.node_count(); ++index) {
      const Node& node = editor_.node(index);
      const Value data = ChannelScaling::data_of(graph_, node);
      if (!data.exists() || !wanted(node) || editor_.only_reader(data) != index) continue;
      const int product_index = editor_.producer_index(editor_.current(data));
      Folded* folded = product_index < 0 ? nullptr : folded_of(product_index);
      if (folded == nullptr) continue;
      const auto scaling =
          ChannelScaling::of(graph_, node, folded->product.output_channels, folded->product.output_axis);
      if (!scaling || (!scaling->is_scale_only() && !folded->product.takes_output_shift)) continue;
      folded->after = folded->after.then(*scaling);
      folded->is_changed = true;
      editor_.replace_and_rename(node.outputs[0], data);
      editor_.remove(index);
    }
  }

  /// Takes the scalings whose result a product alone reads.
  void fold_preceding() {
    for (int index = 0; index < editor_.node_count(); ++index) {
      Folded* folded = editor_.is_removed(index) ? nullptr : folded_of(index);
      while (folded != nullptr) {
        const Value data = folded->input;
        const int before = editor_.producer_index(data);
        if (before < 0 || editor_.is_removed(before) || !editor_.read_once(data)) break;
        const Node& node = editor_.node(before);
        const auto scaling =
            ChannelScaling::of(graph_, node, folded->product.input_channels, folded->product.input_axis);
        if (!scaling || (!scaling->is_scale_only() && !folded->product.takes_input_shift)) break;
        folded->before = scaling->then(folded->before);
        folded->is_changed = true;
        folded->input = editor_.current(ChannelScaling::data_of(graph_, node));
        editor_.remove(before);
      }
    }
  }

  void finish() {
    for (const auto& [index, folded] : products_) {
      if (folded && folded->is_changed) write(index, *folded);
    }
    editor_.finish();
  }

 private:
  struct Folded {
    WeightedProduct product;
    Value input;
    ChannelScaling before;
    ChannelScaling after;
    bool is_changed = false;
  };

  /// Null if the node is no product.
  Folded* folded_of(int index) {
    const auto [found, is_new] = products_.try_emplace(index);
    if (is_new) {
      const Node& node = editor_.node(index);
      if (const auto product = WeightedProduct::of(graph_, node)) {
        found->second = Folded{*product, editor_.current(node.inputs[0]), ChannelScaling(product->input_channels),
                               ChannelScaling(product->output_channels)};
      }
    }
    return found->second ? &*found->second : nullptr;
  }

  void write(int index, const Folded& folded) {
    const Node node = editor_.node(index);
    const auto* gemm = node.op.get_if<Gemm>();
    const Value old_bias = node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
    const Tensor& old = graph_.constant(node.inputs[1]);
    const DataType type = old.type();
    std::vector<double> weights = doubles(old);
    std::vector<double> bias(folded.after.scale.size(), 0);
    if (old_bias.exists()) {
      const std::vector<double> values = doubles(graph_.constant(old_bias));
      const double beta = gemm == nullptr ? 1 : static_cast<double>(gemm->beta);
      for (std::size_t c = 0; c < bias.size(); ++c) bias[c] = beta * values[values.size() > 1 ? c : 0];
    }
    const double alpha = gemm == nullptr ? 1 : static_cast<double>(gemm->alpha);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const std::size_t in = folded.product.input_of(i);
      const std::size_t out = folded.product.output_of(i);
      bias[out] += alpha * weights[i] * folded.before.shift[in];
      weights[i] *= folded.before.scale[in] * folded.after.scale[out];
    }
    for (std::size_t c = 0; c < bias.size(); ++c) bias[c] = bias[c] * folded.after.scale[c] + folded.after.shift[c];

    std::vector<Value> inputs{folded.input};
    inputs.push_back(replace_constant(graph_, node.inputs[1], float_tensor(type, old.shape(), weights),
                                      editor_.is_shared(node.inputs[1])));
    const bool has_bias = old_bias.exists() || !folded.before.is_scale_only() || !folded.after.is_scale_only();
    if (has_bias) {
      Tensor tensor = float_tensor(type, Shape{static_cast<Index>(bias.size())}, bias);
      inputs.push_back(old_bias.exists()
                           ? replace_constant(graph_, old_bias, std::move(tensor), editor_.is_shared(old_bias))
                           : graph_.constant(graph_.unused_value_name(node.name + ".bias"), std::move(tensor)));
    }
    Operator op = node.op;
    if (gemm != nullptr) {
      Gemm changed = *gemm;
      changed.beta = 1;
      op = changed;
    } else if (node.op.is<MatMul>() && has_bias) {
      op = Gemm{};
    }
    graph_.set_operator(index, std::move(op), std::move(inputs));
  }

  Graph& graph_;
  Editor editor_;
  std::map<int, std::optional<Folded>> products_;
};

}  // namespace condense::graph::detail

#endif
