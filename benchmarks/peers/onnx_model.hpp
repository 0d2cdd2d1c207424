#ifndef CONDENSE_BENCHMARKS_PEERS_ONNX_MODEL_HPP
#define CONDENSE_BENCHMARKS_PEERS_ONNX_MODEL_HPP

#include <cstdint>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "condense/core/data_type.hpp"
#include "condense/core/error.hpp"
#include "condense/core/shape.hpp"

namespace condense::benchmarks {

/// The number of a type in ONNX's TensorProto, and in ONNX Runtime's interface. Throws `Unsupported` where it has none.
inline std::int32_t onnx_number(DataType type) {
  switch (type) {
    case DataType::float32: return 1;
    case DataType::uint8: return 2;
    case DataType::int8: return 3;
    case DataType::int32: return 6;
    case DataType::int64: return 7;
    case DataType::boolean: return 9;
    case DataType::float16: return 10;
    case DataType::float64: return 11;
    case DataType::bfloat16: return 16;
    case DataType::uint4: return 21;
    case DataType::int4: return 22;
    default: throw Unsupported(fmt::format("ONNX has no type {}", name(type)));
  }
}

struct OnnxAttribute {
  std::string name;
  std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>> value;
};

struct OnnxNode {
  std::string operation;
  std::vector<std::string> inputs;  ///< The name of one that is left out is empty.
  std::vector<std::string> outputs;
  std::vector<OnnxAttribute> attributes{};
  std::string domain{};  ///< Empty, or "com.microsoft" for operators of ONNX Runtime's own.
};

/// Writes an ONNX model for a benchmark: inputs, outputs and constants of known shapes, and the nodes in the order in
/// which they run. The numbers of the fields are those of onnx.proto (ONNX IR version 8, operators of version 17).
class OnnxModel {
 public:
  void add_input(std::string_view name, DataType type, const Shape& shape) { add_value(11, name, type, shape); }
  void add_output(std::string_view name, DataType type, const Shape& shape) { add_value(12, name, type, shape); }

  /// The elements are copied.
  void add_constant(std::string_view name, DataType type, const Shape& shape, const void* elements) {
    Writer graph(graph_);
    Writer tensor(graph, 5);
    for (const Index extent : shape) tensor.add_int64(1, extent);
    tensor.add_int32(2, onnx_number(type));
    tensor.add_string(8, name.data(), name.size());
    tensor.add_bytes(9, static_cast<const char*>(elements), bytes(type, shape.count()));
  }

  void add_node(const OnnxNode& node) {
    Writer graph(graph_);
    Writer message(graph, 1);
    for (const std::string& input : node.inputs) message.add_string(1, input);
    for (const std::string& output : node.outputs) message.add_string(2, output);
    message.add_string(4, node.operation);
    for (const OnnxAttribute& attribute : node.attributes) add_attribute(message, attribute);
    message.add_string(7, node.domain);
  }

  /// The model as a file has it.
  std::string serialized() const {
    std::string file;
    Writer model(file);
    model.add_int64(1, 8);
    model.add_message(7, graph_);
    for (const auto& [domain, version] : {std::pair{"", 17}, std::pair{"com.microsoft", 1}}) {
      Writer operators(model, 8);
      operators.add_string(1, domain);
      operators.add_int64(2, version);
    }
    return file;
  }

 private:
  using Writer = protozero::pbf_writer;  ///< Appends a message to a string, or to another message.

  void add_value(protozero::pbf_tag_type field, std::string_view name, DataType type, const Shape& shape) {
    Writer graph(graph_);
    Writer value(graph, field);
    value.add_string(1, name.data(), name.size());
    Writer any_type(value, 2);
    Writer tensor_type(any_type, 1);
    tensor_type.add_int32(1, onnx_number(type));
    Writer extents(tensor_type, 2);
    for (const Index extent : shape) Writer(extents, 1).add_int64(1, extent);
  }

  static void add_attribute(Writer& node, const OnnxAttribute& attribute) {
    Writer message(node, 5);
    message.add_string(1, attribute.name);
    if (const auto* number = std::get_if<float>(&attribute.value)) {
      message.add_float(2, *number);
      message.add_enum(20, 1);
    } else if (const auto* integer = std::get_if<std::int64_t>(&attribute.value)) {
      message.add_int64(3, *integer);
      message.add_enum(20, 2);
    } else if (const auto* text = std::get_if<std::string>(&attribute.value)) {
      message.add_bytes(4, *text);
      message.add_enum(20, 3);
    } else {
      for (const std::int64_t one : std::get<std::vector<std::int64_t>>(attribute.value)) message.add_int64(8, one);
      message.add_enum(20, 7);
    }
  }

  std::string graph_ = [] {
    std::string graph;
    Writer(graph).add_string(2, "benchmark");  // nothing reads the name, but there has to be one
    return graph;
  }();
};

}  // namespace condense::benchmarks

#endif
