// Elementwise kernels, changes of layout, reductions and normalisations of the best backend (CONDENSE_BACKEND forces
// another), from L1 to memory.
// Bytes per second count what is read and what is written.

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "condense/core/random.hpp"
#include "condense/kernels/kernel_set.hpp"

namespace {

using namespace condense;
using kernels::CodeOutput;
using kernels::Codes;
using kernels::ElementType;
using kernels::Index;

constexpr Index kCounts[] = {4 << 10, 128 << 10, 2 << 20, 32 << 20};

std::vector<std::uint8_t> random_codes(Index count, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(count));
  for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(random.below(256));
  return codes;
}

/// What the kernels read and write.
struct Data {
  explicit Data(Index elements)
      : count(elements),
        a(random_codes(elements, 1)),
        b(random_codes(elements, 2)),
        codes(a.size()),
        floats(a.size()),
        results(a.size()) {
    for (std::size_t i = 0; i < floats.size(); ++i) floats[i] = static_cast<float>(a[i]) / 16 - 8;
  }
  Codes first() const { return {.data = a.data(), .type = ElementType::uint8, .zero_point = 3}; }
  Codes second() const { return {.data = b.data(), .type = ElementType::int8, .zero_point = -7}; }
  CodeOutput output() {
    return {.data = codes.data(), .type = ElementType::uint8, .zero_point = 128, .lowest = 0, .highest = 255};
  }

  Index count;
  std::vector<std::uint8_t> a;
  std::vector<std::uint8_t> b;
  std::vector<std::uint8_t> codes;
  std::vector<float> floats;
  std::vector<float> results;
  std::vector<std::uint64_t> counts = std::vector<std::uint64_t>(4096);
};

/// Runs `body(data)` for each count; it moves `bytes` bytes per element.
template <class Body>
void add_benchmark(const std::string& name, Index bytes, Body body) {
  const auto run = [=](benchmark::State& state) {
    Data data(state.range(0));
    for (auto _ : state) {
      body(data);
      benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * data.count);
    state.SetBytesProcessed(state.iterations() * data.count * bytes);
  };
  auto* added = benchmark::RegisterBenchmark(name.c_str(), run);
  for (const Index count : kCounts) added->Arg(count);
}

void add_reductions(const kernels::ReductionKernel& kernel) {
  add_benchmark("extent", 4,
                [&kernel](Data& data) { benchmark::DoNotOptimize(kernel.extent(data.floats.data(), data.count)); });
  add_benchmark("sum of absolutes", 4, [&kernel](Data& data) {
    benchmark::DoNotOptimize(kernel.sum_of_absolutes(data.floats.data(), data.count));
  });
  add_benchmark("sum of squares", 4, [&kernel](Data& data) {
    benchmark::DoNotOptimize(kernel.sum_of_squares(data.floats.data(), data.count));
  });
  add_benchmark("extents of 512 columns", 4, [&kernel](Data& data) {
    float* const minima = data.results.data();
    kernel.column_extents({data.floats.data(), data.count / 512, 512, 512}, minima, minima + 512);
  });
  add_benchmark("counts of 4096 bins", 4, [&kernel](Data& data) {
    kernel.count_bins({.values = data.floats.data(),
                       .count = data.count,
                       .inverse_width = 256,
                       .first = -2048,
                       .bins = 4096,
                       .counts = data.counts.data()});
  });
}

void add_normalizations(const kernels::NormalizationKernel& kernel) {
  for (const Index columns : {64, 768}) {
    const std::string rows = " of rows of " + std::to_string(columns);
    add_benchmark("softmax" + rows, 8, [&kernel, columns](Data& data) {
      kernel.softmax({data.floats.data(), columns, data.results.data(), columns, data.count / columns, columns});
    });
    add_benchmark("layer normalisation" + rows, 8, [&kernel, columns](Data& data) {
      kernel.layer_normalization({.input = data.floats.data(),
                                  .input_stride = columns,
                                  .output = data.results.data(),
                                  .output_stride = columns,
                                  .rows = data.count / columns,
                                  .columns = columns,
                                  .scale = data.floats.data(),
                                  .bias = data.floats.data()});
    });
  }
}

