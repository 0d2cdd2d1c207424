#ifndef CONDENSE_IO_SAFETENSORS_HPP
#define CONDENSE_IO_SAFETENSORS_HPP

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "condense/core/tensor.hpp"
#include "condense/io/detail/safetensors_header.hpp"
#include "condense/io/file.hpp"

namespace condense::io {

static_assert(std::endian::native == std::endian::little,
              "safetensors files are little-endian, and copied as they are");

/// Named tensors, and strings about them: the content of a safetensors file.
struct SafeTensors {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;

  friend bool operator==(const SafeTensors&, const SafeTensors&) = default;
};

namespace detail {

template <class Source>
SafeTensors read_safetensors(Source& source) {
  std::uint64_t header_bytes = 0;
  source.read(std::as_writable_bytes(std::span(&header_bytes, 1)));
  if (header_bytes > kLargestSafeTensorsHeader || header_bytes > source.remaining()) {
    throw FormatError(fmt::format("{}: the header should have {} bytes; {} are there, and at most {} are allowed",
                                  source.name(), header_bytes, source.remaining(), kLargestSafeTensorsHeader));
  }
  std::string text(static_cast<std::size_t>(header_bytes), '\0');
  source.read(std::as_writable_bytes(std::span(text)));
  SafeTensorsHeader header = parse_safetensors_header(text, source.remaining(), source.name());

  SafeTensors result;
  result.metadata = std::move(header.metadata);
  for (SafeTensorsEntry& entry : header.entries) {
    Tensor tensor(entry.type, entry.shape);
    const std::span<std::byte> bytes(tensor.mutable_raw(), tensor.bytes());
    source.read(bytes);
    if (entry.type == DataType::boolean && std::ranges::any_of(bytes, [](std::byte b) { return b > std::byte{1}; })) {
      throw FormatError(fmt::format("{}: tensor '{}' holds booleans other than 0 and 1", source.name(), entry.name));
    }
    result.tensors.emplace(std::move(entry.name), std::move(tensor));
  }
  return result;
}

inline std::string_view safetensors_type(const std::string& name, DataType type) {
  const auto found = std::ranges::find(kSafeTensorsTypes, type, &SafeTensorsType::type);
  if (found != std::end(kSafeTensorsTypes)) return found->name;
  throw Unsupported(
      fmt::format("tensor '{}' holds {}, for which safetensors has no type; unpack it to int8 or uint8, or "
                  "give its bytes as a uint8 tensor",
                  name, condense::name(type)));
}

/// A string in JSON's quotes.
inline std::string quoted(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    throw InvalidArgument(fmt::format("'{}' is not UTF-8, which names and metadata of safetensors are", text));
  }
}

/// Tensors in the order of their data: wide elements first, so that each tensor is aligned to its elements, then by
/// name.
inline std::vector<const std::pair<const std::string, Tensor>*> in_file_order(const SafeTensors& content) {
  std::vector<const std::pair<const std::string, Tensor>*> order;
  for (const auto& tensor : content.tensors) order.push_back(&tensor);
  std::ranges::stable_sort(order, std::greater<>(), [](const auto* tensor) { return bits(tensor->second.type()); });
  return order;
}

/// The header's JSON, padded with spaces so that the data is aligned to 8 bytes.
inline std::string safetensors_header(const SafeTensors& content) {
  std::string text = "{";
  const auto separate = [&] {
    if (text.back() != '{') text += ',';
  };
  if (!content.metadata.empty()) {
    text += fmt::format("\"{}\":{{", kSafeTensorsMetadata);
    for (const auto& [key, value] : content.metadata) {
      separate();
      text += quoted(key) + ':' + quoted(value);
    }
    text += '}';
  }
  std::size_t offset = 0;
  for (const auto* tensor : in_file_order(content)) {
    const auto& [name, values] = *tensor;
    require(name != kSafeTensorsMetadata, "a tensor of a safetensors file cannot have the name '{}'", name);
    separate();
    const std::size_t end = offset + values.bytes();
    text += fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}", quoted(name),
                        safetensors_type(name, values.type()), fmt::join(values.shape(), ","), offset, end);
    offset = end;
  }
  text += '}';
  text.append((8 - text.size() % 8) % 8, ' ');
  require(text.size() <= kLargestSafeTensorsHeader, "the safetensors header has {} bytes, more than the {} allowed",
          text.size(), kLargestSafeTensorsHeader);
  return text;
}

}  // namespace detail

/// Reads a safetensors file (Hugging Face, "Safetensors", section "Format"): a header in JSON that describes the
/// tensors, then their bytes. Types F64, F32, F16, BF16, I64, I32, I8, U8 and BOOL; at most 8 dimensions.
///
/// Memory is bounded by the size of the file. Throws `FormatError` unless the tensors cover the data exactly, without
/// overlap or hole, and `Unsupported` for another type.
inline SafeTensors read_safetensors(const std::filesystem::path& path) {
  InputFile source(path);
  return detail::read_safetensors(source);
}

/// The same for a file in memory; `name` stands for the path in messages.
inline SafeTensors parse_safetensors(std::span<const std::byte> bytes, std::string_view name) {
  InputBytes source(bytes, name);
  return detail::read_safetensors(source);
}

/// Writes a safetensors file; see `write_file_atomically`. The same content gives the same bytes: the header is in the
/// order of the data, wide elements first, then by name. Throws `Unsupported` for types below 8 bits, which the format
/// does not have, and `InvalidArgument` for names that are not UTF-8.
inline void write_safetensors(const std::filesystem::path& path, const SafeTensors& content) {
  const std::string header = detail::safetensors_header(content);
  const std::uint64_t header_bytes = header.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&header_bytes, 1)));
  file.write(std::as_bytes(std::span(header)));
  for (const auto* tensor : detail::in_file_order(content)) file.write({tensor->second.raw(), tensor->second.bytes()});
  file.commit();
}

}  // namespace condense::io

#endif
