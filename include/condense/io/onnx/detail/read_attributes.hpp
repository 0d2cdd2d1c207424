#ifndef CONDENSE_IO_ONNX_DETAIL_READ_ATTRIBUTES_HPP
#define CONDENSE_IO_ONNX_DETAIL_READ_ATTRIBUTES_HPP

#include <limits>
#include <set>
#include <type_traits>

#include "condense/core/enum_names.hpp"
#include "condense/graph/operator.hpp"
#include "condense/io/onnx/detail/element_type.hpp"
#include "condense/io/onnx/model.hpp"

namespace condense::io::onnx::detail {

/// Sets the fields of an operator from the attributes of a node. Throws `FormatError` for an attribute of another type
/// than the operator's, and `Unsupported` for one that it does not have: passing over it would change what is computed.
class AttributeReader {
 public:
  AttributeReader(const Node& node, std::string_view place) : node_(node), place_(place) {}

  template <class T>
  void operator()(std::string_view name, T& field) {
    known_.insert(name);
    const Attribute* attribute = node_.find(name);
    if (attribute != nullptr) read(*attribute, field);
  }
  void operator()(std::string_view, graph::OutputCount& outputs) {
    outputs.count = static_cast<Index>(node_.outputs.size());
  }

  void require_all_read() const {
    for (const Attribute& attribute : node_.attributes) {
      if (known_.contains(attribute.name)) continue;
      throw Unsupported(fmt::format("{}: condense does not know its attribute '{}'", place_, attribute.name));
    }
  }

 private:
  template <class T>
  const T& get(const Attribute& attribute, std::string_view what) const {
    const T* value = std::get_if<T>(&attribute.value);
    if (value == nullptr)
      throw FormatError(fmt::format("{}: its attribute '{}' is not {}", place_, attribute.name, what));
    return *value;
  }

  template <class T>
  void read(const Attribute& attribute, std::optional<T>& field) const {
    read(attribute, field.emplace());
  }
  template <class T>
  void read(const Attribute& attribute, T& field) const {
    if constexpr (std::is_same_v<T, bool>) {
      field = get<std::int64_t>(attribute, "a number") != 0;
    } else if constexpr (std::is_same_v<T, DataType>) {
      field = element_type(get<std::int64_t>(attribute, "a number"), place_);
    } else if constexpr (std::is_enum_v<T>) {
      const std::string& text = get<std::string>(attribute, "a string");
      try {
        field = value_of<T>(text);
      } catch (const InvalidArgument& error) {
        throw FormatError(fmt::format("{}: its attribute '{}': {}", place_, attribute.name, error.what()));
      }
    } else if constexpr (std::is_integral_v<T>) {
      field = static_cast<T>(get<std::int64_t>(attribute, "a number"));
    } else if constexpr (std::is_same_v<T, std::vector<Index>>) {
      const auto& values = get<std::vector<std::int64_t>>(attribute, "a list of numbers");
      field.assign(values.begin(), values.end());
    } else if constexpr (std::is_same_v<T, std::vector<bool>>) {
      const auto& values = get<std::vector<std::int64_t>>(attribute, "a list of numbers");
      field.clear();
      for (const std::int64_t value : values) field.push_back(value != 0);
    } else {
      field = get<T>(attribute, "of the type that the operator wants");
    }
  }

  const Node& node_;
  std::string_view place_;
  std::set<std::string_view> known_;
};

/// The operator that a node of its type says.
template <graph::OperatorType Op>
graph::Operator read_operator(const Node& node, std::string_view place) {
  Op op;
  AttributeReader reader(node, place);
  if constexpr (requires { Op::attributes(op, reader); }) Op::attributes(op, reader);
  reader.require_all_read();
  return op;
}

}  // namespace condense::io::onnx::detail

#endif
