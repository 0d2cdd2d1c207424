#ifndef CONDENSE_EXAMPLES_CLI_RUNNER_HPP
#define CONDENSE_EXAMPLES_CLI_RUNNER_HPP

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "condense/graph/graph.hpp"
#include "condense/runtime/program.hpp"

namespace cli {

/// What is in a file: a network, or a program with a network that only says what its inputs and outputs are.
struct Network {
  condense::graph::Graph graph;
  std::optional<condense::runtime::Program> program = {};
};

/// Reads an ONNX model, or a program that `compile` has saved.
Network read_network(const std::string& path);

/// Runs a network by the compiled runtime, or where it cannot be compiled by the reference semantics of its operators.
class Runner {
 public:
  Runner(condense::graph::Graph network, condense::ThreadPool pool) : Runner(Network{std::move(network)}, pool) {}
  Runner(Network network, condense::ThreadPool pool);

  std::vector<condense::Tensor> run(const std::vector<condense::Tensor>& inputs);

  /// How the last run was made: "compiled for avx2: 12 steps int8, 2 float32", or why it was not compiled.
  const std::string& how() const noexcept { return how_; }
  bool compiled() const noexcept { return reason_.empty(); }

 private:
  condense::runtime::Program& program_for(const std::vector<condense::Tensor>& inputs);

  condense::graph::Graph network_;  ///< As it is in the file.
  std::optional<condense::runtime::Program> saved_;
  condense::graph::Graph simplified_;  ///< As it is compiled.
  condense::ThreadPool pool_;
  std::vector<std::pair<std::vector<condense::Shape>, condense::runtime::Program>> programs_;
  std::string reason_;  ///< Why it is not compiled.
  std::string how_;
};

/// A program in a line.
std::string description(const condense::runtime::Program& program);

/// Number of a program's steps by precision; those that only move data are "moves".
std::vector<std::pair<std::string, int>> steps_by_precision(const condense::runtime::Program& program);

}  // namespace cli

#endif
