#ifndef CONDENSE_COMPRESS_DYNAMIC_PRUNING_IPP
#define CONDENSE_COMPRESS_DYNAMIC_PRUNING_IPP

#include <numeric>

#include "condense/compress/detail/gated_chain.hpp"
#include "condense/compress/dynamic_pruning.hpp"
#include "condense/core/inline.hpp"
#include "condense/graph/passes/fold_batch_norm.hpp"
#include "condense/graph/passes/remove_dead_nodes.hpp"

namespace condense::compress {

namespace detail {

/// A gate as it stands in a graph.
struct FoundGate {
  int multiply = 0;  ///< Indices of nodes.
  int reader = 0;
  graph::Value open;
  graph::Value probabilities;         ///< The sigmoids of the logits.
  std::vector<Index> groups_of = {};  ///< Of each channel.
  GatedChain chain = {};

  Index groups() const { return *std::ranges::max_element(groups_of) + 1; }
  std::vector<Index> channels_of(Index group) const {
    std::vector<Index> channels;
    for (std::size_t c = 0; c < groups_of.size(); ++c) {
      if (groups_of[c] == group) channels.push_back(static_cast<Index>(c));
    }
    return channels;
  }
};

inline std::optional<FoundGate> gate_at(const GraphView& view, int n) {
  const graph::Node& multiply = view.node(n);
  if (!multiply.op.is<graph::Mul>()) return {};
  const graph::Node* reshape = view.producer_of_type<graph::Reshape>(multiply.inputs[1]);
  const graph::Node* gather = reshape ? view.producer_of_type<graph::Gather>(reshape->inputs[0]) : nullptr;
  const graph::Node* rounded = gather ? view.producer_of_type<graph::DequantizeLinear>(gather->inputs[0]) : nullptr;
  const graph::Node* codes = rounded ? view.producer_of_type<graph::QuantizeLinear>(rounded->inputs[0]) : nullptr;
  if (codes == nullptr || view.producer_of_type<graph::Sigmoid>(codes->inputs[0]) == nullptr) return {};
  const Tensor* indices = view.graph.constant_if(gather->inputs[1]);
  const int reader = view.only_reader(multiply.outputs[0]);
  if (indices == nullptr || indices->type() != DataType::int64 || reader < 0 ||
      !view.is_full_convolution(view.node(reader)) || view.node(reader).inputs[0] != multiply.outputs[0]) {
    return {};
  }
  FoundGate gate{.multiply = n, .reader = reader, .open = gather->inputs[0], .probabilities = codes->inputs[0]};
  const auto groups = indices->values<std::int64_t>();
  gate.groups_of.assign(groups.begin(), groups.end());
  if (static_cast<Index>(groups.size()) != view.channels(multiply.inputs[0])) return {};
  gate.chain = view.chain_to(multiply.inputs[0]);
  return gate;
}

inline std::vector<FoundGate> find_gates(const GraphView& view) {
  std::vector<FoundGate> gates;
  for (int n = 0; n < static_cast<int>(view.graph.nodes().size()); ++n) {
    if (auto gate = gate_at(view, n)) gates.push_back(*std::move(gate));
  }
  return gates;
}

/// The convolutions that residual branches end with: what they make, through batch normalisation if there is one, is
/// added to what their branch starts from.
inline std::vector<int> ends_of_residual_branches(const GraphView& view) {
  std::vector<int> ends;
  for (const graph::Node& node : view.graph.nodes()) {
    if (!node.op.is<graph::Add>()) continue;
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
      graph::Value value = node.inputs[i];
      if (const auto* norm = view.producer_of_type<graph::BatchNormalization>(value)) value = norm->inputs[0];
      const int end = view.producer(value);
      if (end < 0 || view.only_reader(value) < 0 || !view.is_full_convolution(view.node(end))) continue;
      graph::Value start = view.chain_to(view.node(end).inputs[0]).start;
      if (start == node.inputs[1 - i] && start != view.node(end).inputs[0]) {
        ends.push_back(end);
        break;
      }
    }
  }
  return ends;
}

inline graph::Value named_constant(graph::Graph& graph, const std::string& name, Tensor tensor) {
  return graph.constant(graph.unused_value_name(name), std::move(tensor));
}

/// Puts a gate before the convolution nodes()[reader].
inline void add_gate(graph::Graph& graph, int reader, const ChannelGatingConfig& config) {
  const GraphView view(graph);
  const graph::Node node = view.node(reader);
  const Index channels = view.channels(node.inputs[0]);
  require(config.groups <= channels, "the layer '{}' reads {} channels, which cannot be divided into {} groups",
          node.name, channels, config.groups);
  const graph::Value start = view.chain_to(node.inputs[0]).start;
  const std::string name = node.name + ".gate";
  const auto constant = [&](const std::string& part, Tensor tensor) {
    return named_constant(graph, name + part, std::move(tensor));
  };
  Tensor bias(DataType::float32, {config.groups});
  std::ranges::fill(bias.mutable_values<float>(), config.first_logit);
  const Tensor weights(DataType::float32, {config.groups, view.channels(start)});
  std::vector<std::int64_t> group_of(static_cast<std::size_t>(channels));
  for (Index c = 0; c < channels; ++c) group_of[static_cast<std::size_t>(c)] = c * config.groups / channels;
  std::vector<std::int64_t> shape(static_cast<std::size_t>(graph.type(node.inputs[0]).shape.rank()), 1);
  shape[0] = 0;
  shape[1] = channels;

  const graph::Value mean = graph.add(graph::GlobalAveragePool{}, {start}, name + ".mean");
  const graph::Value logits = graph.add(
      graph::Gemm{.trans_b = true},
      {graph.add(graph::Flatten{}, {mean}, name + ".flat"), constant(".weight", weights), constant(".bias", bias)},
      name + ".logits");
  const graph::Value probabilities = graph.add(graph::Sigmoid{}, {logits}, name + ".probabilities");
  const graph::Value one = constant(".scale", Tensor::scalar(1.0F));
  const graph::Value codes =
      graph.add(graph::QuantizeLinear{}, {probabilities, one, constant(".zero", Tensor::scalar(std::uint8_t{0}))},
                name + ".codes");
  const graph::Value open =
      graph.add(graph::DequantizeLinear{}, {codes, one, graph.nodes().back().inputs[2]}, name + ".open");
  const Tensor groups = Tensor::of<std::int64_t>({channels}, std::span<const std::int64_t>(group_of));
  const graph::Value of_channels =
      graph.add(graph::Gather{.axis = 1}, {open, constant(".groups", groups)}, name + ".channels");
  const Tensor extents =
      Tensor::of<std::int64_t>({static_cast<Index>(shape.size())}, std::span<const std::int64_t>(shape));
  const graph::Value mask = graph.add(graph::Reshape{}, {of_channels, constant(".shape", extents)}, name + ".mask");
  const graph::Value gated = graph.add(graph::Mul{}, {node.inputs[0], mask}, name);
  graph.set_input(reader, 0, gated);
}

/// A graph of the inputs that a branch reads; `build(graph, values)` makes its output.
template <class Build>
std::shared_ptr<const graph::Graph> branch(const graph::Graph& outer, const std::vector<graph::Value>& captures,
                                           Build&& build) {
  graph::Graph body;
  std::vector<graph::Value> values;
  for (const graph::Value capture : captures) {
    values.push_back(
        body.input(fmt::format("input{}", values.size()), outer.type(capture).type, outer.type(capture).shape));
  }
  body.output(build(body, values), "result");
  return std::make_shared<const graph::Graph>(std::move(body));
}

/// Makes branches of the groups of one gate.
class GateUnfolding {
 public:
  GateUnfolding(graph::Graph& graph, const FoundGate& gate) : graph_(graph), view_(graph), gate_(gate) {
    const graph::Node& reader = view_.node(gate.reader);
    result_ = reader.outputs[0];
    const int sum = view_.only_reader(result_);
    if (sum >= 0 && view_.node(sum).op.is<graph::Add>()) {
      const graph::Node& add = view_.node(sum);
      const graph::Value other = add.inputs[add.inputs[0] == result_ ? 1 : 0];
      if (other != result_ && !graph.is_constant(other) && graph.type(other) == graph.type(result_)) {
        residual_ = other;
        result_ = add.outputs[0];
      }
    }
    const int relu = view_.only_reader(result_);
    if (relu >= 0 && view_.node(relu).op.is<graph::Relu>()) {
      has_relu_ = true;
      result_ = view_.node(relu).outputs[0];
    }
  }

