#ifndef CONDENSE_BENCHMARKS_PEERS_MODEL_PEER_HPP
#define CONDENSE_BENCHMARKS_PEERS_MODEL_PEER_HPP

#include <string>
#include <vector>

#include "../support/competitor.hpp"
#include "condense/core/tensor.hpp"

namespace condense::benchmarks {

/// A whole network to run on one set of inputs.
struct ModelWork {
  std::string file;  ///< Content of an ONNX file.
  std::vector<std::string> input_names;
  std::vector<std::string> output_names;
  std::vector<Tensor> inputs;
  std::vector<Tensor>* outputs = nullptr;  ///< Of the right types and shapes; where results go.
  int threads = 1;                         ///< That work, the calling one included.
};

}  // namespace condense::benchmarks

#endif
