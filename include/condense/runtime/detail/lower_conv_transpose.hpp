#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_CONV_TRANSPOSE_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_CONV_TRANSPOSE_HPP

#include "condense/graph/operators/conv_transpose.hpp"
#include "condense/runtime/detail/lower_float_product.hpp"
#include "condense/runtime/detail/output_phases.hpp"
#include "condense/runtime/detail/steps/interleaved_products.hpp"

namespace condense::runtime::detail {

/// A product of a transposed convolution, and where its rows go.
struct TransposedPart {
  Product product;
  OutputLines lines;
};

/// The products that make up a ConvTranspose of images or signals.
inline std::vector<TransposedPart> transposed_parts(const graph::ConvTranspose& op, const Shape& images,
                                                    const Shape& weights) {
  const TransposedExtents extents{.groups = op.group, .in = images[1] / op.group, .out = weights[1]};
  const graph::Window window = op.window(images, weights);
  const Index elements = images.count(1, images.rank());
  require(elements <= std::numeric_limits<std::int32_t>::max(),
          "one image of {} elements is more than the runtime can index", elements);
  std::vector<TransposedPart> parts;
  for (OutputPhase& phase : output_phases(window, extents)) {
    TransposedPart& part = parts.emplace_back();
    Product& p = part.product;
    p.images = images[0];
    p.rows = phase.lines * phase.line_rows;
    p.groups = op.group;
    p.columns = phase.joined_lines * phase.positions * extents.out;
    p.taps = phase.taps;
    p.depth = extents.in;
    p.image_elements = elements;
    p.offsets = std::move(phase.offsets);
    p.weight_order = std::move(phase.weights);
    p.layout = Layout::channels_last;
    const Index line_elements = window.width.input * extents.groups * extents.out;
    const bool is_one_line = phase.line_stride == phase.line_rows * phase.row_stride;
    part.lines = {.first = phase.first,
                  .rows = is_one_line ? p.rows : phase.line_rows,
                  .row_stride = phase.row_stride,
                  .line_stride = phase.line_stride,
                  .image_stride = window.height.input * line_elements,
                  .joined = phase.joined_lines,
                  .joined_stride = line_elements};
  }
  return parts;
}

/// The bias of each output channel, for the columns of a product that has them several times.
inline std::vector<float> repeated(const std::vector<float>& bias, const Product& p) {
  std::vector<float> result;
  for (Index column = 0; column < p.all_columns(); ++column) {
    result.push_back(bias[static_cast<std::size_t>(column) % bias.size()]);
  }
  return result;
}

/// Appends the step of products whose results interleave, if each has one: `step_of(product)` gives it without what it
/// reads and writes, or nothing. `padding` is an element of the input that counts for nothing.
template <class ProductStep, class StepOf, class Padding>
bool append_interleaved(Lowering& lowering, StepInfo info, const std::vector<TransposedPart>& parts, graph::Value from,
                        const Tail& tail, Padding padding, StepOf&& step_of) {
  InterleavedProducts<ProductStep> step;
  for (const TransposedPart& part : parts) {
    std::optional<ProductStep> product = step_of(part.product);
    if (!product) return false;
    step.parts.push_back({std::move(*product), part.lines});
    info.multiply_accumulates += part.product.multiply_accumulates();
  }
  lowering.cover(tail);
  const int input = lowering.request(from, Layout::channels_last);
  const int output = lowering.produce(tail.result, Layout::channels_last);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    step.parts[i].product.input = product_input(lowering, parts[i].product, input, padding);
    step.parts[i].product.output = {output};
  }
  info.kernel = kernel_of(step.parts.front().product);
  lowering.append(std::move(info), std::move(step));
  return true;
}

/// ConvTranspose with constant weights, of codes where both sides are quantised, otherwise in float: one step of
/// several products, with bias, clamp and requantisation. False if the node is not one.
inline bool lower_conv_transpose(Lowering& lowering, const graph::Node& node) {
  const auto* op = node.op.get_if<graph::ConvTranspose>();
  if (op == nullptr || lowering.type(node.inputs[0]).type != DataType::float32) return false;
  const Shape& images = lowering.shape(node.inputs[0]);
  const Shape& shape = lowering.shape(node.inputs[1]);
  if (images.rank() > 4 || lowering.shape(node.outputs[0]).count() == 0) return false;
  const auto bias = bias_of(lowering, node, shape[1] * op->group);
  if (!bias || !lowering.float_constant(node.inputs[1])) return false;
  const std::vector<TransposedPart> parts = transposed_parts(*op, images, shape);

  const auto input = lowering.source(node.inputs[0]);
  const auto weights = quantized_weights(lowering.graph(), lowering.producer(node.inputs[1]));
  if (input && weights) {
    const bool grouped = weights->granularity.kind == quantize::Granularity::Kind::per_group;
    const Tail tail = lowering.tail(node, true);
    const StepInfo info{node.name, tail.operation, fmt::format("int{}", std::max(4, weights->bits))};
    const auto step_of = [&](const Product& p) {
      const kernels::WeightShape form{.columns = p.columns,
                                      .taps = p.taps,
                                      .depth = p.depth,
                                      .bits = weights->bits,
                                      .group_size = grouped && !p.is_depthwise() ? weights->granularity.group_size : 0,
                                      .has_zero_points = !weights->zero_points.empty()};
      return integer_product_step(lowering, node, p, form, *input, *weights, repeated(*bias, p), tail);
    };
    if (append_interleaved<IntegerProductStep>(lowering, info, parts, input->codes, tail,
                                               static_cast<std::uint8_t>(input->affine.zero_point), step_of)) {
      return true;
    }
  }
  const Tail tail = lowering.tail(node, false);
  const auto first = product_weights(lowering, node, parts.front().product);
  const auto step_of = [&](const Product& p) -> std::optional<FloatProductStep> {
    return float_product_step(lowering, p, *product_weights(lowering, node, p), repeated(*bias, p), tail);
  };
  return append_interleaved<FloatProductStep>(lowering, {node.name, tail.operation, precision_of(*first)}, parts,
                                              node.inputs[0], tail, 0.0F, step_of);
}

}  // namespace condense::runtime::detail

#endif
