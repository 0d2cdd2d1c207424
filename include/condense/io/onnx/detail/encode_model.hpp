#ifndef CONDENSE_IO_ONNX_DETAIL_ENCODE_MODEL_HPP
#define CONDENSE_IO_ONNX_DETAIL_ENCODE_MODEL_HPP

#include <protozero/pbf_writer.hpp>
#include <string>

#include "condense/io/onnx/detail/element_type.hpp"
#include "condense/io/onnx/model.hpp"

namespace condense::io::onnx::detail {

/// Where the bytes of large tensors go: into the file, or to an offset of another one.
class ExternalTensors {
 public:
  /// Of another file of that name, tensors of at least `least_bytes`.
  ExternalTensors(std::string location, std::size_t least_bytes)
      : location_(std::move(location)), least_bytes_(least_bytes) {}

  const std::string& location() const noexcept { return location_; }
  const std::vector<Tensor>& tensors() const noexcept { return tensors_; }

  /// The offset that a tensor gets; none if it stays in the model. Offsets are multiples of a page, so that the file
  /// can be mapped.
  std::optional<std::uint64_t> place(const Tensor& tensor) {
    if (tensor.bytes() < least_bytes_) return std::nullopt;
    const std::uint64_t offset = end_;
    end_ = (offset + tensor.bytes() + kAlignment - 1) / kAlignment * kAlignment;
    tensors_.push_back(tensor);
    return offset;
  }

  static constexpr std::uint64_t kAlignment = 4096;

 private:
  std::string location_;
  std::size_t least_bytes_;
  std::vector<Tensor> tensors_;
  std::uint64_t end_ = 0;
};

/// Writes the messages of onnx.proto. The same model gives the same bytes.
class ModelEncoder {
 public:
  explicit ModelEncoder(ExternalTensors* external = nullptr) : external_(external) {}

  std::string model(const Model& m) {
    std::string bytes;
    Writer message(bytes);
    message.add_int64(1, m.ir_version);
    add_text(message, 2, m.producer_name);
    add_text(message, 3, m.producer_version);
    add_text(message, 4, m.domain);
    if (m.model_version != 0) message.add_int64(5, m.model_version);
    add_text(message, 6, m.documentation);
    {
      Writer graph(message, 7);
      write(m.graph, graph);
    }
    write(m.operator_sets, message, 8);
    for (const auto& [key, value] : m.metadata) {
      Writer entry(message, 14);
      entry.add_string(1, key);
      entry.add_string(2, value);
    }
    for (const Function& function : m.functions) {
      Writer writer(message, 25);
      write(function, writer);
    }
    return bytes;
  }

  /// One tensor as a message of its own.
  std::string tensor(const std::string& name, const Tensor& values) {
    std::string bytes;
    Writer message(bytes);
    write(name, values, message);
    return bytes;
  }

 private:
  using Writer = protozero::pbf_writer;

  static void add_text(Writer& message, std::uint32_t tag, const std::string& text) {
    if (!text.empty()) message.add_string(tag, text);
  }

  static void write(const OperatorSets& versions, Writer& message, std::uint32_t tag) {
    for (const auto& [domain, version] : versions) {
      Writer entry(message, tag);
      add_text(entry, 1, domain);
      entry.add_int64(2, version);
    }
  }

  void write(const Graph& g, Writer& message) {
    for (const Node& node : g.nodes) {
      Writer writer(message, 1);
      write(node, writer);
    }
    message.add_string(2, g.name);
    for (const auto& [name, values] : g.initializers) {
      Writer writer(message, 5);
      write(name, values, writer);
    }
    const auto add_values = [&](const std::vector<ValueInfo>& values, std::uint32_t tag) {
      for (const ValueInfo& value : values) {
        Writer writer(message, tag);
        write(value, writer);
      }
    };
    add_values(g.inputs, 11);
    add_values(g.outputs, 12);
    add_values(g.values, 13);
  }

  void write(const Node& node, Writer& message) {
    for (const std::string& input : node.inputs) message.add_string(1, input);
    for (const std::string& output : node.outputs) message.add_string(2, output);
    add_text(message, 3, node.name);
    message.add_string(4, node.type);
    for (const Attribute& attribute : node.attributes) {
      Writer writer(message, 5);
      write(attribute, writer);
    }
    add_text(message, 7, node.domain);
  }

