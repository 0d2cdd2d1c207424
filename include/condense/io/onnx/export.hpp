#ifndef CONDENSE_IO_ONNX_EXPORT_HPP
#define CONDENSE_IO_ONNX_EXPORT_HPP

#include "condense/graph/graph.hpp"
#include "condense/io/onnx/model.hpp"

namespace condense::io::onnx {

/// What an exported model says beside its graph.
struct ExportOptions {
  std::string graph_name = "condense";

  /// The least operator set to write, 21 to 25. Operators that came later are written by older ones where they can be,
  /// since runtimes are slow to take new ones up: Swish (24), RMSNormalization and Attention (23).
  std::int64_t operator_set = 21;

  std::map<std::string, std::string> metadata = {};

  /// Names of the dimensions of inputs, by the input's name; an empty one, or none, gets one of its own.
  std::map<std::string, std::vector<std::string>> dimension_names = {};
};

/// The model that says what a graph does, in the operator set asked for, or the first later one that has its operators
/// and types.
/// Names stay. Throws `Unsupported` naming the node if ONNX has no such operator.
Model export_model(const graph::Graph& graph, const ExportOptions& options = {});

}  // namespace condense::io::onnx

#ifndef CONDENSE_COMPILED
#include "condense/io/onnx/export.ipp"
#endif

#endif
