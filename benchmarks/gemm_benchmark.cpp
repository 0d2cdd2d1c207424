// Matrix products of the best backend (CONDENSE_BACKEND forces another): integers of 8 and 4 bits with requantisation
// to 8 bits, and floats, also with compressed weights. One thread, weights packed beforehand. GOPS counts a
// multiply-add as two operations, weights_per_second the bytes of packed weights.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "condense/core/aligned_bytes.hpp"
#include "condense/core/random.hpp"
#include "condense/kernels/kernel_set.hpp"

namespace {

using namespace condense;
using kernels::ElementType;

/// output (m x n) = input (m x k) * weights (n x k)
struct Product {
  const char* name;
  Index m;
  Index n;
  Index k;
};

constexpr Product kProducts[] = {
    {"256^3", 256, 256, 256},
    {"ResNet 784 x 128 x 1152", 784, 128, 1152},
    {"MobileNet 3136 x 128 x 64", 3136, 128, 64},
    {"1 x 768 x 768", 1, 768, 768},
};

/// Weights of a float product, and how they are kept.
struct FloatWeights {
  const char* name;
  kernels::WeightType type = kernels::WeightType::float32;
  Index group_size = 0;
  bool has_zero_points = false;
};

constexpr FloatWeights kFloatWeights[] = {
    {"float32"},
    {"float16", kernels::WeightType::float16},
    {"bfloat16", kernels::WeightType::bfloat16},
    {"int8", kernels::WeightType::int8},
    {"int4 groups of 32", kernels::WeightType::int4, 32},
    {"int4 groups of 32 with zero points", kernels::WeightType::int4, 32, true},
    {"int2 groups of 32", kernels::WeightType::int2, 32},
};

constexpr Product kFewRows[] = {
    {"1 x 4096 x 4096", 1, 4096, 4096},
    {"4 x 4096 x 4096", 4, 4096, 4096},
    {"16 x 4096 x 4096", 16, 4096, 4096},
    {"128 x 4096 x 4096", 128, 4096, 4096},
};

std::size_t size(Index count) { return static_cast<std::size_t>(count); }

template <class T>
std::vector<T> random_integers(Index count, int lowest, int highest, std::uint64_t seed) {
  Random random(seed);
  std::vector<T> values(size(count));
  for (T& value : values) {
    value = static_cast<T>(lowest + static_cast<int>(random.below(static_cast<std::uint32_t>(highest - lowest + 1))));
  }
  return values;
}

std::vector<float> random_floats(Index count, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> values(size(count));
  for (float& value : values) value = random.uniform(-1, 1);
  return values;
}

void set_counters(benchmark::State& state, const Product& p) {
  const double operations = 2.0 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  state.counters["GOPS"] = benchmark::Counter(operations * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

void integer_product(benchmark::State& state, const kernels::KernelSet& kernels, const Product& p, int bits,
                     Index group_size) {
  const kernels::WeightShape shape{.columns = p.n, .taps = 1, .depth = p.k, .bits = bits, .group_size = group_size};
  const int largest = (1 << (bits - 1)) - 1;
  const auto input = random_integers<std::uint8_t>(p.m * p.k, 0, 255, 1);
  const auto weights = random_integers<std::int8_t>(p.n * p.k, -largest, largest, 2);
  AlignedBytes packed(kernels.gemm.packed_bytes(shape));
  const std::vector<std::int32_t> bias(size(p.n), 0);
  const std::vector<float> multipliers(size(p.n * shape.groups()), 1e-3F);
  const std::vector<float> float_bias(size(p.n), 0.0F);
  kernels.gemm.pack(shape, {weights.data(), multipliers.data()}, packed.data());
  std::vector<std::uint8_t> output(size(p.m * p.n));
  const kernels::GemmArguments arguments{.input = {.data = input.data(), .rows = p.m, .depth = p.k, .row_stride = p.k},
                                         .input_type = ElementType::uint8,
                                         .weights = shape,
                                         .packed_weights = packed.data(),
                                         .epilogue = {.bias = bias.data(),
                                                      .multipliers = multipliers.data(),
                                                      .float_bias = float_bias.data(),
                                                      .zero_point = 128,
                                                      .lowest = 0,
                                                      .highest = 255},
                                         .output = output.data(),
                                         .output_type = ElementType::uint8,
                                         .output_stride = p.n};
  for (auto _ : state) {
    kernels.gemm.run(arguments);
    benchmark::DoNotOptimize(output.data());
    benchmark::ClobberMemory();
  }
  set_counters(state, p);
}

void float_product(benchmark::State& state, const kernels::KernelSet& kernels, const Product& p,
                   const FloatWeights& form = kFloatWeights[0]) {
  const kernels::FloatWeightShape shape{.columns = p.n,
                                        .depth = p.k,
                                        .type = form.type,
                                        .group_size = form.group_size,
                                        .has_zero_points = form.has_zero_points};
  const int highest = (1 << (std::min(kernels::bits(form.type), 8) - 1)) - 1;
  const auto input = random_floats(p.m * p.k, 1);
  const auto floats = random_floats(p.n * p.k, 2);
  const auto codes = random_integers<std::int8_t>(p.n * p.k, -highest - 1, highest, 3);
  const auto zero_points = random_integers<std::int8_t>(p.n * shape.groups(), -highest - 1, highest, 4);
  const std::vector<float> scales(size(p.n * shape.groups()), 1e-2F);
  AlignedBytes packed(kernels.float_gemm.packed_bytes(shape));
  kernels.float_gemm.pack(
      shape,
      {.floats = floats.data(), .codes = codes.data(), .scales = scales.data(), .zero_points = zero_points.data()},
      packed.data());
  const std::vector<float> bias(size(p.n), 0.0F);
  std::vector<float> output(size(p.m * p.n));
  const kernels::FloatGemmArguments arguments{
      .input = {.data = input.data(), .rows = p.m, .depth = p.k, .row_stride = p.k},
      .weights = shape,
      .packed_weights = packed.data(),
      .bias = bias.data(),
      .low = -1e30F,
      .high = 1e30F,
      .output = output.data(),
      .output_stride = p.n};
  for (auto _ : state) {
    kernels.float_gemm.run(arguments);
    benchmark::DoNotOptimize(output.data());
    benchmark::ClobberMemory();
  }
  set_counters(state, p);
  state.counters["weights_per_second"] =
      benchmark::Counter(static_cast<double>(packed.size()), benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const kernels::KernelSet kernels = kernels::KernelSet::best();
  benchmark::AddCustomContext("backend", kernels.name);
  const auto add = [&](const char* kind, const Product& p, auto body) {
    benchmark::RegisterBenchmark((std::string(kind) + "/" + p.name).c_str(), body);
  };
  for (const Product& p : kProducts) {
    add("float", p, [&](benchmark::State& state) { float_product(state, kernels, p); });
    add("int8", p, [&](benchmark::State& state) { integer_product(state, kernels, p, 8, 0); });
    add("int4", p, [&](benchmark::State& state) { integer_product(state, kernels, p, 4, 0); });
    add("int4 groups of 32", p, [&](benchmark::State& state) { integer_product(state, kernels, p, 4, 32); });
  }
  for (const FloatWeights& weights : kFloatWeights) {
    for (const Product& p : kFewRows) {
      add((std::string("float x ") + weights.name).c_str(), p,
          [&](benchmark::State& state) { float_product(state, kernels, p, weights); });
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
