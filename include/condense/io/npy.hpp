#ifndef CONDENSE_IO_NPY_HPP
#define CONDENSE_IO_NPY_HPP

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "condense/core/tensor.hpp"
#include "condense/io/detail/npy_header.hpp"
#include "condense/io/file.hpp"

namespace condense::io {

namespace detail {

inline constexpr std::string_view kNpyMagic = "\x93NUMPY";

/// The header in front of the array; afterwards exactly its elements are left in the source.
template <class Source>
NpyHeader read_npy_header(Source& source) {
  std::array<char, kNpyMagic.size() + 2> start;  // and the version
  source.read(std::as_writable_bytes(std::span(start)));
  if (!std::string_view(start.data(), start.size()).starts_with(kNpyMagic)) {
    throw FormatError(
        fmt::format("{}: does not begin as a .npy file does, with the byte 0x93 and \"NUMPY\"", source.name()));
  }
  const int major = static_cast<unsigned char>(start[kNpyMagic.size()]);
  const int minor = static_cast<unsigned char>(start[kNpyMagic.size() + 1]);
  if (major < 1 || major > 3 || minor != 0) {
    throw FormatError(fmt::format("{}: is of version {}.{} of the .npy format; 1.0, 2.0 and 3.0 are known",
                                  source.name(), major, minor));
  }
  std::array<std::byte, 4> length{};
  source.read(std::span(length).first(major == 1 ? 2 : 4));
  std::uint64_t header_bytes = 0;
  for (std::size_t i = 0; i < length.size(); ++i) header_bytes |= std::to_integer<std::uint64_t>(length[i]) << (8 * i);
  if (header_bytes > kLargestNpyHeader || header_bytes > source.remaining()) {
    throw FormatError(fmt::format("{}: the header should have {} bytes; {} are there, and at most {} are allowed",
                                  source.name(), header_bytes, source.remaining(), kLargestNpyHeader));
  }
  const std::uint64_t position = source.position();
  std::string text(static_cast<std::size_t>(header_bytes), '\0');
  source.read(std::as_writable_bytes(std::span(text)));
  const NpyHeader header = NpyHeaderParser(text, position, source.name()).parse();
  if (header.data_bytes() != source.remaining()) {
    throw FormatError(fmt::format("{}: {} bytes follow the header, the shape {} of {} asks for {}", source.name(),
                                  source.remaining(), header.shape.to_string(), name(header.type),
                                  header.data_bytes()));
  }
  return header;
}

/// A tensor whose elements lie with the first axis innermost, in row-major order.
inline Tensor from_fortran_order(const Tensor& tensor) {
  const Shape& shape = tensor.shape();
  Tensor result(tensor.type(), shape);
  if (tensor.count() == 0) return result;
  const std::size_t width = bytes(tensor.type(), 1);
  std::array<Index, kMaximumRank> index{};
  Index source = 0;
  std::byte* to = result.mutable_raw();
  for (Index i = 0; i < tensor.count(); ++i, to += width) {
    std::memcpy(to, tensor.raw() + static_cast<std::size_t>(source) * width, width);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      const Index stride = shape.count(0, axis);
      Index& place = index[static_cast<std::size_t>(axis)];
      source += stride;
      if (++place < shape[axis]) break;
      source -= stride * shape[axis];
      place = 0;
    }
  }
  return result;
}

template <class Source>
Tensor read_npy(Source& source) {
  const NpyHeader header = read_npy_header(source);
  Tensor tensor(header.type, header.shape);
  const std::span<std::byte> data(tensor.mutable_raw(), tensor.bytes());
  source.read(data);
  if (header.swapped) {
    const std::size_t width = bytes(header.type, 1);
    for (std::size_t i = 0; i < data.size(); i += width) std::ranges::reverse(data.subspan(i, width));
  }
  if (header.type == DataType::boolean) {
    const auto wrong = std::ranges::find_if(data, [](std::byte value) { return value > std::byte{1}; });
    if (wrong != data.end()) {
      throw FormatError(fmt::format("{}: element {} is {}, a boolean is 0 or 1", source.name(), wrong - data.begin(),
                                    std::to_integer<int>(*wrong)));
    }
  }
  return header.fortran_order ? from_fortran_order(tensor) : tensor;
}

/// What stands before the elements, padded so that they begin at a multiple of 64 bytes.
inline std::string npy_header(const Tensor& tensor, std::string_view place) {
  const auto found = std::ranges::find(kNpyTypes, tensor.type(), &NpyType::type);
  if (found == std::end(kNpyTypes)) {
    throw Unsupported(
        fmt::format("{}: NumPy has no type for {}; convert the tensor to float32 or int8", place, name(tensor.type())));
  }
  const char order = bits(tensor.type()) == 8 ? '|' : std::endian::native == std::endian::little ? '<' : '>';
  std::string text = fmt::format("{{'descr': '{}{}', 'fortran_order': False, 'shape': ({}{}), }}", order, found->code,
                                 fmt::join(tensor.shape(), ", "), tensor.shape().rank() == 1 ? "," : "");
  constexpr std::size_t kAlignment = 64;
  constexpr std::size_t kBefore = 10;  // magic, version, length
  text.append(kAlignment - 1 - (kBefore + text.size()) % kAlignment, ' ');
  text += '\n';
  std::string header(kNpyMagic);
  header += {'\1', '\0', static_cast<char>(text.size() & 0xFF), static_cast<char>(text.size() >> 8)};
  return header + text;
}

}  // namespace detail

/// Reads a .npy file (NumPy Enhancement Proposal 1, "A simple file format for NumPy arrays"; versions 1.0 to 3.0):
/// arrays of float16, float32, float64, integers of 8 to 64 bits and booleans, in either order of bytes and of axes.
///
/// Memory is bounded by the size of the file. Throws `FormatError` naming the place unless the file is exactly as long
/// as its header says, and `Unsupported` for other elements; Python objects are never read.
inline Tensor read_npy(const std::filesystem::path& path) {
  InputFile source(path);
  return detail::read_npy(source);
}

/// The same for a file in memory; `name` stands for the path in messages.
inline Tensor parse_npy(std::span<const std::byte> bytes, std::string_view name) {
  InputBytes source(bytes, name);
  return detail::read_npy(source);
}

/// Writes a .npy file of version 1.0, row-major, whole or not at all; see `write_file_atomically`. Throws `Unsupported`
/// for bfloat16 and types below 8 bits, which NumPy does not have.
inline void write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  const std::string header = detail::npy_header(tensor, path.string());
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(header)));
  file.write({tensor.raw(), tensor.bytes()});
  file.commit();
}

}  // namespace condense::io

#endif
