#ifndef CONDENSE_COMPRESS_DETAIL_BATCH_STREAM_HPP
#define CONDENSE_COMPRESS_DETAIL_BATCH_STREAM_HPP

#include <optional>
#include <span>
#include <vector>

#include "condense/graph/evaluate.hpp"

namespace condense::compress::detail {

/// Some batches on their way through a graph, all of them at the same node. Constants are read from the graph when a
/// node is passed, so that what changes before its turn is seen.
class BatchStream {
 public:
  /// Throws, naming the batch, if one does not fit the graph's inputs.
  BatchStream(const graph::Graph& graph, std::span<const std::vector<Tensor>> batches, ThreadPool pool)
      : pool_(std::move(pool)), uses_(static_cast<std::size_t>(graph.value_count()), 0) {
    for (const graph::Node& node : graph.nodes()) {
      for (const graph::Value value : node.inputs) {
        if (value.exists()) ++uses_[static_cast<std::size_t>(value.index)];
      }
    }
    for (std::size_t i = 0; i < batches.size(); ++i) {
      require(batches[i].size() == graph.inputs().size(), "batch {} has {} tensors, the graph {} inputs", i,
              batches[i].size(), graph.inputs().size());
      Values& values = values_.emplace_back(uses_.size());
      for (std::size_t k = 0; k < batches[i].size(); ++k) {
        const Tensor& tensor = batches[i][k];
        try {
          graph.require_fits(graph.inputs()[k], {tensor.type(), tensor.shape()});
        } catch (const InvalidArgument& error) {
          throw InvalidArgument(fmt::format("batch {}: {}", i, error.what()));
        }
        values[static_cast<std::size_t>(graph.inputs()[k].index)] = tensor;
      }
    }
  }

  /// Calls `body(batch)` for the number of each.
  template <class Body>
  void for_each_batch(Body&& body) const {
    for (Index batch = 0; batch < static_cast<Index>(values_.size()); ++batch) body(batch);
  }

  /// Input i of the node at hand; null if it is absent.
  const Tensor* argument(const graph::Graph& graph, const graph::Node& node, std::size_t i, Index batch) const {
    const graph::Value value = node.inputs[i];
    if (!value.exists()) return nullptr;
    if (const Tensor* constant = graph.constant_if(value)) return constant;
    return &*values_[static_cast<std::size_t>(batch)][static_cast<std::size_t>(value.index)];
  }

  std::vector<const Tensor*> arguments(const graph::Graph& graph, const graph::Node& node, Index batch) const {
    std::vector<const Tensor*> result;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) result.push_back(argument(graph, node, i, batch));
    return result;
  }

  /// Passes nodes()[index], after those before it. A tensor is released after its last use.
  void advance(const graph::Graph& graph, int index) {
    const graph::Node& node = graph.nodes()[static_cast<std::size_t>(index)];
    std::vector<graph::Value> last_used;
    for (const graph::Value value : node.inputs) {
      if (value.exists() && --uses_[static_cast<std::size_t>(value.index)] == 0) last_used.push_back(value);
    }
    for_each_batch([&](Index batch) {
      std::vector<Tensor> results = graph::evaluate_node(node, arguments(graph, node, batch), pool_);
      Values& values = values_[static_cast<std::size_t>(batch)];
      for (std::size_t i = 0; i < results.size(); ++i) {
        const auto output = static_cast<std::size_t>(node.outputs[i].index);
        if (uses_[output] > 0) values[output] = std::move(results[i]);
      }
      for (const graph::Value value : last_used) values[static_cast<std::size_t>(value.index)].reset();
    });
  }

 private:
  using Values = std::vector<std::optional<Tensor>>;

  ThreadPool pool_;
  std::vector<int> uses_;
  std::vector<Values> values_;  ///< Of each batch, by the index of the value.
};

}  // namespace condense::compress::detail

#endif
