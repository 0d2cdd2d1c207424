// Matrix products of condense beside those of other libraries (peers/), and beside the limit of the core: one thread on
// one core, weights packed beforehand, medians of rounds in which all take turns.
//
//   compare_gemm [--json FILE] [--filter TEXT] [--isa NAME] [--threads N] [--quick]
//
// --filter keeps the products whose description has TEXT in it; --isa keeps condense and the peers that can be kept
// from more to an instruction set, such as avx2; --threads has all of them work with N threads on N cores, and is
// measured by the clock on the wall. GOPS counts a multiply-add as two operations; the share is that of the fastest
// chain of multiply-adds on registers. Exact says whether the results of extreme codes are those of the definition.

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "support/contest.hpp"
#include "support/options.hpp"
#include "support/prepared_product.hpp"
#include "support/product_data.hpp"

namespace condense::benchmarks {
namespace {

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
    {Work::sums, 8, 11008, 4096},
    {Work::signed_sums, 1024, 1024, 1024},
    {Work::signed_sums, 1, 768, 768},
    {Work::signed_sums, 8, 768, 768},
    {Work::requantized, 1024, 1024, 1024},
    {Work::requantized, 196, 256, 2304},
    {Work::requantized, 8, 768, 768},
    {Work::requantized, 3136, 128, 64},
    {Work::int4_groups, 1, 4096, 4096},
    {Work::int4_groups, 1, 11008, 4096},
    {Work::int4_groups, 4, 4096, 4096},
    {Work::int4_groups, 16, 4096, 4096},
    {Work::int4_groups, 128, 4096, 4096},
    {Work::int4_groups, 512, 4096, 4096},
    {Work::dynamic, 512, 768, 768},
    {Work::dynamic, 8, 768, 768},
    {Work::dynamic, 3136, 128, 64},
    {Work::dynamic, 3136, 64, 576},
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
    case Work::dynamic: return "f32(u8)s8->f32";
    case Work::int4_groups: return "f32(s8)s4/32->f32";
    default: return "float";
  }
}

std::string name(const Case& c) { return fmt::format("{} {}x{}x{}", name(c.work), c.m, c.n, c.k); }

/// Adds a row for each contender that has the work.
void compare(const Case& c, const std::vector<Contender<Product>>& contenders, const Options& options,
             report::Table& table) {
  struct Entry {
    const Contender<Product>* contender;
    report::Cell exact;
  };
  const auto prepare = [&](const Contender<Product>& contender, const ProductData& data) {
    Product product = data.product();
    product.threads = options.threads;
    return contender.competitor.prepare(product);
  };
  std::vector<Entry> entries;
  std::vector<std::function<void()>> runs;
  const ProductData data(c.work, c.m, c.n, c.k, Fill::random);
  std::optional<ProductData> extreme;
  if (!data.product().has_float_rows()) extreme.emplace(c.work, c.m, c.n, c.k, Fill::extreme);
  for (const Contender<Product>& contender : contenders) {
    Entry entry{&contender, {}};
    if (extreme) {
      extreme->clear_output();
      const Prepared trial = prepare(contender, *extreme);
      if (!trial.run) continue;
      trial.run();
      if (trial.collect) trial.collect();
      entry.exact = std::string(extreme->is_exact() ? "yes" : "no");
    }
    const Prepared prepared = prepare(contender, data);
    if (!prepared.run) continue;
    runs.push_back(prepared.run);
    entries.push_back(entry);
  }
  Limits limits;
  const std::vector<double> seconds = take_turns(runs, options.quick, limits, options.threads);
  const double operations = 2.0 * static_cast<double>(c.m) * static_cast<double>(c.n) * static_cast<double>(c.k);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Contender<Product>& contender = *entries[i].contender;
    const double rate = operations / seconds[i];
    report::Cell share;
    if (const auto limit = limits.operations_per_second(contender.isa, c.work != Work::floats)) {
      share = rate / (options.threads * *limit);
    }
    table.add({name(c.work), std::int64_t{c.m}, std::int64_t{c.n}, std::int64_t{c.k}, std::int64_t{options.threads},
               contender.competitor.name, rate * 1e-9, share, entries[i].exact});
  }
}

void run(const Options& options) {
  pin_to_cores(options.threads);
  const auto all = contenders<Product>(options.isa, prepare);
  const report::Table table({{"work", "work"},
                             {"m", "m"},
                             {"n", "n"},
                             {"k", "k"},
                             {"threads", "threads"},
                             {"contender", "contender"},
                             {"GOPS", "gops", 1},
                             {"of limit", "fraction_of_limit", 2},
                             {"exact", "exact"}});
  compare_all(
      options, std::vector<Case>(std::begin(kCases), std::end(kCases)), "products",
      [](const Case& c) { return name(c); }, table,
      [&](const Case& c, report::Table& rows) { compare(c, all, options, rows); });
}

}  // namespace
}  // namespace condense::benchmarks

int main(int argc, char** argv) {
  try {
    condense::benchmarks::run(condense::benchmarks::parse(argc, argv, {.threads = true}));
  } catch (const std::exception& error) {
    fmt::print(stderr, "compare_gemm: {}\n", error.what());
    return 1;
  }
}
