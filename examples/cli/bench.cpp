#include <memory>

#include "commands.hpp"
#include "condense/core/timing.hpp"
#include "condense/runtime/profile.hpp"
#include "measured.hpp"
#include "runner.hpp"

namespace cli {

using namespace condense;

namespace {

struct BenchOptions : CommonOptions {
  std::string model;
  MeasureOptions measure;
};

void bench(const BenchOptions& options) {
  Measured run = measured(options.model, options.measure);
  const ThreadPool pool = options.pool();
  const std::vector<double> seconds =
      runtime::latencies(run.program, run.inputs, {.rounds = options.measure.rounds, .warm_up = 3, .pool = pool});
  const double middle = median(seconds);
  const double slow = quantile(seconds, 0.9);
  const double rate = static_cast<double>(run.samples) / middle;
  if (options.json) {
    return print_json({{"execution", description(run.program)},
                       {"threads", pool.threads()},
                       {"rounds", options.measure.rounds},
                       {"batch", run.samples},
                       {"median_ms", middle * 1e3},
                       {"p90_ms", slow * 1e3},
                       {"inferences_per_second", rate},
                       {"arena_bytes", run.program.arena_bytes()},
                       {"weight_bytes", run.program.weight_bytes()}});
  }
  fmt::print("{}: {}\n", options.model, description(run.program));
  fmt::print("{} at once, {} threads, {} rounds: median {:.4g} ms, 90 % within {:.4g} ms, {:.4g} inferences/s\n",
             run.samples, pool.threads(), options.measure.rounds, middle * 1e3, slow * 1e3, rate);
  fmt::print("{} bytes of memory beside {} of weights\n", grouped(static_cast<std::int64_t>(run.program.arena_bytes())),
             grouped(static_cast<std::int64_t>(run.program.weight_bytes())));
}

}  // namespace

void add_bench(CLI::App& app) {
  const auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand("bench", "Measures how fast a network runs");
  command->add_option("MODEL", options->model, "ONNX file, or program saved by compile")->required();
  options->measure.rounds = 50;
  options->measure.add_to(*command);
  options->add_to(*command);
  command->callback([options] { bench(*options); });
}

}  // namespace cli
