#ifndef CONDENSE_COMPRESS_DETAIL_GATED_CHAIN_HPP
#define CONDENSE_COMPRESS_DETAIL_GATED_CHAIN_HPP

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "condense/compress/detail/operator_kinds.hpp"
#include "condense/graph/operators.hpp"
#include "condense/graph/statistics.hpp"

namespace condense::compress::detail {

/// The way of some channels from where they are made to where they are read.
struct GatedChain {
  graph::Value start = {};      ///< What the first node reads; the channels themselves if no convolution makes them.
  std::vector<int> nodes = {};  ///< In order.
  bool has_maker = false;       ///< The first node is a convolution in one group that makes the channels.
};

/// A graph with who makes and who reads its values.
class GraphView {
 public:
  explicit GraphView(const graph::Graph& viewed)
      : graph(viewed), producers_(viewed.producers()), consumers_(viewed.consumers()) {}

  const graph::Graph& graph;

  const graph::Node& node(int n) const { return graph.nodes()[static_cast<std::size_t>(n)]; }
  int producer(graph::Value value) const {
    return value.exists() ? producers_[static_cast<std::size_t>(value.index)] : -1;
  }
  /// The node that makes a value if it is a `T`, otherwise null.
  template <graph::OperatorType T>
  const graph::Node* producer_of_type(graph::Value value) const {
    const int n = producer(value);
    return n >= 0 && node(n).op.is<T>() ? &node(n) : nullptr;
  }
  /// The node that alone reads a value, -1 if there is none.
  int only_reader(graph::Value value) const {
    const std::vector<int>& readers = consumers_[static_cast<std::size_t>(value.index)];
    return readers.size() == 1 && !graph.is_output(value) ? readers[0] : -1;
  }
  /// Whether the inputs of a node after the first one are constants, or absent.
  bool has_constants(const graph::Node& node) const {
    return std::all_of(node.inputs.begin() + 1, node.inputs.end(),
                       [&](graph::Value value) { return !value.exists() || graph.is_constant(value); });
  }
  Index channels(graph::Value value) const {
    const Shape& shape = graph.type(value).shape;
    return shape.rank() >= 2 ? shape[1] : 0;
  }

  /// A convolution that sees all channels, with constant weights.
  bool is_full_convolution(const graph::Node& node) const {
    const auto* conv = node.op.get_if<graph::Conv>();
    return conv != nullptr && conv->group == 1 && has_constants(node);
  }
  /// One that keeps channels apart.
  bool is_depthwise(const graph::Node& node) const {
    const auto* conv = node.op.get_if<graph::Conv>();
    return conv != nullptr && has_constants(node) && conv->group == channels(node.inputs[0]) &&
           channels(node.outputs[0]) == conv->group;
  }

  /// The way back from channels.
  GatedChain chain_to(graph::Value channels) const {
    GatedChain chain{.start = channels};
    while (true) {
      const int n = producer(chain.start);
      if (n < 0 || only_reader(chain.start) < 0 || !has_constants(node(n))) break;
      const bool makes = is_full_convolution(node(n));
      const bool keeps = is_depthwise(node(n)) || node(n).op.is<graph::BatchNormalization>() ||
                         (is_activation(node(n).op) && node(n).op.type() != "PRelu");
      if (!makes && !keeps) break;
      chain.nodes.insert(chain.nodes.begin(), n);
      chain.start = node(n).inputs[0];
      chain.has_maker = makes;
      if (makes) break;
    }
    return chain;
  }

 private:
  std::vector<int> producers_;
  std::vector<std::vector<int>> consumers_;
};

/// The entries of a tensor at some positions of an axis.
inline Tensor entries(const Tensor& tensor, int axis, const std::vector<Index>& positions) {
  const Tensor indices = Tensor::of<std::int64_t>({static_cast<Index>(positions.size())}, positions);
  const graph::Node gather{"entries", graph::Gather{.axis = axis}, {{}, {}}, {}};
  return graph::evaluate_node(gather, std::vector<const Tensor*>{&tensor, &indices}).front();
}

/// Adds a group's part of a chain, and of the convolution that reads it, to a graph.
class GroupWriter {
 public:
  GroupWriter(const GraphView& view, const GatedChain& chain, const std::vector<Index>& channels, graph::Graph& to)
      : view_(view), chain_(chain), channels_(channels), to_(to) {}

  /// `value` is what the chain starts from. `with_bias` is of the reader.
  graph::Value write(graph::Value value, const graph::Node& reader, bool with_bias) {
    const Index all = view_.channels(reader.inputs[0]);
    if (!chain_.has_maker && static_cast<Index>(channels_.size()) < all) {
      const Tensor indices = Tensor::of<std::int64_t>({static_cast<Index>(channels_.size())}, channels_);
      value = to_.add(graph::Gather{.axis = 1}, {value, to_.constant("channels", indices)}, "group");
    }
    for (const int n : chain_.nodes) value = add_part(view_.node(n), value);
    std::vector<graph::Value> inputs{value, constant(reader.inputs[1], 1)};
    if (with_bias && reader.inputs.size() > 2 && reader.inputs[2].exists())
      inputs.push_back(constant(reader.inputs[2], -1));
    return to_.add(reader.op, std::move(inputs), reader.name);
  }

 private:
  graph::Value add_part(const graph::Node& node, graph::Value value) {
    const bool has_channels = node.op.is<graph::Conv>() || node.op.is<graph::BatchNormalization>();
    std::vector<graph::Value> inputs{value};
    for (std::size_t i = 1; i < node.inputs.size(); ++i)
      inputs.push_back(constant(node.inputs[i], has_channels ? 0 : -1));
    graph::Operator op = node.op;
    if (view_.is_depthwise(node) && !view_.is_full_convolution(node)) {
      graph::Conv conv = *node.op.get_if<graph::Conv>();
      conv.group = static_cast<Index>(channels_.size());
      op = conv;
    }
    return to_.add(std::move(op), std::move(inputs), node.name);
  }

  /// A constant's entries of the group along an axis; all of it for an axis of -1.
  graph::Value constant(graph::Value value, int axis) {
    if (!value.exists()) return graph::kNoValue;
    const Tensor& all = view_.graph.constant(value);
    return to_.constant(to_.unused_value_name(view_.graph.name(value)), axis < 0 ? all : entries(all, axis, channels_));
  }

  const GraphView& view_;
  const GatedChain& chain_;
  const std::vector<Index>& channels_;
  graph::Graph& to_;
};

}  // namespace condense::compress::detail

#endif
