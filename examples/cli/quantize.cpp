#include <filesystem>
#include <memory>

#include "commands.hpp"
#include "condense/compress/post_training.hpp"
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
  std::vector<std::string> keep_float;
  bool symmetric = false;
  bool verbose = false;
  DataOptions data{.samples = 512};
};

compress::PostTrainingConfig configuration(const QuantizeOptions& options) {
  compress::PostTrainingConfig config;
  config.weights.default_format = quantize::NumberFormat::parse(options.weights);
  config.activations.quantize = options.activations != "float";
  config.activations.type = options.activations == "int8" ? DataType::int8 : DataType::uint8;
  config.activations.symmetric = options.symmetric;
  config.activations.calibrator.method = calibrate::parse_method(options.calibrator);
  config.keep_float = options.keep_float;
  return config;
}

/// Where the scales come from.
std::map<std::string, std::string> provenance(const QuantizeOptions& options,
                                              const compress::PostTrainingConfig& config, Index samples) {
  std::map<std::string, std::string> result{{"condense.version", CONDENSE_VERSION},
                                            {"condense.method", "post-training quantisation"},
                                            {"condense.weights", config.weights.default_format.name()},
                                            {"condense.activations", options.activations}};
  if (config.activations.quantize) {
    result["condense.calibrator"] = std::string(calibrate::name(config.activations.calibrator.method));
    result["condense.samples"] = std::to_string(samples);
    result["condense.symmetric"] = options.symmetric ? "yes" : "no";
  }
  if (!options.keep_float.empty())
    result["condense.keep_float"] = fmt::format("{}", fmt::join(options.keep_float, ", "));
  return result;
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

/// Writes the network, its tensors in a file of their own where one file cannot hold them.
void write(const std::string& path, const io::OnnxModel& model) {
  constexpr std::size_t kLargestModel = std::size_t{1} << 30;  // of 2^31 bytes that a protobuf message can have
  io::OnnxWriteOptions options;
  if (graph::stored_bytes(model.graph) > kLargestModel) options.external_from_bytes = 1024;
  io::write_onnx(path, model, options);
}

void quantize_model(const QuantizeOptions& options) {
  namespace fs = std::filesystem;
  compress::PostTrainingConfig config = configuration(options);
  io::OnnxModel model = read_model(options.model);
  Feed feed;
  if (config.activations.quantize) feed = read_feed(model.graph, options.data);
  TerminalProgress progress;
  config.pool = options.pool();
  config.progress = progress.progress();
  const compress::PostTrainingResult result = compress::post_training(model.graph, feed.batches, config);
  const compress::Coverage& coverage = result.coverage;
  const auto before = static_cast<std::int64_t>(graph::stored_bytes(compress::simplified(model.graph)));
  const auto after = static_cast<std::int64_t>(graph::stored_bytes(result.graph));

  model.graph = result.graph;
  model.metadata.merge(provenance(options, config, feed.samples));
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
                       {"nodes", coverage_table(coverage, true).json()}});
  }
  const report::Table table = coverage_table(coverage, options.verbose);
  if (table.size() > 0) fmt::print("{}\n", table.text());
  const int integer = coverage.count(compress::Execution::integer) + coverage.count(compress::Execution::fused);
  fmt::print("{} of {} nodes run in integers", integer, coverage.nodes.size());
  if (coverage.multiply_accumulates > 0) {
    fmt::print(", {:.1f} % of the multiply-accumulates",
               100.0 * static_cast<double>(coverage.integer_multiply_accumulates) /
                   static_cast<double>(coverage.multiply_accumulates));
  }
  fmt::print("{}\n", config.activations.quantize ? fmt::format("; calibrated on {} samples", feed.samples) : "");
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
  command->add_option("--activations", options->activations, "float needs no data: only weights become smaller")
      ->capture_default_str()
      ->check(CLI::IsMember({"uint8", "int8", "float"}));
  command->add_flag("--symmetric", options->symmetric, "Activations have the zero point 0");
  command->add_option("--keep-float", options->keep_float, "Nodes that stay in float, by name");
  command->add_flag("--verbose", options->verbose, "List all nodes, not only those with a remark");
  options->add_to(*command);
  command->callback([options] { quantize_model(*options); });
}

}  // namespace cli
