#ifndef CONDENSE_TESTS_SUPPORT_PROGRAM_NETWORKS_HPP
#define CONDENSE_TESTS_SUPPORT_PROGRAM_NETWORKS_HPP

#include <string>
#include <vector>

#include "condense/graph/operators.hpp"
#include "support/branch_networks.hpp"
#include "support/quantized_networks.hpp"

namespace condense {

/// Builds float networks whose constants are random.
class FloatNetwork {
 public:
  using Value = graph::Value;

  explicit FloatNetwork(std::uint64_t seed) : random_(seed) {}

  Value input(const Shape& shape) { return graph_.input("x", DataType::float32, shape); }
  Value constant(Tensor tensor) { return graph_.constant(fmt::format("c{}", ++constants_), std::move(tensor)); }
  Value floats(const Shape& shape) { return constant(random_tensor(shape, random_)); }
  Value codes(DataType type, const Shape& shape, int lowest, int highest) {
    return constant(random_codes(type, shape, lowest, highest, random_));
  }
  template <class Op>
  Value add(Op op, std::vector<Value> inputs) {
    return graph_.add(std::move(op), std::move(inputs));
  }
  graph::Graph& graph() noexcept { return graph_; }
  graph::Graph finished(Value output) {
    graph_.output(output);
    return std::move(graph_);
  }

