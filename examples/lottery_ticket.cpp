// Looks for winning tickets in LeNet-300-100 on Fashion-MNIST: sparse networks that, from the weights which they once
// had, train at least as well as the whole network, and better than from new weights.
//
//   lottery_ticket [--data DIR] [--seeds N] [--state DIR] [--json FILE] ...   (--help lists all options)

#include <CLI/CLI.hpp>
#include <cmath>
#include <numeric>

#include "condense/compress/lottery_ticket.hpp"
#include "condense/report/progress_bar.hpp"
#include "condense/report/table.hpp"
#include "support/fashion_data.hpp"
#include "support/lenet.hpp"

using namespace condense;

namespace {

struct Options {
  std::string data = examples::kFashionFolder;
  std::string state;
  std::string json;
  int seeds = 3;
  int levels = 11;
  Index epochs = 20;
  Index rewind_step = 0;
  int threads = 0;
  bool quick = false;
};

constexpr Index kValidationImages = 5000;  // split from the training set, as in the paper

compress::LotteryTicketConfig search_of(const Options& options, int seed) {
  compress::LotteryTicketConfig config{.levels = options.levels,
                                       .rewind_step = options.rewind_step,
                                       .seed = static_cast<std::uint64_t>(seed),
                                       .evaluation_interval = 100};
  config.fit.epochs = options.epochs;
  config.fit.batch_size = 60;
  config.fit.seed = static_cast<std::uint64_t>(seed);
  config.fit.optimizer = train::AdamW{.weight_decay = 0};
  config.fit.schedule = train::ConstantSchedule{.rate = 1.2e-3};
  config.fit.pool = options.threads > 0 ? ThreadPool(options.threads) : ThreadPool::of_all_processors();
  config.control_levels = {std::min(7, options.levels), options.levels};  // 21 % and less than 10 % of the weights
  if (!options.state.empty()) {
    config.state_file = std::filesystem::path(options.state) / fmt::format("lottery_ticket_{}.safetensors", seed);
  }
  return config;
}

struct Mean {
  double mean = 0;
  double deviation = 0;
};

Mean mean_of(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  Mean result{.mean = std::accumulate(values.begin(), values.end(), 0.0) / count};
  for (const double value : values) result.deviation += (value - result.mean) * (value - result.mean);
  result.deviation = std::sqrt(result.deviation / std::max(1.0, count - 1));
  return result;
}

/// One row for each training, in the mean of the searches.
report::Table table_of(const std::vector<compress::LotteryTicketResult>& searches) {
  report::Table table({{"weights %", "kept_percent", 1},
                       {"network", "network"},
                       {"early-stop step", "early_stop_step", 0},
                       {"accuracy then %", "early_stop_accuracy_percent", 2},
                       {"at the end %", "accuracy_percent", 2},
                       {"+-", "accuracy_deviation", 2}});
  for (std::size_t i = 0; i < searches.front().trainings.size(); ++i) {
    std::vector<double> steps, early, last;
    for (const compress::LotteryTicketResult& search : searches) {
      steps.push_back(static_cast<double>(search.trainings[i].early_stop_step));
      early.push_back(100 * search.trainings[i].early_stop_accuracy);
      last.push_back(100 * search.trainings[i].accuracy);
    }
    const compress::TicketTraining& training = searches.front().trainings[i];
    table.add({100 * training.kept_share, std::string(training.level == 0 ? "dense" : name(training.kind)),
               mean_of(steps).mean, mean_of(early).mean, mean_of(last).mean, mean_of(last).deviation});
  }
  return table;
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App app{"Looks for winning lottery tickets in LeNet-300-100 on Fashion-MNIST."};
  app.add_option("--data", options.data, "Folder of the IDX files")->capture_default_str();
  app.add_option("--state", options.state, "Folder that keeps the state, from which a killed search goes on");
  app.add_option("--json", options.json, "Write the table as JSON, too");
  app.add_option("--seeds", options.seeds, "How many searches the table is the mean of")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--levels", options.levels, "Rounds of pruning")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--epochs", options.epochs, "Of each training")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--rewind-step", options.rewind_step, "Step whose weights the tickets start from")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "0 for all processors")->capture_default_str();
  app.add_flag("--quick", options.quick, "2 levels of 1 epoch on 6,000 images, to see that it works");
  CLI11_PARSE(app, argc, argv);
  if (options.quick) options.seeds = 1, options.levels = 2, options.epochs = 1;

  train::Dataset images = examples::fashion_data(options.data, "train");
  if (options.quick) images = train::slice(images, 0, 6000);
  const Index split = images.size() - (options.quick ? 1000 : kValidationImages);
  const train::Dataset training = train::slice(images, 0, split);
  report::ProgressBar bar;
  std::vector<compress::LotteryTicketResult> searches;
  for (int seed = 1; seed <= options.seeds; ++seed) {
    compress::LotteryTicketConfig config = search_of(options, seed);
    config.fit.validation = train::slice(images, split, images.size());
    config.test = examples::fashion_data(options.data, "t10k");
    config.fit.progress = std::ref(bar);
    searches.push_back(compress::find_lottery_tickets(examples::lenet_300_100(), training, config));
  }
  const report::Table table = table_of(searches);
  fmt::print("{}", table.text());
  if (!options.json.empty()) report::write_json(options.json, table.json());
} catch (const Error& error) {
  fmt::print(stderr, "lottery_ticket: {}\n", error.what());
  return 1;
}
