#include <charconv>
#include <filesystem>
#include <memory>

#include "commands.hpp"
#include "condense/compress/post_training.hpp"
#include "condense/runtime/compile.hpp"
#include "condense/runtime/program_file.hpp"
#include "model.hpp"
#include "runner.hpp"

namespace cli {

using namespace condense;

namespace {

struct CompileOptions : CommonOptions {
  std::string model;
  std::string output;
  std::string backend;
  std::vector<std::string> shapes;  ///< NAME=EXTENT,EXTENT,...
  Index batch = 1;
};

struct NamedShape {
  std::string name;
  Shape shape;
};

NamedShape parse_shape(const std::string& text) {
  const std::size_t middle = text.rfind('=');
  require(middle != std::string::npos && middle > 0, "'{}' is no shape; write it as NAME=1,3,224,224", text);
  std::vector<Index> extents;
  const char* at = text.data() + middle;
  const char* const end = text.data() + text.size();
  while (at != end) {
    Index& extent = extents.emplace_back();
    const auto [next, error] = std::from_chars(at + 1, end, extent);
    require(error == std::errc() && extent > 0 && (next == end || *next == ','),
            "'{}' is no shape; write it as NAME=1,3,224,224", text);
    at = next;
  }
  return {text.substr(0, middle), Shape(std::span<const Index>(extents))};
}

/// Shapes of all inputs: those given, else with open dimensions as the network was read with and the batch first.
std::vector<Shape> shapes_of(const graph::Graph& network, const CompileOptions& options) {
  std::vector<NamedShape> given;
  for (const std::string& text : options.shapes) given.push_back(parse_shape(text));
  std::vector<Shape> shapes;
  std::vector<std::string> names;
  for (const graph::Value value : network.inputs()) {
    const Shape& declared = network.declared_shape(value);
    Shape& shape = shapes.emplace_back(network.type(value).shape);
    if (declared.rank() > 0 && declared[0] == kDynamic) shape = shape.with(0, options.batch);
    names.push_back(network.name(value));
    for (const NamedShape& other : given) {
      if (other.name == names.back()) shape = other.shape;
    }
  }
  for (const NamedShape& other : given) {
    if (std::ranges::find(names, other.name) != names.end()) continue;
    throw UsageError(
        fmt::format("the network has no input '{}'; its inputs are {}", other.name, fmt::join(names, ", ")));
  }
  return shapes;
}

void compile(const CompileOptions& options) {
  const graph::Graph network = read_model(options.model).graph;
  const auto kernels =
      options.backend.empty() ? kernels::KernelSet::best() : kernels::KernelSet::select(options.backend);
  const runtime::Program program = runtime::compile(compress::simplified(network),
                                                    {.input_shapes = shapes_of(network, options), .kernels = kernels});
  runtime::save_program(program, options.output);
  const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(options.output));
  if (options.json) {
    return print_json({{"execution", description(program)},
                       {"backend", program.backend()},
                       {"file", options.output},
                       {"file_bytes", bytes},
                       {"arena_bytes", program.arena_bytes()},
                       {"weight_bytes", program.weight_bytes()}});
  }
  fmt::print("{}: {}\n", options.output, description(program));
  fmt::print("{} bytes; {} of memory beside the {} of weights in it\n", grouped(bytes),
             grouped(static_cast<std::int64_t>(program.arena_bytes())),
             grouped(static_cast<std::int64_t>(program.weight_bytes())));
}

}  // namespace

void add_compile(CLI::App& app) {
  const auto options = std::make_shared<CompileOptions>();
  CLI::App* command = app.add_subcommand("compile", "Saves a network as a program that starts at once");
  command->add_option("MODEL", options->model, "ONNX file")->required();
  command->add_option("-o,--output", options->output, "Where the program goes")->required();
  command->add_option("--backend", options->backend, "Whose kernels it is for; by default the best of this machine");
  command->add_option("--shape", options->shapes, "Shape of an input, NAME=1,3,224,224; may be repeated")
      ->check(parsed_by(parse_shape));
  command->add_option("--batch", options->batch, "Samples at once, where the first dimension is open")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  options->add_to(*command);
  command->callback([options] { compile(*options); });
}

}  // namespace cli
