#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "commands.hpp"
#include "condense/io/npy.hpp"
#include "data.hpp"
#include "progress.hpp"
#include "runner.hpp"

namespace cli {

using namespace condense;

namespace {

namespace fs = std::filesystem;

struct RunOptions : CommonOptions {
  std::string model;
  std::string output;
  DataOptions data;
};

/// Where each output goes: to the one file, or into a folder, by names that a file can have.
std::vector<fs::path> output_files(const graph::Graph& network, const fs::path& output) {
  if (output.extension() == ".npy") {
    if (network.outputs().size() != 1) {
      throw UsageError(fmt::format("the network has {} outputs; give -o a folder for them instead of '{}'",
                                   network.outputs().size(), output.string()));
    }
    return {output};
  }
  std::vector<fs::path> files;
  std::set<std::string> taken;
  for (const graph::Value value : network.outputs()) {
    std::string name = network.name(value);
    std::ranges::replace_if(
        name, [](char c) { return c == '/' || c == '\\' || c == ':' || c == '\0'; }, '_');
    while (!taken.insert(name).second) name += '_';
    files.push_back(output / (name + ".npy"));
  }
  return files;
}

/// The place of the largest of each sample's values, where an output is (samples x classes).
std::vector<Index> classes_of(const Tensor& output) {
  const Shape& shape = output.shape();
  if (output.type() != DataType::float32 || shape.rank() != 2 || shape[1] < 2) return {};
  std::vector<Index> result;
  for (Index i = 0; i < shape[0]; ++i) {
    const float* row = output.data<float>() + i * shape[1];
    result.push_back(std::max_element(row, row + shape[1]) - row);
  }
  return result;
}

void run(const RunOptions& options) {
  Network network = read_network(options.model);
  const graph::Graph graph = network.graph;
  const std::vector<fs::path> files =
      options.output.empty() ? std::vector<fs::path>{} : output_files(graph, options.output);
  const Feed feed = read_feed(graph, options.data);
  Runner runner(std::move(network), options.pool());
  TerminalProgress progress;
  std::vector<std::vector<Tensor>> runs;
  for (const std::vector<Tensor>& batch : feed.batches) {
    runs.push_back(runner.run(batch));
    progress.report("running", std::ssize(runs), std::ssize(feed.batches));
  }
  const std::vector<Tensor> outputs = joined(runs);
  if (!files.empty() && fs::path(options.output).extension() != ".npy") fs::create_directories(options.output);

  nlohmann::ordered_json json{{"samples", feed.samples},
                              {"compiled", runner.compiled()},
                              {"execution", runner.how()},
                              {"outputs", nlohmann::ordered_json::array()}};
  if (!options.json) fmt::print("{} samples, {}\n", feed.samples, runner.how());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!files.empty()) io::write_npy(files[i], outputs[i]);
    const std::string name = graph.name(graph.outputs()[i]);
    const std::vector<Index> classes = classes_of(outputs[i]);
    nlohmann::ordered_json entry{{"name", name},
                                 {"type", condense::name(outputs[i].type())},
                                 {"shape", std::vector<Index>(outputs[i].shape().begin(), outputs[i].shape().end())}};
    if (!files.empty()) entry["file"] = files[i].string();
    if (!classes.empty()) entry["classes"] = classes;
    json["outputs"].push_back(std::move(entry));
    if (options.json) continue;
    fmt::print("{}  {} {}{}\n", name, condense::name(outputs[i].type()), outputs[i].shape().to_string(),
               files.empty() ? "" : " -> " + files[i].string());
    constexpr std::size_t kShown = 10;
    if (!classes.empty()) {
      fmt::print(
          "  largest at {}{}\n",
          fmt::join(classes.begin(), classes.begin() + std::min(std::ssize(classes), std::ptrdiff_t{kShown}), ", "),
          classes.size() > kShown ? ", ..." : "");
    }
  }
  if (options.json) print_json(json);
}

}  // namespace

void add_run(CLI::App& app) {
  const auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Runs a network on data");
  command->add_option("MODEL", options->model, "ONNX file, or program saved by compile")->required();
  options->data.add_to(*command);
  command->add_option("-o,--output", options->output,
                      "Where results go: a .npy file, or a folder with one each output");
  options->add_to(*command);
  command->callback([options] { run(*options); });
}

}  // namespace cli
