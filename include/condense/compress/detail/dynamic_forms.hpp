#ifndef CONDENSE_COMPRESS_DETAIL_DYNAMIC_FORMS_HPP
#define CONDENSE_COMPRESS_DETAIL_DYNAMIC_FORMS_HPP

#include <map>
#include <string>

#include "condense/compress/detail/weight_store.hpp"

namespace condense::compress::detail {

/// A tensor of bytes, (..., rows, columns), with its last two axes exchanged.
inline Tensor transposed_bytes(const Tensor& tensor) {
  const Shape& shape = tensor.shape();
  const int last = shape.rank() - 1;
  Tensor result(tensor.type(), shape.with(last, shape[last - 1]).with(last - 1, shape[last]));
  const Index rows = shape[last - 1];
  const Index columns = shape[last];
  for (Index i = 0; i < tensor.count(); ++i) {
    const Index matrix = i / (rows * columns);
    const Index row = i / columns % rows;
    result.mutable_raw()[(matrix * columns + i % columns) * rows + row] = tensor.raw()[i];
  }
  return result;
}

/// Puts the forms of nodes that quantise what they read in every run in their places; `Graph::sort` is left to the
/// caller. A value that several of them read is quantised once.
class DynamicForms {
 public:
  DynamicForms(graph::Graph& graph, WeightStore& weights) : graph_(graph), weights_(weights) {}

  /// MatMul or Gemm with constant weights, as int8: DynamicQuantizeLinear, MatMulInteger, and the sums made floats by
  /// the product of both scales; then the bias.
  void replace_product(int index, const quantize::NumberFormat& format) {
    const graph::Node node = graph_.nodes()[static_cast<std::size_t>(index)];
    const auto* gemm = node.op.get_if<graph::Gemm>();
    const quantize::QuantizedTensor& stored = quantized(node, 0, format).tensor;
    Tensor codes = quantize::integers(stored);
    const Index columns = graph_.type(node.outputs[0]).shape[graph_.type(node.outputs[0]).shape.rank() - 1];
    if (gemm != nullptr && gemm->trans_b) codes = transposed_bytes(codes);
    const bool by_column = stored.parameters.scales.size() > 1;
    Tensor scales(DataType::float32, by_column ? Shape{columns} : Shape{});
    std::ranges::copy(stored.parameters.scales, scales.mutable_data<float>());

    const graph::Node x = quantized_input(node.inputs[0]);
    const auto constant = [&](const char* what, Tensor tensor) {
      return add_constant(graph_, node.name + what, std::move(tensor));
    };
    const graph::Value sums = graph_.add(graph::MatMulInteger{},
                                         {x.outputs[0], constant(".weight.codes", std::move(codes)), x.outputs[2],
                                          constant(".weight.zero_point", Tensor(DataType::int8, Shape{}))},
                                         node.name + ".integer");
    const graph::Value reals = graph_.add(graph::Cast{.to = DataType::float32}, {sums}, node.name + ".cast");
    const graph::Value scale =
        graph_.add(graph::Mul{}, {x.outputs[1], constant(".weight.scale", std::move(scales))}, node.name + ".scale");
    if (gemm == nullptr || node.inputs.size() < 3 || !node.inputs[2].exists()) {
      graph_.set_operator(index, graph::Mul{}, {reals, scale});
      return;
    }
    const graph::Value scaled = graph_.add(graph::Mul{}, {reals, scale}, node.name + ".scaled");
    graph_.set_operator(index, graph::Add{}, {scaled, node.inputs[2]});
  }

