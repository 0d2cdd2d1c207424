#ifndef CONDENSE_RUNTIME_DETAIL_FIELD_WRITER_HPP
#define CONDENSE_RUNTIME_DETAIL_FIELD_WRITER_HPP

#include <bit>
#include <string_view>

#include "condense/core/enum_names.hpp"
#include "condense/graph/operators.hpp"
#include "condense/runtime/detail/step_fields.hpp"

namespace condense::runtime::detail {

/// The name of an operator type in files.
template <class Op>
std::string full_name_of() {
  std::string name(Op::kType);
  if constexpr (requires { Op::kDomain; }) name = std::string(Op::kDomain) + "." + name;
  return name;
}

/// Writes fields one after the other, in the byte order of the machine: integers and enumerations as 8 bytes, floats as
/// 4, lists and strings behind their length, optional ones behind a 0 or 1.
class FieldWriter {
 public:
  template <class T>
  void write(const T& field) {
    if constexpr (std::is_floating_point_v<T>) {
      static_assert(std::same_as<T, float>);
      append(std::bit_cast<std::array<std::byte, sizeof(T)>>(field));
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      append(std::bit_cast<std::array<std::byte, 8>>(static_cast<std::int64_t>(field)));
    } else if constexpr (std::same_as<T, std::string>) {
      write(field.size());
      append(std::as_bytes(std::span(field)));
    } else if constexpr (std::same_as<T, Shape>) {
      write(std::vector<Index>(field.begin(), field.end()));
    } else if constexpr (std::same_as<T, Tensor>) {
      write(field.type());
      write(field.shape());
      append({field.raw(), field.bytes()});
    } else if constexpr (std::same_as<T, graph::OutputCount>) {
      write(field.count);
    } else if constexpr (std::same_as<T, Reads> || std::same_as<T, Writes>) {
      write(field.buffer);
    } else if constexpr (std::same_as<T, graph::Operator>) {
      write_operator(field);
    } else if constexpr (kIsSequence<T>) {
      write(field.size());
      for (std::size_t i = 0; i < field.size(); ++i) write(static_cast<typename T::value_type>(field[i]));
    } else if constexpr (kIsOptional<T>) {
      write(field.has_value());
      if (field) write(*field);
    } else {
      for_each_field(field, [this](const auto& part) { this->write(part); });
    }
  }

  const std::vector<std::byte>& bytes() const noexcept { return bytes_; }

 private:
  void append(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

  /// Its name, then its attributes.
  void write_operator(const graph::Operator& op) {
    bool is_known = false;
    graph::Operators::for_each([&]<class Op>() {
      const Op* known = is_known ? nullptr : op.get_if<Op>();
      if (known == nullptr) return;
      is_known = true;
      write(full_name_of<Op>());
      const auto visit = [this](std::string_view, const auto& attribute) { this->write_attribute(attribute); };
      if constexpr (requires { Op::attributes(*known, visit); }) Op::attributes(*known, visit);
    });
    if (!is_known) {
      throw Unsupported(
          fmt::format("the operator {} is not one of condense's, so that no program file has it; save the "
                      "graph, or give the operator's work to some of condense's",
                      op.type()));
    }
  }

  /// Enumerations go by their names.
  template <class T>
  void write_attribute(const T& attribute) {
    if constexpr (kIsOptional<T>) {
      write(attribute.has_value());
      if (attribute) write_attribute(*attribute);
    } else if constexpr (std::is_enum_v<T> && !std::same_as<T, DataType>) {
      write(std::string(name_of(attribute)));
    } else {
      write(attribute);
    }
  }

  std::vector<std::byte> bytes_;
};

}  // namespace condense::runtime::detail

#endif
