#ifndef CONDENSE_TESTS_COMPRESS_NETWORKS_HPP
#define CONDENSE_TESTS_COMPRESS_NETWORKS_HPP

#include <cmath>
#include <string>
#include <vector>

#include "condense/core/random.hpp"
#include "condense/graph/graph.hpp"
#include "condense/graph/operators.hpp"

namespace condense::compress {

/// Builds small float networks with random weights; a layer takes the last value unless told otherwise.
class Network {
 public:
  using Value = graph::Value;

  explicit Network(const Shape& input, std::uint64_t seed = 1) : random_(seed) {
    value_ = graph_.input("image", DataType::float32, input);
  }

  Value value() const { return value_; }
  Network& at(Value value) {
    value_ = value;
    return *this;
  }

  Network& convolution(const std::string& name, Index channels, const graph::Conv& conv = {.pads = {1, 1, 1, 1}},
                       Index kernel = 3) {
    const Shape& images = graph_.type(value_).shape;
    Shape weights{channels, images[1] / conv.group, kernel, kernel};
    if (images.rank() == 3) weights = Shape{channels, images[1] / conv.group, kernel};
    return apply(conv, {value_, normal(name + ".weight", weights), normal(name + ".bias", {channels}, 0.2F)}, name);
  }
  Network& transposed(const std::string& name, Index channels, const graph::ConvTranspose& conv, Index kernel) {
    const Shape weights{graph_.type(value_).shape[1], channels / conv.group, kernel, kernel};
    return apply(conv, {value_, normal(name + ".weight", weights), normal(name + ".bias", {channels}, 0.2F)}, name);
  }
  Network& depthwise(const std::string& name) {
    const Index channels = graph_.type(value_).shape[1];
    return convolution(name, channels, {.pads = {1, 1, 1, 1}, .group = channels});
  }
  Network& fully_connected(const std::string& name, Index outputs) {
    const Index inputs = graph_.type(value_).shape[1];
    return apply(graph::Gemm{.trans_b = true},
                 {value_, normal(name + ".weight", {outputs, inputs}), normal(name + ".bias", {outputs}, 0.2F)}, name);
  }
  Network& matrix(const std::string& name, Index outputs) {
    const Shape& rows = graph_.type(value_).shape;
    const Value weights = normal(name + ".weight", {rows[rows.rank() - 1], outputs}, 0.3F);
    return apply(graph::MatMul{}, {value_, weights}, name);
  }
  Network& normalization(const std::string& name) {
    const Shape channels{graph_.type(value_).shape[1]};
    const Value variance = constant(name + ".variance", Tensor(DataType::float32, channels));
    Tensor ones = graph_.constant(variance);
    for (float& one : ones.mutable_values<float>()) one = random_.uniform(0.5F, 2);
    graph_.set_constant(variance, ones);
    return apply(graph::BatchNormalization{},
                 {value_, normal(name + ".scale", channels, 1), normal(name + ".bias", channels, 1),
                  normal(name + ".mean", channels, 1), variance},
                 name);
  }
  Network& relu(const std::string& name) { return apply(graph::Relu{}, {value_}, name); }
  Network& clip(const std::string& name, float low, float high) {
    const Value lowest = constant(name + ".low", Tensor::scalar(low));
    return apply(graph::Clip{}, {value_, lowest, constant(name + ".high", Tensor::scalar(high))}, name);
  }
  Network& flatten() { return apply(graph::Flatten{}, {value_}, "flatten"); }
  Network& reshape(const std::string& name, std::initializer_list<std::int64_t> extents) {
    const Shape count{static_cast<Index>(extents.size())};
    return apply(graph::Reshape{}, {value_, constant(name + ".shape", Tensor::of<std::int64_t>(count, extents))}, name);
  }
  Network& apply(graph::Operator op, std::vector<Value> inputs, const std::string& name) {
    value_ = graph_.add(std::move(op), std::move(inputs), name);
    return *this;
  }
  /// An operator of one input.
  Network& then(graph::Operator op, const std::string& name) { return apply(std::move(op), {value_}, name); }

  Value constant(const std::string& name, Tensor tensor) { return graph_.constant(name, std::move(tensor)); }

  Network& output(const std::string& name) {
    graph_.output(value_, name);
    return *this;
  }
  graph::Graph finish(const std::string& name = "result") {
    output(name);
    return graph_;
  }
  graph::Graph& graph() { return graph_; }

 private:
  /// Standard deviation `deviation`, by default sqrt(2 / fan-in), so that activations neither vanish nor grow.
  Value normal(const std::string& name, const Shape& shape, float deviation = 0) {
    const auto fan_in = static_cast<float>(std::max<Index>(1, shape.count(1, shape.rank())));
    if (deviation == 0) deviation = std::sqrt(2 / fan_in);
    Tensor tensor(DataType::float32, shape);
    for (float& value : tensor.mutable_values<float>()) value = deviation * random_.normal();
    return graph_.constant(name, std::move(tensor));
  }

