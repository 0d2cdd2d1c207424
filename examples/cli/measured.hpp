#ifndef CONDENSE_EXAMPLES_CLI_MEASURED_HPP
#define CONDENSE_EXAMPLES_CLI_MEASURED_HPP

#include <vector>

#include "condense/runtime/program.hpp"
#include "data.hpp"

namespace cli {

/// What the command line says of a measurement.
struct MeasureOptions {
  DataOptions data = {.batch = 1};
  int rounds = 15;
  std::uint64_t seed = 1;

  void add_to(CLI::App& command);
};

/// A compiled network with inputs for one run: the first of the data, or random ones where none are given.
///
/// Random floats are uniform in [0, 1), codes uniform over their type, other integers and booleans 0. Open dimensions
/// are those of the data; without data, the first one is the batch, others what the network was read with. Throws
/// `Unsupported` naming the node if the network cannot be compiled.
struct Measured {
  std::vector<condense::Tensor> inputs;
  condense::Index samples;  ///< In one run.
  condense::runtime::Program program;
};

Measured measured(const std::string& model, const MeasureOptions& options);

}  // namespace cli

#endif
