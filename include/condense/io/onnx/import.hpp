#ifndef CONDENSE_IO_ONNX_IMPORT_HPP
#define CONDENSE_IO_ONNX_IMPORT_HPP

#include "condense/graph/graph.hpp"
#include "condense/io/onnx/model.hpp"

namespace condense::io::onnx {

/// How a model becomes a graph.
struct ImportOptions {
  /// Shapes of inputs by name: for inputs whose shape the model leaves open, what inference takes it to be. The
  /// dimensions stay dynamic. Without, an open batch is 1, and other open dimensions are the least of 1, 8, 32, 64, 96,
  /// 224, 320, 512, 640, 1280 and 16000 with which every node accepts its inputs.
  std::map<std::string, Shape> example_shapes = {};
};

/// The graph that a model describes, with its names; `name` stands for the file in messages.
///
/// Operator sets 7 to 25; of older ones the operators that have not changed. Nodes of older sets become what they are
/// today. Functions of the model are written out, constants become constants of the graph. A branch of an If that the
/// shapes at hand refuse is built with the extents of open dimensions that it takes. Throws `Unsupported` naming
/// the node and what to do if condense has no such operator, and `FormatError` if the model contradicts itself.
graph::Graph import_graph(const Model& model, std::string_view name, const ImportOptions& options = {});

/// The operators, as "Conv" or "com.microsoft.MatMulNBits", that `import_graph` knows, in alphabetical order.
std::vector<std::string> importable_operators();

}  // namespace condense::io::onnx

#ifndef CONDENSE_COMPILED
#include "condense/io/onnx/import.ipp"
#endif

#endif
