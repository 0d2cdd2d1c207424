#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_REDUCTION_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_REDUCTION_HPP

#include "condense/graph/operators/reductions.hpp"
#include "condense/runtime/detail/lowering.hpp"
#include "condense/runtime/detail/steps/reduction.hpp"

namespace condense::runtime::detail {

/// A reduction operator as the kernels have it.
struct Reduction {
  ReductionKind kind = ReductionKind::sum;
  bool keepdims = true;
  bool noop_with_empty_axes = false;
};

/// That of a node; empty if it is none.
inline std::optional<Reduction> reduction_of(const graph::Node& node) {
  std::optional<Reduction> result;
  const auto look = [&]<class Op>(std::type_identity<Op>, ReductionKind kind) {
    const auto* op = node.op.get_if<Op>();
    if (op != nullptr) result = Reduction{kind, op->keepdims, op->noop_with_empty_axes};
  };
  look(std::type_identity<graph::ReduceSum>{}, ReductionKind::sum);
  look(std::type_identity<graph::ReduceMean>{}, ReductionKind::mean);
  look(std::type_identity<graph::ReduceL1>{}, ReductionKind::magnitudes);
  look(std::type_identity<graph::ReduceSumSquare>{}, ReductionKind::squares);
  look(std::type_identity<graph::ReduceL2>{}, ReductionKind::norm);
  look(std::type_identity<graph::ReduceMax>{}, ReductionKind::maximum);
  look(std::type_identity<graph::ReduceMin>{}, ReductionKind::minimum);
  return result;
}

/// A tensor whose reduced axes lie side by side: (outer x extent x inner).
struct ReducedBlock {
  Index outer = 1;
  Index extent = 1;
  Index inner = 1;
};

/// A shape in a layout so; empty if reduced axes do not lie side by side.
inline std::optional<ReducedBlock> reduced_block(const Shape& shape, const graph::reference::AxisSet& is_reduced,
                                                 Layout layout) {
  ReducedBlock block;
  const auto add = [&](int axis) {
    const Index extent = shape[axis];
    if (extent == 1) return true;
    const bool reduced = is_reduced[static_cast<std::size_t>(axis)];
    if (reduced && block.inner != 1) return false;
    (reduced ? block.extent : block.extent == 1 ? block.outer : block.inner) *= extent;
    return true;
  };
  const bool channels_last = layout == Layout::channels_last;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if ((!channels_last || axis != 1) && !add(axis)) return {};
  }
  if (channels_last && !add(1)) return {};
  return block;
}

/// A reduction of floats over axes that lie side by side in one of the layouts. False if the node is none.
inline bool lower_reduction(Lowering& lowering, const graph::Node& node) {
  const std::optional<Reduction> reduction = reduction_of(node);
  if (!reduction || lowering.type(node.inputs[0]).type != DataType::float32) return false;
  std::vector<Index> axes;
  if (node.inputs.size() > 1 && node.inputs[1].exists()) {
    const Tensor* known = lowering.known(node.inputs[1]);
    if (known == nullptr) return false;
    axes = graph::reference::integers(*known);
  }
  const Shape& shape = lowering.shape(node.inputs[0]);
  const auto is_reduced = graph::reference::axis_set(shape, axes, reduction->noop_with_empty_axes);
  if (shape.count() == 0) return false;

  // Without the reduced axes, channels that lie behind positions would have no layout.
  Layout layout = lowering.present_layout(node.inputs[0]);
  if (!lowering.has_two_layouts(node.inputs[0])) layout = Layout::channels_first;
  if (layout == Layout::channels_last && !reduction->keepdims && !is_reduced[1]) {
    const Shape kept = graph::reference::reduced_shape(shape, is_reduced, true);
    if (kept.count(2, kept.rank()) > 1) layout = Layout::channels_first;
  }
  std::optional<ReducedBlock> block = reduced_block(shape, is_reduced, layout);
  if (!block && layout == Layout::channels_last) {
    layout = Layout::channels_first;
    block = reduced_block(shape, is_reduced, layout);
  }
  if (!block) return false;
  const int from = lowering.request(node.inputs[0], layout);
  lowering.append(
      {node.name, std::string(node.op.type()), "float32", "reduction"},
      ReduceStep{.input = {from},
                 .output = {lowering.produce(node.outputs[0], reduction->keepdims ? layout : Layout::channels_first)},
                 .outer = block->outer,
                 .extent = block->extent,
                 .inner = block->inner,
                 .kind = reduction->kind});
  return true;
}

}  // namespace condense::runtime::detail

#endif
