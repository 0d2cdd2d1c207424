// Whole networks at batch 1, of condense beside other libraries (peers/model_*.cpp): the same file in float, and the
// same file after quantisation by compress::post_training, on cores of their own, medians of rounds in which all take
// turns.
//
//   compare_models [--json FILE] [--filter TEXT] [--models FOLDER] [--threads N] [--profile] [--quick]
//
// --filter keeps the networks whose description has TEXT in it, such as "int8" or "ResNet"; --profile shows the steps
// of each program of condense. Files are looked for in FOLDER, or that of CONDENSE_MODELS in the environment, and in
// CONDENSE_NPM_MODULES; those that are not there are left out. `ratio` is the time of the fastest peer over that of
// condense. Differences are the largest ones of an output from the reference evaluation of the same file, and from
// condense, relative to the output's largest value. In a quantised network float sums now and then round to another
// code than integer ones do, and on random inputs that may grow.

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "condense/compress/post_training.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/report/profile.hpp"
#include "condense/runtime/compile.hpp"
#include "peers/model_peer.hpp"
#include "support/contest.hpp"
#include "support/models.hpp"
#include "support/options.hpp"

namespace condense::benchmarks {
namespace {

struct Case {
  ModelCase model;
  bool quantized;

  const char* precision() const { return quantized ? "int8" : "float32"; }
  std::string name() const { return fmt::format("{} {}", model.name, precision()); }
};

/// The largest difference of float outputs, relative to the largest element of each.
double difference(const std::vector<Tensor>& actual, const std::vector<Tensor>& expected) {
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (expected[i].type() != DataType::float32) continue;
    double largest = 1e-30;
    double apart = 0;
    for (Index j = 0; j < expected[i].count(); ++j) {
      const double e = static_cast<double>(expected[i].data<float>()[j]);
      largest = std::max(largest, std::abs(e));
      apart = std::max(apart, std::abs(static_cast<double>(actual[i].data<float>()[j]) - e));
    }
    worst = std::max(worst, apart / largest);
  }
  return worst;
}

graph::Graph network_of(const std::string& file, const std::string& name) {
  return io::parse_onnx(std::as_bytes(std::span(file)), name).graph;
}

/// The file that all contenders read.
std::string file_content(const Case& c, const std::filesystem::path& path) {
  std::string file = io::onnx::serialize_model(read_case(c.model, path));
  if (!c.quantized) return file;
  const graph::Graph network = network_of(file, c.model.name);
  std::vector<compress::Batch> batches;
  for (std::uint64_t seed = 2; seed < 6; ++seed) batches.push_back(random_inputs(c.model, network, seed));
  return io::onnx::serialize_model(io::onnx::export_model(compress::post_training(network, batches).graph));
}

/// What all contenders run, and what they should get.
struct Contest {
  ModelWork work;
  graph::Graph network;
  std::vector<Tensor> outputs;
  std::vector<Tensor> expected;

