#include <memory>

#include "commands.hpp"
#include "condense/report/profile.hpp"
#include "measured.hpp"
#include "runner.hpp"

namespace cli {

using namespace condense;

namespace {

struct ProfileOptions : CommonOptions {
  std::string model;
  std::string trace;
  MeasureOptions measure;
};

void profile(const ProfileOptions& options) {
  Measured run = measured(options.model, options.measure);
  const runtime::Profile result = runtime::profile(
      run.program, run.inputs, {.rounds = options.measure.rounds, .warm_up = 3, .pool = options.pool()});
  if (!options.trace.empty()) report::write_json(options.trace, report::chrome_trace(result));
  if (options.json) return print_json(report::profile_json(result));

  fmt::print("{}\n", report::profile_table(result).text());
  fmt::print("{}: {}, {} threads\n", options.model, description(run.program), result.threads);
  fmt::print("{:.4g} ms a run, {:.4g} in its steps; {:.4g} if each were at its limit ({:.0f} %)\n",
             result.seconds * 1e3, result.seconds_of_steps() * 1e3, result.seconds_at_limit() * 1e3,
             100 * result.seconds_at_limit() / result.seconds_of_steps());
  fmt::print(
      "limits: {:.0f} GOPS on integers, {:.0f} on floats; reads from {:.0f} GB/s of few bytes to {:.0f} of all\n",
      result.limits.integer_operations * 1e-9, result.limits.float_operations * 1e-9,
      result.limits.reads.front().bytes_per_second * 1e-9, result.limits.reads.back().bytes_per_second * 1e-9);
  const runtime::EnergyEstimate& energy = result.energy;
  fmt::print(
      "an estimate for a circuit of 45 nm (Horowitz 2014): {:.3g} uJ each run, arithmetic {:.3g}, weights {:.3g}, "
      "activations {:.3g}; {:.2g} TOPS/W\n",
      energy.joules() * 1e6, energy.arithmetic * 1e6, energy.weights * 1e6, energy.activations * 1e6,
      energy.tera_operations_per_watt());
  if (!options.trace.empty()) fmt::print("{}: for chrome://tracing or ui.perfetto.dev\n", options.trace);
}

}  // namespace

void add_profile(CLI::App& app) {
  const auto options = std::make_shared<ProfileOptions>();
  CLI::App* command = app.add_subcommand("profile", "Says where a network spends its time, step by step");
  command->add_option("MODEL", options->model, "ONNX file, or program saved by compile")->required();
  command->add_option("--trace", options->trace, "File to write for chrome://tracing or ui.perfetto.dev");
  options->measure.rounds = 15;
  options->measure.add_to(*command);
  options->add_to(*command);
  command->callback([options] { profile(*options); });
}

}  // namespace cli
