#ifndef CONDENSE_RUNTIME_COMPILE_IPP
#define CONDENSE_RUNTIME_COMPILE_IPP

#include "condense/core/inline.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/runtime/compile.hpp"
#include "condense/runtime/detail/finish_plan.hpp"
#include "condense/runtime/detail/lower.hpp"
#include "condense/runtime/detail/pair_products.hpp"

namespace condense::runtime {

CONDENSE_INLINE Program compile(const graph::Graph& graph, const CompileOptions& options) {
  std::vector<Shape> shapes = options.input_shapes;
  if (shapes.empty()) {
    for (const graph::Value value : graph.inputs()) shapes.push_back(graph.type(value).shape);
  }
  detail::Lowering lowering(graph, graph::infer_values(graph, shapes), options.kernels,
                            options.weights ? options.weights : std::make_shared<WeightStore>());
  lowering.set_quantizes_rows(options.quantize_rows);
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
  if (options.pair_products) detail::pair_products(plan);
  detail::finish(plan);
  return Program(std::make_shared<const detail::Plan>(std::move(plan)));
}

}  // namespace condense::runtime

#endif
