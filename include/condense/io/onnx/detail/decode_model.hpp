#ifndef CONDENSE_IO_ONNX_DETAIL_DECODE_MODEL_HPP
#define CONDENSE_IO_ONNX_DETAIL_DECODE_MODEL_HPP

#include "condense/io/onnx/detail/decode_tensor.hpp"
#include "condense/io/onnx/model.hpp"

namespace condense::io::onnx::detail {

/// Reads the messages of onnx.proto. Every field is told by its number and wire type; others are passed over, as
/// protobuf wants it. Graphs within attributes may be nested this deep:
inline constexpr int kDeepestGraph = 32;

class ModelDecoder {
 public:
  explicit ModelDecoder(Source source) : source_(std::move(source)) {}

  Model model(protozero::pbf_reader message) const {
    Model m;
    bool has_graph = false;
    while (message.next()) {
      switch (message.tag_and_type()) {
        case varint(1): m.ir_version = message.get_int64(); break;
        case bytes_of(2): m.producer_name = text_of(message.get_view()); break;
        case bytes_of(3): m.producer_version = text_of(message.get_view()); break;
        case bytes_of(4): m.domain = text_of(message.get_view()); break;
        case varint(5): m.model_version = message.get_int64(); break;
        case bytes_of(6): m.documentation = text_of(message.get_view()); break;
        case bytes_of(7):
          if (has_graph) fail("it has two graphs");
          m.graph = graph(message.get_message(), 0);
          has_graph = true;
          break;
        case bytes_of(8): m.operator_sets.insert(operator_set(message.get_message())); break;
        case bytes_of(14): m.metadata.insert(entry(message.get_message())); break;
        case bytes_of(25): m.functions.push_back(function(message.get_message())); break;
        default: message.skip();
      }
    }
    if (!has_graph) fail("there is no graph in it; is it an ONNX model?");
    if (m.operator_sets.empty()) fail("it does not say which operator set it uses (opset_import)");
    return m;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const { throw FormatError(fmt::format("{}: {}", source_.name, what)); }

  static std::pair<std::string, std::string> entry(protozero::pbf_reader message) {
    std::pair<std::string, std::string> result;
    while (message.next()) {
      switch (message.tag_and_type()) {
        case bytes_of(1): result.first = text_of(message.get_view()); break;
        case bytes_of(2): result.second = text_of(message.get_view()); break;
        default: message.skip();
      }
    }
    return result;
  }

  static std::pair<std::string, std::int64_t> operator_set(protozero::pbf_reader message) {
    std::pair<std::string, std::int64_t> result;
    while (message.next()) {
      switch (message.tag_and_type()) {
        case bytes_of(1): result.first = text_of(message.get_view()); break;
        case varint(2): result.second = message.get_int64(); break;
        default: message.skip();
      }
    }
    if (result.first == "ai.onnx") result.first.clear();  // two names of one domain
    return result;
  }

  Graph graph(protozero::pbf_reader message, int depth) const {
    if (depth > kDeepestGraph) fail(fmt::format("its graphs are nested more than {} deep", kDeepestGraph));
    Graph g;
    while (message.next()) {
      switch (message.tag_and_type()) {
        case bytes_of(1): g.nodes.push_back(node(message.get_message(), depth)); break;
        case bytes_of(2): g.name = text_of(message.get_view()); break;
        case bytes_of(5): g.initializers.push_back(decode_tensor(message.get_message(), source_)); break;
        case bytes_of(11): g.inputs.push_back(value(message.get_message())); break;
        case bytes_of(12): g.outputs.push_back(value(message.get_message())); break;
        case bytes_of(13): g.values.push_back(value(message.get_message())); break;
        case bytes_of(15):
          throw Unsupported(fmt::format("{}: it stores a sparse tensor; store its weights dense", source_.name));
        default: message.skip();
      }
    }
    return g;
  }

  Node node(protozero::pbf_reader message, int depth) const {
    Node n;
    while (message.next()) {
      switch (message.tag_and_type()) {
        case bytes_of(1): n.inputs.push_back(text_of(message.get_view())); break;
        case bytes_of(2): n.outputs.push_back(text_of(message.get_view())); break;
        case bytes_of(3): n.name = text_of(message.get_view()); break;
        case bytes_of(4): n.type = text_of(message.get_view()); break;
        case bytes_of(5): n.attributes.push_back(attribute(message.get_message(), depth)); break;
        case bytes_of(7): n.domain = text_of(message.get_view()); break;
        default: message.skip();
      }
    }
    if (n.domain == "ai.onnx") n.domain.clear();
    return n;
  }

  /// What AttributeProto.AttributeType says the attribute is; older files leave it out, then it is what is there.
  Attribute attribute(protozero::pbf_reader message, int depth) const {
    Attribute a;
    std::int64_t type = 0;
    std::vector<float> floats;
    std::vector<std::int64_t> integers;
    std::vector<std::string> strings;
    while (message.next()) {
      switch (message.tag_and_type()) {
        case bytes_of(1): a.name = text_of(message.get_view()); break;
        case fixed32(2): a.value = message.get_float(); break;
        case varint(3): a.value = message.get_int64(); break;
        case bytes_of(4): a.value = text_of(message.get_view()); break;
        case bytes_of(5): a.value = decode_tensor(message.get_message(), source_).second; break;
        case bytes_of(6): a.value = std::make_shared<const Graph>(graph(message.get_message(), depth + 1)); break;
        case fixed32(7): floats.push_back(message.get_float()); break;
        case bytes_of(7): append(floats, message.get_packed_float()); break;
        case varint(8): integers.push_back(message.get_int64()); break;
        case bytes_of(8): append(integers, message.get_packed_int64()); break;
        case bytes_of(9): strings.push_back(text_of(message.get_view())); break;
        case varint(20): type = message.get_int64(); break;
        case bytes_of(21): a.refers_to = text_of(message.get_view()); break;
        default: message.skip();
      }
    }
    if (std::holds_alternative<std::monostate>(a.value) && a.refers_to.empty()) {
      if (!floats.empty() || type == 6)
        a.value = std::move(floats);
      else if (!integers.empty() || type == 7)
        a.value = std::move(integers);
      else if (!strings.empty() || type == 8)
        a.value = std::move(strings);
      else if (type == 1)
        a.value = 0.0F;  // zeros and empty strings may be left out
      else if (type == 2)
        a.value = std::int64_t{0};
      else if (type == 3)
        a.value = std::string();
    }
    return a;
  }

  ValueInfo value(protozero::pbf_reader message) const {
    ValueInfo v;
    while (message.next()) {
      switch (message.tag_and_type()) {
        case bytes_of(1): v.name = text_of(message.get_view()); break;
        case bytes_of(2): read_type(message.get_message(), v); break;
        default: message.skip();
      }
    }
    return v;
  }

  void read_type(protozero::pbf_reader type, ValueInfo& v) const {
    while (type.next()) {
      if (type.tag_and_type() != bytes_of(1)) {  // a sequence, map or optional
        type.skip();
        continue;
      }
      protozero::pbf_reader tensor = type.get_message();
      while (tensor.next()) {
        switch (tensor.tag_and_type()) {
          case varint(1): {
            const std::int64_t number = tensor.get_int64();
            if (number != 0) v.type = element_type(number, fmt::format("{}: value '{}'", source_.name, v.name));
            break;
          }
          case bytes_of(2): v.shape = shape(tensor.get_message(), v); break;
          default: tensor.skip();
        }
      }
    }
  }

  std::vector<Dimension> shape(protozero::pbf_reader message, const ValueInfo& v) const {
    std::vector<Dimension> dimensions;
    while (message.next()) {
      if (message.tag_and_type() != bytes_of(1)) {
        message.skip();
        continue;
      }
      Dimension dimension;
      protozero::pbf_reader extent = message.get_message();
      while (extent.next()) {
        switch (extent.tag_and_type()) {
          case varint(1): dimension.extent = extent.get_int64(); break;
          case bytes_of(2): dimension.name = text_of(extent.get_view()); break;
          default: extent.skip();
        }
      }
      if (dimension.extent < 0) dimension.extent = kDynamic;  // exporters write -1 for what they do not know
      dimensions.push_back(std::move(dimension));
    }
    if (dimensions.size() > kMaximumRank) {
      throw Unsupported(fmt::format("{}: value '{}' has {} dimensions, condense takes {}", source_.name, v.name,
                                    dimensions.size(), kMaximumRank));
    }
    return dimensions;
  }

  Function function(protozero::pbf_reader message) const {
    Function f;
    while (message.next()) {
      switch (message.tag_and_type()) {
        case bytes_of(1): f.name = text_of(message.get_view()); break;
        case bytes_of(4): f.inputs.push_back(text_of(message.get_view())); break;
        case bytes_of(5): f.outputs.push_back(text_of(message.get_view())); break;
        case bytes_of(6): f.defaults.push_back({.name = text_of(message.get_view())}); break;
        case bytes_of(7): f.nodes.push_back(node(message.get_message(), 0)); break;
        case bytes_of(9): f.operator_sets.insert(operator_set(message.get_message())); break;
        case bytes_of(10): f.domain = text_of(message.get_view()); break;
        case bytes_of(11): f.defaults.push_back(attribute(message.get_message(), 0)); break;
        default: message.skip();
      }
    }
    return f;
  }

  Source source_;
};

/// Runs `decode`, and says of what protobuf finds wrong where it was.
template <class Decode>
auto decoding(const std::string& name, Decode&& decode) {
  try {
    return decode();
  } catch (const protozero::exception& error) {
    throw FormatError(fmt::format("{}: is no complete protobuf message: {}", name, error.what()));
  }
}

}  // namespace condense::io::onnx::detail

#endif
