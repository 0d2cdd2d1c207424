#include <cmath>
#include <map>
#include <memory>

#include "commands.hpp"
#include "condense/compress/post_training.hpp"
#include "condense/quantize/distortion.hpp"
#include "condense/report/table.hpp"
#include "data.hpp"
#include "model.hpp"
#include "progress.hpp"
#include "runner.hpp"

namespace cli {

using namespace condense;

namespace {

struct CompareOptions : CommonOptions {
  std::string reference;
  std::string other;
  bool no_layers = false;
  DataOptions data;
};

/// How far the values of one tensor are from those of another, over all runs.
struct Agreement {
  quantize::Distortion distortion = {};
  Index not_finite = 0;  ///< Pairs that differ and of which one is infinite or no number.
  bool is_output = false;
  Index samples = 0;  ///< Of vectors of classes.
  Index same_class = 0;

  void add(const Tensor& reference, const Tensor& other, const std::string& name) {
    require(reference.shape() == other.shape(), "'{}' has shape {} in the first network and {} in the second", name,
            reference.shape().to_string(), other.shape().to_string());
    const Tensor a = converted(reference, DataType::float32, name);
    const Tensor b = converted(other, DataType::float32, name);
    for (Index i = 0; i < a.count(); ++i) {
      const float x = a.data<float>()[i];
      const float y = b.data<float>()[i];
      if (std::isfinite(x) && std::isfinite(y)) {
        distortion.add(x, y);
      } else if (!(x == y || (std::isnan(x) && std::isnan(y)))) {
        ++not_finite;
      }
    }
    if (is_output) count_classes(a, b);
  }

  double sqnr() const {
    return distortion.count() > 0 ? distortion.sqnr_decibels() : std::numeric_limits<double>::quiet_NaN();
  }
  double cosine() const {
    return distortion.count() > 0 ? distortion.cosine_similarity() : std::numeric_limits<double>::quiet_NaN();
  }
  report::Cell top1() const {
    if (samples == 0) return {};
    return 100.0 * static_cast<double>(same_class) / static_cast<double>(samples);
  }

