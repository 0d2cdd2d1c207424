// The main job of condense: a CNN for Fashion-MNIST is compressed in many ways and run in integers, and a table shows
// what each way costs and gains on all 10,000 test images.
//
//   compress_cnn [--data DIR] [--train] [--json FILE] ...   (--help lists all options)

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "condense/compress/post_training.hpp"
#include "condense/graph/statistics.hpp"
#include "condense/quantize/distortion.hpp"
#include "condense/report/progress_bar.hpp"
#include "condense/report/table.hpp"
#include "condense/train/fit.hpp"
#include "condense/train/initialize.hpp"
#include "support/fashion_data.hpp"
#include "support/fashion_network.hpp"
#include "support/fashion_scores.hpp"
#include "support/fashion_weights.hpp"

using namespace condense;

namespace {

struct Options {
  std::string data = examples::kFashionFolder;
  std::string weights = CONDENSE_EXAMPLES_DATA "/fashion_cnn.safetensors";
  std::string save;
  std::string json;
  bool train = false;
  bool quick = false;
  bool coverage = false;
  Index epochs = 24;
  Index calibration_images = 512;
  int threads = 0;
};

/// One line of the table: how the network is compressed.
struct Scheme {
  std::string name;
  compress::PostTrainingConfig config;
  bool is_float = false;
};

graph::Graph train_network(const Options& options, const ThreadPool& pool, const Progress& progress) {
  const train::FitResult result =
      train::fit(train::initialize(examples::fashion_network(), 1), examples::fashion_data(options.data, "train"),
                 {.epochs = options.epochs,
                  .optimizer = train::AdamW{.weight_decay = 5e-3},
                  .schedule = train::CosineSchedule{.rate = 2e-3},
                  .augment = examples::shift_and_mirror,
                  .pool = pool,
                  .progress = progress});
  return result.graph;
}

std::vector<Scheme> schemes(bool quick) {
  std::vector<Scheme> list{{.name = "float32", .config = {}, .is_float = true}};
  const auto add = [&](std::string name, const std::string& weights) -> compress::PostTrainingConfig& {
    list.push_back({.name = std::move(name), .config = {}});
    list.back().config.weights.default_format = quantize::NumberFormat::parse(weights);
    return list.back().config;
  };
  for (const calibrate::Method method : calibrate::kMethods) {
    add(fmt::format("int8, {}", name(method)), "int8/channel").activations.calibrator.method = method;
    if (quick) break;
  }
  add("int8, cross-validated", "int8/channel").activations.calibrator.cross_validated = true;
  compress::PostTrainingConfig& symmetric = add("int8, symmetric activations", "int8/channel");
  symmetric.activations.type = DataType::int8;
  symmetric.activations.symmetric = true;
  if (!quick) add("int8, one scale a tensor", "int8");
  add("int4 weights, per channel", "int4/channel");
  add("int4 weights, groups of 32", "int4/group32");
  add("log2 weights, 4 bits", "log2-4/channel");
  if (!quick) add("APoT weights, 4 bits", "apot4/channel");
  compress::PostTrainingConfig& mixed = add("mixed: ends float, dw int8, fc int4", "int8/channel");
  mixed.weights.overrides["stem"] = quantize::NumberFormat{};
  mixed.weights.overrides["classifier"] = quantize::NumberFormat{};
  mixed.weights.overrides["hidden"] = quantize::NumberFormat::parse("int4/channel");
  return list;
}

void print_coverage(const std::string& scheme, const compress::Coverage& coverage) {
  report::Table table({{"node", "node"},
                       {"operation", "operation"},
                       {"runs in", "execution"},
                       {"weights", "weights"},
                       {"remark", "reason"}});
  for (const compress::NodeCoverage& node : coverage.nodes) {
    table.add({node.node, node.operation, std::string(name(node.execution)), node.weights, node.reason});
  }
  fmt::print("\n{}\n{}", scheme, table.text());
}

int run(const Options& options) {
  const ThreadPool pool = options.threads > 0 ? ThreadPool(options.threads) : ThreadPool::of_all_processors();
  report::ProgressBar bar;
  const Progress progress = std::ref(bar);

  train::Dataset test = examples::fashion_data(options.data, "t10k");
  if (options.quick) test = train::slice(test, 0, std::min<Index>(test.size(), 500));
  const train::Dataset calibration = examples::fashion_data(options.data, "train");
  const graph::Graph trained =
      options.train ? train_network(options, pool, progress) : examples::load_network(options.weights);
  if (!options.save.empty()) examples::save_network(trained, options.save);
  const graph::Graph network = compress::simplified(trained);
  const std::size_t float_bytes = graph::stored_bytes(network);
  fmt::print(
      "Fashion-MNIST CNN: {} parameters, {:.2f} million multiply-accumulates an image; {} test images, {} for "
      "calibration, {} threads, {} kernels\n\n",
      graph::parameter_count(trained), 1e-6 * static_cast<double>([&] {
                                         std::int64_t sum = 0;
                                         for (const graph::Node& node : network.nodes())
                                           sum += graph::multiply_accumulates(network, node);
                                         return sum;
                                       }()),
      test.size(), options.calibration_images, pool.threads(), kernels::KernelSet::best().name);

  const std::vector<compress::Batch> batches = examples::calibration_batches(calibration, options.calibration_images);
  report::Table table({{"scheme", "scheme"},
                       {"accuracy %", "accuracy_percent", 2},
                       {"change", "change_points", 2, true},
                       {"bytes", "bytes"},
                       {"smaller", "ratio", 2},
                       {"SQNR dB", "sqnr_db", 1},
                       {"latency ms", "latency_ms", 3}});
  Tensor reference;
  double reference_accuracy = 0;
  for (Scheme& scheme : schemes(options.quick)) {
    scheme.config.pool = pool;
    scheme.config.progress = progress;
    compress::PostTrainingResult result{network, {}};
    if (!scheme.is_float) result = compress::post_training(trained, batches, scheme.config);
    const Tensor logits = examples::run_all(result.graph, test.inputs, pool, progress);
    const double accuracy = examples::accuracy_percent(logits, test.targets);
    if (scheme.is_float) {
      reference = logits;
      reference_accuracy = accuracy;
    }
    const auto bytes = static_cast<std::int64_t>(graph::stored_bytes(result.graph));
    const double latency = 1e3 * examples::latency_seconds(result.graph, test.inputs, options.quick ? 20 : 200);
    if (scheme.is_float) {
      table.add({scheme.name, accuracy, {}, bytes, {}, {}, latency});
    } else {
      table.add({scheme.name, accuracy, accuracy - reference_accuracy, bytes,
                 static_cast<double>(float_bytes) / static_cast<double>(bytes),
                 quantize::distortion(reference, logits).sqnr_decibels(), latency});
      if (options.coverage) print_coverage(scheme.name, result.coverage);
    }
  }
  fmt::print("\n{}\n", table.text());
  fmt::print(
      "Accuracy, SQNR of the logits and time are those of the compiled integer programs; bytes are all weights, "
      "biases,\n"
      "scales and zero points as stored. Latency: one image, one thread, median.\n\n"
      "Try next: --coverage shows what runs in integers and why; --train trains the network again; and\n"
      "examples/quantize_tensor.cpp and calibrate_stream.cpp show the parts that this program is made of.\n");
  if (!options.json.empty()) report::write_json(options.json, table.json());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Compresses a CNN for Fashion-MNIST in many ways and compares them.");
  app.add_option("--data", options.data, "Folder of the IDX files")->capture_default_str();
  app.add_option("--weights", options.weights, "Trained weights to start from")->capture_default_str();
  app.add_flag("--train", options.train, "Train the network instead");
  app.add_option("--epochs", options.epochs, "Epochs of training")->capture_default_str();
  app.add_option("--save", options.save, "Write the float weights to this file");
  app.add_option("--calibration-images", options.calibration_images, "Training images for calibration")
      ->capture_default_str()
      ->check(CLI::Range(1, 60000));
  app.add_option("--threads", options.threads, "Threads; 0 for one each processor")->capture_default_str();
  app.add_option("--json", options.json, "Write the table to this file, too");
  app.add_flag("--coverage", options.coverage, "Show how every node runs under each scheme");
  app.add_flag("--quick", options.quick, "500 test images and fewer schemes");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const Error& error) {
    fmt::print(stderr, "compress_cnn: {}\n", error.what());
    return 1;
  }
}
