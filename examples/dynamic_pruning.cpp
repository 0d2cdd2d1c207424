// Work that a network leaves out by what it sees: the CNN for Fashion-MNIST loses channels, gets gates before the last
// convolutions of its residual branches and a classifier in its middle, and is trained again. Compiled for one image at
// a time, it skips the blocks whose gates are closed, and all that follows the exit where that is sure.
//
//   dynamic_pruning [--data DIR] [--ratio 0.5] [--target 0.5] ...   (--help lists all options)

#include <CLI/CLI.hpp>

#include "condense/compress/channel_pruning.hpp"
#include "condense/compress/dynamic_cost.hpp"
#include "condense/compress/dynamic_pruning.hpp"
#include "condense/compress/early_exit.hpp"
#include "condense/report/progress_bar.hpp"
#include "condense/report/table.hpp"
#include "condense/train/fit.hpp"
#include "support/fashion_data.hpp"
#include "support/fashion_scores.hpp"
#include "support/fashion_weights.hpp"

using namespace condense;

namespace {

struct Options {
  std::string data = examples::kFashionFolder;
  std::string weights = CONDENSE_EXAMPLES_DATA "/fashion_cnn.safetensors";
  std::string json;
  double ratio = 0.5;
  Index round_to = 8;
  std::vector<std::string> gated_layers;
  Index groups = 1;
  double target = 0.5;
  double weight = 1;
  std::string exit_at = "block1.pointwise.relu";
  Index grid = 7;
  double exit_weight = 1;
  Index epochs = 12;
  Index dynamic_epochs = 12;
  int threads = 0;
  bool no_gates = false;
  bool quick = false;
};

train::FitOptions fit_options(const Options& options, Index epochs, const ThreadPool& pool, const Progress& progress) {
  return {.epochs = options.quick ? 1 : epochs,
          .optimizer = train::AdamW{.weight_decay = 5e-3},
          .schedule = train::CosineSchedule{.rate = 1e-3},
          .augment = examples::shift_and_mirror,
          .pool = pool,
          .progress = progress};
}

/// The smallest of some thresholds with which a network and its exit together are as often right as the network alone.
float chosen_threshold(const graph::Graph& network, const train::Dataset& data) {
  constexpr Index kClasses = 10;
  const Index samples = data.size();
  const std::vector<Tensor> logits = graph::evaluate(network, {data.inputs});
  const auto best = [&](const Tensor& tensor, Index i) {
    const float* row = tensor.data<float>() + i * kClasses;
    return std::max_element(row, row + kClasses) - row;
  };
  const auto certainty = [&](Index i) {
    const float* row = logits[1].data<float>() + i * kClasses;
    double sum = 0;
    for (Index c = 0; c < kClasses; ++c) sum += std::exp(static_cast<double>(row[c] - row[best(logits[1], i)]));
    return 1 / sum;
  };
  const auto correct = [&](double threshold) {
    Index count = 0;
    for (Index i = 0; i < samples; ++i) {
      const Tensor& answer = logits[certainty(i) >= threshold ? 1 : 0];
      count += best(answer, i) == data.targets.data<std::int64_t>()[i] ? 1 : 0;
    }
    return count;
  };
  const Index alone = correct(2);
  for (double threshold = 0.5; threshold < 1; threshold += 0.01) {
    if (correct(threshold) >= alone) return static_cast<float>(threshold);
  }
  return 1;
}

int run(const Options& options) {
  const ThreadPool pool = options.threads > 0 ? ThreadPool(options.threads) : ThreadPool::of_all_processors();
  report::ProgressBar bar;
  const Progress progress = std::ref(bar);
  train::Dataset test = examples::fashion_data(options.data, "t10k");
  const train::Dataset all = examples::fashion_data(options.data, "train");
  if (options.quick) test = train::slice(test, 0, std::min<Index>(test.size(), 200));
  const Index held_out = std::min<Index>(all.size() / 10, options.quick ? 200 : 5000);
  const Index trained_on = options.quick ? std::min<Index>(all.size() - held_out, 1000) : all.size() - held_out;
  const train::Dataset data = train::slice(all, 0, trained_on);
  const train::Dataset validation = train::slice(all, all.size() - held_out, all.size());

  report::Table table({{"network", "network"},
                       {"accuracy %", "accuracy_percent", 2},
                       {"mean MACs", "mean_multiply_accumulates", 0},
                       {"worst MACs", "worst_multiply_accumulates"},
                       {"mean us", "mean_microseconds", 2},
                       {"worst us", "worst_microseconds", 2},
                       {"times less", "ratio", 2}});
  double seconds_before = 0;
  const auto measure = [&](const std::string& name, const graph::Graph& network) {
    const compress::DynamicCost cost = compress::dynamic_cost(compress::simplified(network), test.inputs);
    if (seconds_before == 0) seconds_before = cost.mean_seconds;
    table.add({name, examples::accuracy_percent(cost.outputs, test.targets), cost.mean_multiply_accumulates,
               cost.worst_multiply_accumulates, 1e6 * cost.mean_seconds, 1e6 * cost.worst_seconds,
               seconds_before / cost.mean_seconds});
    for (const compress::BranchRate& branch : cost.branches) {
      fmt::print("{}: '{}' is taken for {:.1f} % of the images\n", name, branch.name, 100 * branch.taken);
    }
  };

  graph::Graph network = examples::load_network(options.weights);
  measure("trained", network);
  if (options.ratio > 0) {
    network =
        compress::prune_channels(network, {.ratio = options.ratio, .round_to = options.round_to, .pool = pool}).graph;
    network = train::fit(network, data, fit_options(options, options.epochs, pool, progress)).graph;
    measure("channels pruned", network);
  }

  graph::Graph dynamic = network;
  if (!options.no_gates) {
    dynamic = compress::add_channel_gates(network, {.groups = options.groups, .layers = options.gated_layers});
  }
  dynamic = compress::add_early_exit(dynamic, options.exit_at, {.grid = options.grid});
  train::FitOptions training = fit_options(options, options.dynamic_epochs, pool, progress);
  training.objective = compress::joint_objective(dynamic, {1, options.exit_weight});
  if (!options.no_gates) {
    training.objective =
        compress::with_gate_cost(dynamic, options.target, options.weight, std::move(training.objective));
    training.keep = compress::gate_values(dynamic);
  }
  dynamic = compress::simplified(train::fit(dynamic, data, training).graph);

  const float threshold = chosen_threshold(dynamic, validation);
  if (!options.no_gates) {
    dynamic = compress::to_conditional(dynamic);
    measure("with gates", compress::to_early_exit(dynamic, {2}));  // an exit that is never taken
  }
  measure(options.no_gates ? "with exit" : "with gates and exit", compress::to_early_exit(dynamic, {threshold}));
  fmt::print("\n{}\n", table.text());
  fmt::print("{} test images, one at a time, on one thread; the exit is taken from a probability of {:.2f} on.\n",
             test.size(), threshold);
  if (!options.json.empty()) report::write_json(options.json, table.json());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Gates and early exits for a CNN for Fashion-MNIST.");
  app.add_option("--data", options.data, "Folder of the IDX files")->capture_default_str();
  app.add_option("--weights", options.weights, "Trained weights to start from")->capture_default_str();
  app.add_option("--ratio", options.ratio, "Share of the channels that is removed first; 0 for none")
      ->capture_default_str();
  app.add_option("--epochs", options.epochs, "Epochs after the channels are removed")->capture_default_str();
  app.add_option("--round-to", options.round_to, "Channels that are left become a multiple of it")
      ->capture_default_str();
  app.add_option("--gates", options.gated_layers,
                 "Layers whose inputs are gated; the default is all residual branches");
  app.add_option("--groups", options.groups, "Groups that the channels of a gate are divided into")
      ->capture_default_str();
  app.add_option("--target", options.target, "Share of the gated work that is to be done")->capture_default_str();
  app.add_option("--gate-weight", options.weight, "Weight of missing that target")->capture_default_str();
  app.add_option("--exit", options.exit_at, "The value that the exit reads")->capture_default_str();
  app.add_option("--grid", options.grid, "Parts of that value's axes that the exit averages over")
      ->capture_default_str();
  app.add_option("--exit-weight", options.exit_weight, "Weight of the exit's loss")->capture_default_str();
  app.add_flag("--no-gates", options.no_gates, "Only the exit");
  app.add_option("--dynamic-epochs", options.dynamic_epochs, "Epochs with gates and exit")->capture_default_str();
  app.add_option("--threads", options.threads, "Threads of training; 0 for one each processor")->capture_default_str();
  app.add_option("--json", options.json, "Write the table to this file, too");
  app.add_flag("--quick", options.quick, "Few images and epochs");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const Error& error) {
    fmt::print(stderr, "dynamic_pruning: {}\n", error.what());
    return 1;
  }
}