  graph::Graph graph_;
  Random random_;
  Value value_;
};

/// Convolutions with Relu, a max-pool, and a fully connected end.
inline graph::Graph plain_network() {
  Network network({kDynamic, 3, 8, 8});
  network.convolution("stem", 8).relu("stem.relu");
  network.then(graph::MaxPool{.kernel_shape = {2, 2}, .strides = {2, 2}}, "pool");
  network.convolution("body", 12).relu("body.relu").flatten();
  network.fully_connected("hidden", 16).relu("hidden.relu").fully_connected("classifier", 5);
  return network.finish("logits");
}

/// Batch normalisation that folds, depthwise convolutions and a residual sum.
inline graph::Graph residual_network() {
  Network network({kDynamic, 3, 8, 8}, 2);
  network.convolution("stem", 8).normalization("stem.norm").relu("stem.relu");
  const graph::Value input = network.value();
  network.depthwise("dw").normalization("dw.norm").relu("dw.relu");
  network.convolution("pw", 8, {}, 1).normalization("pw.norm");
  network.apply(graph::Add{}, {input, network.value()}, "sum").relu("sum.relu");
  network.then(graph::GlobalAveragePool{}, "average").flatten().fully_connected("classifier", 5);
  return network.finish("logits");
}

/// Two branches, one of them pooled, that are put together.
inline graph::Graph branched_network() {
  Network network({kDynamic, 2, 6, 6}, 3);
  network.convolution("stem", 6).clip("stem.clip", 0, 6);
  const graph::Value stem = network.value();
  network.convolution("left", 4).relu("left.relu");
  const graph::Value left = network.value();
  network.at(stem).then(graph::MaxPool{.kernel_shape = {3, 3}, .strides = {1, 1}, .pads = {1, 1, 1, 1}}, "pool");
  network.convolution("right", 4, {}, 1);
  network.apply(graph::Concat{.axis = 1}, {left, network.value()}, "concat");
  return network.convolution("end", 3).finish("map");
}

/// Every activation function, after a normalisation that cannot be folded.
inline graph::Graph activations_network() {
  Network network({kDynamic, 2, 6, 6}, 4);
  network.convolution("a", 6).relu("a.relu").normalization("norm");
  network.convolution("b", 6).then(graph::HardSwish{}, "swish").convolution("c", 6);
  network.then(graph::LeakyRelu{.alpha = 0.1F}, "leaky").convolution("d", 6);
  const graph::Value d = network.value();
  network.then(graph::Sigmoid{}, "gate").apply(graph::Mul{}, {d, network.value()}, "gated");
  network.then(graph::AveragePool{.kernel_shape = {2, 2}, .strides = {2, 2}}, "average").flatten();
  network.fully_connected("classifier", 4).then(graph::Softmax{}, "softmax");
  return network.finish("probabilities");
}

/// Matrix products on sequences, and a reshape.
inline graph::Graph matrix_network() {
  Network network({kDynamic, 5, 16}, 5);
  network.matrix("first", 24).relu("first.relu").matrix("second", 8);
  network.reshape("rows", {0, 40}).matrix("third", 6);
  return network.finish("scores");
}

/// One-dimensional convolutions with dilation and strides.
inline graph::Graph signal_network() {
  Network network({kDynamic, 2, 20}, 6);
  network.convolution("a", 6, {.dilations = {2}, .pads = {2, 2}}).relu("a.relu");
  network.convolution("b", 6, {.strides = {2}, .pads = {1, 1}, .group = 2}).clip("b.clip", -1, 1);
  return network.flatten().fully_connected("classifier", 3).finish("logits");
}

/// Two outputs, one of which other nodes read, too.
inline graph::Graph two_headed_network() {
  Network network({kDynamic, 3, 6, 6}, 7);
  network.convolution("stem", 8).relu("features").output("feature_map");
  return network.then(graph::GlobalAveragePool{}, "average").flatten().fully_connected("head", 4).finish("logits");
}

/// Transposed convolutions: as long as their stride, longer, and in groups; and what else enlarges images.
inline graph::Graph decoder_network() {
  Network network({kDynamic, 4, 3, 4}, 8);
  network.transposed("up", 8, {.strides = {2, 2}}, 2).relu("up.relu");
  network.transposed("groups", 6, {.strides = {2, 2}, .pads = {1, 1, 0, 1}, .group = 2}, 3).clip("groups.clip", -1, 2);
  const graph::Value scales = network.constant("scales", Tensor::of<float>(Shape{4}, {1, 1, 2, 2}));
  network.apply(graph::Resize{}, {network.value(), graph::kNoValue, scales}, "resize");
  return network.transposed("mask", 1, {.strides = {1, 1}, .pads = {1, 1, 1, 1}}, 3).finish("mask");
}

struct NamedNetwork {
  std::string name;
  graph::Graph graph;
  bool all_integer;  ///< Every node has an integer form.
};

inline std::vector<NamedNetwork> networks() {
  return {{"plain", plain_network(), true},           {"residual", residual_network(), true},
          {"branched", branched_network(), true},     {"activations", activations_network(), false},
          {"matrix", matrix_network(), true},         {"signal", signal_network(), true},
          {"two-headed", two_headed_network(), true}, {"decoder", decoder_network(), true}};
}

/// Standard normal inputs for a network.
inline Tensor random_input(const graph::Graph& graph, Index count, std::uint64_t seed) {
  Random random(seed, 9);
  Tensor tensor(DataType::float32, graph.declared_shape(graph.inputs()[0]).with(0, count));
  for (float& value : tensor.mutable_values<float>()) value = random.normal();
  return tensor;
}

inline std::vector<std::vector<Tensor>> random_batches(const graph::Graph& graph, int batches = 4, Index count = 16) {
  std::vector<std::vector<Tensor>> result;
  for (int i = 0; i < batches; ++i) result.push_back({random_input(graph, count, static_cast<std::uint64_t>(i))});
  return result;
}

}  // namespace condense::compress

#endif
