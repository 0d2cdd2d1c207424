#include "runner.hpp"

#include <map>

#include "condense/compress/post_training.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/runtime/compile.hpp"

namespace cli {

using namespace condense;

Runner::Runner(graph::Graph network, ThreadPool pool)
    : network_(std::move(network)), simplified_(compress::simplified(network_)), pool_(std::move(pool)) {}

std::vector<Tensor> Runner::run(const std::vector<Tensor>& inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    network_.require_fits(network_.inputs()[i], {inputs[i].type(), inputs[i].shape()});
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
