#ifndef CONDENSE_EXAMPLES_CLI_DATA_HPP
#define CONDENSE_EXAMPLES_CLI_DATA_HPP

#include <string>
#include <vector>

#include "commands.hpp"
#include "condense/graph/graph.hpp"

namespace cli {

/// What the command line says of the data for a network.
struct DataOptions {
  std::string data = {};
  std::vector<std::string> inputs = {};  ///< NAME=FILE
  std::string image_mean = "0";
  std::string image_scale = "1/255";
  std::string image_size = {};
  bool channels_last = false;
  condense::Index batch = 32;
  condense::Index samples = 0;  ///< 0: all there are.

  void add_to(CLI::App& command);
  bool given() const { return !data.empty() || !inputs.empty(); }
};

/// Data cut into runs of a network.
struct Feed {
  std::vector<std::vector<condense::Tensor>> batches;  ///< Of each run the tensors in the order of the inputs.
  condense::Index samples = 0;                         ///< In all runs.
};

/// Reads the data for the inputs of a network: .npy, .npz, images, or a folder of them in the order of their names.
///
/// Integers become the input's type where it holds them, images become (n, c, h, w). An input whose first dimension is
/// open is run `batch` samples at once; one with a fixed first dimension takes that many. Data for one run serves all.
/// Throws naming the file and the input that do not fit.
Feed read_feed(const condense::graph::Graph& network, const DataOptions& options);

/// Results of the runs joined along the first axis, for each output.
std::vector<condense::Tensor> joined(const std::vector<std::vector<condense::Tensor>>& runs);

/// A tensor in another type. Throws naming `what` if integers would not keep their value, or reals become integers.
condense::Tensor converted(const condense::Tensor& tensor, condense::DataType type, const std::string& what);

}  // namespace cli

#endif
