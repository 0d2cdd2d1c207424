#ifndef CONDENSE_IO_ONNX_DETAIL_WRITE_ATTRIBUTES_HPP
#define CONDENSE_IO_ONNX_DETAIL_WRITE_ATTRIBUTES_HPP

#include <type_traits>

#include "condense/core/enum_names.hpp"
#include "condense/graph/operator.hpp"
#include "condense/io/onnx/detail/element_type.hpp"
#include "condense/io/onnx/model.hpp"

namespace condense::io::onnx::detail {

/// Writes the fields of an operator as attributes: the counterpart of `AttributeReader`. Empty lists and absent values
/// are left out.
class AttributeWriter {
 public:
  template <class T>
  void operator()(std::string_view name, const T& field) {
    if constexpr (std::is_same_v<T, graph::OutputCount>) {
      return;  // the node has as many
    } else if constexpr (requires { field.has_value(); }) {
      if (field.has_value()) add(name, value_of_field(*field));
    } else if constexpr (requires { field.empty(); } && !std::is_same_v<T, std::string>) {
      if (!field.empty()) add(name, value_of_field(field));
    } else {
      add(name, value_of_field(field));
    }
  }

  std::vector<Attribute> take() { return std::move(attributes_); }

 private:
  void add(std::string_view name, Attribute::Value value) {
    attributes_.push_back({.name = std::string(name), .value = std::move(value)});
  }

  template <class T>
  static Attribute::Value value_of_field(const T& field) {
    if constexpr (std::is_same_v<T, DataType>) {
      return element_type_number(field);
    } else if constexpr (std::is_enum_v<T>) {
      return std::string(name_of(field));
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<std::int64_t>(field);
    } else if constexpr (std::is_same_v<T, std::vector<Index>> || std::is_same_v<T, std::vector<bool>>) {
      return std::vector<std::int64_t>(field.begin(), field.end());
    } else {
      return field;
    }
  }

  std::vector<Attribute> attributes_;
};

}  // namespace condense::io::onnx::detail

#endif
