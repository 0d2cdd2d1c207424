#include <algorithm>
#include <filesystem>
#include <memory>

#include "commands.hpp"
#include "condense/compress/measured_post_training.hpp"
#include "condense/compress/provenance.hpp"
#include "condense/graph/statistics.hpp"
#include "condense/report/table.hpp"
#include "data.hpp"
#include "model.hpp"
#include "progress.hpp"

namespace cli {

using namespace condense;

namespace {

struct QuantizeOptions : CommonOptions {
  std::string model;
  std::string output;
  std::string calibrator = "mean-squared-error";
  std::string weights = "int8/channel";
  std::string activations = "uint8";
  std::vector<std::string> weights_of;  ///< NODE=FORMAT
  std::vector<std::string> keep_float;
  std::vector<std::string> keep_float_types;
  bool symmetric = false;
  bool measure = false;
  bool verbose = false;
  DataOptions data{.samples = 512};
};

/// A node and its format, of "NODE=FORMAT".
std::pair<std::string, quantize::NumberFormat> parse_weights_of(const std::string& text) {
  const std::size_t equals = text.rfind('=');  // names of nodes may have one, formats have none
  require(equals != std::string::npos && equals > 0, "'{}' gives no node a format; write it as NODE=FORMAT", text);
  return {text.substr(0, equals), quantize::NumberFormat::parse(text.substr(equals + 1))};
}

compress::PostTrainingConfig configuration(const QuantizeOptions& options, const graph::Graph& network) {
  compress::PostTrainingConfig config;
  config.weights.default_format = quantize::NumberFormat::parse(options.weights);
  for (const std::string& text : options.weights_of) {
    const auto [node, format] = parse_weights_of(text);
    if (!config.weights.overrides.emplace(node, format).second) {
      throw UsageError(fmt::format("--weights-of gives '{}' two formats", node));
    }
  }
  if (options.activations == "float") config.activations.mode = compress::ActivationMode::floating;
  if (options.activations == "dynamic") config.activations.mode = compress::ActivationMode::dynamic;
  config.activations.type = options.activations == "int8" ? DataType::int8 : DataType::uint8;
  config.activations.symmetric = options.symmetric;
  config.activations.calibrator.method = calibrate::parse_method(options.calibrator);
  config.keep_float = options.keep_float;
  config.keep_float_types = options.keep_float_types;
  for (const graph::Node& node : network.nodes()) {
    const auto format = config.weights.overrides.find(node.name);
    const auto is_among = [](const std::vector<std::string>& names, std::string_view name) {
      return std::ranges::find(names, name) != names.end();
    };
    if (format != config.weights.overrides.end() &&
        (is_among(config.keep_float, node.name) || is_among(config.keep_float_types, node.op.type()))) {
      throw UsageError(fmt::format("--weights-of gives '{}' the format {}, and it is to stay in float", node.name,
                                   format->second.name()));
    }
  }
  return config;
}

/// Whether ranges of activations are chosen from samples.
bool needs_data(const compress::PostTrainingConfig& config) {
  return config.activations.mode == compress::ActivationMode::static_ranges;
}

report::Table coverage_table(const compress::Coverage& coverage, bool everything) {
  report::Table table({{"node", "node"},
                       {"operation", "operation"},
                       {"runs in", "execution"},
                       {"weights", "weights"},
                       {"remark", "reason"}});
  for (const compress::NodeCoverage& node : coverage.nodes) {
    const bool plain = node.execution == compress::Execution::fused ||
                       (node.execution == compress::Execution::integer && node.reason.empty());
    if (plain && !everything) continue;
    table.add({node.node, node.operation, std::string(name(node.execution)), node.weights, node.reason});
  }
  return table;
}

/// What quantisation gives; measured layer by layer if that is asked for.
struct Quantized {
  compress::PostTrainingResult result;
  std::vector<compress::LayerTimes> layers = {};
};

Quantized quantize(const QuantizeOptions& options, const graph::Graph& network, const Feed& feed,
                   const compress::PostTrainingConfig& config) {
  if (!options.measure) return {compress::post_training(network, feed.batches, config)};
  compress::MeasuredPostTrainingResult measured =
      compress::measured_post_training(network, feed.batches, config, {.profile = {.pool = config.pool}});
  if (!options.json) {
    fmt::print("an inference takes {:.3f} ms in float and {:.3f} ms quantised, on this machine\n",
               measured.float_seconds * 1e3, measured.integer_seconds * 1e3);
  }
  return {{std::move(measured.graph), std::move(measured.coverage)}, std::move(measured.layers)};
}

report::Table layers_table(const std::vector<compress::LayerTimes>& layers) {
  report::Table table({{"node", "node"}, {"us in float", "float_us"}, {"us in integers", "integer_us"}});
  for (const compress::LayerTimes& layer : layers) {
    table.add({layer.node, layer.float_seconds * 1e6, layer.integer_seconds * 1e6});
  }
  return table;
}

/// Writes the network, its tensors in a file of their own where one file cannot hold them.
void write(const std::string& path, const io::OnnxModel& model) {
  constexpr std::size_t kLargestModel = std::size_t{1} << 30;  // of 2^31 bytes that a protobuf message can have
  io::OnnxWriteOptions options;
  if (graph::stored_bytes(model.graph) > kLargestModel) options.external_from_bytes = 1024;
  io::write_onnx(path, model, options);
}

void quantize_model(const QuantizeOptions& options) {
  namespace fs = std::filesystem;
  io::OnnxModel model = read_model(options.model);
  compress::PostTrainingConfig config = configuration(options, model.graph);
  Feed feed;
  if (needs_data(config) || options.measure) feed = read_feed(model.graph, options.data);
  TerminalProgress progress;
  config.pool = options.pool();
  config.progress = progress.progress();
  const auto [result, layers] = quantize(options, model.graph, feed, config);
  const compress::Coverage& coverage = result.coverage;
  const auto before = static_cast<std::int64_t>(graph::stored_bytes(compress::simplified(model.graph)));
  const auto after = static_cast<std::int64_t>(graph::stored_bytes(result.graph));

  model.graph = result.graph;
  std::map<std::string, std::string> origin = compress::provenance(config, feed.samples);
  origin["condense.version"] = CONDENSE_VERSION;
  std::erase_if(model.metadata, [](const auto& entry) { return entry.first.starts_with("condense."); });
  model.metadata.merge(origin);
  write(options.output, model);
  const auto file_before = static_cast<std::int64_t>(fs::file_size(options.model));
  const auto file_after = static_cast<std::int64_t>(fs::file_size(options.output));
  const double ratio = static_cast<double>(before) / static_cast<double>(std::max<std::int64_t>(1, after));
  if (options.json) {
    return print_json({{"output", options.output},
                       {"samples", feed.samples},
                       {"stored_bytes_before", before},
                       {"stored_bytes", after},
                       {"ratio", ratio},
                       {"file_bytes_before", file_before},
                       {"file_bytes", file_after},
                       {"multiply_accumulates", coverage.multiply_accumulates},
                       {"integer_multiply_accumulates", coverage.integer_multiply_accumulates},
                       {"nodes", coverage_table(coverage, true).json()},
                       {"layers", layers_table(layers).json()}});
  }
  if (options.verbose && !layers.empty()) fmt::print("{}\n", layers_table(layers).text());
  const report::Table table = coverage_table(coverage, options.verbose);
  if (table.size() > 0) fmt::print("{}\n", table.text());
  const int integer = coverage.count(compress::Execution::integer) + coverage.count(compress::Execution::fused);
  fmt::print("{} of {} nodes run in integers", integer, coverage.nodes.size());
  if (coverage.multiply_accumulates > 0) {
    fmt::print(", {:.1f} % of the multiply-accumulates",
               100.0 * static_cast<double>(coverage.integer_multiply_accumulates) /
                   static_cast<double>(coverage.multiply_accumulates));
  }
  fmt::print("{}\n", needs_data(config) ? fmt::format("; calibrated on {} samples", feed.samples) : "");
  fmt::print("weights and other constants: {} bytes -> {}, {:.2f} times smaller\n", grouped(before), grouped(after),
             ratio);
  fmt::print("{}: {} bytes ({}: {})\n", options.output, grouped(file_after), options.model, grouped(file_before));
}

}  // namespace

void add_quantize(CLI::App& app) {
  const auto options = std::make_shared<QuantizeOptions>();
  CLI::App* command = app.add_subcommand("quantize", "Quantises a trained network with some of its data");
  command->add_option("MODEL", options->model, "ONNX file")->required();
  command->add_option("-o,--output", options->output, "ONNX file to write")->required();
  options->data.add_to(*command);
  command->add_option("--samples", options->data.samples, "Samples to calibrate on, the first ones; 0 for all")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_option("--calibrator", options->calibrator, "How ranges of activations are chosen")
      ->capture_default_str()
      ->check(parsed_by([](const std::string& text) { calibrate::parse_method(text); }));
  command->add_option("--weights", options->weights, "Format of weights: int8/channel, int4/group32, ...")
      ->capture_default_str()
      ->check(parsed_by([](const std::string& text) { quantize::NumberFormat::parse(text); }));
  command
      ->add_option("--weights-of", options->weights_of, "Format of one node's weights, as NODE=FORMAT; may be repeated")
      ->check(parsed_by([](const std::string& text) { parse_weights_of(text); }));
  command
      ->add_option("--activations", options->activations,
                   "dynamic and float need no data: they are quantised in each run, or not")
      ->capture_default_str()
      ->check(CLI::IsMember({"uint8", "int8", "dynamic", "float"}));
  command->add_flag("--symmetric", options->symmetric, "Activations have the zero point 0");
  command->add_option("--keep-float", options->keep_float, "Nodes that stay in float, by name");
  command->add_option("--keep-float-type", options->keep_float_types,
                      "Operators of which all nodes stay in float, such as Add");
  command->add_flag("--measure", options->measure,
                    "Layers that are slower on integers, on this machine, stay in float; needs data");
  command->add_flag("--verbose", options->verbose, "List all nodes, not only those with a remark");
  options->add_to(*command);
  command->callback([options] { quantize_model(*options); });
}

}  // namespace cli
