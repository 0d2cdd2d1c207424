#include <charconv>
#include <filesystem>
#include <memory>
#include <utility>

#include "commands.hpp"
#include "condense/compress/channel_pruning.hpp"
#include "condense/compress/one_shot_pruning.hpp"
#include "condense/report/table.hpp"
#include "data.hpp"
#include "model.hpp"
#include "progress.hpp"

namespace cli {

using namespace condense;

namespace {

/// "unstructured", "rows", "global", or N:M such as 2:4.
prune::Pattern parse_pattern(const std::string& text) {
  if (text == "unstructured") return prune::Pattern::unstructured();
  if (text == "rows") return prune::Pattern::per_row();
  if (text == "global") return prune::Pattern::global();
  Index n = 0;
  Index m = 0;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, n);
  const bool has_colon = first.ptr != end && *first.ptr == ':';
  const auto second = has_colon ? std::from_chars(first.ptr + 1, end, m) : first;
  require(has_colon && second.ec == std::errc{} && second.ptr == end,
          "'{}' is no pattern; there are unstructured, rows, global, and N:M such as 2:4", text);
  const prune::Pattern pattern = prune::Pattern::n_of_m(n, m);
  pattern.validate();
  return pattern;
}

struct PruneOptions : CommonOptions {
  std::string model;
  std::string output;
  double channels = 0;
  double cheaper = 0;
  double weights = 0;
  std::string criterion = "l1";
  std::string method = "magnitude";
  std::string pattern = "unstructured";
  std::vector<std::string> keep;
  Index round_to = 1;
  std::uint64_t seed = 1;
  bool global = false;
  bool reconstruct = false;
  DataOptions data{.samples = 128};
};

/// What a command did: the network, a table of its layers, and what is said of all of them.
struct Pruned {
  graph::Graph graph;
  report::Table layers;
  double zeros = 0;  ///< Share of the weights that is masked.
};

std::vector<std::vector<Tensor>> batches_of(const PruneOptions& options, const graph::Graph& network) {
  if (!options.data.given()) return {};
  return read_feed(network, options.data).batches;
}

Pruned prune_channels(const PruneOptions& options, const graph::Graph& network, const Progress& progress) {
  compress::ChannelPruningConfig config;
  config.criterion = value_of<compress::ChannelCriterion>(options.criterion);
  config.global = options.global;
  config.protected_layers = options.keep;
  config.round_to = options.round_to;
  config.seed = options.seed;
  config.reconstruct = options.reconstruct;
  config.batches = batches_of(options, network);
  config.pool = options.pool();
  config.progress = progress;
  if (options.cheaper > 0) {
    const auto cost = static_cast<double>(compress::network_size(network).multiply_accumulates);
    config.target = {compress::ChannelCost::multiply_accumulates, cost / options.cheaper};
  } else {
    config.ratio = options.channels;
  }
  compress::ChannelPruningResult result = compress::prune_channels(network, config);
  report::Table table({{"layer", "layer"},
                       {"channels", "channels_before"},
                       {"left", "channels"},
                       {"MACs", "multiply_accumulates_before"},
                       {"left", "multiply_accumulates"}});
  for (const compress::PrunedLayer& layer : result.layers) {
    table.add({layer.layer, std::int64_t{layer.channels_before}, std::int64_t{layer.channels_after},
               layer.multiply_accumulates_before, layer.multiply_accumulates_after});
  }
  if (!options.json) {
    for (const compress::UnprunedPart& part : result.unpruned) {
      fmt::print("kept whole: {}: {}\n", part.name, part.reason);
    }
  }
  return {std::move(result.graph), std::move(table)};
}

Pruned prune_weights(const PruneOptions& options, const graph::Graph& network, const Progress& progress) {
  compress::OneShotPruningConfig config;
  config.method = value_of<compress::PruningMethod>(options.method);
  config.pattern = parse_pattern(options.pattern);
  config.sparsity = options.weights;
  config.layers.protected_layers = options.keep;
  config.seed = options.seed;
  config.pool = options.pool();
  config.progress = progress;
  compress::OneShotPruningResult result = compress::one_shot_pruning(network, batches_of(options, network), config);
  report::Table table({{"layer", "layer"}, {"zeros %", "zero_percent", 1}, {"error %", "error_percent", 2}});
  for (const compress::LayerPruning& layer : result.layers) {
    report::Cell error;
    if (layer.error) error = 100 * *layer.error;
    table.add({layer.name, 100 * layer.sparsity, error});
  }
  if (!options.json) {
    for (const compress::SkippedLayer& layer : result.skipped) {
      fmt::print("kept whole: {}: {}\n", layer.name, layer.reason);
    }
  }
  return {std::move(result.graph), std::move(table), compress::sparsity(result.masks)};
}

void prune_model(const PruneOptions& options) {
  namespace fs = std::filesystem;
  io::OnnxModel model = read_model(options.model);
  const graph::Graph before = model.graph;
  TerminalProgress progress;
  Pruned pruned = options.weights > 0 ? prune_weights(options, before, progress.progress())
                                      : prune_channels(options, before, progress.progress());
  const compress::NetworkSize size_before = compress::network_size(before);
  const compress::NetworkSize size = compress::network_size(pruned.graph);
  model.graph = std::move(pruned.graph);
  io::write_onnx(options.output, model);
  const auto file_before = static_cast<std::int64_t>(fs::file_size(options.model));
  const auto file = static_cast<std::int64_t>(fs::file_size(options.output));
  if (options.json) {
    return print_json({{"output", options.output},
                       {"zero_share", pruned.zeros},
                       {"parameters_before", size_before.parameters},
                       {"parameters", size.parameters},
                       {"multiply_accumulates_before", size_before.multiply_accumulates},
                       {"multiply_accumulates", size.multiply_accumulates},
                       {"file_bytes_before", file_before},
                       {"file_bytes", file},
                       {"layers", pruned.layers.json()}});
  }
  fmt::print("{}\n", pruned.layers.text());
  if (options.weights > 0) {
    fmt::print("{:.1f} % of the weights of these layers are zero\n", 100 * pruned.zeros);
  } else {
    fmt::print("parameters: {} -> {}, multiply-accumulates: {} -> {}\n", grouped(size_before.parameters),
               grouped(size.parameters), grouped(size_before.multiply_accumulates), grouped(size.multiply_accumulates));
  }
  fmt::print("{}: {} bytes ({}: {}); train it again, or compare what it does: condense compare\n", options.output,
             grouped(file), options.model, grouped(file_before));
}

}  // namespace