  void run() {
    const std::string name = view_.node(gate_.multiply).name;
    const graph::Value half = named_constant(graph_, name + ".half", Tensor::scalar(0.5F));
    const graph::Value open = graph_.add(graph::Greater{}, {gate_.probabilities, half}, name + ".is_open");
    graph::Value sum = residual_;
    for (Index group = 0; group < gate_.groups(); ++group) {
      graph::Value condition = open;
      if (gate_.groups() > 1) {
        const graph::Value number = named_constant(graph_, name + ".group", Tensor::of<std::int64_t>({1}, {group}));
        condition = graph_.add(graph::Gather{.axis = 1}, {open, number}, fmt::format("{}.is_open.{}", name, group));
      }
      sum = add_group(group, condition, sum, gate_.groups() == 1 ? name : fmt::format("{}.{}", name, group));
    }
    if (graph_.is_output(result_)) {  // which keeps its name
      const std::string output = graph_.name(result_);
      graph_.rename(result_, graph_.unused_value_name(output + ".gated"));
      graph_.rename(sum, output);
    }
    graph_.replace_uses(result_, sum);
    graph::remove_dead_nodes(graph_);
  }

 private:
  using Values = std::vector<graph::Value>;

  /// The sum so far (none for the first group without a residual) plus what a group makes, if it is open.
  graph::Value add_group(Index group, graph::Value condition, graph::Value sum, const std::string& name) {
    const graph::Node& reader = view_.node(gate_.reader);
    const std::vector<Index> channels = gate_.channels_of(group);
    const bool is_first = group == 0;
    const bool with_relu = has_relu_ && group == gate_.groups() - 1;
    const auto finished = [&](graph::Graph& body, graph::Value value) {
      if (with_relu) return body.add(graph::Relu{}, {value}, "relu");
      const bool is_input = std::ranges::find(body.inputs(), value) != body.inputs().end();  // a branch needs a node
      return is_input ? body.add(graph::Identity{}, {value}, "same") : value;
    };
    Values if_open{gate_.chain.start};
    Values if_closed;
    if (sum.exists()) {
      if_open.push_back(sum);
      if_closed.push_back(sum);
    }
    const auto open = branch(graph_, if_open, [&](graph::Graph& body, const Values& values) {
      graph::Value result = GroupWriter(view_, gate_.chain, channels, body).write(values[0], reader, is_first);
      if (values.size() > 1) result = body.add(graph::Add{}, {values[1], result}, "sum");
      return finished(body, result);
    });
    const auto closed = branch(graph_, if_closed, [&](graph::Graph& body, const Values& values) {
      if (!is_first) return finished(body, values[0]);
      const Tensor bias = bias_of(reader);
      if (!values.empty() && !has_bias(reader)) return finished(body, values[0]);
      const graph::Value of_channels = body.constant("bias", bias);
      if (!values.empty()) return finished(body, body.add(graph::Add{}, {values[0], of_channels}, "biased"));
      const Shape& shape = graph_.type(reader.outputs[0]).shape;
      const std::vector<std::int64_t> extents(shape.begin(), shape.end());
      const Tensor wanted = Tensor::of<std::int64_t>({shape.rank()}, std::span<const std::int64_t>(extents));
      return finished(body, body.add(graph::Expand{}, {of_channels, body.constant("shape", wanted)}, "biases"));
    });
    Values inputs{condition};
    inputs.insert(inputs.end(), if_open.begin(), if_open.end());
    inputs.insert(inputs.end(), if_closed.begin(), if_closed.end());
    return graph_.add(graph::If{open, closed}, std::move(inputs), name + ".if");
  }

