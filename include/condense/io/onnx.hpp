#ifndef CONDENSE_IO_ONNX_HPP
#define CONDENSE_IO_ONNX_HPP

#include "condense/io/onnx/export.hpp"
#include "condense/io/onnx/import.hpp"
#include "condense/io/onnx/model_file.hpp"

namespace condense::io {

/// A network and what its file says of it.
struct OnnxModel {
  graph::Graph graph;
  std::map<std::string, std::string> metadata = {};

  /// Names of the dimensions of inputs, by the input's name; empty for those that have none.
  std::map<std::string, std::vector<std::string>> dimension_names = {};

  std::string name = "condense";  ///< Of the graph.
};

using OnnxReadOptions = onnx::ImportOptions;
using OnnxWriteOptions = onnx::WriteOptions;

namespace detail {

inline OnnxModel imported(const onnx::Model& model, std::string_view name, const OnnxReadOptions& options) {
  OnnxModel result{.graph = onnx::import_graph(model, name, options), .metadata = model.metadata};
  if (!model.graph.name.empty()) result.name = model.graph.name;
  for (const onnx::ValueInfo& input : model.graph.inputs) {
    if (!input.shape) continue;
    std::vector<std::string>& names = result.dimension_names[input.name];
    for (const onnx::Dimension& dimension : *input.shape) names.push_back(dimension.name);
  }
  return result;
}

}  // namespace detail

/// Reads an ONNX model ("Open Neural Network Exchange", operator sets 7 to 25) with its external data.
///
/// Names of values and nodes, metadata, and the names of dimensions stay. Memory is bounded by a multiple of the file's
/// size. Throws `FormatError` naming the file and the place if it is malformed or contradicts itself, and `Unsupported`
/// naming the node where it holds what condense does not know.
inline OnnxModel read_onnx(const std::filesystem::path& path, const OnnxReadOptions& options = {}) {
  return detail::imported(onnx::read_model(path), path.string(), options);
}

/// The same for a file in memory; `name` stands for the path in messages.
inline OnnxModel parse_onnx(std::span<const std::byte> bytes, std::string_view name,
                            const OnnxReadOptions& options = {}) {
  return detail::imported(onnx::parse_model(bytes, name), name, options);
}

/// Writes a network as an ONNX model, whole or not at all; see `onnx::export_model` and `onnx::write_model`.
inline void write_onnx(const std::filesystem::path& path, const OnnxModel& model,
                       const OnnxWriteOptions& options = {}) {
  const onnx::Model exported = onnx::export_model(
      model.graph, {.graph_name = model.name, .metadata = model.metadata, .dimension_names = model.dimension_names});
  onnx::write_model(path, exported, options);
}

}  // namespace condense::io

#endif