void add_float_functions(const kernels::FloatElementwiseKernel& kernel) {
  using kernels::FloatFunction;
  const std::pair<const char*, FloatFunction> functions[] = {{"clip", FloatFunction::clip},
                                                             {"leaky relu", FloatFunction::leaky_relu},
                                                             {"hard swish", FloatFunction::hard_swish},
                                                             {"square root", FloatFunction::square_root},
                                                             {"exponential", FloatFunction::exponential},
                                                             {"logarithm", FloatFunction::logarithm},
                                                             {"sigmoid", FloatFunction::sigmoid},
                                                             {"swish", FloatFunction::swish},
                                                             {"tanh", FloatFunction::tanh},
                                                             {"elu", FloatFunction::elu},
                                                             {"softplus", FloatFunction::softplus},
                                                             {"error", FloatFunction::error},
                                                             {"gelu", FloatFunction::gelu},
                                                             {"gelu by tanh", FloatFunction::gelu_tanh}};
  for (const auto& [name, function] : functions) {
    const kernels::FloatMap map{function, 0.5F, 6};
    add_benchmark(std::string("float ") + name, 8, [&kernel, map](Data& data) {
      kernel.map({map, data.floats.data(), data.results.data(), data.count});
    });
  }
  add_benchmark("float add", 12, [&kernel](Data& data) {
    kernel.pair(
        {.a = {data.floats.data()}, .b = {data.floats.data()}, .output = data.results.data(), .columns = data.count});
  });
  for (const Index columns : {64, 768}) {
    const std::string rows = std::to_string(columns);
    add_benchmark("float multiply rows of " + rows + " by a row", 8, [&kernel, columns](Data& data) {
      kernel.pair({.operation = kernels::FloatPair::multiply,
                   .a = {data.floats.data(), columns},
                   .b = {data.floats.data(), 0},
                   .output = data.results.data(),
                   .output_stride = columns,
                   .rows = data.count / columns,
                   .columns = columns});
    });
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const kernels::KernelSet kernels = kernels::KernelSet::best();
  benchmark::AddCustomContext("backend", kernels.name);
  const kernels::ElementwiseKernel& kernel = kernels.elementwise;
  const std::vector<std::uint8_t> table = random_codes(256, 3);
  std::vector<std::int32_t> zero_points(static_cast<std::size_t>(kCounts[3] / 64));
  add_benchmark("add", 3, [&](Data& data) {
    kernel.add({data.first(), data.second(), 0.5F, 0.25F, data.output(), data.count});
  });
  add_benchmark("multiply", 3, [&](Data& data) {
    kernel.multiply({data.first(), data.second(), 0.01F, data.output(), data.count});
  });
  add_benchmark("lookup", 2,
                [&](Data& data) { kernel.lookup(data.a.data(), table.data(), data.count, data.codes.data()); });
  add_benchmark("quantize", 5,
                [&](Data& data) { kernel.quantize(data.floats.data(), 0.1F, data.output(), data.count); });
  add_benchmark("dequantize", 5,
                [&](Data& data) { kernel.dequantize(data.first(), 0.1F, data.count, data.floats.data()); });
  add_benchmark("requantize", 2, [&](Data& data) { kernel.requantize(data.first(), 0.7F, data.output(), data.count); });
  for (const Index columns : {64, 768}) {
    add_benchmark("quantize rows of " + std::to_string(columns), 5, [&, columns](Data& data) {
      kernel.quantize_rows({.input = data.floats.data(),
                            .input_stride = columns,
                            .rows = data.count / columns,
                            .columns = columns,
                            .output = data.codes.data(),
                            .output_stride = columns,
                            .row_scales = data.results.data(),
                            .row_zero_points = zero_points.data()});
    });
  }
  for (const Index rows : {3, 64}) {
    add_benchmark("transpose " + std::to_string(rows) + " rows of codes", 2, [&, rows](Data& data) {
      kernels.layout.transpose({data.a.data(), 1, rows, data.count / rows, 1, data.codes.data()});
    });
  }
  add_float_functions(kernels.float_elementwise);
  add_reductions(kernels.reduction);
  add_normalizations(kernels.normalization);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
