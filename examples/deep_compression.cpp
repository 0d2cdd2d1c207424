// Deep Compression: a network is pruned in rounds, its weights share few values, and Huffman codes of both make a file
// of a fiftieth of the size that loads and runs. Accuracy is compared with that of the dense network, trained from the
// same start for as many epochs as all stages together.
//
//   deep_compression --network small                            a task of its own, seconds
//   deep_compression --network lenet_300_100 --seeds 1,2,3      Fashion-MNIST (--data DIR); --help lists all options

#include <CLI/CLI.hpp>
#include <filesystem>

#include "condense/compress/coded_file.hpp"
#include "condense/compress/deep_compression.hpp"
#include "condense/graph/statistics.hpp"
#include "condense/report/progress_bar.hpp"
#include "condense/report/table.hpp"
#include "condense/runtime/compile.hpp"
#include "condense/train/fit.hpp"
#include "condense/train/initialize.hpp"
#include "support/distillation.hpp"
#include "support/fashion_data.hpp"
#include "support/lenet.hpp"

using namespace condense;

namespace {

struct Options {
  std::string data = examples::kFashionFolder;
  std::string network = "lenet_300_100";
  std::string folder;
  bool shift = false;
  std::vector<std::uint64_t> seeds{1};
  int threads = 0;