void add_prune(CLI::App& app) {
  const auto options = std::make_shared<PruneOptions>();
  CLI::App* command = app.add_subcommand("prune", "Takes channels out of a trained network, or makes weights zero");
  command->add_option("MODEL", options->model, "ONNX file")->required();
  command->add_option("-o,--output", options->output, "ONNX file to write")->required();
  CLI::Option_group* amount = command->add_option_group("amount", "How much is pruned");
  amount->add_option("--channels", options->channels, "Share of the channels of every layer to remove")
      ->check(CLI::Range(0.0, 1.0));
  amount->add_option("--cheaper", options->cheaper, "Remove channels until there are so many times fewer MACs")
      ->check(CLI::Range(1.0, 1e6));
  amount->add_option("--weights", options->weights, "Share of the single weights to make zero")
      ->check(CLI::Range(0.0, 1.0));
  amount->require_option(1);
  command->add_option("--criterion", options->criterion, "What channels are ranked by")
      ->capture_default_str()
      ->check(parsed_by([](const std::string& text) { value_of<compress::ChannelCriterion>(text); }));
  command
      ->add_option("--method", options->method, "What decides which single weights go; wanda and sparse-gpt need data")
      ->capture_default_str()
      ->check(parsed_by([](const std::string& text) { value_of<compress::PruningMethod>(text); }));
  command->add_option("--pattern", options->pattern, "Of single weights: unstructured, rows, global, or N:M")
      ->capture_default_str()
      ->check(parsed_by([](const std::string& text) { parse_pattern(text); }));
  command->add_flag("--global", options->global, "One ranking of the channels of all layers");
  command->add_option("--round-to", options->round_to, "Channels that are left become a multiple of it")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_flag("--reconstruct", options->reconstruct, "Fit the layers behind removed channels again, by the data");
  command->add_option("--keep", options->keep, "Layers that are not pruned, by name");
  command->add_option("--seed", options->seed, "Of what is random")->capture_default_str();
  options->data.add_to(*command);
  command->add_option("--samples", options->data.samples, "Samples of the data to use, the first ones; 0 for all")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  options->add_to(*command);
  command->callback([options] { prune_model(*options); });
}

}  // namespace cli
