#ifndef CONDENSE_BENCHMARKS_SUPPORT_CONVOLUTION_STEPS_HPP
#define CONDENSE_BENCHMARKS_SUPPORT_CONVOLUTION_STEPS_HPP

#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "../peers/convolution_peer.hpp"
#include "condense/graph/graph.hpp"
#include "condense/graph/operators.hpp"
#include "condense/runtime/compile.hpp"
#include "condense/runtime/detail/lower.hpp"

namespace condense::benchmarks {

/// The steps that condense's runtime takes for one convolution inside a network, whose images lie channels last: no
/// change of layout is among them, the padding of images of few channels is.
class ConvolutionSteps {
 public:
  ConvolutionSteps(const kernels::KernelSet& kernels, const Convolution& c) {
    const graph::Graph graph = graph_of(c);
    const graph::Value input = graph.inputs()[0];
    const graph::Value output = graph.outputs()[0];
    const Shape shape = graph.type(input).shape;
    runtime::detail::Lowering lowering(graph, graph::infer_values(graph, {&shape, 1}), kernels,
                                       std::make_shared<runtime::WeightStore>());
    const int from = lowering.produce(input, runtime::detail::Layout::channels_last);
    for (const graph::Node& node : graph.nodes()) runtime::detail::lower(lowering, node);
    const int to = lowering.request(output, runtime::detail::Layout::channels_last);
    plan_ = std::move(lowering.plan());
    for (const runtime::detail::BufferInfo& buffer : plan_.buffers) {
      memory_.emplace_back(buffer.constant ? 0 : buffer.bytes);
      // Steps only read constants; the table has one type for both.
      addresses_.push_back(buffer.constant ? const_cast<std::byte*>(buffer.constant.get()) : memory_.back().data());
    }
    std::memcpy(address(from), c.input, plan_.buffers[static_cast<std::size_t>(from)].bytes);
    result_ = address(to);
    result_bytes_ = plan_.buffers[static_cast<std::size_t>(to)].bytes;
  }

  void run() const {
    const ThreadPool pool;
    for (const runtime::detail::Step& step : plan_.steps) step.work.run({addresses_.data(), pool, plan_.kernels});
  }

  void copy_result(void* output) const { std::memcpy(output, result_, result_bytes_); }

 private:
  static graph::Graph graph_of(const Convolution& c) {
    const Layer& layer = c.layer;
    graph::Graph graph;
    const DataType activations = c.integers ? DataType::uint8 : DataType::float32;
    const auto scalar = [&](const char* name, auto value) { return graph.constant(name, Tensor::scalar(value)); };
    graph::Value x = graph.input("input", activations, {1, layer.channels, layer.size, layer.size});
    graph::Value weights = graph.constant("weights", weights_of(c));
    graph::Value bias = graph.constant("bias", values(c.integers ? DataType::int32 : DataType::float32, c.bias, layer));
    if (c.integers) {
      const graph::Value scales = graph.constant("scales", values(DataType::float32, c.multipliers, layer));
      x = graph.add(graph::DequantizeLinear{}, {x, scalar("scale", 1.0F), scalar("zero", std::uint8_t{0})});
      weights = graph.add(graph::DequantizeLinear{.axis = 0}, {weights, scales});
      bias = graph.add(graph::DequantizeLinear{.axis = 0}, {bias, scales});
    }
    const graph::Conv conv{.strides = {layer.stride, layer.stride},
                           .pads = {layer.pad(), layer.pad(), layer.pad_end(), layer.pad_end()},
                           .group = layer.groups()};
    x = graph.add(graph::Relu{}, {graph.add(conv, {x, weights, bias})});
    if (c.integers) {
      x = graph.add(graph::QuantizeLinear{}, {x, scalar("output scale", 1.0F), scalar("output zero", std::uint8_t{0})});
    }
    graph.output(x, "output");
    return graph;
  }

  /// One for each output channel.
  static Tensor values(DataType type, const void* data, const Layer& layer) {
    Tensor tensor(type, Shape{layer.outputs});
    std::memcpy(tensor.mutable_raw(), data, tensor.bytes());
    return tensor;
  }

  /// Graphs have weights (outputs, channels, kernel, kernel).
  static Tensor weights_of(const Convolution& c) {
    const Layer& layer = c.layer;
    Tensor tensor(c.integers ? DataType::int8 : DataType::float32,
                  Shape{layer.outputs, layer.group_channels(), layer.kernel, layer.kernel});
    const auto bytes = tensor.bytes() / static_cast<std::size_t>(tensor.count());
    const auto* from = static_cast<const std::byte*>(c.weights);
    for (Index output = 0; output < layer.outputs; ++output) {
      for (Index tap = 0; tap < layer.taps(); ++tap) {
        for (Index channel = 0; channel < layer.group_channels(); ++channel, from += bytes) {
          const Index to = (output * layer.group_channels() + channel) * layer.taps() + tap;
          std::memcpy(tensor.mutable_raw() + static_cast<std::size_t>(to) * bytes, from, bytes);
        }
      }
    }
    return tensor;
  }

  std::byte* address(int buffer) const { return addresses_[static_cast<std::size_t>(buffer)]; }

  runtime::detail::Plan plan_;
  std::vector<AlignedBytes> memory_;
  std::vector<std::byte*> addresses_;
  const std::byte* result_ = nullptr;
  std::size_t result_bytes_ = 0;
};

}  // namespace condense::benchmarks

#endif