 private:
  Random random_;
  graph::Graph graph_;
  int constants_ = 0;
};

inline graph::Graph float_images_network() {
  FloatNetwork n(4);
  graph::Value x = n.input({2, 3, 12, 12});
  x = n.add(graph::Conv{.pads = {1, 1, 1, 1}}, {x, n.floats({8, 3, 3, 3}), n.floats({8})});
  x = n.add(graph::HardSwish{}, {x});
  x = n.add(graph::Conv{.group = 8}, {x, n.floats({8, 1, 3, 3})});
  x = n.add(graph::Conv{}, {x, n.floats({8, 8, 1, 1})});
  x = n.add(graph::Add{}, {n.add(graph::Mul{}, {x, n.floats({8, 1, 1})}), x});
  x = n.add(graph::Concat{.axis = 1}, {x, n.add(graph::Sigmoid{}, {x})});
  x = n.add(graph::MaxPool{.kernel_shape = {2, 2}}, {x});
  x = n.add(graph::ConvTranspose{.strides = {2, 2}}, {x, n.floats({16, 4, 3, 3})});
  x = n.add(graph::Transpose{.perm = {0, 2, 3, 1}}, {x});
  x = n.add(graph::Exp{},
            {n.add(graph::Clip{}, {x, n.constant(Tensor::scalar(-2.0F)), n.constant(Tensor::scalar(2.0F))})});
  return n.finished(n.add(graph::Softmax{}, {n.add(graph::Mul{}, {x, x})}));
}

/// Attention, and what goes with it.
inline graph::Graph float_sequence_network() {
  FloatNetwork n(5);
  const graph::Value x = n.input({2, 6, 16});
  graph::Value y = n.add(graph::LayerNormalization{}, {x, n.floats({16}), n.floats({16})});
  const graph::Value scores = n.add(graph::MatMul{}, {y, n.add(graph::Transpose{.perm = {0, 2, 1}}, {x})});
  y = n.add(graph::MatMul{}, {n.add(graph::Softmax{}, {scores}), y});
  y = n.add(graph::Slice{},
            {y, n.constant(Tensor::of<std::int64_t>({1}, {1})), n.constant(Tensor::of<std::int64_t>({1}, {5})),
             n.constant(Tensor::of<std::int64_t>({1}, {1})), n.constant(Tensor::of<std::int64_t>({1}, {2}))});
  y = n.add(graph::ReduceMean{.keepdims = false}, {y, n.constant(Tensor::of<std::int64_t>({1}, {1}))});
  return n.finished(n.add(graph::CumSum{}, {y, n.constant(Tensor::scalar(std::int32_t{1}))}));
}

inline graph::Graph resized_network() {
  FloatNetwork n(6);
  const graph::Value sizes = n.constant(Tensor::of<std::int64_t>({4}, {1, 3, 9, 11}));
  return n.finished(n.add(graph::Resize{.mode = graph::ResizeMode::linear},
                          {n.input({1, 3, 5, 6}), graph::kNoValue, graph::kNoValue, sizes}));
}

inline graph::Graph recurrent_network() {
  FloatNetwork n(7);
  const graph::Value x = n.input({5, 2, 7});
  return n.finished(n.add(graph::Gru{}, {x, n.floats({1, 33, 7}), n.floats({1, 33, 11}), n.floats({1, 66})}));
}

inline graph::Graph dynamic_lstm_network() {
  FloatNetwork n(8);
  const auto scale = [&] { return n.constant(Tensor::of<float>({1}, {0.01F})); };
  const auto zero = [&] { return n.constant(Tensor::of<std::int8_t>({1}, {0})); };
  return n.finished(n.add(graph::DynamicQuantizeLstm{},
                          {n.input({4, 2, 9}), n.codes(DataType::int8, {1, 9, 20}, -127, 127),
                           n.codes(DataType::int8, {1, 5, 20}, -127, 127), n.floats({1, 40}), graph::kNoValue,
                           graph::kNoValue, graph::kNoValue, graph::kNoValue, scale(), zero(), scale(), zero()}));
}

/// A product of integers whose activations are quantised when it runs.
inline graph::Graph dynamic_product_network() {
  FloatNetwork n(9);
  const graph::Value x = n.input({3, 40});
  graph::Graph& graph = n.graph();
  const std::vector<graph::Value> quantized = graph.add_node(graph::DynamicQuantizeLinear{}, {x}, "quantize").outputs;
  const graph::Value sums =
      n.add(graph::MatMulInteger{}, {quantized[0], n.codes(DataType::int8, {40, 12}, -127, 127), quantized[2]});
  return n.finished(n.add(graph::Cast{.to = DataType::float32}, {sums}));
}

/// Float rows times weights of four bits in blocks, computed on integers.
inline graph::Graph four_bits_network() {
  FloatNetwork n(10);
  return n.finished(n.add(graph::MatMulNBits{.k = 64, .n = 24, .bits = 4, .block_size = 32, .accuracy_level = 4},
                          {n.input({5, 64}), n.codes(DataType::uint8, {24, 2, 16}, 0, 255), n.floats({48})}));
}

/// Quantised activations times each other.
inline graph::Graph quantized_attention_network() {
  QuantizedNetwork n(11, ActivationTypes::mixed);
  const graph::Value queries = n.quantized(n.graph().input("queries", DataType::float32, {2, 6, 16}), -2, 2);
  const graph::Value keys = n.quantized(n.graph().input("keys", DataType::float32, {2, 16, 5}), -2, 2);
  n.graph().output(n.quantized(n.graph().add(graph::MatMul{}, {queries, keys}), -8, 8));
  return std::move(n.graph());
}

inline graph::Graph quantized_transposed_network() {
  QuantizedNetwork n(12, ActivationTypes::mixed);
  const graph::Value x = n.quantized(n.graph().input("x", DataType::float32, {1, 6, 5, 5}), -2, 2);
  n.graph().output(n.any_transposed_convolution(x));
  return std::move(n.graph());
}

/// A depthwise convolution and the pointwise one behind it, large enough that they are one step.
inline graph::Graph separable_network() {
  FloatNetwork n(13);
  graph::Value x = n.input({1, 32, 48, 48});
  x = n.add(graph::Conv{.group = 32}, {x, n.floats({32, 1, 3, 3})});
  return n.finished(n.add(graph::Conv{}, {x, n.floats({16, 32, 1, 1})}));
}
inline graph::Graph quantized_separable_network() {
  QuantizedNetwork n(16, ActivationTypes::mixed);
  const graph::Value x = n.quantized(n.graph().input("x", DataType::float32, {1, 64, 64, 64}), -2, 2);
  n.graph().output(n.separable(x, 8, 1));
  return std::move(n.graph());
}

/// Float activations and weights of 8 bits; rows are quantised if the program is to do so.
inline graph::Graph integer_weights_network() {
  FloatNetwork n(15);
  const graph::Value weights = n.add(graph::DequantizeLinear{},
                                     {n.codes(DataType::int8, {20, 9}, -127, 127), n.constant(Tensor::scalar(0.01F))});
  return n.finished(n.add(graph::MatMul{}, {n.input({4, 20}), weights}));
}

/// Codes and constant codes along two axes, which have to be repeated before they are added.
inline graph::Graph repeated_codes_network() {
  QuantizedNetwork n(16, ActivationTypes::mixed);
  const graph::Value x = n.quantized(n.graph().input("x", DataType::float32, {2, 3, 4, 5}), -2, 2);
  const graph::Value y =
      n.quantized(n.graph().add(graph::ReduceMean{}, {x, n.constant(Tensor::of<std::int64_t>({2}, {0, 2}))}));
  n.graph().output(n.quantized(n.graph().add(graph::Add{}, {x, y})));
  return std::move(n.graph());
}

/// A constant of which most elements are zero.
template <class T>
Tensor pruned(Tensor tensor, Random& random) {
  for (T& value : tensor.mutable_values<T>()) value = random.below(8) == 0 ? value : T{0};
  return tensor;
}

/// Products whose weights are zeros for the most part.
inline graph::Graph pruned_network() {
  FloatNetwork n(17);
  Random random(17);
  const auto weights = [&](const Shape& shape) {
    return n.constant(pruned<float>(random_tensor(shape, random), random));
  };
  graph::Value x = n.input({2, 12, 7, 7});
  x = n.add(graph::Relu{}, {n.add(graph::Conv{.pads = {1, 1, 1, 1}}, {x, weights({20, 12, 3, 3}), n.floats({20})})});
  x = n.add(graph::Conv{.group = 2}, {x, weights({6, 10, 1, 1})});
  x = n.add(graph::Flatten{}, {x});
  return n.finished(n.add(graph::MatMul{}, {x, weights({294, 300})}));
}
inline graph::Graph quantized_pruned_network() {
  QuantizedNetwork n(18, ActivationTypes::mixed);
  const auto weights = [&](const Shape& shape) {
    const graph::Value codes =
        n.constant(pruned<std::int8_t>(random_codes(DataType::int8, shape, -127, 127, n.random()), n.random()));
    return n.graph().add(graph::DequantizeLinear{}, {codes, n.scalar(0.01F)});
  };
  graph::Value x = n.quantized(n.graph().input("x", DataType::float32, {2, 12, 7, 7}), -2, 2);
  x = n.quantized(n.graph().add(graph::Conv{.pads = {1, 1, 1, 1}}, {x, weights({20, 12, 3, 3})}), -8, 8);
  x = n.quantized(n.graph().add(graph::Conv{.group = 2}, {x, weights({18, 10, 1, 1})}), -8, 8);
  x = n.quantized(n.graph().add(graph::Flatten{}, {x}), -8, 8);
  n.graph().output(n.graph().add(graph::MatMul{}, {x, weights({882, 30})}));
  return std::move(n.graph());
}

struct NamedGraph {
  std::string name;
  graph::Graph graph;
};

/// Networks in whose programs every kind of step occurs.
inline std::vector<NamedGraph> program_networks() {
  std::vector<NamedGraph> networks;
  networks.push_back({"float images", float_images_network()});
  networks.push_back({"float sequence", float_sequence_network()});
  networks.push_back({"resized", resized_network()});
  networks.push_back({"recurrent", recurrent_network()});
  networks.push_back({"dynamic LSTM", dynamic_lstm_network()});
  networks.push_back({"dynamic product", dynamic_product_network()});
  networks.push_back({"four bits", four_bits_network()});
  networks.push_back({"quantised attention", quantized_attention_network()});
  networks.push_back({"quantised transposed convolution", quantized_transposed_network()});
  networks.push_back({"separable", separable_network()});
  networks.push_back({"quantised separable", quantized_separable_network()});
  networks.push_back({"integer weights", integer_weights_network()});
  networks.push_back({"repeated codes", repeated_codes_network()});
  networks.push_back({"pruned", pruned_network()});
  networks.push_back({"quantised pruned", quantized_pruned_network()});
  networks.push_back({"branches", BranchNetwork(3, true).graph()});
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    networks.push_back({fmt::format("quantised {}", seed), random_quantized_network(seed, ActivationTypes::mixed)});
  }
  return networks;
}

/// Inputs for a program: random floats, zeros of other types.
template <class Program>
std::vector<Tensor> random_inputs(const Program& program, std::uint64_t seed) {
  Random random(seed, 77);
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < program.input_count(); ++i) {
    const auto& [type, shape] = program.input_type(i);
    inputs.push_back(type == DataType::float32 ? random_tensor(shape, random) : Tensor(type, shape));
  }
  return inputs;
}

}  // namespace condense

#endif
