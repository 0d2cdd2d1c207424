// Products whose weights are zeros for the most part, dense and sparse, on one core: convolutions and fully connected
// layers, on integers to codes and on floats. Both take turns; times are medians of rounds.
//
//   compare_sparse [--json FILE] [--filter TEXT] [--isa NAME] [--quick]
//
// The share of bytes is that of packed sparse weights, indices and counts among them, of dense ones. `chosen` tells
// whether the runtime takes the sparse one where it measures (`runtime::SparseProducts::measured`).

#include <fmt/format.h>

#include <string>
#include <vector>

#include "condense/core/random.hpp"
#include "condense/runtime/detail/choose_sparse.hpp"
#include "support/options.hpp"
#include "support/timing.hpp"

namespace condense::benchmarks {
namespace {

using kernels::Index;
using runtime::detail::Product;

enum class Pattern { nine_tenths, nineteen_twentieths, two_of_four, one_of_four, blocks };

std::string_view name(Pattern pattern) {
  constexpr std::string_view kNames[] = {"90 %", "95 %", "2:4", "1:4", "90 % in 16x1"};
  return kNames[static_cast<std::size_t>(pattern)];
}

/// Whether a weight is kept; `element` counts along K. Blocks are of 16 columns by one element of K.
bool keeps(Pattern pattern, Index column, Index element, Random& random) {
  const auto mixed = static_cast<std::uint32_t>(column / 16 * 7919 + element * 104729) * 2654435761U;
  switch (pattern) {
    case Pattern::nine_tenths: return random.below(10) == 0;
    case Pattern::nineteen_twentieths: return random.below(20) == 0;
    case Pattern::two_of_four: return (element * 5 + column * 3 + element / 4) % 4 < 2;
    case Pattern::one_of_four: return (element + column * 3 + element / 4) % 4 == 0;
    default: return (mixed >> 16) % 10 == 0;
  }
}

struct Work {
  const char* layer;
  Index size;  ///< Of a square image; 0 for a matrix product.
  Index rows;  ///< Of a matrix product.
  Index depth;
  Index columns;
  Index kernel;
};

constexpr Work kWork[] = {
    {"56x56x64 3x3 to 64", 56, 0, 64, 64, 3},       {"28x28x128 3x3 to 128", 28, 0, 128, 128, 3},
    {"14x14x256 3x3 to 256", 14, 0, 256, 256, 3},   {"7x7x512 3x3 to 512", 7, 0, 512, 512, 3},
    {"56x56x256 1x1 to 64", 56, 0, 256, 64, 1},     {"56x56x64 1x1 to 256", 56, 0, 64, 256, 1},
    {"14x14x1024 1x1 to 256", 14, 0, 1024, 256, 1}, {"112x112x16 1x1 to 96", 112, 0, 16, 96, 1},
    {"28x28x192 1x1 to 32", 28, 0, 192, 32, 1},     {"14x14x384 1x1 to 64", 14, 0, 384, 64, 1},
    {"7x7x960 1x1 to 160", 7, 0, 960, 160, 1},      {"1 row 784 to 300", 0, 1, 784, 300, 1},
    {"1 row 768 to 768", 0, 1, 768, 768, 1},        {"8 rows 768 to 768", 0, 8, 768, 768, 1},
    {"64 rows 768 to 768", 0, 64, 768, 768, 1},     {"1 row 4096 to 4096", 0, 1, 4096, 4096, 1},
    {"16 rows 4096 to 4096", 0, 16, 4096, 4096, 1}, {"64 rows 4096 to 4096", 0, 64, 4096, 4096, 1},
};

Product product_of(const Work& w) {
  if (w.size == 0) return runtime::detail::matrix_product(w.rows, Shape{w.columns, w.depth}, true);
  const Index pad = w.kernel / 2;
  return runtime::detail::convolution_product(graph::Conv{.pads = {pad, pad, pad, pad}},
                                              Shape{1, w.depth, w.size, w.size},
                                              Shape{w.columns, w.depth, w.kernel, w.kernel});
}

/// Calls `run(arguments)` for all rows, by as many as the runtime hands to a kernel.
template <class Arguments, class Element>
void run_rows(Arguments arguments, void (*run)(const Arguments&) noexcept, Index rows, std::size_t output_bytes,
              const Element* activations) {
  auto* out = reinterpret_cast<std::byte*>(arguments.output);
  for (Index first = 0; first < rows; first += runtime::detail::kRowsPerTask) {
    arguments.input.rows = std::min(runtime::detail::kRowsPerTask, rows - first);
    arguments.output = reinterpret_cast<decltype(arguments.output)>(out);
    run(arguments);
    out += static_cast<std::size_t>(runtime::detail::kRowsPerTask * arguments.output_stride) * output_bytes;
    if (arguments.input.offsets != nullptr) {
      arguments.input.offsets += runtime::detail::kRowsPerTask * arguments.input.taps;
    } else {
      arguments.input.data = activations + (first + runtime::detail::kRowsPerTask) * arguments.input.row_stride;
    }
  }
}

struct Timing {
  double dense;
  double sparse;
};

/// Medians of rounds in which both take turns.
template <class Dense, class Sparse>
Timing take_turns(const Dense& dense, const Sparse& sparse, bool quick) {
  const auto repetitions = repetitions_for(quick ? 0.002 : 0.01, dense);
  std::vector<double> times[2];
  const auto time = [&](const auto& body) {
    return seconds_of([&] {
      for (auto i = repetitions; i > 0; --i) body();
    });
  };
  for (int round = 0; round < (quick ? 7 : 15); ++round) {
    times[0].push_back(time(dense) / static_cast<double>(repetitions));
    times[1].push_back(time(sparse) / static_cast<double>(repetitions));
  }
  return {median(times[0]), median(times[1])};
}

struct Case {
  const Work* work;
  Pattern pattern;
  bool integers;

