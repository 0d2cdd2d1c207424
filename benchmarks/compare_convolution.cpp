// Whole convolution layers of MobileNetV2 and ResNet-50 on one image, of condense beside those of other libraries
// (peers/convolution_*.cpp), and beside the limit of the core: one thread on one core, weights packed beforehand,
// medians of rounds in which all take turns.
//
//   compare_convolution [--json FILE] [--filter TEXT] [--isa NAME] [--quick]
//
// --filter keeps the layers whose description has TEXT in it, such as "float" or "depthwise"; --isa keeps condense and
// the peers that can be kept from more to an instruction set, such as avx2. Images lie channels last, and codes have
// scales per channel; a contender called blocked has images in a layout of its own. GOPS counts a multiply-add as two
// operations; the share is that of the fastest chain of multiply-adds on registers. `wrong` counts the codes that are
// not those of the definition; of floats, `error` is the largest difference from it, relative to the largest value.

#include <fmt/format.h>

#include <string>
#include <vector>

#include "support/contest.hpp"
#include "support/convolution_data.hpp"
#include "support/options.hpp"

namespace condense::benchmarks {
namespace {

struct Case {
  const Layer* layer;
  bool integers;

  const char* type() const { return integers ? "int8" : "float"; }
  std::string name() const { return fmt::format("{} {} {}", type(), layer->network, layer->name()); }
};

Prepared prepare(const kernels::KernelSet& kernels, const Convolution& convolution) {
  const auto steps = std::make_shared<const ConvolutionSteps>(kernels, convolution);
  return {.run = [steps] { steps->run(); }, .collect = [=] { steps->copy_result(convolution.output); }};
}

/// Adds a row for each contender that has the layer.
void compare(const Case& c, const std::vector<Contender<Convolution>>& contenders, bool quick, report::Table& table) {
  struct Entry {
    const Contender<Convolution>* contender;
    report::Cell wrong;
    report::Cell error;
  };
  std::vector<Entry> entries;
  std::vector<std::function<void()>> runs;
  ConvolutionData data(*c.layer, c.integers);
  for (const Contender<Convolution>& contender : contenders) {
    const Prepared prepared = contender.competitor.prepare(data.convolution());
    if (!prepared.run) continue;
    data.clear_output();
    prepared.run();
    if (prepared.collect) prepared.collect();
    Entry entry{&contender, {}, {}};
    if (c.integers) {
      entry.wrong = std::int64_t{data.differing_codes()};
    } else {
      entry.error = data.relative_error();
    }
    entries.push_back(entry);
    runs.push_back(prepared.run);
  }
  Limits limits;
  const std::vector<double> seconds = take_turns(runs, quick, limits);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const double rate = c.layer->operations() / seconds[i];
    report::Cell share;
    if (const auto limit = limits.operations_per_second(entries[i].contender->isa, c.integers)) share = rate / *limit;
    table.add({std::string(c.layer->network), c.layer->name(), std::string(c.type()),
               entries[i].contender->competitor.name, seconds[i] * 1e3, rate * 1e-9, share, entries[i].wrong,
               entries[i].error});
  }
}

void run(const Options& options) {
  pin_to_core();
  const auto all = contenders<Convolution>(options.isa, prepare);
  std::vector<Case> cases;
  for (const bool integers : {true, false}) {
    for (const Layer& layer : kLayers) cases.push_back({&layer, integers});
  }
  const report::Table table({{"network", "network"},
                             {"layer", "layer"},
                             {"type", "type"},
                             {"contender", "contender"},
                             {"ms", "ms", 4},
                             {"GOPS", "gops", 1},
                             {"of limit", "fraction_of_limit", 2},
                             {"wrong", "wrong_codes"},
                             {"error", "relative_error", 8}});
  compare_all(
      options, cases, "layers", [](const Case& c) { return c.name(); }, table,
      [&](const Case& c, report::Table& rows) { compare(c, all, options.quick, rows); });
}

}  // namespace
}  // namespace condense::benchmarks

int main(int argc, char** argv) {
  try {
    condense::benchmarks::run(condense::benchmarks::parse(argc, argv));
  } catch (const std::exception& error) {
    fmt::print(stderr, "compare_convolution: {}\n", error.what());
    return 1;
  }
}
