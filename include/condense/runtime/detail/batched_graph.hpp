#ifndef CONDENSE_RUNTIME_DETAIL_BATCHED_GRAPH_HPP
#define CONDENSE_RUNTIME_DETAIL_BATCHED_GRAPH_HPP

#include <fmt/format.h>

#include <vector>

#include "condense/graph/operators/control_flow.hpp"
#include "condense/runtime/compile.hpp"

namespace condense::runtime::detail {

/// A graph as a batch scheduler sees it: the type of one request, and programs for many.
class BatchedGraph {
 public:
  BatchedGraph(const graph::Graph& graph, const CompileOptions& options) : graph_(graph), options_(options) {
    require(!graph.inputs().empty(), "the graph has no inputs; there is nothing to make a batch of");
    const bool is_given = !options.input_shapes.empty();
    require(!is_given || options.input_shapes.size() == graph.inputs().size(),
            "the graph has {} inputs, {} shapes are given", graph.inputs().size(), options.input_shapes.size());
    for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
      const graph::Value input = graph.inputs()[i];
      const Shape& declared = graph.declared_shape(input);
      require(declared.rank() > 0 && declared[0] == kDynamic,
              "the input '{}' of shape {} has no dynamic first dimension along which requests could be gathered; "
              "make it a constant of the graph, or give it a batch dimension",
              graph.name(input), declared.to_string());
      require(!is_packed(graph.type(input).type), "the input '{}' is {}; give inputs of 8 bits or more",
              graph.name(input), name(graph.type(input).type));
      if (is_given) {
        const Shape& shape = options.input_shapes[i];
        require(shape.rank() > 0 && shape[0] == 1,
                "the shape {} for the input '{}' is not that of one request, whose first extent is 1",
                shape.to_string(), graph.name(input));
        shapes_.push_back(shape);
      } else {
        shapes_.push_back(graph.type(input).shape.with(0, 1));
      }
    }
  }

  /// Throws `Unsupported` naming a node that looks at the batch as a whole.
  void require_independent_requests() const {
    for (const graph::Node& node : graph_.nodes()) {
      if (node.op.is<graph::If>()) {
        throw Unsupported(
            fmt::format("node '{}' (If) takes one branch for the whole batch, so that an answer would depend on the "
                        "requests that came with it; set the largest batch to 1",
                        node.name));
      }
      if (!node.op.type().starts_with("DynamicQuantize")) continue;  // Linear, LSTM
      throw Unsupported(
          fmt::format("node '{}' ({}) takes one range for the whole batch, so that an answer would depend "
                      "on the requests that came with it; quantise the graph with calibrated ranges, or "
                      "set the largest batch to 1",
                      node.name, node.op.type()));
    }
  }

  /// A program for a batch, that of 1 before any other. Throws naming the output that has no part for each request.
  Program compile(Index batch) {
    CompileOptions options = options_;
    options.input_shapes.clear();
    for (const Shape& shape : shapes_) options.input_shapes.push_back(shape.with(0, batch));
    Program program = runtime::compile(graph_, options);
    for (std::size_t i = 0; i < program.output_count(); ++i) {
      const Shape& shape = program.output_type(i).shape;
      if (batch == 1) outputs_.push_back(shape);
      require(shape.rank() > 0 && shape[0] == batch && shape.with(0, 1) == outputs_[i],
              "the output '{}' has shape {} for a batch of {}, for one request it has {}; its first extent has to be "
              "the batch and no other may depend on it, so that each request can be given its part",
              graph_.name(graph_.outputs()[i]), shape.to_string(), batch, outputs_[i].to_string());
    }
    return program;
  }

 private:
  const graph::Graph& graph_;
  const CompileOptions& options_;
  std::vector<Shape> shapes_;   ///< Of the inputs of one request.
  std::vector<Shape> outputs_;  ///< Of its outputs.
};

}  // namespace condense::runtime::detail

#endif
