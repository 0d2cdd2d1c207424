#ifndef CONDENSE_COMPRESS_DYNAMIC_COST_HPP
#define CONDENSE_COMPRESS_DYNAMIC_COST_HPP

#include <cstdint>
#include <string>
#include <vector>

#include "condense/runtime/compile.hpp"

namespace condense::compress {

/// How the cost of a network is measured.
struct DynamicCostOptions {
  int rounds = 5;  ///< Runs of each sample, of which the median counts; at least 1.
  ThreadPool pool = {};
  runtime::CompileOptions compile = {};  ///< `input_shapes` are those of one sample.
};

/// How often the first branch of an If is taken.
struct BranchRate {
  std::string name;  ///< Of the If.
  double taken = 0;  ///< Share of all samples.
};

/// What a network costs whose work depends on what it sees.
struct DynamicCost {
  double mean_multiply_accumulates = 0;
  std::int64_t worst_multiply_accumulates = 0;
  double mean_seconds = 0;
  double worst_seconds = 0;               ///< The largest of the samples' medians.
  std::vector<BranchRate> branches = {};  ///< In the order of the program.
  Tensor outputs = {};                    ///< The first output for all samples.
};

/// Runs a graph with one input on every sample of `inputs` (samples x ...), one at a time, compiled, and counts the
/// steps that run. Multiply-accumulates are those of the program's products. Throws `InvalidArgument` if there are no
/// samples or no rounds, or the graph has several inputs.
DynamicCost dynamic_cost(const graph::Graph& graph, const Tensor& inputs, const DynamicCostOptions& options = {});

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/dynamic_cost.ipp"
#endif

#endif
