#ifndef CONDENSE_GRAPH_PASSES_FOLD_BATCH_NORM_HPP
#define CONDENSE_GRAPH_PASSES_FOLD_BATCH_NORM_HPP

#include <cmath>

#include "condense/graph/detail/rewrite.hpp"
#include "condense/graph/operators/batch_normalization.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/gemm.hpp"

namespace condense::graph {

namespace detail {

/// Batch normalisation in inference as y = x * scale + shift for each channel.
struct ChannelScaling {
  std::vector<double> scale;
  std::vector<double> shift;
};

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

/// A product and the batch normalisation that alone reads its result, with nothing but constants beside the data.
class BatchNormFolding {
 public:
  BatchNormFolding(Graph& graph, const Node& product, const Node& normalization)
      : graph_(graph), product_(product), normalization_(normalization) {}

  /// True if `fold` keeps the meaning.
  bool is_possible() const {
    const auto constant = [&](Value value) { return graph_.is_constant(value); };
    if (!std::all_of(normalization_.inputs.begin() + 1, normalization_.inputs.end(), constant)) return false;
    if (!constant(product_.inputs[1]) || (bias().exists() && !constant(bias()))) return false;
    if (product_.op.is<Conv>()) return true;
    // The normalisation is along the columns; a bias that differs between the rows would have to stay outside.
    if (!bias().exists()) return true;
    const Shape& shape = graph_.type(bias()).shape;
    return shape.rank() < 2 || shape[0] == 1;
  }

  /// Puts one product, of the same name, in the place of both. Its output has the name of the normalisation's.
  void fold() {
    const ChannelScaling scaling = channel_scaling();
    const std::vector<double> offsets = scaled_bias(scaling);
    const std::vector<std::vector<int>> consumers = graph_.consumers();
    const auto shared = [&](Value value) {
      return consumers[static_cast<std::size_t>(value.index)].size() > 1 || graph_.is_output(value);
    };
    const Value old_weights = product_.inputs[1];
    const Tensor& old = graph_.constant(old_weights);
    const DataType type = old.type();
    const Value weights = replace_constant(graph_, old_weights, scaled_weights(old, scaling), shared(old_weights));
    Tensor bias_tensor = float_tensor(type, Shape{static_cast<Index>(offsets.size())}, offsets);
    const Value new_bias =
        bias().exists() ? replace_constant(graph_, bias(), std::move(bias_tensor), shared(bias()))
                        : graph_.constant(unused_value_name(graph_, product_.name + ".bias"), std::move(bias_tensor));

    graph_.remove_nodes(
        [&](const Node& node) { return node.name == product_.name || node.name == normalization_.name; });
    Operator op = product_.op;
    if (const auto* gemm = product_.op.get_if<Gemm>()) {
      Gemm folded = *gemm;
      folded.beta = 1;
      op = folded;
    }
    const Value result = graph_.add(std::move(op), {product_.inputs[0], weights, new_bias}, product_.name);
    take_name(graph_, normalization_.outputs[0], result);
    graph_.replace_uses(normalization_.outputs[0], result);
  }

 private:
  Value bias() const { return product_.inputs.size() > 2 ? product_.inputs[2] : kNoValue; }

  ChannelScaling channel_scaling() const {
    const auto input = [&](std::size_t i) { return doubles(graph_.constant(normalization_.inputs[i])); };
    const auto epsilon = static_cast<double>(normalization_.op.get_if<BatchNormalization>()->epsilon);
    const std::vector<double> mean = input(3);
    const std::vector<double> variance = input(4);
    ChannelScaling result{input(1), input(2)};
    for (std::size_t c = 0; c < mean.size(); ++c) {
      result.scale[c] /= std::sqrt(variance[c] + epsilon);
      result.shift[c] -= mean[c] * result.scale[c];
    }
    return result;
  }

  /// The weights with each output channel scaled: the first axis, or the columns of an untransposed Gemm.
  Tensor scaled_weights(const Tensor& weights, const ChannelScaling& scaling) const {
    const auto* gemm = product_.op.get_if<Gemm>();
    const bool along_columns = gemm != nullptr && !gemm->trans_b;
    const auto channels = scaling.scale.size();
    std::vector<double> values = doubles(weights);
    const std::size_t inner = along_columns ? 1 : values.size() / std::max<std::size_t>(1, channels);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] *= scaling.scale[i / inner % channels];
    return float_tensor(weights.type(), weights.shape(), values);
  }

  /// bias * scale + shift, one for each channel.
  std::vector<double> scaled_bias(const ChannelScaling& scaling) const {
    std::vector<double> result = scaling.shift;
    if (!bias().exists()) return result;
    const auto* gemm = product_.op.get_if<Gemm>();
    const double factor = gemm != nullptr ? static_cast<double>(gemm->beta) : 1;
    const std::vector<double> old = doubles(graph_.constant(bias()));
    for (std::size_t c = 0; c < result.size(); ++c) {
      result[c] += factor * old[old.size() > 1 ? c : 0] * scaling.scale[c];
    }
    return result;
  }

  Graph& graph_;
  const Node product_;
  const Node normalization_;
};

}  // namespace detail

/// Folds batch normalisation in inference mode into the Conv or Gemm before it: its scale into the weights, the rest
/// into the bias (Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only
/// inference", CVPR 2018, section 3.2).
///
/// Done where the product's result is read by the normalisation alone and the weights, bias and statistics are
/// constants. A weight that other nodes read too stays as it is and the folded node gets its own. The node keeps its
/// name, its output takes that of the normalisation. Computed in double and rounded once, so outputs agree up to the
/// rounding of the weights and sums: a few units in the last place of the largest summand.
inline void fold_batch_norm(Graph& graph) {
  bool changed = true;
  while (changed) {
    changed = false;
    const std::vector<int> producers = graph.producers();
    const std::vector<std::vector<int>> consumers = graph.consumers();
    for (const Node& node : graph.nodes()) {
      const auto* normalization = node.op.get_if<BatchNormalization>();
      if (normalization == nullptr || normalization->training_mode) continue;
      const auto input = static_cast<std::size_t>(node.inputs[0].index);
      if (producers[input] < 0 || consumers[input].size() != 1 || graph.is_output(node.inputs[0])) continue;
      const Node& product = graph.nodes()[static_cast<std::size_t>(producers[input])];
      if (!product.op.is<Conv>() && !product.op.is<Gemm>()) continue;
      detail::BatchNormFolding folding(graph, product, node);
      if (!folding.is_possible()) continue;
      folding.fold();  // moves the nodes, so the search begins again
      changed = true;
      break;
    }
  }
  graph.sort();
}

}  // namespace condense::graph

#endif
