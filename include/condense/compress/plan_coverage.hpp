#ifndef CONDENSE_COMPRESS_PLAN_COVERAGE_HPP
#define CONDENSE_COMPRESS_PLAN_COVERAGE_HPP

#include "condense/compress/post_training.hpp"

namespace condense::compress {

/// How every node would compute after `post_training` with this configuration. It needs no data, for the plan does not
/// depend on them; only what is changed for the sake of values, such as a raised weight scale, is not foreseen.
///
/// Throws `InvalidArgument` if the configuration names a node that is not there, was folded into another one, or gets
/// an integer format without having weights.
inline Coverage plan_coverage(const graph::Graph& original, PostTrainingConfig config = {}) {
  const graph::Graph graph = simplified(original);
  detail::check_names(original, graph, config);
  for (const std::string& name : config.keep_float) config.weights.overrides[name] = quantize::NumberFormat{};
  const detail::QuantizationPlan plan =
      detail::QuantizationPlanner(graph, config.weights, config.activations.quantize).run();
  Coverage coverage;
  for (const graph::Node& node : graph.nodes()) {
    coverage.nodes.push_back(plan.nodes.at(node.name));
    const std::int64_t work = graph::multiply_accumulates(graph, node);
    coverage.multiply_accumulates += work;
    if (coverage.nodes.back().execution == Execution::integer) coverage.integer_multiply_accumulates += work;
  }
  return coverage;
}

}  // namespace condense::compress

#endif