  static bool has_bias(const graph::Node& reader) { return reader.inputs.size() > 2 && reader.inputs[2].exists(); }

  /// The bias of a convolution, or zeros, as (1, c, 1, ...).
  Tensor bias_of(const graph::Node& reader) const {
    const Shape& shape = graph_.type(reader.outputs[0]).shape;
    std::vector<Index> extents(static_cast<std::size_t>(shape.rank()), 1);
    extents[1] = shape[1];
    const Shape broadcast{std::span<const Index>(extents)};
    if (!has_bias(reader)) return Tensor(DataType::float32, broadcast);
    return graph_.constant(reader.inputs[2]).reshaped(broadcast);
  }

  graph::Graph& graph_;
  const GraphView view_;
  const FoundGate gate_;
  graph::Value result_ = {};  ///< What the branches together stand for.
  graph::Value residual_ = {};
  bool has_relu_ = false;
};

}  // namespace detail

CONDENSE_INLINE graph::Graph add_channel_gates(const graph::Graph& graph, const ChannelGatingConfig& config) {
  require(config.groups >= 1, "channels are divided into 1 group or more, not {}", config.groups);
  require(std::isfinite(config.first_logit), "the first logit of a gate is a number, not {}", config.first_logit);
  const detail::GraphView view(graph);
  std::vector<int> readers;
  for (const std::string& layer : config.layers) {
    const auto node = std::ranges::find(graph.nodes(), layer, &graph::Node::name);
    require(node != graph.nodes().end(), "the graph has no layer '{}' to gate the inputs of", layer);
    require(view.is_full_convolution(*node),
            "the layer '{}' ({}) is no convolution in one group with constant weights; gates go before those", layer,
            node->op.type());
    readers.push_back(static_cast<int>(node - graph.nodes().begin()));
  }
  if (config.layers.empty()) {
    readers = detail::ends_of_residual_branches(view);
    require(!readers.empty(), "the graph has no residual branch that ends with a convolution; name layers to gate");
  }
  graph::Graph result = graph;
  for (const int reader : readers) detail::add_gate(result, reader, config);  // nodes are added behind the others
  result.sort();
  return result;
}

