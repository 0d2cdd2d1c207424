#ifndef CONDENSE_IO_IMAGE_IPP
#define CONDENSE_IO_IMAGE_IPP

// What stb_image includes, for here it is included within a namespace: a program may have another one of its own.
#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <memory>

#include "condense/core/inline.hpp"
#include "condense/io/detail/jpeg_structure.hpp"
#include "condense/io/image.hpp"

namespace condense::io::detail::stb {

#pragma push_macro("STBI_INCLUDE_STB_IMAGE_H")
#pragma push_macro("STBIDEF")
#undef STBI_INCLUDE_STB_IMAGE_H
#undef STBIDEF
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_SIMD
// Zeros instead of what was in memory where a file leaves a table out.
#define STBI_MALLOC(size) calloc(1, size)
#define STBI_REALLOC(memory, size) realloc(memory, size)
#define STBI_FREE(memory) free(memory)
// The arithmetic of its JPEG decoder overflows on damaged files; there it is to wrap.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((no_sanitize("undefined"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC optimize("wrapv")
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // of what it uses for files alone, not for memory
#endif
#include <stb/stb_image.h>
#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC diagnostic pop
#pragma GCC pop_options
#endif
#undef STB_IMAGE_IMPLEMENTATION
#undef STB_IMAGE_STATIC
#undef STBI_ONLY_PNG
#undef STBI_ONLY_JPEG
#undef STBI_ONLY_BMP
#undef STBI_NO_STDIO
#undef STBI_NO_SIMD
#undef STBI_MALLOC
#undef STBI_REALLOC
#undef STBI_FREE
#pragma pop_macro("STBIDEF")
#pragma pop_macro("STBI_INCLUDE_STB_IMAGE_H")

}  // namespace condense::io::detail::stb

namespace condense::io {

namespace detail {

inline bool starts_with(std::span<const std::byte> bytes, std::string_view start) {
  return bytes.size() >= start.size() && memcmp(bytes.data(), start.data(), start.size()) == 0;
}

/// Throws if a BMP file ends before its image does, where stb_image would go on with zeros.
inline void require_whole_bitmap(std::span<const std::byte> bytes, Index height, Index width, std::string_view name) {
  const auto number = [&](std::size_t position, std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count && position + i < bytes.size(); ++i) {
      value |= std::to_integer<std::uint64_t>(bytes[position + i]) << (8 * i);
    }
    return value;
  };
  const std::uint64_t bits = number(number(14, 4) == 12 ? 24 : 28, 2);
  const std::uint64_t row = (static_cast<std::uint64_t>(width) * bits + 31) / 32 * 4;
  const std::uint64_t end = number(10, 4) + row * static_cast<std::uint64_t>(height);
  if (end > bytes.size()) {
    throw FormatError(fmt::format("{}: was cut off at byte {}, the image reaches to byte {}", name, bytes.size(), end));
  }
}

}  // namespace detail

CONDENSE_INLINE Tensor parse_image(std::span<const std::byte> bytes, std::string_view name,
                                   const ImageReadOptions& options) {
  require(options.channels >= 0 && options.channels <= 4, "an image has 1 to 4 channels, {} are asked for",
          options.channels);
  require(bytes.size() <= INT_MAX, "{}: has {} bytes, more than the {} of an image", name, bytes.size(), INT_MAX);
  const auto* data = reinterpret_cast<const detail::stb::stbi_uc*>(bytes.data());
  const int size = static_cast<int>(bytes.size());
  if (detail::starts_with(bytes, "\xFF\xD8")) detail::JpegStructure(bytes, name).check();
  int width = 0;
  int height = 0;
  int channels = 0;
  if (detail::stb::stbi_info_from_memory(data, size, &width, &height, &channels) == 0) {
    throw FormatError(fmt::format("{}: is no PNG, JPEG or BMP image that can be read ({})", name,
                                  detail::stb::stbi_failure_reason()));
  }
  const Index pixels = Index{width} * height;
  if (width <= 0 || height <= 0 || pixels > options.maximum_pixels) {
    throw FormatError(fmt::format("{}: has {} x {} pixels; 1 to {} in all are allowed here", name, height, width,
                                  options.maximum_pixels));
  }
  if (detail::starts_with(bytes, "BM")) detail::require_whole_bitmap(bytes, height, width, name);
  const std::unique_ptr<detail::stb::stbi_uc, void (*)(void*)> image(
      detail::stb::stbi_load_from_memory(data, size, &width, &height, &channels, options.channels),
      detail::stb::stbi_image_free);
  if (!image) {
    throw FormatError(fmt::format("{}: is a malformed image ({})", name, detail::stb::stbi_failure_reason()));
  }
  if (Index{width} * height != pixels) throw FormatError(fmt::format("{}: says two sizes of itself", name));
  const Index depth = options.channels != 0 ? options.channels : channels;
  return Tensor::of<std::uint8_t>({height, width, depth},
                                  std::span<const std::uint8_t>(image.get(), static_cast<std::size_t>(pixels * depth)));
}

}  // namespace condense::io

#endif
