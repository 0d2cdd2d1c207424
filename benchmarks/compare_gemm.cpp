// Matrix products of condense beside those of other libraries (peers/), and beside the limit of the core: one thread on
// one core, weights packed beforehand, medians of rounds in which all take turns.
//
//   compare_gemm [--json FILE] [--filter TEXT] [--isa NAME] [--quick]
//
// --filter keeps the products whose description has TEXT in it; --isa keeps condense and the peers that can be kept
// from more to an instruction set, such as avx2. GOPS counts a multiply-add as two operations; the share is that of the
// fastest chain of multiply-adds on registers. Exact says whether the sums of extreme codes are the true ones.

#include <fmt/format.h>

#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "condense/core/tensor.hpp"
#include "condense/kernels/all_versions.hpp"
#include "condense/kernels/dynamic_product.hpp"
#include "condense/kernels/kernel_set.hpp"
#include "condense/report/progress_bar.hpp"
#include "condense/report/table.hpp"
#include "support/limits.hpp"
#include "support/product_data.hpp"

namespace condense::benchmarks {
namespace {

using kernels::ElementType;

struct Case {
  Work work;
  Index m;
  Index n;
  Index k;
};

constexpr Case kCases[] = {
    {Work::sums, 256, 256, 256},
    {Work::sums, 512, 512, 512},
    {Work::sums, 1024, 1024, 1024},
    {Work::sums, 2048, 2048, 2048},
    {Work::sums, 784, 128, 1152},
    {Work::sums, 3136, 128, 64},
    {Work::sums, 1, 768, 768},
    {Work::sums, 8, 768, 768},
    {Work::sums, 128, 3072, 768},
    {Work::sums, 1, 4096, 4096},
    {Work::sums, 32, 4096, 4096},
    {Work::signed_sums, 1024, 1024, 1024},
    {Work::signed_sums, 1, 768, 768},
    {Work::requantized, 1024, 1024, 1024},
    {Work::requantized, 196, 256, 2304},
    {Work::requantized, 8, 768, 768},
    {Work::requantized, 3136, 128, 64},
    {Work::int4_groups, 1, 4096, 4096},
    {Work::int4_groups, 4, 4096, 4096},
    {Work::int4_groups, 16, 4096, 4096},
    {Work::int4_groups, 128, 4096, 4096},
    {Work::dynamic, 512, 768, 768},
    {Work::dynamic, 8, 768, 768},
    {Work::dynamic, 3136, 128, 64},
    {Work::floats, 512, 512, 512},
    {Work::floats, 784, 128, 1152},
    {Work::floats, 3136, 128, 64},
    {Work::floats, 1, 768, 768},
};

std::string name(Work work) {
  switch (work) {
    case Work::sums: return "u8s8->s32";
    case Work::signed_sums: return "s8s8->s32";
    case Work::requantized: return "u8s8->u8";
    case Work::int4_groups: return "s8s4/32->f32";
    case Work::dynamic: return "f32(u8)s8->f32";
    default: return "float";
  }
}

std::string name(const Case& c) { return fmt::format("{} {}x{}x{}", name(c.work), c.m, c.n, c.k); }

Tensor packed_memory(std::size_t bytes) { return Tensor(DataType::uint8, Shape{static_cast<Index>(bytes)}); }

PreparedProduct prepare_floats(const kernels::FloatGemmKernel& kernel, const Product& p) {
  struct State {
    Tensor packed;
    std::vector<float> bias;
    kernels::FloatGemmArguments arguments;
  };
  const auto state = std::make_shared<State>(
      State{packed_memory(kernel.packed_bytes(p.n, p.k)), std::vector<float>(static_cast<std::size_t>(p.n), 0.0F), {}});
  kernel.pack(p.n, p.k, static_cast<const float*>(p.weights), state->packed.mutable_raw());
  state->arguments = {.input = {.data = p.input, .rows = p.m, .depth = p.k, .row_stride = p.k},
                      .columns = p.n,
                      .packed_weights = std::as_const(state->packed).raw(),
                      .bias = state->bias.data(),
                      .low = -1e30F,
                      .high = 1e30F,
                      .output = static_cast<float*>(p.output),
                      .output_stride = p.n};
  return {.run = [state, run = kernel.run] { run(state->arguments); }, .collect = {}};
}

PreparedProduct prepare_dynamic(const kernels::KernelSet& kernels, const Product& p) {
  struct State {
    Tensor packed;
    std::vector<float> bias;
    std::vector<std::int32_t> column_sums;
    Tensor scratch;
    kernels::DynamicProduct product;
  };
  const kernels::WeightShape shape{.columns = p.n, .depth = p.k};
  const auto state = std::make_shared<State>();
  const auto* codes = static_cast<const std::int8_t*>(p.weights);
  state->packed = packed_memory(kernels.gemm.packed_bytes(shape));
  kernels.gemm.pack(shape, {.codes = codes}, state->packed.mutable_raw());
  state->bias.assign(static_cast<std::size_t>(p.n), 0.0F);
  for (Index column = 0; column < p.n; ++column) {
    state->column_sums.push_back(std::accumulate(codes + column * p.k, codes + (column + 1) * p.k, 0));
  }
  state->product = {.input = static_cast<const float*>(p.input),
                    .input_stride = p.k,
                    .rows = p.m,
                    .weights = shape,
                    .packed_weights = std::as_const(state->packed).raw(),
                    .multipliers = p.multipliers,
                    .column_sums = state->column_sums.data(),
                    .bias = state->bias.data(),
                    .low = -1e30F,
                    .high = 1e30F,
                    .output = static_cast<float*>(p.output),
                    .output_stride = p.n};
  state->scratch = packed_memory(kernels::scratch_bytes(state->product));
  return {
      .run = [state, elementwise = kernels.elementwise,
              gemm = kernels.gemm] { kernels::run(state->product, elementwise, gemm, state->scratch.mutable_raw()); },
      .collect = {}};
}

PreparedProduct prepare_integers(const kernels::GemmKernel& kernel, const Product& p) {
  struct State {
    Tensor packed;
    std::vector<std::int32_t> bias;
    std::vector<float> float_bias;
    std::vector<float> row_scales;
    kernels::GemmArguments arguments;
  };
  const bool grouped = p.work == Work::int4_groups;
  const kernels::WeightShape shape{
      .columns = p.n, .depth = p.k, .bits = grouped ? 4 : 8, .group_size = grouped ? 32 : 0};
  const auto count = [](Index n) { return static_cast<std::size_t>(n); };
  const auto state = std::make_shared<State>(State{.packed = packed_memory(kernel.packed_bytes(shape)),
                                                   .bias = std::vector<std::int32_t>(count(p.n), 0),
                                                   .float_bias = std::vector<float>(count(p.n), 0.0F),
                                                   .row_scales = std::vector<float>(count(p.m), 0.01F),
                                                   .arguments = {}});
  const std::vector<float> group_scales(count(p.n * shape.groups()), 0.01F);
  kernel.pack(shape, {.codes = static_cast<const std::int8_t*>(p.weights), .multipliers = group_scales.data()},
              state->packed.mutable_raw());
  state->arguments = {.input = {.data = p.input, .rows = p.m, .depth = p.k, .row_stride = p.k},
                      .input_type = p.work == Work::signed_sums || grouped ? ElementType::int8 : ElementType::uint8,
                      .weights = shape,
                      .packed_weights = std::as_const(state->packed).raw(),
                      .epilogue = {.bias = state->bias.data(),
                                   .multipliers = p.multipliers,
                                   .float_bias = state->float_bias.data(),
                                   .row_scales = grouped ? state->row_scales.data() : nullptr,
                                   .lowest = 0,
                                   .highest = 255,
                                   .low = -1e30F,
                                   .high = 1e30F},
                      .output = p.output,
                      .output_type = grouped                       ? ElementType::float32
                                     : p.work == Work::requantized ? ElementType::uint8
                                                                   : ElementType::int32,
                      .output_stride = p.n};
  return {.run = [state, run = kernel.run] { run(state->arguments); }, .collect = {}};
}

/// Somebody who multiplies, and the instruction set whose limit is theirs.
struct Contender {
  Peer peer;
  std::string_view isa;
};

/// Condense with the best instruction set up to `limit`, and with that which most machines have; then the peers.
std::vector<Contender> contenders(std::string_view limit) {
  std::vector<std::string_view> sets;
  std::string_view best;
  bool reached = false;
  simd::for_each_available<kernels::Gemm>([&](auto isa) {
    if (reached) return;
    sets.push_back(best = isa.name);
    reached = isa.name == limit;
  });
  require(reached || limit.empty(), "there is no instruction set '{}' on this machine; --isa may be {}", limit,
          simd::available_names());
  std::vector<Contender> all;
  for (const std::string_view isa : sets) {
    if (isa != best && isa != simd::Avx2::name && isa != simd::Neon::name) continue;
    const auto prepare = [kernels = kernels::KernelSet::select(isa)](const Product& p) {
      if (p.work == Work::floats) return prepare_floats(kernels.float_gemm, p);
      return p.work == Work::dynamic ? prepare_dynamic(kernels, p) : prepare_integers(kernels.gemm, p);
    };
    all.insert(all.begin(), {{.name = fmt::format("condense {}", isa), .limit_to = {}, .prepare = prepare}, isa});
  }
  for (const Peer& peer : peers()) {
    if (limit.empty() || peer.limit_to(limit)) {
      all.push_back({peer, best});
    } else {
      fmt::print(stderr, "{} is left out, it cannot be kept to {}\n", peer.name, limit);
    }
  }
  return all;
}

/// The chains of multiply-adds, measured with every round.
struct Limits {
  std::vector<std::pair<ArithmeticLimit, std::vector<double>>> chains;

