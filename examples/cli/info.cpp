#include <map>
#include <memory>
#include <set>

#include "commands.hpp"
#include "condense/compress/post_training.hpp"
#include "condense/graph/quantized_values.hpp"
#include "condense/graph/statistics.hpp"
#include "condense/report/table.hpp"
#include "condense/runtime/compile.hpp"
#include "model.hpp"
#include "runner.hpp"

namespace cli {

using namespace condense;
using nlohmann::ordered_json;

namespace {

struct InfoOptions : CommonOptions {
  std::string model;
  bool quantization = false;
};

/// The extents of an input or output as the file has them: numbers and names.
ordered_json dimensions(const graph::Graph& network, graph::Value value,
                        const std::vector<io::onnx::ValueInfo>& declared) {
  ordered_json result = ordered_json::array();
  for (const io::onnx::ValueInfo& info : declared) {
    if (info.name != network.name(value) || !info.shape) continue;
    for (const io::onnx::Dimension& dimension : *info.shape) {
      if (dimension.extent != kDynamic) {
        result.push_back(dimension.extent);
      } else {
        result.push_back(dimension.name.empty() ? "?" : dimension.name);
      }
    }
    return result;
  }
  for (const Index extent : network.type(value).shape) result.push_back(extent);
  return result;
}

std::string shape_text(const ordered_json& dimensions) {
  std::string text;
  for (const ordered_json& dimension : dimensions) {
    text += text.empty() ? "" : " x ";
    text += dimension.is_string() ? dimension.get<std::string>() : dimension.dump();
  }
  return "(" + text + ")";
}

ordered_json ports(const graph::Graph& network, std::span<const graph::Value> values,
                   const std::vector<io::onnx::ValueInfo>& declared) {
  ordered_json result = ordered_json::array();
  for (const graph::Value value : values) {
    const Shape& shape = network.type(value).shape;
    result.push_back({{"name", network.name(value)},
                      {"type", name(network.type(value).type)},
                      {"shape", dimensions(network, value, declared)},
                      {"example", std::vector<Index>(shape.begin(), shape.end())}});
  }
  return result;
}

bool is_quantized(const graph::Graph& network) {
  return std::ranges::any_of(network.nodes(), [](const graph::Node& node) {
    return node.op.is<graph::QuantizeLinear>() || node.op.is<graph::DequantizeLinear>() ||
           node.op.is<graph::DequantizeCodebook>();
  });
}

/// What the runtime makes of a network.
ordered_json runtime_facts(const graph::Graph& network) {
  try {
    const runtime::Program program = runtime::compile(compress::simplified(network));
    ordered_json steps = ordered_json::object();
    for (const auto& [precision, count] : steps_by_precision(program)) steps[precision] = count;
    return {{"compiled", true},
            {"backend", program.backend()},
            {"steps", steps},
            {"arena_bytes", program.arena_bytes()},
            {"weight_bytes", program.weight_bytes()}};
  } catch (const Unsupported& error) {
    return {{"compiled", false}, {"reason", error.what()}};
  }
}

/// What quantisation after training, as `condense quantize` does it by default, would do.
ordered_json quantization_facts(const graph::Graph& network) {
  const compress::Coverage coverage = compress::plan_coverage(network);
  ordered_json nodes = ordered_json::array();
  for (const compress::NodeCoverage& node : coverage.nodes) {
    nodes.push_back({{"node", node.node},
                     {"operation", node.operation},
                     {"execution", name(node.execution)},
                     {"reason", node.reason}});
  }
  return {{"integer_nodes", coverage.count(compress::Execution::integer)},
          {"fused_nodes", coverage.count(compress::Execution::fused)},
          {"multiply_accumulates", coverage.multiply_accumulates},
          {"integer_multiply_accumulates", coverage.integer_multiply_accumulates},
          {"nodes", nodes}};
}

/// What is stored or computed as codes, and which numbers they stand for.
ordered_json quantized_facts(const graph::Graph& network) {
  ordered_json values = ordered_json::array();
  for (const graph::QuantizedValue& value : graph::quantized_values(network)) {
    values.push_back({{"name", value.name},
                      {"kind", value.is_constant ? "constant" : "activation"},
                      {"type", name(value.type)},
                      {"shape", std::vector<Index>(value.shape.begin(), value.shape.end())},
                      {"scales", value.scales},
                      {"zero_points", value.zero_points},
                      {"axis", value.axis},
                      {"block_size", value.block_size},
                      {"low", value.low},
                      {"high", value.high}});
  }
  return values;
}

ordered_json facts(const InfoOptions& options) {
  const io::onnx::Model file = expecting_onnx([&] { return io::onnx::read_model(options.model); });
  const graph::Graph network = expecting_onnx([&] { return io::onnx::import_graph(file, options.model); });
  std::map<std::string, int> operators;
  std::int64_t work = 0;
  for (const graph::Node& node : network.nodes()) {
    ++operators[std::string(node.op.type())];
    work += graph::multiply_accumulates(network, node);
  }
  ordered_json json{
      {"file", options.model},
      {"producer", file.producer_name},
      {"operator_sets", file.operator_sets},
      {"inputs", ports(network, network.inputs(), file.graph.inputs)},
      {"outputs", ports(network, network.outputs(), file.graph.outputs)},
      {"operators", operators},
      {"has_subgraphs", operators.contains("If") || operators.contains("Loop") || operators.contains("Scan")},
      {"parameters", graph::parameter_count(network)},
      {"multiply_accumulates", work},
      {"stored_bytes", graph::stored_bytes(network)},
      {"metadata", file.metadata},
      {"quantized", is_quantized(network)},
      {"runtime", runtime_facts(network)}};
  if (options.quantization) json["quantized_values"] = quantized_facts(network);
  if (!is_quantized(network)) json["quantization"] = quantization_facts(network);
  return json;
}

void print_quantization(const ordered_json& facts) {
  const auto all = facts["multiply_accumulates"].get<std::int64_t>();
  const auto integer = facts["integer_multiply_accumulates"].get<std::int64_t>();
  fmt::print("\nQuantised after training (condense quantize), {} of {} nodes would run in integers{}",
             facts["integer_nodes"].get<int>() + facts["fused_nodes"].get<int>(), facts["nodes"].size(),
             all > 0 ? fmt::format(", {:.1f} % of the multiply-accumulates.\n",
                                   100.0 * static_cast<double>(integer) / static_cast<double>(all))
                     : std::string(".\n"));
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> groups;  // by operation and reason
  for (const ordered_json& node : facts["nodes"]) {
    if (node["execution"] != name(compress::Execution::floating)) continue;
    groups[{node["operation"], node["reason"]}].push_back(node["node"]);
  }
  report::Table table({{"in float", "operation"}, {"nodes", "count"}, {"why", "reason"}, {"first", "node"}});
  for (const auto& [group, nodes] : groups) {
    table.add({group.first, static_cast<std::int64_t>(nodes.size()), group.second, nodes.front()});
  }
  if (table.size() > 0) fmt::print("\n{}", table.text());
}

/// "0.0124", or "0.0031 .. 0.0124 (16)" of several.
template <class Number>
std::string range_text(const std::vector<Number>& numbers) {
  if (numbers.empty()) return {};
  const auto [low, high] = std::ranges::minmax(numbers);
  if (low == high) return fmt::format("{:.4g}", static_cast<double>(low));
  return fmt::format("{:.4g} .. {:.4g} ({})", static_cast<double>(low), static_cast<double>(high), numbers.size());
}

void print_quantized_values(const ordered_json& values) {
  if (values.empty()) return fmt::print("\nNothing in it is quantised by QuantizeLinear and DequantizeLinear.\n");
  report::Table table({{"quantised", "name"},
                       {"", "kind"},
                       {"type", "type"},
                       {"scale", "scale"},
                       {"zero point", "zero_point"},
                       {"range", "range"}});
  for (const ordered_json& value : values) {
    table.add({value["name"].get<std::string>(), value["kind"].get<std::string>(), value["type"].get<std::string>(),
               range_text(value["scales"].get<std::vector<float>>()),
               range_text(value["zero_points"].get<std::vector<std::int64_t>>()),
               fmt::format("{:.4g} .. {:.4g}", value["low"].get<double>(), value["high"].get<double>())});
  }
  fmt::print("\n{}", table.text());
}

/// "image (1 x 1 x 28 x 28)": the inputs that the multiply-accumulates are counted for.
std::string example_text(const ordered_json& inputs) {
  std::string text;
  for (const ordered_json& input : inputs) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", input["name"].get<std::string>(),
                        shape_text(input["example"]));
  }
  return text;
}