  /// LSTM with constant weights, as int8: DynamicQuantizeLSTM.
  void replace_lstm(int index, const quantize::NumberFormat& format) {
    const graph::Node node = graph_.nodes()[static_cast<std::size_t>(index)];
    const graph::Lstm& lstm = *node.op.get_if<graph::Lstm>();
    std::vector<graph::Value> inputs = node.inputs;
    inputs.resize(8, graph::kNoValue);
    for (std::size_t i = 0; i < 2; ++i) {
      const std::string name = node.name + (i == 0 ? ".weight" : ".state_weight");
      add_directions(node, i, format, name, inputs);
    }
    graph_.set_operator(index,
                        graph::DynamicQuantizeLstm{.direction = lstm.direction,
                                                   .hidden_size = lstm.hidden_size,
                                                   .activations = lstm.activations,
                                                   .activation_alpha = lstm.activation_alpha,
                                                   .activation_beta = lstm.activation_beta,
                                                   .clip = lstm.clip,
                                                   .input_forget = lstm.input_forget},
                        std::move(inputs));
  }

 private:
  WeightStore::Stored& quantized(const graph::Node& node, std::size_t i, const quantize::NumberFormat& format) {
    const WeightInput axes = weight_inputs(node.op)[i];
    return weights_.quantized(node.inputs[axes.input], axes, format);
  }

  /// The codes (directions, depth, columns) of weights (directions, columns, depth), their scales and zero points, in
  /// the inputs of a DynamicQuantizeLSTM. What all directions share is repeated for each.
  void add_directions(const graph::Node& node, std::size_t i, const quantize::NumberFormat& format,
                      const std::string& name, std::vector<graph::Value>& inputs) {
    const quantize::QuantizedTensor& stored = quantized(node, i, format).tensor;
    const Index directions = stored.shape[0];
    const std::vector<float>& scales = stored.parameters.scales;
    const bool by_column = scales.size() > 1;
    const Shape shape = by_column ? Shape{directions, stored.shape[1]} : Shape{directions};
    Tensor repeated(DataType::float32, shape);
    for (Index k = 0; k < repeated.count(); ++k) {
      repeated.mutable_data<float>()[k] = scales[static_cast<std::size_t>(k) % scales.size()];
    }
    inputs[1 + i] = add_constant(graph_, name + ".codes", transposed_bytes(quantize::integers(stored)));
    inputs.push_back(add_constant(graph_, name + ".scale", std::move(repeated)));
    inputs.push_back(add_constant(graph_, name + ".zero_point", Tensor(DataType::int8, shape)));
  }

  /// The node that quantises a value.
  const graph::Node& quantized_input(graph::Value value) {
    const auto found = quantized_.find(value);
    if (found != quantized_.end()) return found->second;
    const std::string name = graph_.name(value) + ".quantize";
    return quantized_.emplace(value, graph_.add_node(graph::DynamicQuantizeLinear{}, {value}, name)).first->second;
  }

  graph::Graph& graph_;
  WeightStore& weights_;
  std::map<graph::Value, graph::Node> quantized_;
};

/// Puts the rows of an int8 table in the place of those of a float one: codes and their scales are gathered and
/// multiplied.
inline void replace_table(graph::Graph& graph, WeightStore& weights, int index, const quantize::NumberFormat& format) {
  const graph::Node node = graph.nodes()[static_cast<std::size_t>(index)];
  const WeightInput axes = weight_inputs(node.op).front();
  const quantize::QuantizedTensor& stored = weights.quantized(node.inputs[0], axes, format).tensor;
  const auto constant = [&](const char* what, Tensor tensor) {
    return add_constant(graph, node.name + what, std::move(tensor));
  };
  const graph::Value codes =
      graph.add(node.op, {constant(".table.codes", quantize::integers(stored)), node.inputs[1]}, node.name + ".codes");
  const graph::Value reals = graph.add(graph::Cast{.to = DataType::float32}, {codes}, node.name + ".cast");
  const bool by_row = stored.parameters.scales.size() > 1;
  Tensor scales(DataType::float32, by_row ? Shape{stored.shape[0], 1} : Shape{});
  std::ranges::copy(stored.parameters.scales, scales.mutable_data<float>());
  graph::Value scale = constant(".table.scale", std::move(scales));
  if (by_row) scale = graph.add(node.op, {scale, node.inputs[1]}, node.name + ".scale");
  graph.set_operator(index, graph::Mul{}, {reals, scale});
}

}  // namespace condense::compress::detail

#endif
