#ifndef CONDENSE_COMPRESS_DYNAMIC_COST_IPP
#define CONDENSE_COMPRESS_DYNAMIC_COST_IPP

#include <array>

#include "condense/compress/dynamic_cost.hpp"
#include "condense/core/inline.hpp"
#include "condense/core/timing.hpp"
#include "condense/train/dataset.hpp"

namespace condense::compress {

CONDENSE_INLINE DynamicCost dynamic_cost(const graph::Graph& graph, const Tensor& inputs,
                                         const DynamicCostOptions& options) {
  require(options.rounds >= 1, "each sample is run 1 time or more, not {}", options.rounds);
  require(graph.inputs().size() == 1 && !graph.outputs().empty(),
          "the graph has {} inputs and {} outputs; one input and an output are needed", graph.inputs().size(),
          graph.outputs().size());
  require(inputs.shape().rank() >= 1 && inputs.shape()[0] >= 1, "inputs of shape {} hold no samples",
          inputs.shape().to_string());
  runtime::CompileOptions compile = options.compile;
  if (compile.input_shapes.empty()) compile.input_shapes = {inputs.shape().with(0, 1)};
  runtime::Program program = runtime::compile(graph, compile);
  const std::vector<runtime::StepInfo> steps = program.steps();
  const Index samples = inputs.shape()[0];

  DynamicCost cost;
  std::vector<std::int64_t> runs(steps.size(), 0);
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < program.output_count(); ++i) {
    outputs.emplace_back(program.output_type(i).type, program.output_type(i).shape);
  }
  std::vector<double> seconds(static_cast<std::size_t>(options.rounds));
  const std::size_t row = outputs[0].bytes();
  std::vector<Index> extents(outputs[0].shape().begin(), outputs[0].shape().end());
  require(!extents.empty() && extents[0] == 1, "the output of one sample has shape {}; its first extent must be 1",
          outputs[0].shape().to_string());
  extents[0] = samples;
  cost.outputs = Tensor(outputs[0].type(), Shape(std::span<const Index>(extents)));
  for (Index sample = 0; sample < samples; ++sample) {
    const Tensor input = train::gather(inputs, std::array{sample});
    std::int64_t work = 0;
    program.run({&input, 1}, outputs, options.pool, [&](std::size_t step) {
      if (step == steps.size()) return;
      ++runs[step];
      work += steps[step].multiply_accumulates;
    });
    cost.mean_multiply_accumulates += static_cast<double>(work) / static_cast<double>(samples);
    cost.worst_multiply_accumulates = std::max(cost.worst_multiply_accumulates, work);
    std::memcpy(cost.outputs.mutable_raw() + static_cast<std::size_t>(sample) * row, outputs[0].raw(), row);
    for (double& time : seconds) {
      time = seconds_of([&] { program.run({&input, 1}, outputs, options.pool); }, Clock::wall);
    }
    const double typical = median(seconds);
    cost.mean_seconds += typical / static_cast<double>(samples);
    cost.worst_seconds = std::max(cost.worst_seconds, typical);
  }
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) {
    if (steps[i].kernel != "branch" || steps[i].operation != "If") continue;
    cost.branches.push_back({steps[i].name, static_cast<double>(runs[i + 1]) / static_cast<double>(samples)});
  }
  return cost;
}

}  // namespace condense::compress

#endif
