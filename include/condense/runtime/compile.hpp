#ifndef CONDENSE_RUNTIME_COMPILE_HPP
#define CONDENSE_RUNTIME_COMPILE_HPP

#include "condense/graph/evaluate.hpp"
#include "condense/kernels/kernel_set.hpp"
#include "condense/runtime/detail/lower_elementwise.hpp"
#include "condense/runtime/detail/lower_float_product.hpp"
#include "condense/runtime/detail/lower_integer_product.hpp"
#include "condense/runtime/detail/lower_pooling.hpp"
#include "condense/runtime/detail/lower_residual.hpp"
#include "condense/runtime/detail/lower_structure.hpp"
#include "condense/runtime/program.hpp"

namespace condense::runtime {

/// How a graph is compiled.
struct CompileOptions {
  /// Shapes of the inputs, in the order of `graph.inputs()`. Empty: every dynamic dimension is 1.
  std::vector<Shape> input_shapes = {};

  /// The kernels to run on; by default the best that this machine has. See `kernels::KernelSet` for one's own.
  kernels::KernelSet kernels = kernels::KernelSet::best();
};

namespace detail {

/// Runs the operator's own evaluation in the arena, channels first; elementwise ones in whatever layout there is.
inline void lower_operator(Lowering& lowering, const graph::Node& node) {
  if (node.op.computes()) {
    throw Unsupported(
        fmt::format("node '{}' ({}): the shapes of its outputs are only known when it is run, so memory "
                    "cannot be planned; evaluate the graph node by node",
                    node.name, node.op.type()));
  }
  const auto refuse_packed = [&](graph::Value value) {
    if (!value.exists() || lowering.graph().is_constant(value) || !is_packed(lowering.type(value).type)) return;
    throw Unsupported(fmt::format("node '{}' ({}): it computes with the {} value '{}'; quantise activations to 8 bits",
                                  node.name, node.op.type(), name(lowering.type(value).type),
                                  lowering.graph().name(value)));
  };
  std::ranges::for_each(node.inputs, refuse_packed);
  std::ranges::for_each(node.outputs, refuse_packed);
  const bool same_shape = node.inputs.size() == 2 && lowering.shape(node.inputs[0]) == lowering.shape(node.inputs[1]);
  const bool elementwise = is_unary(node.op) || (same_shape && (node.op.is<graph::Add>() || node.op.is<graph::Mul>()));
  const Layout layout = elementwise ? lowering.present_layout(node.inputs[0]) : Layout::channels_first;

  constexpr std::size_t kMaximumOperands = 16;
  if (node.inputs.size() > kMaximumOperands || node.outputs.size() > kMaximumOperands) {
    throw Unsupported(fmt::format("node '{}' ({}): it has {} inputs and {} outputs, the runtime takes {} of each",
                                  node.name, node.op.type(), node.inputs.size(), node.outputs.size(),
                                  kMaximumOperands));
  }
  struct Work {
    graph::Operator op;
    std::vector<graph::TensorType> types;  ///< Of the inputs, then the outputs.
    std::vector<int> buffers;              ///< The same; -1 for an absent input.
  };
  Work work{node.op, {}, {}};
  std::vector<int> reads;
  std::vector<int> writes;
  for (const graph::Value value : node.inputs) {
    work.types.push_back(value.exists() ? lowering.type(value) : graph::TensorType{});
    work.buffers.push_back(value.exists() ? lowering.request(value, layout) : -1);
    if (value.exists()) reads.push_back(work.buffers.back());
  }
  for (const graph::Value value : node.outputs) {
    work.types.push_back(lowering.type(value));
    work.buffers.push_back(lowering.produce(value, layout));
    writes.push_back(work.buffers.back());
  }
  lowering.append(
      {node.name, std::string(node.op.type()), "float32", "reference"}, std::move(reads), std::move(writes),
      [work = std::move(work), input_count = node.inputs.size()](const Execution& e) {
        std::array<graph::InputBuffer, kMaximumOperands> inputs{};
        std::array<graph::OutputBuffer, kMaximumOperands> outputs{};
        for (std::size_t i = 0; i < work.buffers.size(); ++i) {
          std::byte* address = work.buffers[i] < 0 ? nullptr : e.buffers[work.buffers[i]];
          if (i < input_count) {
            inputs[i] = {work.types[i], address};
          } else {
            outputs[i - input_count] = {work.types[i], address};
          }
        }
        work.op.evaluate({{inputs.data(), input_count}, {outputs.data(), work.buffers.size() - input_count}, e.pool});
      });
}

inline void lower(Lowering& lowering, const graph::Node& node) {
  const graph::Value value = node.outputs[0];
  if (lowering.is_covered(node)) return;
  if (node.op.is<graph::DequantizeLinear>() && lowering.source(value)) return;  // made where a float is asked for
  if (lowering.is_dequantized_constant(node)) return;                           // folded where it is asked for
  if (lower_integer_product(lowering, node) || lower_float_product(lowering, node) || lower_residual(lowering, node) ||
      lower_binary(lowering, node) || lower_unary(lowering, node) || lower_pooling(lowering, node) ||
      lower_reshape(lowering, node) || lower_concat(lowering, node) || lower_quantize(lowering, node)) {
    return;
  }
  lower_operator(lowering, node);
}

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

}  // namespace detail

/// Compiles a graph into a program for one set of input shapes.
///
/// A quantised graph says by its Q/DQ nodes where integers run: a node between a DequantizeLinear and a QuantizeLinear
/// becomes one integer step, with its bias, clamp and requantisation, and everything else runs in float. Images are
/// stored channels last inside. Throws `InvalidArgument` if a shape does not fit, `Unsupported` naming the node where
/// int32 sums could overflow.
///
/// Integer steps follow the numeric contract, and their bytes do not depend on backend or threads. With input scale
/// s_x, weight scale s_w and output scale s_y, all arithmetic in float32: products use the multiplier (s_x * s_w) / s_y
/// and take the int32 bias that the graph stores, or round_half_even(bias / (s_x * s_w)), where this quotient is in
/// float64; products with weights in blocks start from bias / s_y and add a fused multiply-add for each block, tap by
/// tap (see `kernels::GemmEpilogue`); averages use (1 / count) * (s_x / s_y); elementwise operators of one input are
/// tables of 256 codes; sums are those of `kernels::AddArguments` with the multipliers s_a / s_y and s_b / s_y,
/// products those of `kernels::MultiplyArguments` with (s_a * s_b) / s_y. Where no quantisation follows a product, s_y
/// is 1.
inline Program compile(const graph::Graph& graph, const CompileOptions& options = {}) {
  std::vector<Shape> shapes = options.input_shapes;
  if (shapes.empty()) {
    for (const graph::Value value : graph.inputs()) shapes.push_back(graph.type(value).shape);
  }
  detail::Lowering lowering(graph, graph::infer_types(graph, shapes), options.kernels);
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
  plan.arena = plan_arena(detail::lifetimes(plan));
  return Program(std::make_shared<const detail::Plan>(std::move(plan)));
}

}  // namespace condense::runtime

#endif
