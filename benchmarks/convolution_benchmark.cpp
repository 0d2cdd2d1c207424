// Convolutions of MobileNetV2 and ResNet-50 on one image, in codes of 8 bits with requantisation, by the best backend
// (CONDENSE_BACKEND forces another). Windows are read in place through offsets. GOPS counts a multiply-add as two
// operations; `of_limit` is the share of the fastest chain of multiply-adds on registers, measured beside each layer.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "condense/core/tensor.hpp"
#include "condense/kernels/kernel_set.hpp"
#include "support/convolution_layers.hpp"
#include "support/limits.hpp"

namespace {

using namespace condense;
using benchmarks::Layer;

/// Where the pieces of each window start in the image; -1 in the padding.
std::vector<std::int32_t> window_offsets(const Layer& layer) {
  std::vector<std::int32_t> offsets;
  const Index pad = layer.pad();
  for (Index y = -pad; y < layer.size - pad; y += layer.stride) {
    for (Index x = -pad; x < layer.size - pad; x += layer.stride) {
      for (Index row = y; row < y + layer.kernel; ++row) {
        for (Index column = x; column < x + layer.kernel; ++column) {
          const bool inside = std::min(row, column) >= 0 && std::max(row, column) < layer.size;
          offsets.push_back(inside ? static_cast<std::int32_t>((row * layer.size + column) * layer.channels) : -1);
        }
      }
    }
  }
  return offsets;
}

/// The fastest chain of integer multiply-adds of this machine up to the backend.
double limit_of(const std::string& backend) {
  double best = 0;
  bool reached = false;
  simd::AllInstructionSets::for_each([&](auto isa) {
    for (const benchmarks::ArithmeticLimit& limit : benchmarks::arithmetic_limits()) {
      if (!reached && limit.integers && limit.backend == isa.name) best = std::max(best, benchmarks::measure(limit));
    }
    reached = reached || isa.name == backend;
  });
  return best;
}

void convolve(benchmark::State& state, const kernels::KernelSet& kernels, const Layer& layer) {
  const auto image = benchmarks::random_codes<std::uint8_t>(layer.input_count(), 0, 256);
  const auto padding = std::vector<std::uint8_t>(static_cast<std::size_t>(layer.channels), 128);
  const std::vector<std::int32_t> offsets = window_offsets(layer);
  const kernels::WeightShape shape{.columns = layer.outputs, .taps = layer.taps(), .depth = layer.channels};
  const auto weights = benchmarks::random_codes<std::int8_t>(layer.weight_count(), -127, 255);
  Tensor packed(DataType::uint8,
                Shape{static_cast<Index>(layer.depthwise ? kernels.depthwise.packed_bytes(layer.channels, layer.taps())
                                                         : kernels.gemm.packed_bytes(shape))});
  if (layer.depthwise) {
    kernels.depthwise.pack(layer.channels, layer.taps(), weights.data(), packed.mutable_raw());
  } else {
    kernels.gemm.pack(shape, {.codes = weights.data()}, packed.mutable_raw());
  }
  const std::vector<std::int32_t> bias(static_cast<std::size_t>(layer.outputs), 1000);
  const std::vector<float> multipliers(static_cast<std::size_t>(layer.outputs), 1e-3F);
  std::vector<std::uint8_t> output(static_cast<std::size_t>(layer.output_count()));
  const kernels::ActivationRows rows{.data = image.data(),
                                     .offsets = layer.is_pointwise() ? nullptr : offsets.data(),
                                     .padding = padding.data(),
                                     .rows = layer.positions(),
                                     .taps = layer.taps(),
                                     .depth = layer.channels,
                                     .row_stride = layer.channels};
  const kernels::GemmEpilogue epilogue{
      .bias = bias.data(), .multipliers = multipliers.data(), .zero_point = 128, .lowest = 0, .highest = 255};
  const kernels::DepthwiseArguments depthwise{.input = rows,
                                              .packed_weights = std::as_const(packed).raw(),
                                              .epilogue = epilogue,
                                              .output = output.data(),
                                              .output_stride = layer.outputs};
  const kernels::GemmArguments product{.input = rows,
                                       .weights = shape,
                                       .packed_weights = std::as_const(packed).raw(),
                                       .epilogue = epilogue,
                                       .output = output.data(),
                                       .output_stride = layer.outputs};
  const double limit = limit_of(kernels.name);
  const double seconds = seconds_of([&] {
    for (auto _ : state) {
      layer.depthwise ? kernels.depthwise.run(depthwise) : kernels.gemm.run(product);
      benchmark::ClobberMemory();
    }
  });
  const double rate = layer.operations() * static_cast<double>(state.iterations()) / seconds;
  state.counters["GOPS"] = rate * 1e-9;
  if (limit > 0) state.counters["of_limit"] = rate / limit;
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmarks::pin_to_core();
  const kernels::KernelSet kernels = kernels::KernelSet::best();
  benchmark::AddCustomContext("backend", kernels.name);
  for (const Layer& layer : benchmarks::kLayers) {
    const std::string name = std::string(layer.network) + "/" + layer.name();
    benchmark::RegisterBenchmark(name.c_str(), [&](benchmark::State& state) {
      convolve(state, kernels, layer);
    })->Unit(benchmark::kMicrosecond);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