void print_text(const ordered_json& json) {
  fmt::print("{}: {} {}, {} bytes of constants\n{} multiply-accumulates for {}\n\n", json["file"].get<std::string>(),
             grouped(json["parameters"]), json["quantized"].get<bool>() ? "float parameters" : "parameters",
             grouped(json["stored_bytes"]), grouped(json["multiply_accumulates"]), example_text(json["inputs"]));
  report::Table table({{"", "kind"}, {"name", "name"}, {"type", "type"}, {"shape", "shape"}});
  for (const char* kind : {"inputs", "outputs"}) {
    for (const ordered_json& port : json[kind]) {
      table.add({std::string(kind).substr(0, std::string(kind).size() - 1), port["name"].get<std::string>(),
                 port["type"].get<std::string>(), shape_text(port["shape"])});
    }
  }
  fmt::print("{}\nOperators:", table.text());
  for (const auto& [type, count] : json["operators"].items()) fmt::print(" {} {}", count.get<int>(), type);
  if (json["has_subgraphs"]) fmt::print("\nNodes within others (If, Loop, Scan) are not counted.");
  const ordered_json& runtime = json["runtime"];
  if (runtime["compiled"]) {
    fmt::print("\nRuntime: compiles for {}, steps:", runtime["backend"].get<std::string>());
    for (const auto& [precision, count] : runtime["steps"].items()) fmt::print(" {} {},", count.get<int>(), precision);
    fmt::print(" {} bytes of memory beside {} of weights\n", grouped(runtime["arena_bytes"]),
               grouped(runtime["weight_bytes"]));
  } else {
    fmt::print("\nRuntime: evaluated node by node, for {}\n", runtime["reason"].get<std::string>());
  }
  for (const auto& [key, value] : json["metadata"].items()) fmt::print("{} = {}\n", key, value.get<std::string>());
  if (json.contains("quantized_values")) print_quantized_values(json["quantized_values"]);
  if (json.contains("quantization")) print_quantization(json["quantization"]);
}

}  // namespace

void add_info(CLI::App& app) {
  const auto options = std::make_shared<InfoOptions>();
  CLI::App* command = app.add_subcommand("info", "Says what is in a network, and what would run in integers");
  command->add_option("MODEL", options->model, "ONNX file")->required();
  command->add_flag("--quantization", options->quantization,
                    "List what is quantised, with scale, zero point, type and range");
  options->add_to(*command);
  command->callback([options] {
    const ordered_json json = facts(*options);
    options->json ? print_json(json) : print_text(json);
  });
}

}  // namespace cli