CONDENSE_INLINE std::vector<ChannelGate> channel_gates(const graph::Graph& graph) {
  const detail::GraphView view(graph);
  std::vector<ChannelGate> gates;
  for (const detail::FoundGate& found : detail::find_gates(view)) {
    const graph::Node& multiply = view.node(found.multiply);
    const graph::Node& reader = view.node(found.reader);
    std::int64_t whole = graph::multiply_accumulates(graph, reader);
    for (const int n : found.chain.nodes) whole += graph::multiply_accumulates(graph, view.node(n));
    ChannelGate gate{multiply.name, reader.name, found.open, multiply.outputs[0]};
    const auto channels = static_cast<std::int64_t>(found.groups_of.size());
    for (Index group = 0; group < found.groups(); ++group) {
      gate.multiply_accumulates.push_back(whole * std::ssize(found.channels_of(group)) / channels);
    }
    gates.push_back(std::move(gate));
  }
  return gates;
}

CONDENSE_INLINE std::vector<graph::Value> gate_values(const graph::Graph& graph) {
  std::vector<graph::Value> values;
  for (const ChannelGate& gate : channel_gates(graph)) values.push_back(gate.open);
  return values;
}

CONDENSE_INLINE train::Objective with_gate_cost(const graph::Graph& graph, double target, double weight,
                                                train::Objective objective) {
  require(target >= 0 && target <= 1, "the target rate of the gates is 0 to 1, not {}", target);
  require(weight >= 0, "the weight of the gates' cost is 0 or more, not {}", weight);
  const std::vector<ChannelGate> gates = channel_gates(graph);
  require(!gates.empty(), "the graph has no gates; add_channel_gates makes some");
  if (!objective) objective = train::objective(graph, train::SoftmaxCrossEntropy{});
  double total = 0;
  for (const ChannelGate& gate : gates) {
    total = std::accumulate(gate.multiply_accumulates.begin(), gate.multiply_accumulates.end(), total);
  }
  return [=](const train::ForwardPass& pass, const train::Batch& batch) {
    train::ObjectiveValue result = objective(pass, batch);
    const auto samples = static_cast<double>(pass.value(gates[0].open).shape()[0]);
    double rate = 0;
    for (const ChannelGate& gate : gates) {
      const Tensor& open = pass.value(gate.open);
      const auto groups = gate.multiply_accumulates.size();
      const std::span<const float> decisions = open.values<float>();
      for (std::size_t i = 0; i < decisions.size(); ++i) {
        rate += static_cast<double>(decisions[i]) * static_cast<double>(gate.multiply_accumulates[i % groups]);
      }
    }
    rate /= samples * total;
    result.value += weight * (rate - target) * (rate - target);
    for (const ChannelGate& gate : gates) {
      const Tensor& open = pass.value(gate.open);
      Tensor gradient(DataType::float32, open.shape());
      float* slope = gradient.mutable_data<float>();
      const auto groups = gate.multiply_accumulates.size();
      for (std::size_t i = 0; i < static_cast<std::size_t>(open.count()); ++i) {
        const auto cost = static_cast<double>(gate.multiply_accumulates[i % groups]);
        slope[i] = static_cast<float>(2 * weight * (rate - target) * cost / (samples * total));
      }
      result.gradients.push_back({gate.open, std::move(gradient)});
    }
    return result;
  };
}

CONDENSE_INLINE graph::Graph to_conditional(const graph::Graph& graph) {
  graph::Graph result = graph;
  graph::fold_batch_norm(result);
  graph::remove_dead_nodes(result);
  bool is_any = false;
  while (true) {
    const detail::GraphView view(result);
    const std::vector<detail::FoundGate> gates = detail::find_gates(view);
    if (gates.empty()) break;
    is_any = true;
    detail::GateUnfolding(result, gates.front()).run();
  }
  require(is_any, "the graph has no gates; add_channel_gates makes some");
  return result;
}

}  // namespace condense::compress

#endif
