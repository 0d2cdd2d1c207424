#ifndef CONDENSE_IO_ONNX_DETAIL_DECODE_TENSOR_HPP
#define CONDENSE_IO_ONNX_DETAIL_DECODE_TENSOR_HPP

#include <charconv>
#include <protozero/pbf_reader.hpp>
#include <vector>

#include "condense/io/detail/shape_of_file.hpp"
#include "condense/io/onnx/detail/element_type.hpp"
#include "condense/io/onnx/detail/external_data.hpp"

namespace condense::io::onnx::detail {

/// Where messages are read from: the model's name for messages, and its folder, if it has one.
struct Source {
  std::string name;
  std::filesystem::path folder = {};
  bool has_folder = false;
};

inline std::string text_of(protozero::data_view view) { return {view.data(), view.size()}; }

/// Tag and wire type of a field, as `switch` wants them.
constexpr std::uint32_t varint(std::uint32_t tag) {
  return protozero::tag_and_type(tag, protozero::pbf_wire_type::varint);
}
constexpr std::uint32_t bytes_of(std::uint32_t tag) {
  return protozero::tag_and_type(tag, protozero::pbf_wire_type::length_delimited);
}
constexpr std::uint32_t fixed32(std::uint32_t tag) {
  return protozero::tag_and_type(tag, protozero::pbf_wire_type::fixed32);
}
constexpr std::uint32_t fixed64(std::uint32_t tag) {
  return protozero::tag_and_type(tag, protozero::pbf_wire_type::fixed64);
}

template <class T, class Range>
void append(std::vector<T>& to, const Range& range) {
  for (const auto value : range) to.push_back(static_cast<T>(value));
}

/// The fields of a TensorProto that say what it is; its elements stay where they are.
struct TensorFields {
  std::string name;
  std::vector<Index> extents;
  std::int64_t type = 0;
  protozero::data_view raw{};
  bool has_raw = false;
  std::vector<float> floats{};
  std::vector<double> doubles{};
  std::vector<std::int64_t> integers{};  ///< Of int32_data, int64_data and uint64_data.
  bool is_external = false;
  ExternalData external{};
};

inline void decode_external_entry(protozero::pbf_reader entry, ExternalData& data, std::string_view place) {
  std::string key;
  std::string value;
  while (entry.next()) {
    switch (entry.tag_and_type()) {
      case bytes_of(1): key = text_of(entry.get_view()); break;
      case bytes_of(2): value = text_of(entry.get_view()); break;
      default: entry.skip();
    }
  }
  const auto number = [&] {
    std::uint64_t result = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
    if (error != std::errc() || end != value.data() + value.size() || result > std::uint64_t{1} << 62) {
      throw FormatError(fmt::format("{}: the {} '{}' of its external data is no size", place, key, value));
    }
    return result;
  };
  if (key == "location") data.location = value;
  if (key == "offset") data.offset = number();
  if (key == "length") data.length = number();
}

inline TensorFields decode_tensor_fields(protozero::pbf_reader message, const Source& source) {
  TensorFields t;
  while (message.next()) {
    switch (message.tag_and_type()) {
      case varint(1): t.extents.push_back(message.get_int64()); break;
      case bytes_of(1): append(t.extents, message.get_packed_int64()); break;
      case varint(2): t.type = message.get_int64(); break;
      case bytes_of(3):
        throw Unsupported(fmt::format("{}: a tensor is stored in segments; store it as one", source.name));
      case fixed32(4): t.floats.push_back(message.get_float()); break;
      case bytes_of(4): append(t.floats, message.get_packed_float()); break;
      case varint(5):
      case varint(7): t.integers.push_back(message.get_int64()); break;
      case bytes_of(5):
      case bytes_of(7): append(t.integers, message.get_packed_int64()); break;
      case bytes_of(8): t.name = text_of(message.get_view()); break;
      case bytes_of(9):
        t.raw = message.get_view();
        t.has_raw = true;
        break;
      case fixed64(10): t.doubles.push_back(message.get_double()); break;
      case bytes_of(10): append(t.doubles, message.get_packed_double()); break;
      case varint(11): t.integers.push_back(static_cast<std::int64_t>(message.get_uint64())); break;
      case bytes_of(11): append(t.integers, message.get_packed_uint64()); break;
      case bytes_of(13): decode_external_entry(message.get_message(), t.external, source.name); break;
      case varint(14): t.is_external = message.get_enum() == 1; break;
      default: message.skip();
    }
  }
  return t;
}

/// Copies elements that are stored one in a number. What ONNX stores in int32_data: integers of up to 16 bits, booleans
/// and the bits of halves; of integers below 8 bits, the bytes that they are packed into.
inline void copy_numbers(const TensorFields& t, Tensor& tensor, std::string_view place) {
  const auto copy = [&](const auto& numbers, auto* to, std::size_t count) {
    if (numbers.size() != count) {
      throw FormatError(fmt::format("{}: {} numbers are stored, its shape {} of {} needs {}", place, numbers.size(),
                                    tensor.shape().to_string(), name(tensor.type()), count));
    }
    for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<std::remove_reference_t<decltype(to[i])>>(numbers[i]);
  };
  std::byte* raw = tensor.mutable_raw();
  switch (tensor.type()) {
    case DataType::float32: return copy(t.floats, reinterpret_cast<float*>(raw), tensor.bytes() / 4);
    case DataType::float64: return copy(t.doubles, reinterpret_cast<double*>(raw), tensor.bytes() / 8);
    default: break;
  }
  switch (std::max(8, bits(tensor.type()))) {
    case 8: return copy(t.integers, reinterpret_cast<std::uint8_t*>(raw), tensor.bytes());
    case 16: return copy(t.integers, reinterpret_cast<std::uint16_t*>(raw), tensor.bytes() / 2);
    case 32: return copy(t.integers, reinterpret_cast<std::uint32_t*>(raw), tensor.bytes() / 4);
    default: return copy(t.integers, reinterpret_cast<std::uint64_t*>(raw), tensor.bytes() / 8);
  }
}

/// A TensorProto and its name. Its size is known to fit what is stored before it is allocated.
inline std::pair<std::string, Tensor> decode_tensor(protozero::pbf_reader message, const Source& source) {
  TensorFields t = decode_tensor_fields(message, source);
  const std::string place = fmt::format("{}: tensor '{}'", source.name, t.name);
  const DataType type = element_type(t.type, place);
  for (const Index extent : t.extents) {
    if (extent < 0) throw FormatError(fmt::format("{}: an extent of its shape is {}", place, extent));
  }
  if (t.extents.size() > kMaximumRank) {
    throw Unsupported(
        fmt::format("{}: it has {} dimensions, condense takes {}", place, t.extents.size(), kMaximumRank));
  }
  const Shape shape = io::detail::shape_of_file(t.extents, place);
  if (t.is_external) {
    if (!source.has_folder) {
      throw FormatError(fmt::format("{}: its data are in a file of their own, '{}'; read the model by its path", place,
                                    t.external.location));
    }
    return {std::move(t.name), read_external(source.folder, t.external, type, shape, place)};
  }
  const std::size_t needed = bytes(type, shape.count());
  const std::size_t stored =
      t.has_raw ? t.raw.size() : std::max({t.floats.size(), t.doubles.size(), t.integers.size()}) * 8;
  if (t.has_raw ? stored != needed : stored < needed) {
    throw FormatError(fmt::format("{}: its shape {} of {} needs {} bytes, {} are stored", place, shape.to_string(),
                                  name(type), needed, stored));
  }
  Tensor tensor(type, shape);
  if (t.has_raw) {
    if (needed > 0) std::memcpy(tensor.mutable_raw(), t.raw.data(), needed);
  } else {
    copy_numbers(t, tensor, place);
  }
  if (type == DataType::boolean) {  // any other byte would be undefined behaviour
    for (std::size_t i = 0; i < needed; ++i) {
      tensor.mutable_raw()[i] = tensor.raw()[i] == std::byte{0} ? std::byte{0} : std::byte{1};
    }
  }
  return {std::move(t.name), std::move(tensor)};
}

}  // namespace condense::io::onnx::detail

#endif
