// Makes a CNN for Fashion-MNIST narrower: channels are removed a few at a time, with training in between, until the
// network costs a given part of its multiply-accumulates; then it is quantised. A table shows what each step gains.
//
//   prune_channels [--data DIR] [--cheaper 6.8] [--json FILE] ...   (--help lists all options)

#include <CLI/CLI.hpp>

#include "condense/compress/progressive_pruning.hpp"
#include "condense/graph/statistics.hpp"
#include "condense/report/progress_bar.hpp"
#include "condense/report/table.hpp"
#include "support/fashion_data.hpp"
#include "support/fashion_network.hpp"
#include "support/fashion_scores.hpp"
#include "support/fashion_weights.hpp"

using namespace condense;

namespace {

struct Options {
  std::string data = examples::kFashionFolder;
  std::string weights = CONDENSE_EXAMPLES_DATA "/fashion_cnn.safetensors";
  std::string json;
  double cheaper = 6.8;
  Index round_epochs = 1;
  Index epochs = 30;
  Index round_to = 1;
  std::uint64_t seed = 1;
  int threads = 0;
  bool global = false;
  bool quick = false;
};

class Experiment {
 public:
  explicit Experiment(const Options& options)
      : options_(options),
        pool_(options.threads > 0 ? ThreadPool(options.threads) : ThreadPool::of_all_processors()),
        training_(examples::fashion_data(options.data, "train")),
        test_(examples::fashion_data(options.data, "t10k")) {
    if (!options.quick) return;
    training_ = train::slice(training_, 0, 1000);
    test_ = train::slice(test_, 0, 500);
  }

  /// Channels with the smallest weights go, 20 % at first and 5 % a round then, each time followed by training.
  graph::Graph prune(const graph::Graph& network) {
    const compress::NetworkSize size = compress::network_size(network);
    compress::ProgressivePruningConfig config;
    config.channels.criterion = compress::ChannelCriterion::l1;
    config.channels.global = options_.global;
    config.channels.round_to = options_.round_to;
    config.channels.target = {compress::ChannelCost::multiply_accumulates,
                              static_cast<double>(size.multiply_accumulates) / options_.cheaper};
    config.fine_tune = compress::fine_tuning(training_, training(options_.round_epochs, 1e-3));
    const compress::ProgressivePruningResult result = compress::prune_progressively(network, config);
    return train::fit(result.graph, training_, training(options_.epochs, 2e-3)).graph;
  }

  graph::Graph quantize(const graph::Graph& network) {
    compress::PostTrainingConfig config;
    config.pool = pool_;
    config.progress = std::ref(bar_);
    const Index images = options_.quick ? 32 : 512;
    return compress::post_training(network, examples::calibration_batches(training_, images), config).graph;
  }

  void report(const std::string& name, const graph::Graph& network) {
    const Tensor logits = examples::run_all(network, test_.inputs, pool_, std::ref(bar_));
    const auto bytes = static_cast<double>(graph::stored_bytes(network));
    const double seconds = examples::latency_seconds(network, test_.inputs, options_.quick ? 20 : 500);
    if (rows_ == 0) first_bytes_ = bytes, first_seconds_ = seconds;
    ++rows_;
    table_.add({name, examples::accuracy_percent(logits, test_.targets),
                1e-3 * static_cast<double>(compress::network_size(network).multiply_accumulates), bytes / 1e3,
                first_bytes_ / bytes, 1e6 * seconds, first_seconds_ / seconds});
  }

  const report::Table& table() const { return table_; }

 private:
  train::FitOptions training(Index epochs, double rate) {
    return {.epochs = epochs,
            .batch_size = 64,
            .seed = options_.seed,
            .optimizer = train::AdamW{.weight_decay = 5e-3},
            .schedule = train::CosineSchedule{.rate = rate},
            .augment = examples::shift_and_mirror,
            .pool = pool_,
            .progress = std::ref(bar_)};
  }

  const Options& options_;
  ThreadPool pool_;
  report::ProgressBar bar_;
  train::Dataset training_;
  train::Dataset test_;
  int rows_ = 0;
  double first_bytes_ = 0;
  double first_seconds_ = 0;
  report::Table table_{{{"network", "network"},
                        {"accuracy %", "accuracy_percent", 2},
                        {"kMACs", "kilo_multiply_accumulates", 1},
                        {"kB", "kilobytes", 1},
                        {"smaller", "smaller", 1},
                        {"us", "latency_us", 1},
                        {"faster", "faster", 1}}};
};

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App app{"Prunes the channels of a CNN for Fashion-MNIST, trains it again, and quantises it."};
  app.add_option("--data", options.data, "Folder of the IDX files")->capture_default_str();
  app.add_option("--weights", options.weights, "Trained weights to start from")->capture_default_str();
  app.add_option("--json", options.json, "Write the table to this file, too");
  app.add_option("--cheaper", options.cheaper, "By how much fewer multiply-accumulates")->capture_default_str();
  app.add_option("--round-epochs", options.round_epochs, "Epochs of training after each round")->capture_default_str();
  app.add_option("--epochs", options.epochs, "Epochs of training at the end")->capture_default_str();
  app.add_option("--round-to", options.round_to, "Channels become a multiple of it")->capture_default_str();
  app.add_option("--seed", options.seed, "Of the order of the data")->capture_default_str();
  app.add_option("--threads", options.threads, "Threads; 0 for one each processor")->capture_default_str();
  app.add_flag("--global", options.global, "Rank the channels of all layers together");
  app.add_flag("--quick", options.quick, "1,000 images and an epoch a round, to see that it works");
  CLI11_PARSE(app, argc, argv);
  if (options.quick) options.epochs = 1;

  Experiment experiment(options);
  const graph::Graph network = compress::simplified(examples::load_network(options.weights));
  experiment.report("float", network);
  experiment.report("int8", experiment.quantize(network));
  const graph::Graph pruned = experiment.prune(examples::load_network(options.weights));
  experiment.report("pruned", compress::simplified(pruned));
  experiment.report("pruned, int8", experiment.quantize(pruned));
  fmt::print("{}", experiment.table().text());
  if (!options.json.empty()) report::write_json(options.json, experiment.table().json());
} catch (const Error& error) {
  fmt::print(stderr, "prune_channels: {}\n", error.what());
  return 1;
}