  /// With its AttributeProto.AttributeType, which readers need to tell an empty list from an absent one.
  void write(const Attribute& attribute, Writer& message) {
    message.add_string(1, attribute.name);
    const auto& value = attribute.value;
    if (const auto* number = std::get_if<float>(&value)) {
      message.add_float(2, *number);
      message.add_enum(20, 1);
    } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      message.add_int64(3, *integer);
      message.add_enum(20, 2);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      message.add_string(4, *text);
      message.add_enum(20, 3);
    } else if (const auto* tensor = std::get_if<Tensor>(&value)) {
      {
        Writer writer(message, 5);
        write("", *tensor, writer);
      }
      message.add_enum(20, 4);
    } else if (const auto* graph = std::get_if<std::shared_ptr<const Graph>>(&value)) {
      {
        Writer writer(message, 6);
        write(**graph, writer);
      }
      message.add_enum(20, 5);
    } else if (const auto* floats = std::get_if<std::vector<float>>(&value)) {
      for (const float entry : *floats) message.add_float(7, entry);
      message.add_enum(20, 6);
    } else if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&value)) {
      for (const std::int64_t entry : *integers) message.add_int64(8, entry);
      message.add_enum(20, 7);
    } else if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
      for (const std::string& entry : *texts) message.add_string(9, entry);
      message.add_enum(20, 8);
    }
    add_text(message, 21, attribute.refers_to);
  }

  void write(const std::string& name, const Tensor& values, Writer& message) {
    for (const Index extent : values.shape()) message.add_int64(1, extent);
    message.add_int32(2, static_cast<std::int32_t>(element_type_number(values.type())));
    add_text(message, 8, name);
    const std::optional<std::uint64_t> offset = external_ == nullptr ? std::nullopt : external_->place(values);
    if (!offset) {
      message.add_bytes(9, reinterpret_cast<const char*>(values.raw()), values.bytes());
      return;
    }
    const auto add_entry = [&](const std::string& key, const std::string& value) {
      Writer entry(message, 13);
      entry.add_string(1, key);
      entry.add_string(2, value);
    };
    add_entry("location", external_->location());
    add_entry("offset", std::to_string(*offset));
    add_entry("length", std::to_string(values.bytes()));
    message.add_enum(14, 1);
  }

  static void write(const ValueInfo& value, Writer& message) {
    message.add_string(1, value.name);
    if (!value.type) return;
    Writer type(message, 2);
    Writer tensor(type, 1);
    tensor.add_int32(1, static_cast<std::int32_t>(element_type_number(*value.type)));
    if (!value.shape) return;
    std::string shape;  // as text, since empty messages, of scalars and open dimensions, are to be written, too
    Writer dimensions(shape);
    for (const Dimension& dimension : *value.shape) {
      std::string text;
      Writer extent(text);
      if (dimension.extent != kDynamic) {
        extent.add_int64(1, dimension.extent);
      } else {
        add_text(extent, 2, dimension.name);
      }
      dimensions.add_message(1, text);
    }
    tensor.add_message(2, shape);
  }

  void write(const Function& function, Writer& message) {
    message.add_string(1, function.name);
    for (const std::string& input : function.inputs) message.add_string(4, input);
    for (const std::string& output : function.outputs) message.add_string(5, output);
    for (const Attribute& attribute : function.defaults) {
      if (std::holds_alternative<std::monostate>(attribute.value)) message.add_string(6, attribute.name);
    }
    for (const Node& node : function.nodes) {
      Writer writer(message, 7);
      write(node, writer);
    }
    write(function.operator_sets, message, 9);
    add_text(message, 10, function.domain);
    for (const Attribute& attribute : function.defaults) {
      if (std::holds_alternative<std::monostate>(attribute.value)) continue;
      Writer writer(message, 11);
      write(attribute, writer);
    }
  }

  ExternalTensors* external_;
};

}  // namespace condense::io::onnx::detail

#endif