 private:
  /// An output (n x classes), also as (n x classes x 1 x 1).
  void count_classes(const Tensor& a, const Tensor& b) {
    const Shape& shape = a.shape();
    if (shape.rank() < 2 || shape[1] < 2 || shape.count(2, shape.rank()) != 1) return;
    for (Index n = 0; n < shape[0]; ++n) {
      const auto best = [&](const Tensor& tensor) {
        const float* row = tensor.data<float>() + n * shape[1];
        return std::max_element(row, row + shape[1]) - row;
      };
      ++samples;
      same_class += best(a) == best(b) ? 1 : 0;
    }
  }
};

/// The other network's inputs for the data of the first one's, by name.
std::vector<std::size_t> matched(const graph::Graph& network, const graph::Graph& other, bool inputs) {
  const auto of = [&](const graph::Graph& graph) { return inputs ? graph.inputs() : graph.outputs(); };
  const std::string_view kind = inputs ? "inputs" : "outputs";
  require(of(network).size() == of(other).size(), "the networks have {} and {} {}, they cannot be compared",
          of(network).size(), of(other).size(), kind);
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < of(other).size(); ++i) {
    std::size_t found = i;  // by position where the names differ
    for (std::size_t j = 0; j < of(network).size(); ++j) {
      if (network.name(of(network)[j]) == other.name(of(other)[i])) found = j;
    }
    result.push_back(found);
  }
  return result;
}

/// Agreement of the float values inside that have one name in both networks, in the order of the first.
std::vector<std::pair<std::string, Agreement>> compare_layers(const graph::Graph& reference, const graph::Graph& other,
                                                              const Feed& feed, std::span<const std::size_t> inputs,
                                                              const ThreadPool& pool, TerminalProgress& progress) {
  const graph::Graph a = compress::simplified(reference);
  const graph::Graph b = compress::simplified(other);
  std::map<std::string, graph::Value> computed;
  for (const graph::Node& node : b.nodes()) {
    for (const graph::Value value : node.outputs) computed[b.name(value)] = value;
  }
  std::vector<std::pair<std::string, Agreement>> layers;
  std::map<std::string, std::size_t> places;
  for (const graph::Node& node : a.nodes()) {
    for (const graph::Value value : node.outputs) {
      const auto found = computed.find(a.name(value));
      if (found == computed.end() || !is_float(a.type(value).type) || !is_float(b.type(found->second).type)) continue;
      places[a.name(value)] = layers.size();
      layers.emplace_back(a.name(value), Agreement{});
    }
  }
  Index done = 0;
  for (const std::vector<Tensor>& batch : feed.batches) {
    std::map<std::string, Tensor> expected;
    graph::evaluate(a, batch, {.pool = pool, .on_value = [&](graph::Value value, const Tensor& tensor) {
                                 if (places.contains(a.name(value))) expected[a.name(value)] = tensor;
                               }});
    std::vector<Tensor> given;
    for (const std::size_t i : inputs) given.push_back(batch[i]);
    graph::evaluate(b, given, {.pool = pool, .on_value = [&](graph::Value value, const Tensor& tensor) {
                                 const auto found = expected.find(b.name(value));
                                 if (found == expected.end()) return;
                                 layers[places.at(found->first)].second.add(found->second, tensor, found->first);
                                 expected.erase(found);
                               }});
    progress.report("layers", ++done, std::ssize(feed.batches));
  }
  return layers;
}

/// In text, columns are left out that would say the same of every value.
report::Table table_of(const std::vector<std::pair<std::string, Agreement>>& values, bool all_columns) {
  const bool with_classes = all_columns || std::ranges::any_of(values, [](const auto& v) {
                              return v.second.is_output && v.second.samples > 0;
                            });
  const bool with_infinities =
      all_columns || std::ranges::any_of(values, [](const auto& v) { return v.second.not_finite > 0; });
  std::vector<report::Column> columns{{"value", "name"},
                                      {"SQNR dB", "sqnr_db", 1},
                                      {"cosine", "cosine", 6},
                                      {"largest difference", "maximum_absolute_difference", 6}};
  if (with_infinities) columns.push_back({"not finite in one", "not_finite"});
  if (with_classes) columns.push_back({"same top-1 %", "top1_percent", 2});
  report::Table table(columns);
  for (const auto& [name, agreement] : values) {
    std::vector<report::Cell> row{name, agreement.sqnr(), agreement.cosine(),
                                  static_cast<double>(agreement.distortion.maximum_absolute_error())};
    if (with_infinities) row.push_back(static_cast<std::int64_t>(agreement.not_finite));
    if (with_classes) row.push_back(agreement.top1());
    table.add(std::move(row));
  }
  return table;
}

void compare(const CompareOptions& options) {
  const graph::Graph reference = read_model(options.reference).graph;
  const graph::Graph other = read_model(options.other).graph;
  const std::vector<std::size_t> inputs = matched(reference, other, true);
  const std::vector<std::size_t> results = matched(reference, other, false);
  const Feed feed = read_feed(reference, options.data);
  const ThreadPool pool = options.pool();
  TerminalProgress progress;

  std::vector<std::pair<std::string, Agreement>> outputs;
  for (const graph::Value value : reference.outputs())
    outputs.emplace_back(reference.name(value), Agreement{.is_output = true});
  Runner first(reference, pool);
  Runner second(other, pool);
  Index done = 0;
  for (const std::vector<Tensor>& batch : feed.batches) {
    std::vector<Tensor> given;
    for (const std::size_t i : inputs) given.push_back(batch[i]);
    const std::vector<Tensor> a = first.run(batch);
    const std::vector<Tensor> b = second.run(given);
    for (std::size_t i = 0; i < b.size(); ++i) {
      auto& [name, agreement] = outputs[results[i]];
      agreement.add(a[results[i]], b[i], name);
    }
    progress.report("outputs", ++done, std::ssize(feed.batches));
  }
  std::vector<std::pair<std::string, Agreement>> layers;
  if (!options.no_layers) layers = compare_layers(reference, other, feed, inputs, pool, progress);

  if (options.json) {
    return print_json({{"samples", feed.samples},
                       {"execution", {first.how(), second.how()}},
                       {"outputs", table_of(outputs, true).json()},
                       {"layers", table_of(layers, true).json()}});
  }
  fmt::print("{} samples\n{}: {}\n{}: {}\n\nOutputs\n{}", feed.samples, options.reference, first.how(), options.other,
             second.how(), table_of(outputs, false).text());
  if (!layers.empty()) {
    fmt::print("\nValues of the same name, batch normalisation folded, in reference evaluation\n{}",
               table_of(layers, false).text());
  } else if (!options.no_layers) {
    fmt::print("\nNo value inside has the same name in both, so layers are not compared.\n");
  }
}

}  // namespace

void add_compare(CLI::App& app) {
  const auto options = std::make_shared<CompareOptions>();
  CLI::App* command = app.add_subcommand("compare", "Says how far two networks agree on data");
  command->add_option("A", options->reference, "ONNX file of the reference")->required();
  command->add_option("B", options->other, "ONNX file of the other one")->required();
  options->data.add_to(*command);
  command->add_option("--samples", options->data.samples, "The first samples to use; 0 for all")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--no-layers", options->no_layers, "Compare outputs only");
  options->add_to(*command);
  command->callback([options] { compare(*options); });
}

}  // namespace cli