  Contest(const Case& c, const std::filesystem::path& path, int threads) {
    work.file = file_content(c, path);
    network = network_of(work.file, c.model.name);
    work.inputs = random_inputs(c.model, network, 1);
    expected = graph::evaluate(network, work.inputs);
    for (const graph::Value value : network.inputs()) work.input_names.push_back(network.name(value));
    for (const graph::Value value : network.outputs()) work.output_names.push_back(network.name(value));
    for (const Tensor& tensor : expected) outputs.emplace_back(tensor.type(), tensor.shape());
    work.outputs = &outputs;
    work.threads = threads;
  }
  Contest(const Contest&) = delete;
  Contest& operator=(const Contest&) = delete;
};

std::shared_ptr<runtime::Program> compile(const Contest& contest) {
  std::vector<Shape> shapes;
  for (const Tensor& input : contest.work.inputs) shapes.push_back(input.shape());
  return std::make_shared<runtime::Program>(
      runtime::compile(compress::simplified(contest.network), {.input_shapes = shapes}));
}

/// Somebody who runs a network, or the reason why not.
struct Entry {
  std::string name;
  std::function<void()> run = {};
  std::shared_ptr<runtime::Program> program = nullptr;  ///< Of condense.
  std::string remark = {};
  report::Cell from_reference = {};
  report::Cell from_condense = {};
  std::optional<double> seconds = {};
};

/// Condense first, then its peers.
std::vector<Entry> entries_of(Contest& contest, const ThreadPool& pool) {
  std::vector<Entry> entries;
  try {
    const std::shared_ptr<runtime::Program> program = compile(contest);
    const auto run = [&contest, &pool, program] { program->run(contest.work.inputs, contest.outputs, pool); };
    entries.push_back({.name = "condense " + program->backend(), .run = run, .program = program});
    entries.back().remark = fmt::format("{} steps", program->steps().size());
  } catch (const Unsupported& error) {
    entries.push_back({.name = "condense", .remark = error.what()});
  }
  for (const Competitor<ModelWork>& peer : competitors<ModelWork>()) {
    Entry& entry = entries.emplace_back(Entry{.name = peer.name});
    try {
      entry.run = peer.prepare(contest.work).run;
    } catch (const Error& error) {
      entry.remark = error.what();
    }
  }
  return entries;
}

/// Runs everybody once and says how far the results are apart.
void compare_results(Contest& contest, std::vector<Entry>& entries) {
  std::vector<Tensor> of_condense;
  for (Entry& entry : entries) {
    if (!entry.run) continue;
    for (Tensor& output : contest.outputs) std::memset(output.mutable_raw(), 0, output.bytes());
    entry.run();
    entry.from_reference = difference(contest.outputs, contest.expected);
    if (!of_condense.empty()) entry.from_condense = difference(contest.outputs, of_condense);
    if (entry.program == nullptr) continue;
    for (const Tensor& output : contest.outputs) {  // peers keep the address of an output, so that it is not shared
      Tensor& copy = of_condense.emplace_back(output.type(), output.shape());
      std::memcpy(copy.mutable_raw(), output.raw(), output.bytes());
    }
  }
}

void compare_times(const Options& options, std::vector<Entry>& entries) {
  std::vector<std::function<void()>> runs;
  for (const Entry& entry : entries) {
    if (entry.run) runs.push_back(entry.run);
  }
  Limits limits;
  const std::vector<double> seconds = take_turns(runs, options.quick, limits, options.threads);
  std::size_t next = 0;
  for (Entry& entry : entries) {
    if (entry.run) entry.seconds = seconds[next++];
  }
}

void add_rows(const Case& c, const std::vector<Entry>& entries, report::Table& table) {
  std::optional<double> best_peer;
  for (const Entry& entry : entries) {
    if (entry.program == nullptr && entry.seconds)
      best_peer = std::min(best_peer.value_or(*entry.seconds), *entry.seconds);
  }
  for (const Entry& entry : entries) {
    report::Cell milliseconds;
    report::Cell ratio;
    report::Cell arena;
    report::Cell least;
    report::Cell reference;
    if (entry.seconds) milliseconds = *entry.seconds * 1e3;
    if (entry.program != nullptr) {
      const std::vector<runtime::StepInfo> steps = entry.program->steps();
      const auto is_reference = [](const runtime::StepInfo& step) { return step.kernel == "reference"; };
      if (best_peer) ratio = *best_peer / *entry.seconds;
      arena = static_cast<std::int64_t>(entry.program->arena_bytes());
      least = static_cast<std::int64_t>(entry.program->arena_lower_bound());
      reference = static_cast<std::int64_t>(std::ranges::count_if(steps, is_reference));
    }
    table.add({c.model.name, std::string(c.precision()), entry.name, milliseconds, ratio, entry.from_reference,
               entry.from_condense, arena, least, reference, entry.remark});
  }
}

void compare(const Case& c, const std::filesystem::path& path, const Options& options, report::Table& table) {
  Contest contest(c, path, options.threads);
  const ThreadPool pool(options.threads);
  std::vector<Entry> entries = entries_of(contest, pool);
  compare_results(contest, entries);
  compare_times(options, entries);
  add_rows(c, entries, table);
  if (!options.profile || entries[0].program == nullptr) return;
  const runtime::Profile profile = runtime::profile(*entries[0].program, contest.work.inputs, {.pool = pool});
  fmt::print("{}, {:.4f} ms in its steps, {:.4f} at their limits\n{}\n", c.name(), profile.seconds_of_steps() * 1e3,
             profile.seconds_at_limit() * 1e3, report::profile_table(profile).text());
}

void run(const Options& options) {
  pin_to_cores(options.threads);
  std::vector<Case> cases;
  for (const ModelCase& model : model_cases()) {
    if (!model.build && !std::filesystem::exists(file_of(model, options.models))) {
      fmt::print(stderr, "{} is left out, there is no {} (--models, CONDENSE_MODELS, CONDENSE_NPM_MODULES)\n",
                 model.name, model.path);
      continue;
    }
    for (const bool quantized : {false, true}) cases.push_back({model, quantized});
  }
  const report::Table table({{"network", "network"},
                             {"precision", "precision"},
                             {"contender", "contender"},
                             {"ms", "ms", 4},
                             {"ratio", "ratio_to_fastest_peer", 2},
                             {"from reference", "difference_from_reference", 7},
                             {"from condense", "difference_from_condense", 7},
                             {"arena", "arena_bytes"},
                             {"least", "arena_lower_bound"},
                             {"reference", "reference_steps"},
                             {"remark", "remark"}});
  compare_all(
      options, cases, "networks", [](const Case& c) { return c.name(); }, table,
      [&](const Case& c, report::Table& rows) { compare(c, file_of(c.model, options.models), options, rows); });
}

}  // namespace
}  // namespace condense::benchmarks

int main(int argc, char** argv) {
  try {
    condense::benchmarks::run(condense::benchmarks::parse(argc, argv, {.isa = false, .threads = true, .models = true}));
  } catch (const std::exception& error) {
    fmt::print(stderr, "compare_models: {}\n", error.what());
    return 1;
  }
}
