#ifndef CONDENSE_TESTS_IO_ONNX_MODELS_HPP
#define CONDENSE_TESTS_IO_ONNX_MODELS_HPP

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "condense/io/onnx/import.hpp"
#include "condense/io/onnx/model_file.hpp"

namespace condense::io::onnx {

inline ValueInfo value(const std::string& name, DataType type, const Shape& shape) {
  std::vector<Dimension> dimensions;
  for (const Index extent : shape) dimensions.push_back({.extent = extent});
  return {.name = name, .type = type, .shape = dimensions};
}

inline Node node(const std::string& type, std::vector<std::string> inputs, std::vector<std::string> outputs,
                 std::vector<Attribute> attributes = {}) {
  return {.name = outputs.at(0) + "_node",
          .type = type,
          .inputs = std::move(inputs),
          .outputs = std::move(outputs),
          .attributes = std::move(attributes)};
}

/// y of nodes on x (2 x 3), float32.
inline Model model_of(std::vector<Node> nodes, std::int64_t opset = 21) {
  Model model{.ir_version = 8, .operator_sets = {{"", opset}}};
  model.graph = {.name = "graph",
                 .nodes = std::move(nodes),
                 .inputs = {value("x", DataType::float32, {2, 3})},
                 .outputs = {{.name = "y"}}};
  return model;
}

/// y = x times weights of ones, of which `flag` chooses between those of the first shape and, if it is `other`, those
/// of the second.
inline Model model_of_branches(const Shape& first, const Shape& second, bool other) {
  const auto branch = [](const std::string& name, const Shape& shape) {
    Tensor weights(DataType::float32, shape);
    for (float& weight : weights.mutable_values<float>()) weight = 1;
    return std::make_shared<const Graph>(Graph{.name = name,
                                               .nodes = {node("MatMul", {"x", name + "_w"}, {name + "_y"})},
                                               .initializers = {{name + "_w", weights}},
                                               .outputs = {{.name = name + "_y", .type = DataType::float32}}});
  };
  Model model = model_of({node("If", {"flag"}, {"y"},
                               {{.name = "then_branch", .value = branch("then", other ? second : first)},
                                {.name = "else_branch", .value = branch("else", other ? first : second)}})});
  model.graph.inputs.push_back(value("flag", DataType::boolean, {}));
  return model;
}

inline Model parse(const std::string& bytes) { return parse_model(std::as_bytes(std::span(bytes)), "test.onnx"); }

/// A file read from memory, and its graph.
inline graph::Graph import_bytes(const std::string& bytes) { return import_graph(parse(bytes), "test.onnx"); }

inline graph::Graph import(const Model& model, const ImportOptions& options = {}) {
  return import_graph(model, "test.onnx", options);
}

}  // namespace condense::io::onnx

#endif
