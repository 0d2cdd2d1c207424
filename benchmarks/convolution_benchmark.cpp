// Convolutions of MobileNetV2 and ResNet-50 on one image, in codes of 8 bits with requantisation, by the best backend
// (CONDENSE_BACKEND forces another). Windows are read in place through offsets. GOPS counts a multiply-add as two
// operations; `of_limit` is the share of the fastest chain of multiply-adds on registers, measured beside each layer.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "condense/core/random.hpp"
#include "condense/core/tensor.hpp"
#include "condense/kernels/kernel_set.hpp"
#include "support/limits.hpp"

namespace {

using namespace condense;
using kernels::ElementType;

/// A square convolution: `kernel` x `kernel`, padded so that a stride of 1 keeps the size.
struct Layer {
  const char* network;
  Index size;
  Index channels;
  Index outputs;
  Index kernel;
  Index stride;
  bool depthwise;

  Index positions() const { return (size + stride - 1) / stride * ((size + stride - 1) / stride); }
  Index taps() const { return kernel * kernel; }
  bool is_pointwise() const { return kernel == 1 && stride == 1; }
  double operations() const {
    return 2.0 * static_cast<double>(positions() * taps() * outputs) *
           (depthwise ? 1.0 : static_cast<double>(channels));
  }
  std::string name() const {
    const std::string form = std::to_string(kernel) + "x" + std::to_string(kernel) + (depthwise ? " depthwise" : "") +
                             (stride > 1 ? " by " + std::to_string(stride) : "");
    return std::string(network) + "/" + std::to_string(size) + "x" + std::to_string(size) + "x" +
           std::to_string(channels) + " " + form + " to " + std::to_string(outputs);
  }
};

constexpr Layer kLayers[] = {
    {"MobileNetV2", 224, 3, 32, 3, 2, false},  {"MobileNetV2", 112, 32, 32, 3, 1, true},
    {"MobileNetV2", 112, 32, 16, 1, 1, false}, {"MobileNetV2", 112, 16, 96, 1, 1, false},
    {"MobileNetV2", 112, 96, 96, 3, 2, true},  {"MobileNetV2", 56, 144, 144, 3, 1, true},
    {"MobileNetV2", 56, 144, 24, 1, 1, false}, {"MobileNetV2", 28, 32, 192, 1, 1, false},
    {"MobileNetV2", 14, 384, 384, 3, 1, true}, {"MobileNetV2", 14, 384, 64, 1, 1, false},
    {"MobileNetV2", 14, 96, 576, 1, 1, false}, {"MobileNetV2", 7, 960, 960, 3, 1, true},
    {"MobileNetV2", 7, 960, 160, 1, 1, false}, {"MobileNetV2", 7, 320, 1280, 1, 1, false},
    {"ResNet-50", 224, 3, 64, 7, 2, false},    {"ResNet-50", 56, 64, 64, 3, 1, false},
    {"ResNet-50", 56, 64, 256, 1, 1, false},   {"ResNet-50", 56, 256, 64, 1, 1, false},
    {"ResNet-50", 28, 128, 128, 3, 1, false},  {"ResNet-50", 28, 512, 128, 1, 1, false},
    {"ResNet-50", 14, 256, 256, 3, 1, false},  {"ResNet-50", 14, 256, 1024, 1, 1, false},
    {"ResNet-50", 7, 512, 512, 3, 1, false},   {"ResNet-50", 7, 2048, 512, 1, 1, false},
};

template <class Code>
std::vector<Code> random_codes(Index count, int lowest, std::uint32_t codes) {
  Random random(1);
  std::vector<Code> values(static_cast<std::size_t>(count));
  for (Code& value : values) value = static_cast<Code>(lowest + static_cast<int>(random.below(codes)));
  return values;
}

/// Where the pieces of each window start in the image; -1 in the padding.
std::vector<std::int32_t> window_offsets(const Layer& layer) {
  std::vector<std::int32_t> offsets;
  const Index pad = layer.kernel / 2;
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
  const auto image = random_codes<std::uint8_t>(layer.size * layer.size * layer.channels, 0, 256);
  const auto padding = std::vector<std::uint8_t>(static_cast<std::size_t>(layer.channels), 128);
  const std::vector<std::int32_t> offsets = window_offsets(layer);
  const kernels::WeightShape shape{.columns = layer.outputs, .taps = layer.taps(), .depth = layer.channels};
  const Index weight_count = layer.taps() * layer.outputs * (layer.depthwise ? 1 : layer.channels);
  const auto weights = random_codes<std::int8_t>(weight_count, -127, 255);
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
  std::vector<std::uint8_t> output(static_cast<std::size_t>(layer.positions() * layer.outputs));
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
  const double seconds = benchmarks::seconds_of([&] {
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
  for (const Layer& layer : kLayers) {
    benchmark::RegisterBenchmark(layer.name().c_str(), [&](benchmark::State& state) {
      convolve(state, kernels, layer);
    })->Unit(benchmark::kMicrosecond);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