  // The recipe; negative for that of the network.
  double kept = -1;
  int weight_bits = -1;
  Index dense_epochs = -1;
  Index rounds = -1;
  Index round_epochs = -1;
  Index retraining_epochs = -1;
  Index sharing_rounds = -1;
  Index centroid_epochs = -1;
  double temperature = -1;
  double rate = -1;
  double retraining_rate = -1;
  double weight_decay = -1;
};

/// A network, its data, and how it is compressed.
struct Task {
  graph::Graph network;
  train::Dataset training;
  train::Dataset test;
};

/// Points of a plane in two spirals, given as their distances from random places: learnt in seconds.
train::Dataset spirals(Index count, std::uint64_t seed) {
  constexpr Index kPlaces = 32;
  Random places(7);
  std::array<std::array<float, 2>, kPlaces> place;
  for (auto& coordinates : place) coordinates = {2 * places.normal(), 2 * places.normal()};
  train::Dataset data{Tensor(DataType::float32, {count, kPlaces}), Tensor(DataType::int64, {count})};
  Random random(seed);
  for (Index i = 0; i < count; ++i) {
    const auto arm = static_cast<std::int64_t>(random.below(2));
    const float turn = 4 * random.uniform();
    const float angle = turn + 3.14159F * static_cast<float>(arm);
    const float x = (0.3F + turn) * std::cos(angle) + 0.15F * random.normal();
    const float y = (0.3F + turn) * std::sin(angle) + 0.15F * random.normal();
    for (Index k = 0; k < kPlaces; ++k) {
      const auto& [at_x, at_y] = place[static_cast<std::size_t>(k)];
      data.inputs.mutable_data<float>()[i * kPlaces + k] = 0.5F * std::hypot(x - at_x, y - at_y);
    }
    data.targets.mutable_data<std::int64_t>()[i] = arm;
  }
  return data;
}

graph::Graph small_network() {
  examples::NetworkBuilder network({kDynamic, 32});
  network.fully_connected("fc1", 64, true);
  network.fully_connected("fc2", 32, true);
  network.fully_connected("fc3", 2, false);
  return network.finish("logits");
}

Task task(const Options& options) {
  if (options.network == "small") return {small_network(), spirals(2000, 1), spirals(1000, 2)};
  return {options.network == "lenet_5" ? examples::lenet_5() : examples::lenet_300_100(),
          examples::fashion_data(options.data, "train"), examples::fashion_data(options.data, "t10k")};
}

/// Moves an image (1, 28, 28) by up to a pixel each way.
void shift_by_a_pixel(TensorRef<float> image, Random& random) {
  constexpr Index kSide = 28;
  const Index down = static_cast<Index>(random.below(3)) - 1;
  const Index right = static_cast<Index>(random.below(3)) - 1;
  const std::vector<float> original(image.data(), image.data() + kSide * kSide);
  for (Index y = 0; y < kSide; ++y) {
    for (Index x = 0; x < kSide; ++x) {
      const Index from_y = y + down;
      const Index from_x = x + right;
      const bool inside = from_y >= 0 && from_y < kSide && from_x >= 0 && from_x < kSide;
      image.data()[y * kSide + x] = inside ? original[static_cast<std::size_t>(from_y * kSide + from_x)] : 0.0F;
    }
  }
}

template <class T>
T chosen(T given, T otherwise) {
  return given < 0 ? otherwise : given;
}

train::FitOptions training(const Options& options, std::uint64_t seed, Index epochs, train::Schedule schedule,
                           const ThreadPool& pool, const Progress& progress) {
  return {.epochs = epochs,
          .batch_size = 128,
          .seed = seed,
          .optimizer = train::AdamW{.weight_decay = chosen(options.weight_decay, 1e-3)},
          .schedule = std::move(schedule),
          .augment = options.shift ? shift_by_a_pixel : train::Augmentation(),
          .pool = pool,
          .progress = progress};
}

/// Share of the test set that the compiled program gets right.
double accuracy_of_program(const graph::Graph& network, const train::Dataset& test) {
  const Index count = test.size();
  const Index batch = 100;
  runtime::Program program = runtime::compile(network, {.input_shapes = {test.inputs.shape().with(0, batch)}});
  Index correct = 0;
  for (Index begin = 0; begin < count; begin += batch) {
    const train::Dataset part = train::slice(test, begin, begin + batch);
    correct += train::count_correct(program.run({part.inputs}).front(), part.targets);
  }
  return static_cast<double>(correct) / static_cast<double>(count);
}

int run(const Options& options) {
  const ThreadPool pool = options.threads > 0 ? ThreadPool(options.threads) : ThreadPool::of_all_processors();
  report::ProgressBar bar;
  const Progress progress = std::ref(bar);
  const Task task = ::task(options);
  const bool is_small = options.network == "small";
  const bool is_lenet_5 = options.network == "lenet_5";
  const Index dense_epochs = chosen<Index>(options.dense_epochs, is_lenet_5 ? 15 : 40);
  const double rate = chosen(options.rate, 1e-3);

  compress::DeepCompressionConfig config;
  config.kept = chosen(options.kept, is_small ? 0.15 : is_lenet_5 ? 0.05 : 0.09);
  config.rounds = chosen<Index>(options.rounds, 8);
  config.sharing.weight_bits = chosen(options.weight_bits, 3);
  config.sharing.clustering = compress::WeightSharingConfig::Clustering::optimal;
  config.sharing_rounds = chosen<Index>(options.sharing_rounds, 4);
  const Index round_epochs = chosen<Index>(options.round_epochs, is_lenet_5 ? 1 : 2);
  const Index retraining_epochs = chosen<Index>(options.retraining_epochs, is_small ? 30 : is_lenet_5 ? 20 : 60);
  const Index centroid_epochs = chosen<Index>(options.centroid_epochs, is_small ? 3 : is_lenet_5 ? 3 : 8);
  const Index all_epochs =
      dense_epochs + (config.rounds - 1) * round_epochs + retraining_epochs + config.sharing_rounds * centroid_epochs;

  report::Table table({{"seed", "seed"},
                       {"dense %", "dense_percent", 2},
                       {"pruned %", "pruned_percent", 2},
                       {"coded %", "coded_percent", 2},
                       {"kept %", "kept_percent", 2},
                       {"dense bytes", "dense_bytes"},
                       {"packed", "packed_bytes"},
                       {"entropy", "entropy_bytes"},
                       {"coded", "coded_bytes"},
                       {"file", "file_bytes"},
                       {"smaller", "ratio", 2}});
  double dense_sum = 0;
  double coded_sum = 0;
  double file_sum = 0;
  double dense_bytes = 0;
  for (const std::uint64_t seed : options.seeds) {
    const graph::Graph start = train::initialize(task.network, seed);
    const auto options_of = [&](Index epochs, train::Schedule schedule) {
      return training(options, seed, epochs, std::move(schedule), pool, progress);
    };
    const auto dense = [&](Index epochs) {
      return train::fit(start, task.training, options_of(epochs, train::CosineSchedule{.rate = rate})).graph;
    };
    const double dense_accuracy = train::accuracy(dense(all_epochs), task.test, pool);

    // The network that is compressed; it also teaches what it becomes.
    const graph::Graph trained = dense(dense_epochs);
    fmt::print("seed {}: dense after {} epochs {:.2f} %, after {} {:.2f} %\n", seed, all_epochs, 100 * dense_accuracy,
               dense_epochs, 100 * train::accuracy(trained, task.test, pool));
    const double temperature = chosen(options.temperature, 2.0);
    const train::Objective objective =
        temperature == 0 ? train::Objective() : examples::distillation(trained, trained, temperature);
    config.pruning = options_of(round_epochs, train::ConstantSchedule{.rate = rate});
    config.retraining = options_of(
        retraining_epochs, train::CosineSchedule{.rate = chosen(options.retraining_rate, 2e-3), .warm_up_epochs = 0.5});
    config.centroid_training = options_of(centroid_epochs, train::CosineSchedule{.rate = 3e-4});
    for (train::FitOptions* stage : {&config.pruning, &config.retraining, &config.centroid_training}) {
      stage->objective = objective;
    }
    double pruned_accuracy = 0;
    config.after_stage = [&](const compress::DeepCompressionState& state) {
      const double accuracy = train::accuracy(state.graph, task.test, pool);
      fmt::print("seed {}, stage {} of {}: {:.2f} %\n", seed, state.stage, compress::stages(config), 100 * accuracy);
      std::fflush(stdout);
      if (state.stage == config.rounds) pruned_accuracy = accuracy;
    };
    const graph::Graph compressed = compress::deep_compression(trained, task.training, config);

    const std::filesystem::path folder =
        options.folder.empty() ? std::filesystem::temp_directory_path() : std::filesystem::path(options.folder);
    const std::filesystem::path file = folder / fmt::format("{}_{}.condensed", options.network, seed);
    const compress::CodedReport report = compress::save_coded(compressed, file);
    const double coded_accuracy = accuracy_of_program(compress::load_coded(file), task.test);
    if (options.folder.empty()) std::filesystem::remove(file);
    const auto whole = [](double bytes) { return static_cast<std::int64_t>(std::llround(bytes)); };
    table.add({static_cast<std::int64_t>(seed), 100 * dense_accuracy, 100 * pruned_accuracy, 100 * coded_accuracy,
               100 * (1 - report.mask_sparsity), static_cast<std::int64_t>(report.dense_bytes),
               whole(report.packed_bytes), whole(report.entropy_bytes), whole(report.coded_bytes),
               static_cast<std::int64_t>(report.file_bytes), report.ratio()});
    dense_sum += dense_accuracy;
    coded_sum += coded_accuracy;
    file_sum += static_cast<double>(report.file_bytes);
    dense_bytes += static_cast<double>(report.dense_bytes);
    if (options.seeds.size() > 1) fmt::print("\n{}\n", table.text());
    std::fflush(stdout);
  }
  const auto count = static_cast<double>(options.seeds.size());
  fmt::print("\n{}\n", table.text());
  fmt::print(
      "Mean: dense {:.2f} %, from the file {:.2f} %, {:.1f} times smaller. The dense network was trained for the {} "
      "epochs\nthat all stages took together; the last accuracy is that of the file as it was loaded and compiled.\n",
      100 * dense_sum / count, 100 * coded_sum / count, dense_bytes / file_sum, all_epochs);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Prunes a network, lets its weights share values and writes their Huffman codes.");
  app.add_option("--network", options.network, "What is compressed")
      ->capture_default_str()
      ->check(CLI::IsMember({"small", "lenet_300_100", "lenet_5"}));
  app.add_option("--data", options.data, "Folder of the IDX files")->capture_default_str();
  app.add_option("--seeds", options.seeds, "Seeds of the runs")->capture_default_str()->delimiter(',');
  app.add_option("--folder", options.folder, "Keep the coded files here");
  app.add_flag("--shift", options.shift, "Shift training images by up to a pixel, those of the dense network, too");
  app.add_option("--threads", options.threads, "Threads; 0 for one each processor")->capture_default_str();
  app.add_option("--kept", options.kept, "Share of the weights that is kept");
  app.add_option("--weight-bits", options.weight_bits, "Bits of a shared weight");
  app.add_option("--dense-epochs", options.dense_epochs, "Epochs before the first round");
  app.add_option("--rounds", options.rounds, "Rounds of pruning");
  app.add_option("--round-epochs", options.round_epochs, "Epochs of a round");
  app.add_option("--retraining-epochs", options.retraining_epochs, "Epochs after the last round");
  app.add_option("--sharing-rounds", options.sharing_rounds, "Rounds of weight sharing");
  app.add_option("--centroid-epochs", options.centroid_epochs, "Epochs of training shared values, in each round");
  app.add_option("--temperature", options.temperature,
                 "Temperature at which the dense network teaches; 0: labels only");
  app.add_option("--rate", options.rate, "Learning rate of the dense network and the rounds");
  app.add_option("--retraining-rate", options.retraining_rate, "Learning rate after the last round");
  app.add_option("--weight-decay", options.weight_decay, "Weight decay of all stages");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const Error& error) {
    fmt::print(stderr, "deep_compression: {}\n", error.what());
    return 1;
  }
}
