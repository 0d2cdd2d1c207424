#ifndef CONDENSE_RUNTIME_DETAIL_FIELD_READER_HPP
#define CONDENSE_RUNTIME_DETAIL_FIELD_READER_HPP

#include "condense/io/file.hpp"
#include "condense/runtime/detail/field_writer.hpp"

namespace condense::runtime::detail {

/// Reads what `FieldWriter` wrote. Throws `FormatError` where that cannot be; what fields mean is left to the `check`
/// of steps.
class FieldReader {
 public:
  explicit FieldReader(io::InputBytes& input) : input_(input) {}

  template <class T>
  T read() {
    T value{};
    read(value);
    return value;
  }

  template <class T>
  void read(T& field) {
    if constexpr (std::is_floating_point_v<T>) {
      input_.read(std::as_writable_bytes(std::span(&field, 1)));
    } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      field = integer<T>();
    } else if constexpr (std::same_as<T, std::string>) {
      field.resize(length(1));
      input_.read(std::as_writable_bytes(std::span(field)));
    } else if constexpr (std::same_as<T, Shape>) {
      field = Shape(std::span<const Index>(read<std::vector<Index>>()));
    } else if constexpr (std::same_as<T, Tensor>) {
      read_tensor(field);
    } else if constexpr (std::same_as<T, graph::OutputCount>) {
      read(field.count);
    } else if constexpr (std::same_as<T, Reads> || std::same_as<T, Writes>) {
      read(field.buffer);
    } else if constexpr (kIsSequence<T>) {
      read_sequence(field);
    } else if constexpr (kIsOptional<T>) {
      if (read<bool>()) read(field.emplace());
    } else {
      for_each_field(field, [this](auto& part) { this->read(part); });
    }
  }
  void read(graph::Operator& field) { field = read_operator(); }
  void read(std::optional<graph::Operator>& field) { field = read_operator(); }

  std::string_view name() const noexcept { return input_.name(); }

  [[noreturn]] void refuse(std::string_view why) const {
    throw FormatError(fmt::format("{}: before byte {}: {}", input_.name(), input_.position(), why));
  }

 private:
  template <class T>
  T integer() {
    std::int64_t value = 0;
    input_.read(std::as_writable_bytes(std::span(&value, 1)));
    if constexpr (std::is_enum_v<T>) {
      const T result = static_cast<T>(value);
      if (static_cast<std::int64_t>(result) != value) refuse(fmt::format("{} is out of range", value));
      if constexpr (std::same_as<T, DataType>) {
        if (value > static_cast<std::int64_t>(DataType::boolean)) refuse(fmt::format("there is no type {}", value));
      }
      return result;
    } else {
      if (!std::in_range<std::conditional_t<std::same_as<T, bool>, std::uint8_t, T>>(value) ||
          (std::same_as<T, bool> && value > 1)) {
        refuse(fmt::format("{} is out of range", value));
      }
      return static_cast<T>(value);
    }
  }

  /// The length of a list of elements of at least so many bytes.
  std::size_t length(std::size_t element_bytes) {
    const auto count = integer<std::int64_t>();
    if (count < 0 || static_cast<std::uint64_t>(count) > input_.remaining() / element_bytes) {
      refuse(fmt::format("a list of {} elements does not fit the file", count));
    }
    return static_cast<std::size_t>(count);
  }

  template <class T>
  void read_sequence(T& field) {
    constexpr std::size_t kLeastBytes = 4;
    const std::size_t count = length(kLeastBytes);
    if constexpr (requires { field.resize(count); }) {
      field.clear();
      for (std::size_t i = 0; i < count; ++i) field.push_back(read<typename T::value_type>());
    } else {
      if (count != field.size()) refuse(fmt::format("a list has {} elements, not {}", count, field.size()));
      for (auto& element : field) read(element);
    }
  }

  void read_tensor(Tensor& tensor) {
    const auto type = read<DataType>();
    const auto shape = read<Shape>();
    if (!shape.is_concrete() || bytes(type, shape.count()) > input_.remaining()) {
      refuse(fmt::format("a tensor of shape {} does not fit the file", shape.to_string()));
    }
    tensor = Tensor(type, shape);
    input_.read({tensor.mutable_raw(), tensor.bytes()});
  }

  graph::Operator read_operator() {
    const auto name = read<std::string>();
    std::optional<graph::Operator> result;
    graph::Operators::for_each([&]<class Op>() {
      if (result || full_name_of<Op>() != name) return;
      Op op{};
      const auto visit = [this](std::string_view, auto& attribute) { this->read_attribute(attribute); };
      if constexpr (requires { Op::attributes(op, visit); }) Op::attributes(op, visit);
      result.emplace(std::move(op));
    });
    if (!result) refuse(fmt::format("there is no operator '{}'", name));
    return *std::move(result);
  }

  template <class T>
  void read_attribute(T& attribute) {
    if constexpr (kIsOptional<T>) {
      if (read<bool>()) read_attribute(attribute.emplace());
    } else if constexpr (std::is_enum_v<T> && !std::same_as<T, DataType>) {
      attribute = value_of<T>(read<std::string>());
    } else {
      read(attribute);
    }
  }

  io::InputBytes& input_;
};

}  // namespace condense::runtime::detail

#endif
