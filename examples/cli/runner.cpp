#include "runner.hpp"

#include <map>

#include "condense/compress/post_training.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/runtime/compile.hpp"
#include "condense/runtime/program_file.hpp"
#include "model.hpp"

namespace cli {

using namespace condense;

namespace {

/// The inputs and outputs of a program, which come from nowhere.
graph::Graph interface_of(const runtime::Program& program) {
  graph::Graph graph;
  std::map<std::string, graph::Value> inputs;
  for (const auto& port : program.plan().inputs) {
    inputs[port.name] = graph.input(port.name, port.type.type, port.type.shape);
  }
  for (const auto& port : program.plan().outputs) {
    const auto input = inputs.find(port.name);
    graph.output(input != inputs.end() ? input->second
                                       : graph.constant(port.name, Tensor(port.type.type, port.type.shape)));
  }
  return graph;
}

}  // namespace

Network read_network(const std::string& path) {
  if (!runtime::is_program_file(path)) return {read_model(path).graph};
  runtime::Program program = runtime::load_program(path);
  graph::Graph graph = interface_of(program);
  return {std::move(graph), std::move(program)};
}

Runner::Runner(Network network, ThreadPool pool)
    : network_(std::move(network.graph)), saved_(std::move(network.program)), pool_(std::move(pool)) {
  if (!saved_) simplified_ = compress::simplified(network_);
}

std::vector<Tensor> Runner::run(const std::vector<Tensor>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    network_.require_fits(network_.inputs()[i], {inputs[i].type(), inputs[i].shape()});
  }
  if (saved_) {
    how_ = description(*saved_);
    return saved_->run(inputs, pool_);
  }
  if (reason_.empty()) {
    try {
      runtime::Program& program = program_for(inputs);
      how_ = description(program);
      return program.run(inputs, pool_);
    } catch (const Unsupported& error) {
      reason_ = error.what();
      how_ = "reference evaluation, for the network cannot be compiled: " + reason_;
    }
  }
  return graph::evaluate(network_, inputs, {.pool = pool_, .on_value = {}});
}

runtime::Program& Runner::program_for(const std::vector<Tensor>& inputs) {
  std::vector<Shape> shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  for (auto& [compiled_for, program] : programs_) {
    if (compiled_for == shapes) return program;
  }
  if (programs_.size() == 2) programs_.erase(programs_.begin());  // full batches, and the last one
  return programs_.emplace_back(shapes, runtime::compile(simplified_, {.input_shapes = shapes})).second;
}

std::vector<std::pair<std::string, int>> steps_by_precision(const runtime::Program& program) {
  std::map<std::string, int> counts;
  for (const runtime::StepInfo& step : program.steps()) ++counts[step.precision == "-" ? "moves" : step.precision];
  return {counts.begin(), counts.end()};
}

std::string description(const runtime::Program& program) {
  std::string text;
  for (const auto& [precision, count] : steps_by_precision(program)) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, precision);
  }
  return fmt::format("compiled for {}, steps: {}", program.backend(), text);
}

}  // namespace cli