  Limits() {
    for (const ArithmeticLimit& limit : arithmetic_limits()) chains.push_back({limit, {}});
  }
  void measure_round() {
    for (auto& [limit, rates] : chains) rates.push_back(measure(limit));
  }
  /// The rate of the fastest chain up to an instruction set.
  std::optional<double> operations_per_second(std::string_view isa, bool integers) const {
    std::optional<double> best;
    bool reached = false;
    simd::AllInstructionSets::for_each([&](auto set) {
      if (reached) return;
      for (const auto& [limit, rates] : chains) {
        if (limit.backend != set.name || limit.integers != integers) continue;
        best = std::max(best.value_or(0), median(rates));
      }
      reached = set.name == isa;
    });
    return best;
  }
};

struct Options {
  std::string json;
  std::string filter;
  std::string isa;
  bool quick = false;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto value = [&] {
      require(i + 1 < argc, "{} needs a value", argument);
      return std::string(argv[++i]);
    };
    if (argument == "--json") {
      options.json = value();
    } else if (argument == "--filter") {
      options.filter = value();
    } else if (argument == "--isa") {
      options.isa = value();
    } else if (argument == "--quick") {
      options.quick = true;
    } else {
      throw InvalidArgument(
          fmt::format("there is no option '{}'; use --json FILE, --filter TEXT, --isa NAME or --quick", argument));
    }
  }
  return options;
}

/// Adds a row for each contender that has the work.
void compare(const Case& c, const std::vector<Contender>& contenders, bool quick, report::Table& table) {
  struct Entry {
    const Contender* contender;
    report::Cell exact;
    PreparedProduct product;
    Index repetitions;
    std::vector<double> rates;
  };
  std::vector<Entry> entries;
  const ProductData data(c.work, c.m, c.n, c.k, Fill::random);
  std::optional<ProductData> extreme;
  const bool to_integers = c.work == Work::sums || c.work == Work::signed_sums || c.work == Work::requantized;
  if (to_integers) extreme.emplace(c.work, c.m, c.n, c.k, Fill::extreme);
  for (const Contender& contender : contenders) {
    Entry entry{.contender = &contender, .exact = {}, .product = {}, .repetitions = 1, .rates = {}};
    if (extreme) {
      extreme->clear_output();
      const PreparedProduct trial = contender.peer.prepare(extreme->product());
      if (!trial.run) continue;
      trial.run();
      if (trial.collect) trial.collect();
      entry.exact = std::string(extreme->is_exact() ? "yes" : "no");
    }
    entry.product = contender.peer.prepare(data.product());
    if (!entry.product.run) continue;
    entry.repetitions = repetitions_for(quick ? 0.002 : 0.02, entry.product.run);
    entries.push_back(std::move(entry));
  }
  const double operations = 2.0 * static_cast<double>(c.m) * static_cast<double>(c.n) * static_cast<double>(c.k);
  Limits limits;
  for (int round = 0; round < (quick ? 3 : 15); ++round) {
    limits.measure_round();
    for (Entry& entry : entries) {
      const double seconds = seconds_of([&] {
        for (Index i = 0; i < entry.repetitions; ++i) entry.product.run();
      });
      entry.rates.push_back(static_cast<double>(entry.repetitions) * operations / seconds);
    }
  }
  for (const Entry& entry : entries) {
    const double rate = median(entry.rates);
    report::Cell share;
    if (const auto limit = limits.operations_per_second(entry.contender->isa, c.work != Work::floats)) {
      share = rate / *limit;
    }
    table.add({name(c.work), std::int64_t{c.m}, std::int64_t{c.n}, std::int64_t{c.k}, std::int64_t{1},
               entry.contender->peer.name, rate * 1e-9, share, entry.exact});
  }
}

void run(const Options& options) {
  pin_to_core();
  const std::vector<Contender> all = contenders(options.isa);
  std::vector<Case> cases;
  for (const Case& c : kCases) {
    if (name(c).find(options.filter) != std::string::npos) cases.push_back(c);
  }
  require(!cases.empty(), "no product has '{}' in its description, such as '{}'", options.filter, name(kCases[0]));
  report::Table table({{"work", "work"},
                       {"m", "m"},
                       {"n", "n"},
                       {"k", "k"},
                       {"threads", "threads"},
                       {"contender", "contender"},
                       {"GOPS", "gops", 1},
                       {"of limit", "fraction_of_limit", 2},
                       {"exact", "exact"}});
  report::ProgressBar progress;
  for (const Case& c : cases) {
    compare(c, all, options.quick, table);
    const std::string detail = name(c);
    progress({.stage = "products", .done = (&c - cases.data()) + 1, .total = std::ssize(cases), .detail = detail});
  }
  fmt::print("{}", table.text());
  if (!options.json.empty()) report::write_json(options.json, table.json());
}

}  // namespace
}  // namespace condense::benchmarks

int main(int argc, char** argv) {
  try {
    condense::benchmarks::run(condense::benchmarks::parse(argc, argv));
  } catch (const std::exception& error) {
    fmt::print(stderr, "compare_gemm: {}\n", error.what());
    return 1;
  }
}
