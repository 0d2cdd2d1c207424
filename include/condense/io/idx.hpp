#ifndef CONDENSE_IO_IDX_HPP
#define CONDENSE_IO_IDX_HPP

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "condense/core/tensor.hpp"
#include "condense/io/detail/shape_of_file.hpp"
#include "condense/io/file.hpp"
#include "condense/io/gzip.hpp"

namespace condense::io {

namespace detail {

/// An element type of the IDX format.
struct IdxType {
  std::uint8_t code;
  std::size_t bytes;
  DataType type;  ///< Of the tensor that it is read into.
};

inline constexpr IdxType kIdxTypes[] = {
    {0x08, 1, DataType::uint8}, {0x09, 1, DataType::int8},    {0x0B, 2, DataType::int32},
    {0x0C, 4, DataType::int32}, {0x0D, 4, DataType::float32}, {0x0E, 8, DataType::float64},
};

struct IdxHeader {
  IdxType type;
  Shape shape;

  std::size_t data_bytes() const { return static_cast<std::size_t>(shape.count()) * type.bytes; }
};

inline std::uint32_t from_big_endian(std::span<const std::byte, 4> bytes) noexcept {
  std::uint32_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::uint32_t>(byte);
  return value;
}

/// Copies elements of `width` bytes from big-endian to this machine's order, or back.
inline void copy_big_endian(std::span<const std::byte> from, std::size_t width, std::byte* to) noexcept {
  if (width == 1 || std::endian::native == std::endian::big) {
    std::copy(from.begin(), from.end(), to);
    return;
  }
  for (std::size_t i = 0; i < from.size(); i += width) {
    std::reverse_copy(from.data() + i, from.data() + i + width, to + i);
  }
}

template <class Source>
IdxHeader read_idx_header(Source& source) {
  std::array<std::byte, 4> word;
  source.read(word);
  const std::uint32_t magic = from_big_endian(word);
  const auto type = std::ranges::find(kIdxTypes, magic >> 8, &IdxType::code);
  if (type == std::end(kIdxTypes)) {
    throw FormatError(
        fmt::format("{}: begins with {:#010x}; an IDX file begins with two zero bytes and a type of 0x08 "
                    "to 0x0e without 0x0a",
                    source.name(), magic));
  }
  std::vector<Index> extents;
  for (std::uint32_t axis = 0; axis < (magic & 0xFF); ++axis) {
    source.read(word);
    extents.push_back(from_big_endian(word));
  }
  return {*type, shape_of_file(extents, source.name())};
}

/// The data behind the header, of a stream whose length is known only at its end: memory grows with what is there, not
/// with what the header says.
inline std::vector<std::byte> read_idx_data(GzipReader& source, std::size_t count) {
  constexpr std::size_t kFirstStep = std::size_t{1} << 16;
  std::vector<std::byte> data;
  while (data.size() < count) {
    const std::size_t before = data.size();
    data.resize(std::min(count, std::max(kFirstStep, 2 * before)));
    source.read(std::span(data).subspan(before));
  }
  return data;
}

/// `data` is as long as the header says.
inline Tensor decode_idx(const IdxHeader& header, std::span<const std::byte> data) {
  Tensor tensor(header.type.type, header.shape);
  if (header.type.bytes == 2) {
    for (std::int32_t& value : tensor.mutable_values<std::int32_t>()) {
      const auto high = static_cast<std::int8_t>(data[0]);
      value = high * 256 + std::to_integer<std::int32_t>(data[1]);
      data = data.subspan(2);
    }
    return tensor;
  }
  copy_big_endian(data, header.type.bytes, tensor.mutable_raw());
  return tensor;
}

inline void throw_trailing_idx(std::string_view name, const IdxHeader& header) {
  throw FormatError(fmt::format("{}: more bytes follow the {} that the shape {} asks for", name, header.data_bytes(),
                                header.shape.to_string()));
}

}  // namespace detail

/// The tensor of an IDX file in memory, plain or compressed with gzip; `name` stands for the path in messages.
///
/// IDX is the format of the MNIST data sets (LeCun, Cortes, Burges, "The MNIST database of handwritten digits", section
/// "File formats"): a type, the extents, and the elements, all big-endian. 16-bit integers are widened to int32.
/// Throws `FormatError` unless the file is exactly as long as its header says; memory is bounded by what is there.
inline Tensor parse_idx(std::span<const std::byte> bytes, std::string_view name) {
  if (is_gzip(bytes)) {
    GzipReader source(bytes, name);
    const detail::IdxHeader header = detail::read_idx_header(source);
    const std::vector<std::byte> data = detail::read_idx_data(source, header.data_bytes());
    std::array<std::byte, 1> beyond;
    if (source.read_some(beyond) > 0) detail::throw_trailing_idx(name, header);  // and this checks the checksum
    return detail::decode_idx(header, data);
  }
  InputBytes source(bytes, name);
  const detail::IdxHeader header = detail::read_idx_header(source);
  const std::span<const std::byte> data = source.take(header.data_bytes());
  if (source.remaining() > 0) detail::throw_trailing_idx(name, header);
  return detail::decode_idx(header, data);
}

/// The tensor of an IDX file; see `parse_idx`.
inline Tensor read_idx(const std::filesystem::path& path) { return parse_idx(read_file(path), path.string()); }

/// Writes a tensor of uint8, int8, int32, float32 or float64 as an IDX file, uncompressed; see `write_file_atomically`.
/// Extents are below 2^32.
inline void write_idx(const std::filesystem::path& path, const Tensor& tensor) {
  const auto type = std::ranges::find_if(detail::kIdxTypes, [&](const detail::IdxType& candidate) {
    return candidate.type == tensor.type() && candidate.bytes == bytes(tensor.type(), 1);
  });
  if (type == std::end(detail::kIdxTypes)) {
    throw Unsupported(
        fmt::format("{}: IDX has no type for {}; convert the tensor to uint8, int8, int32, float32 or "
                    "float64",
                    path.string(), name(tensor.type())));
  }
  std::vector<std::byte> file;
  const auto append = [&](std::uint32_t word) {
    for (int shift = 24; shift >= 0; shift -= 8) file.push_back(static_cast<std::byte>(word >> shift & 0xFF));
  };
  append(std::uint32_t{type->code} << 8 | static_cast<std::uint32_t>(tensor.shape().rank()));
  for (const Index extent : tensor.shape()) {
    require(extent <= Index{std::numeric_limits<std::uint32_t>::max()},
            "{}: the shape {} does not fit into IDX, {} has "
            "more than 32 bits",
            path.string(), tensor.shape().to_string(), extent);
    append(static_cast<std::uint32_t>(extent));
  }
  const std::size_t start = file.size();
  file.resize(start + tensor.bytes());
  detail::copy_big_endian({tensor.raw(), tensor.bytes()}, type->bytes, file.data() + start);
  write_file_atomically(path, file);
}

}  // namespace condense::io

#endif