  std::string name() const {
    return fmt::format("{} {} {}", integers ? "int8" : "float", benchmarks::name(pattern), work->layer);
  }
};

/// Measures a product: `arguments` lack weights and input. `Element` is that of activations and, in size, of outputs.
template <class Element, class Weight, class Arguments, class Dense, class Sparse>
void measure(const Case& c, const Product& p, const std::vector<Weight>& weights, const Dense& dense_kernel,
             const AlignedBytes& dense, const Sparse& sparse_kernel, Arguments arguments, bool quick,
             report::Table& table) {
  const auto packed = runtime::detail::pack_sparse(sparse_kernel, arguments.weights, weights, p);
  std::vector<Element> activations(static_cast<std::size_t>(p.image_elements), Element{1});
  std::vector<Element> padding(static_cast<std::size_t>(p.channels()), Element{1});
  std::vector<Element> output(static_cast<std::size_t>(p.rows * p.columns));
  arguments.input = {.data = activations.data(),
                     .offsets = p.offsets.empty() ? nullptr : p.offsets.data(),
                     .padding = padding.data(),
                     .taps = p.taps,
                     .depth = p.depth,
                     .row_stride = p.channels()};
  arguments.output = output.data();
  arguments.output_stride = p.columns;
  Arguments without_zeros = arguments;
  arguments.packed_weights = dense.data();
  without_zeros.packed_weights = packed.bytes.data();
  const auto run_dense = [&] { run_rows(arguments, dense_kernel.run, p.rows, sizeof(Element), activations.data()); };
  const auto run_sparse = [&] {
    run_rows(without_zeros, sparse_kernel.run, p.rows, sizeof(Element), activations.data());
  };
  const Timing timing = take_turns(run_dense, run_sparse, quick);
  arguments.input.rows = without_zeros.input.rows = std::min(p.rows, runtime::detail::kRowsPerTask);
  const bool is_chosen =
      runtime::detail::is_faster([&] { sparse_kernel.run(without_zeros); }, [&] { dense_kernel.run(arguments); });
  const double share = static_cast<double>(packed.bytes.size()) / static_cast<double>(dense.size());
  table.add({std::string(c.integers ? "int8" : "float"), std::string(c.work->layer), std::string(name(c.pattern)),
             timing.dense * 1e6, timing.sparse * 1e6, timing.dense / timing.sparse, share,
             std::string(is_chosen ? "sparse" : "dense")});
}

void compare(const Case& c, const kernels::KernelSet& kernels, bool quick, report::Table& table) {
  const Product p = product_of(*c.work);
  Random random(1);
  std::vector<std::int8_t> codes;
  for (Index column = 0; column < p.columns; ++column) {
    for (Index element = 0; element < p.column_elements(); ++element) {
      const auto code = static_cast<std::int8_t>(1 + random.below(127));
      codes.push_back(keeps(c.pattern, column, element, random) ? code : std::int8_t{0});
    }
  }
  if (c.integers) {
    const kernels::WeightShape shape{.columns = p.columns, .taps = p.taps, .depth = p.depth};
    AlignedBytes dense(kernels.gemm.packed_bytes(shape));
    kernels.gemm.pack(shape, {.codes = codes.data()}, dense.data());
    const std::vector<std::int32_t> bias(static_cast<std::size_t>(p.columns), 1);
    const std::vector<float> multipliers(static_cast<std::size_t>(p.columns), 1e-3F);
    measure<std::uint8_t>(
        c, p, codes, kernels.gemm, dense, kernels.sparse_gemm,
        kernels::GemmArguments{
            .weights = shape,
            .epilogue = {.bias = bias.data(), .multipliers = multipliers.data(), .zero_point = 3, .highest = 255}},
        quick, table);
  } else {
    const std::vector<float> weights(codes.begin(), codes.end());
    const kernels::FloatWeightShape shape{.columns = p.columns, .taps = p.taps, .depth = p.depth};
    AlignedBytes dense(kernels.float_gemm.packed_bytes(shape));
    kernels.float_gemm.pack(shape, {.floats = weights.data()}, dense.data());
    const std::vector<float> bias(static_cast<std::size_t>(p.columns), 1.0F);
    measure<float>(c, p, weights, kernels.float_gemm, dense, kernels.float_sparse_gemm,
                   kernels::FloatGemmArguments{.weights = shape, .bias = bias.data(), .low = 0, .high = 1e30F}, quick,
                   table);
  }
}

void run(const Options& options) {
  pin_to_core();
  const kernels::KernelSet kernels =
      options.isa.empty() ? kernels::KernelSet::best() : kernels::KernelSet::select(options.isa);
  std::vector<Case> cases;
  for (const bool integers : {true, false}) {
    for (const Work& work : kWork) {
      for (int pattern = 0; pattern < 5; ++pattern) cases.push_back({&work, static_cast<Pattern>(pattern), integers});
    }
  }
  const report::Table table({{"type", "type"},
                             {"layer", "layer"},
                             {"zeros", "zeros"},
                             {"dense us", "dense_us", 2},
                             {"sparse us", "sparse_us", 2},
                             {"ratio", "ratio", 2},
                             {"bytes", "fraction_of_bytes", 2},
                             {"chosen", "chosen"}});
  compare_all(
      options, cases, "products", [](const Case& c) { return c.name(); }, table,
      [&](const Case& c, report::Table& rows) { compare(c, kernels, options.quick, rows); });
}

}  // namespace
}  // namespace condense::benchmarks

int main(int argc, char** argv) {
  try {
    condense::benchmarks::run(condense::benchmarks::parse(argc, argv));
  } catch (const std::exception& error) {
    fmt::print(stderr, "compare_sparse: {}\n", error.what());
    return 1;
  }
}
