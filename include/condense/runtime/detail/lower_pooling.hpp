#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_POOLING_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_POOLING_HPP

#include "condense/graph/operators/average_pool.hpp"
#include "condense/graph/operators/global_average_pool.hpp"
#include "condense/graph/operators/max_pool.hpp"
#include "condense/runtime/detail/lower_elementwise.hpp"
#include "condense/runtime/detail/product.hpp"
#include "condense/runtime/detail/steps/pooling.hpp"

namespace condense::runtime::detail {

/// A pool as the graph states it: where its windows lie, and for averages what their sums are multiplied by.
struct Pooling {
  PoolingStep step;
  std::vector<std::int32_t> offsets;
  std::vector<float> multipliers;  ///< 1 / count, for averages.
};

/// The pool that a node is; empty if it is not one, or one whose form the kernels do not have: of volumes, or with
/// the indices of what won.
inline std::optional<Pooling> pooling_of(const Lowering& lowering, const graph::Node& node) {
  const Shape& images = lowering.shape(node.inputs[0]);
  if (images.rank() > 4 || node.outputs.size() > 1) return {};
  Pooling work;
  const auto set_window = [&](const graph::Window& window) {
    work.step.images = images[0];
    work.step.channels = images[1];
    work.step.rows = window.positions();
    work.step.taps = window.taps();
    work.step.image_elements = images.count(1, images.rank());
    work.offsets = window_offsets(window, images[1]);
  };
  if (const auto* pool = node.op.get_if<graph::MaxPool>()) {
    set_window(pool->window(images));
    work.step.is_maximum = true;
    return work;
  }
  if (const auto* pool = node.op.get_if<graph::AveragePool>()) {
    const graph::Window window = pool->window(images);
    set_window(window);
    pool->for_each_count(
        window, [&](Index count) { work.multipliers.push_back(count > 0 ? 1.0F / static_cast<float>(count) : 0.0F); });
    return work;
  }
  if (node.op.is<graph::GlobalAveragePool>()) {
    const std::vector<Index> kernel(images.extents().begin() + 2, images.extents().end());
    set_window(graph::make_window(images, kernel, {.strides = {}, .dilations = {}, .pads = {}}));
    work.multipliers.assign(1, 1.0F / static_cast<float>(work.step.taps));
    return work;
  }
  return {};
}

inline void append_pooling(Lowering& lowering, StepInfo info, Pooling pooling, const kernels::PoolingArguments& form,
                           int from, int to) {
  PoolingStep& step = pooling.step;
  step.input = {from};
  step.offsets = {lowering.table_buffer(pooling.offsets)};
  if (!step.is_maximum) step.multipliers = {lowering.constant_buffer(pooling.multipliers)};
  step.output = {to};
  step.form = form;
  lowering.append(std::move(info), std::move(step));
}

/// MaxPool, AveragePool and GlobalAveragePool, on codes where both sides are quantised, otherwise in float. False if
/// the node is not one of them.
inline bool lower_pooling(Lowering& lowering, const graph::Node& node) {
  if (node.inputs.empty() || lowering.type(node.inputs[0]).type != DataType::float32) return false;
  std::optional<Pooling> work = pooling_of(lowering, node);
  if (!work) return false;
  const auto input = lowering.source(node.inputs[0]);
  const Tail tail = lowering.tail(node, true);
  const Layout layout = Layout::channels_last;
  if (!input || !tail.quantized) {
    const int from = lowering.request(node.inputs[0], layout);
    const int to = lowering.produce(node.outputs[0], layout);
    append_pooling(lowering, {node.name, std::string(node.op.type()), "float32", "pooling"}, std::move(*work),
                   {.type = kernels::ElementType::float32}, from, to);
    return true;
  }

  lowering.cover(tail);
  const StepInfo info{node.name, tail.operation, "int8", "pooling"};
  if (work->step.is_maximum) {
    const int from = request_as(lowering, *input, tail, layout);  // the maximum and a monotone table may be exchanged
    append_pooling(lowering, info, std::move(*work), {.type = tail.quantized->element(), .lowest = tail.lowest()}, from,
                   lowering.produce(tail.result, layout));
    return true;
  }
  int from = lowering.request(input->codes, layout);
  std::int32_t input_zero_point = input->affine.zero_point;
  if (input->element() != tail.quantized->element()) {  // the same reals under codes of the other sign, 128 away
    LookupTable flip{};
    for (std::size_t byte = 0; byte < flip.size(); ++byte) flip[byte] = static_cast<std::uint8_t>(byte ^ 0x80U);
    const Index count = lowering.shape(input->codes).count();
    const int flipped = lowering.scratch(static_cast<std::size_t>(count));
    append_lookup(lowering, {lowering.graph().name(input->codes), "requantise", "int8", "elementwise"}, from, flipped,
                  count, flip);
    from = flipped;
    input_zero_point += is_signed(input->type) ? 128 : -128;
  }
  for (float& multiplier : work->multipliers) multiplier *= input->affine.scale / tail.quantized->affine.scale;
  append_pooling(lowering, info, std::move(*work),
                 {.type = tail.quantized->element(),
                  .input_zero_point = input_zero_point,
                  .zero_point = tail.quantized->affine.zero_point,
                  .lowest = tail.lowest(),
                  .highest = tail.highest()},
                 from, lowering.produce(tail.result, layout));
  return true;
}

}  // namespace condense::runtime::detail

#endif
