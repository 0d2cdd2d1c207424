#ifndef CONDENSE_TRAIN_TRAINING_MODE_HPP
#define CONDENSE_TRAIN_TRAINING_MODE_HPP

#include "condense/graph/graph.hpp"
#include "condense/graph/operators/batch_normalization.hpp"

namespace condense::train {

namespace detail {

inline graph::Graph with_training_mode(graph::Graph graph, bool training) {
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const graph::Node& node = graph.nodes()[n];
    const auto* found = node.op.get_if<graph::BatchNormalization>();
    if (found == nullptr || found->training_mode == training) continue;
    for (const std::size_t i : {std::size_t{3}, std::size_t{4}}) {
      require(graph.is_constant(node.inputs[i]),
              "node '{}': its running {} (input {}) is not a constant of the graph, so training could not keep it",
              node.name, i == 3 ? "mean" : "variance", i);
    }
    graph::BatchNormalization changed = *found;
    changed.training_mode = training;
    graph.set_operator(static_cast<int>(n), changed);
    graph.set_output_count(static_cast<int>(n), training ? 3 : 1);
  }
  graph.sort();
  return graph;
}

}  // namespace detail

/// The graph for training: its batch normalisations use the statistics of the batch, and have two more outputs, the
/// running statistics brought up to date. Values keep their handles and names.
inline graph::Graph to_training(graph::Graph graph) { return detail::with_training_mode(std::move(graph), true); }

/// The graph for inference: its batch normalisations use the running statistics. The inverse of `to_training`.
inline graph::Graph to_inference(graph::Graph graph) { return detail::with_training_mode(std::move(graph), false); }

/// The outputs of a training graph that hold the updated running statistics, and the constants that they replace.
struct RunningStatistic {
  graph::Value constant;
  graph::Value updated;
};

/// Those of every batch normalisation in training mode. After each step the constant takes the updated value,
///
///     running = running * momentum + batch * (1 - momentum),
///
/// ONNX's convention, momentum 0.9 by default; the batch's variance is the population variance. (PyTorch's momentum is
/// one minus this one, and its running variance is unbiased.)
inline std::vector<RunningStatistic> running_statistics(const graph::Graph& graph) {
  std::vector<RunningStatistic> statistics;
  for (const graph::Node& node : graph.nodes()) {
    const auto* op = node.op.get_if<graph::BatchNormalization>();
    if (op == nullptr || !op->training_mode) continue;
    statistics.push_back({node.inputs[3], node.outputs[1]});
    statistics.push_back({node.inputs[4], node.outputs[2]});
  }
  return statistics;
}

}  // namespace condense::train

#endif
