#ifndef CONDENSE_TESTS_COMPRESS_PRUNABLE_NETWORKS_HPP
#define CONDENSE_TESTS_COMPRESS_PRUNABLE_NETWORKS_HPP

#include <set>
#include <string>
#include <vector>

#include "compress/networks.hpp"
#include "compress/transformer.hpp"
#include "condense/compress/channel_groups.hpp"
#include "condense/graph/evaluate.hpp"

namespace condense::compress {

/// Random networks of the blocks that channels are coupled by, for images (?, 3, 6, 6).
class PrunableNetwork {
 public:
  explicit PrunableNetwork(std::uint64_t seed) : random_(seed, 3), network_({kDynamic, 3, 6, 6}, seed) {}

  graph::Graph build(int blocks = 4) {
    network_.convolution(next("stem"), 8).normalization(next("norm")).relu(next("relu"));
    for (int i = 0; i < blocks; ++i) add_block();
    if (random_.below(2) == 0) network_.then(graph::GlobalAveragePool{}, next("average"));
    network_.flatten().fully_connected("hidden", 8).relu("hidden.relu").fully_connected("classifier", 3);
    return network_.finish("logits");
  }

 private:
  using Value = graph::Value;

  std::string next(const std::string& name) { return fmt::format("{}{}", name, ++count_); }
  Index channels() { return network_.graph().type(network_.value()).shape[1]; }

  void add_block() {
    switch (random_.below(9)) {
      case 0: return residual();
      case 1: return branches();
      case 2: return split();
      case 3: return separable();
      case 4: return shuffled();
      case 5: return squeeze_excite();
      case 6: return grouped();
      case 7: return sliced();
      default: return transposed();
    }
  }

  void residual() {
    const Value before = network_.value();
    const Index width = channels();
    network_.convolution(next("inner"), 6).then(graph::HardSwish{}, next("swish")).convolution(next("outer"), width);
    network_.apply(graph::Add{}, {before, network_.value()}, next("sum")).relu(next("relu"));
  }
  void branches() {
    const Value before = network_.value();
    network_.convolution(next("left"), 4, {}, 1);
    const Value left = network_.value();
    network_.at(before).convolution(next("right"), 4).then(graph::Sigmoid{}, next("sigmoid"));
    network_.apply(graph::Concat{.axis = 1}, {left, network_.value(), before}, next("concat"));
    network_.convolution(next("join"), 8, {}, 1);
  }
  void split() {
    network_.convolution(next("wide"), 12, {}, 1);
    const std::string name = next("split");
    const Value sizes = network_.constant(name + ".sizes", Tensor::of<std::int64_t>({3}, {4, 4, 4}));
    const graph::Node node = network_.graph().add_node(graph::Split{.axis = 1}, {network_.value(), sizes}, name);
    const Value product = network_.graph().add(graph::Mul{}, {node.outputs[0], node.outputs[1]}, next("product"));
    network_.apply(graph::Concat{.axis = 1}, {node.outputs[2], product}, next("concat"));
  }
  void separable() {
    network_.depthwise(next("depthwise")).normalization(next("norm")).relu(next("relu"));
    network_.convolution(next("pointwise"), 8, {}, 1);
  }
  /// The channel shuffle of ShuffleNet.
  void shuffled() {
    network_.convolution(next("wide"), 12, {.group = channels() % 2 == 0 ? 2 : 1}, 1);
    network_.reshape(next("grouped"), {0, 2, 6, 6, 6});
    network_.then(graph::Transpose{.perm = {0, 2, 1, 3, 4}}, next("shuffle"));
    network_.reshape(next("joined"), {0, 12, 6, 6}).convolution(next("after"), 8);
  }
  void squeeze_excite() {
    const Value before = network_.value();
    const Index width = channels();
    network_.then(graph::GlobalAveragePool{}, next("average")).convolution(next("squeeze"), 4, {}, 1);
    network_.relu(next("relu")).convolution(next("excite"), width, {}, 1).then(graph::HardSigmoid{}, next("gate"));
    network_.apply(graph::Mul{}, {before, network_.value()}, next("scaled"));
  }
  void grouped() {
    network_.convolution(next("before"), 12, {}, 1);
    network_.convolution(next("grouped"), 8, {.pads = {1, 1, 1, 1}, .group = random_.below(2) == 0 ? 2 : 4});
  }
  void sliced() {
    network_.convolution(next("wide"), 8, {}, 1);
    const std::string name = next("slice");
    const auto number = [&](const std::string& what, std::int64_t value) {
      return network_.constant(name + what, Tensor::of<std::int64_t>({1}, {value}));
    };
    network_.apply(graph::Slice{}, {network_.value(), number(".begin", 2), number(".end", 7), number(".axis", 1)},
                   name);
    const Value indices = network_.constant(name + ".order", Tensor::of<std::int64_t>({6}, {4, 0, 1, 0, -2, 2}));
    network_.apply(graph::Gather{.axis = 1}, {network_.value(), indices}, next("gather"));
  }
  void transposed() {
    network_.transposed(next("up"), 6, {.strides = {1, 1}, .pads = {1, 1, 1, 1}, .group = 1}, 3);
    network_.transposed(next("up"), 8, {.strides = {1, 1}, .pads = {1, 1, 1, 1}, .group = 2}, 3);
  }

  Random random_;
  Network network_;
  int count_ = 0;
};

/// The graph with zeros in the place of what a removal takes from its float constants.
inline graph::Graph zeroed(graph::Graph graph, std::span<const ChannelGroup> groups) {
  for (const ChannelGroup& group : groups) {
    for (const auto& [value, axis, index] : group) {
      if (!graph.is_constant(value) || graph.constant(value).type() != DataType::float32) continue;
      Tensor tensor = graph.constant(value);
      const Index inner = tensor.shape().count(axis + 1, tensor.shape().rank());
      const Index extent = tensor.shape()[axis];
      for (Index i = 0; i < tensor.count(); ++i) {
        if (i / inner % extent == index) tensor.mutable_data<float>()[i] = 0;
      }
      graph.set_constant(value, std::move(tensor));
    }
  }
  return graph;
}

/// The largest difference of the first outputs of two graphs, relative to the largest element.
inline double difference(const graph::Graph& a, const graph::Graph& b, const Tensor& input) {
  const Tensor x = graph::evaluate(a, {input}).front();
  const Tensor y = graph::evaluate(b, {input}).front();
  if (x.shape() != y.shape()) return INFINITY;
  float largest = 1e-6F;
  float worst = 0;
  for (Index i = 0; i < x.count(); ++i) {
    const float d = std::abs(x.data<float>()[i] - y.data<float>()[i]);
    worst = std::isnan(d) ? INFINITY : std::max(worst, d);
    largest = std::max(largest, std::abs(x.data<float>()[i]));
  }
  return static_cast<double>(worst / largest);
}

}  // namespace condense::compress

#endif
