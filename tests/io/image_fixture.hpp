#ifndef CONDENSE_TESTS_IO_IMAGE_FIXTURE_HPP
#define CONDENSE_TESTS_IO_IMAGE_FIXTURE_HPP

#include <string>
#include <vector>

#include "condense/core/tensor.hpp"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

namespace condense::io {

using Bytes = std::vector<std::byte>;

inline void append_bytes(void* context, void* data, int size) {
  const auto* bytes = static_cast<const std::byte*>(data);
  static_cast<Bytes*>(context)->insert(static_cast<Bytes*>(context)->end(), bytes, bytes + size);
}

/// A file of that format, "png", "bmp" or "jpg", written by stb_image_write.
inline Bytes encoded(const std::string& format, const Tensor& image) {
  const int height = static_cast<int>(image.shape()[0]);
  const int width = static_cast<int>(image.shape()[1]);
  const int channels = static_cast<int>(image.shape()[2]);
  const void* pixels = image.raw();
  Bytes file;
  if (format == "png") stbi_write_png_to_func(append_bytes, &file, width, height, channels, pixels, width * channels);
  if (format == "bmp") stbi_write_bmp_to_func(append_bytes, &file, width, height, channels, pixels);
  if (format == "jpg") stbi_write_jpg_to_func(append_bytes, &file, width, height, channels, pixels, 95);
  return file;
}

}  // namespace condense::io

#endif
