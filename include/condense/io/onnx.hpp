#ifndef CONDENSE_IO_ONNX_HPP
#define CONDENSE_IO_ONNX_HPP

#include "condense/graph/passes/clean_up.hpp"
#include "condense/graph/passes/use_mat_mul_n_bits.hpp"
#include "condense/graph/passes/use_q_linear_operators.hpp"
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

/// How a file becomes a graph.
struct OnnxReadOptions {
  /// Shapes of inputs by name; see `onnx::ImportOptions`.
  std::map<std::string, Shape> example_shapes = {};

  /// Whether the graph is simplified (`graph::clean_up`); its outputs stay the same up to rounding.
  bool clean_up = true;
};

/// How a quantised graph is written.
enum class QuantizedForm {
  quantize_dequantize,  ///< Q/DQ, as the graph has it: what runtimes of today read best.
  q_operator,           ///< QLinearConv and QLinearMatMul where they fit; see `graph::use_q_linear_operators`.
};

struct OnnxWriteOptions : onnx::WriteOptions {
  QuantizedForm form = QuantizedForm::quantize_dequantize;

  /// Write products with weights of 2, 4 or 8 bits in blocks as MatMulNBits (com.microsoft), which only ONNX Runtime
  /// reads; see `graph::use_mat_mul_n_bits`.
  bool mat_mul_n_bits = false;
};

namespace detail {

inline OnnxModel imported(const onnx::Model& model, std::string_view name, const OnnxReadOptions& options) {
  OnnxModel result{.graph = onnx::import_graph(model, name, {.example_shapes = options.example_shapes}),
                   .metadata = model.metadata};
  if (options.clean_up) graph::clean_up(result.graph);
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
/// Names of inputs and outputs, metadata, and the names of dimensions stay, and unless the graph is cleaned up those of
/// all values and nodes. Memory is bounded by a multiple of the file's
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
  graph::Graph graph = model.graph;
  if (options.form == QuantizedForm::q_operator) graph::use_q_linear_operators(graph);
  if (options.mat_mul_n_bits) graph::use_mat_mul_n_bits(graph);
  const onnx::Model exported = onnx::export_model(
      graph, {.graph_name = model.name, .metadata = model.metadata, .dimension_names = model.dimension_names});
  onnx::write_model(path, exported, options);
}

}  // namespace condense::io

#endif
