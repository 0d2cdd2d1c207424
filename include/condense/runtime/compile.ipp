#ifndef CONDENSE_RUNTIME_COMPILE_IPP
#define CONDENSE_RUNTIME_COMPILE_IPP

#include <set>

#include "condense/core/inline.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/runtime/compile.hpp"
#include "condense/runtime/detail/lower.hpp"

namespace condense::runtime {

namespace detail {

/// When each buffer is needed: inputs from the start, outputs to the end, others from their first to their last step.
inline std::vector<Lifetime> lifetimes(const Plan& plan) {
  constexpr int kNever = std::numeric_limits<int>::max();
  std::vector<Lifetime> result;
  for (const BufferInfo& buffer : plan.buffers) result.push_back({buffer.constant ? 0 : buffer.bytes, kNever, -1});
  const auto touch = [&](int buffer, int step) {
    Lifetime& lifetime = result[static_cast<std::size_t>(buffer)];
    lifetime.first = std::min(lifetime.first, step);
    lifetime.last = std::max(lifetime.last, step);
  };
  for (const Port& port : plan.inputs) touch(port.buffer, 0);
  for (std::size_t step = 0; step < plan.steps.size(); ++step) {
    for (const int buffer : plan.steps[step].reads) touch(buffer, static_cast<int>(step));
    for (const int buffer : plan.steps[step].writes) touch(buffer, static_cast<int>(step));
  }
  for (const Port& port : plan.outputs) touch(port.buffer, static_cast<int>(plan.steps.size()));
  for (const Port& port : plan.inputs) {
    for (const Port& output : plan.outputs) {
      if (output.buffer == port.buffer) touch(port.buffer, static_cast<int>(plan.steps.size()));
    }
  }
  return result;
}

/// Fills in what each step reads and writes.
inline void count_bytes(Plan& plan) {
  for (Step& step : plan.steps) {
    const std::set<int> reads(step.reads.begin(), step.reads.end());
    for (const int buffer : reads) {
      const BufferInfo& info = plan.buffers[static_cast<std::size_t>(buffer)];
      if (!info.is_table) (info.constant ? step.info.weight_bytes : step.info.bytes_read) += info.bytes;
    }
    for (const int buffer : step.writes)
      step.info.bytes_written += plan.buffers[static_cast<std::size_t>(buffer)].bytes;
  }
  for (const BufferInfo& buffer : plan.buffers) {
    if (buffer.constant && !buffer.is_table) plan.weight_bytes += buffer.bytes;
  }
}

}  // namespace detail

CONDENSE_INLINE Program compile(const graph::Graph& graph, const CompileOptions& options) {
  std::vector<Shape> shapes = options.input_shapes;
  if (shapes.empty()) {
    for (const graph::Value value : graph.inputs()) shapes.push_back(graph.type(value).shape);
  }
  detail::Lowering lowering(graph, graph::infer_values(graph, shapes), options.kernels,
                            options.weights ? options.weights : std::make_shared<WeightStore>());
  detail::Plan& plan = lowering.plan();
  for (const graph::Value value : graph.inputs()) {
    const int buffer = lowering.produce(value, detail::Layout::channels_first);
    plan.inputs.push_back({graph.name(value), lowering.type(value), buffer});
  }
  for (const graph::Node& node : graph.nodes()) detail::lower(lowering, node);
  for (const graph::Value value : graph.outputs()) {
    if (is_packed(lowering.type(value).type)) {
      throw Unsupported(fmt::format("the output '{}' is {}; give outputs of 8 bits or more", graph.name(value),
                                    name(lowering.type(value).type)));
    }
    const int buffer = lowering.request(value, detail::Layout::channels_first);
    plan.outputs.push_back({graph.name(value), lowering.type(value), buffer});
  }
  detail::count_bytes(plan);
  plan.arena = plan_arena(detail::lifetimes(plan));
  return Program(std::make_shared<const detail::Plan>(std::move(plan)));
}

}  // namespace condense::runtime

#endif
