#ifndef CONDENSE_RUNTIME_COMPILE_IPP
#define CONDENSE_RUNTIME_COMPILE_IPP

#include "condense/core/inline.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/runtime/compile.hpp"
#include "condense/runtime/detail/finish_plan.hpp"
#include "condense/runtime/detail/lower_branches.hpp"
#include "condense/runtime/detail/pair_products.hpp"

namespace condense::runtime {

CONDENSE_INLINE Program compile(const graph::Graph& graph, const CompileOptions& options) {
  std::vector<Shape> shapes = options.input_shapes;
  if (shapes.empty()) {
    for (const graph::Value value : graph.inputs()) shapes.push_back(graph.type(value).shape);
  }
  detail::FlatGraph flat;
  if (detail::has_branches(graph)) flat = detail::BranchFlattener(graph, shapes).take();
  const graph::Graph& network = detail::has_branches(graph) ? flat.graph : graph;
  detail::Lowering lowering(network, graph::infer_values(network, shapes), options.kernels,
                            options.weights ? options.weights : std::make_shared<WeightStore>());
  lowering.set_quantizes_rows(options.quantize_rows);
  lowering.set_sparse_products(options.sparse_products);
  detail::Plan& plan = lowering.plan();
  for (const graph::Value value : network.inputs()) {
    const int buffer = lowering.produce(value, detail::Layout::channels_first);
    plan.inputs.push_back({network.name(value), lowering.type(value), buffer});
  }
  detail::BranchLowering(lowering, flat.conditionals).lower_all();
  for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
    const graph::Value value = network.outputs()[i];
    const std::string& name_of_output = graph.name(graph.outputs()[i]);
    if (is_packed(lowering.type(value).type)) {
      throw Unsupported(fmt::format("the output '{}' is {}; give outputs of 8 bits or more", name_of_output,
                                    name(lowering.type(value).type)));
    }
    const int buffer = lowering.request(value, detail::Layout::channels_first);
    plan.outputs.push_back({name_of_output, lowering.type(value), buffer});
  }
  if (options.pair_products) detail::pair_products(plan);
  detail::finish(plan);
  return Program(std::make_shared<const detail::Plan>(std::move(plan)));
}

}  // namespace condense::runtime

#endif
