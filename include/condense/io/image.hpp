#ifndef CONDENSE_IO_IMAGE_HPP
#define CONDENSE_IO_IMAGE_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "condense/core/tensor.hpp"
#include "condense/io/file.hpp"

namespace condense::io {

/// How images are read.
struct ImageReadOptions {
  int channels = 0;                            ///< 1 grey, 3 red-green-blue; 0: as many as the image has, 1 to 4.
  Index maximum_pixels = Index{1} << 26;       ///< Of height times width; more is refused before it is decoded.
  Index maximum_bytes = (Index{1} << 31) - 1;  ///< Of the file.
};

/// The image of a PNG, JPEG or BMP file in memory: uint8 (h, w, c), the rows from the top; `name` stands for the path
/// in messages. The second and fourth channel are opacity, which other numbers of channels drop. 16 bits become the
/// upper 8.
///
/// Decoded by stb_image (S. Barrett), without vector instructions, so that every processor makes the same bytes. Throws
/// `FormatError` if it is malformed, cut off or larger than allowed. Checksums are not looked at.
Tensor parse_image(std::span<const std::byte> bytes, std::string_view name, const ImageReadOptions& options = {});

/// The image of a PNG, JPEG or BMP file; see `parse_image`.
inline Tensor read_image(const std::filesystem::path& path, const ImageReadOptions& options = {}) {
  return parse_image(read_file(path, static_cast<std::size_t>(options.maximum_bytes)), path.string(), options);
}

namespace detail {

/// The two source pixels that a pixel lies between, along one axis.
struct ImageTap {
  Index low = 0;
  Index high = 0;
  float weight_of_high = 0;
};

inline std::vector<ImageTap> image_taps(Index from, Index to) {
  std::vector<ImageTap> taps;
  for (Index i = 0; i < to; ++i) {
    const double step = static_cast<double>(from) / static_cast<double>(to);
    const double centre = (static_cast<double>(i) + 0.5) * step - 0.5;
    const double inside = std::clamp(centre, 0.0, static_cast<double>(from - 1));
    const auto low = static_cast<Index>(inside);
    taps.push_back({low, std::min(low + 1, from - 1), static_cast<float>(inside - static_cast<double>(low))});
  }
  return taps;
}

inline void require_image(const Tensor& image) {
  const Shape& shape = image.shape();
  require(shape.rank() == 3 && shape.count() > 0, "an image has the shape (h x w x c), this one {}", shape.to_string());
  require(image.type() == DataType::uint8 || image.type() == DataType::float32, "an image is uint8 or float32, not {}",
          name(image.type()));
}

}  // namespace detail

/// An image (h, w, c), uint8 or float32, scaled to another size: float32 (height, width, c).
///
/// Bilinear with the centres of pixels at halves, without averaging where the image shrinks: what ONNX's Resize calls
/// "linear" with "half_pixel". Exact where the size stays.
inline Tensor resize_image(const Tensor& image, Index height, Index width) {
  detail::require_image(image);
  require(height > 0 && width > 0, "an image cannot be resized to {} x {}; both are 1 or more", height, width);
  const Index channels = image.shape()[2];
  const Index stride = image.shape()[1] * channels;
  const std::vector<detail::ImageTap> rows = detail::image_taps(image.shape()[0], height);
  const std::vector<detail::ImageTap> columns = detail::image_taps(image.shape()[1], width);
  Tensor result(DataType::float32, {height, width, channels});
  float* to = result.mutable_data<float>();
  const auto fill = [&]<class T>(const T* from) {
    for (const detail::ImageTap& row : rows) {
      for (const detail::ImageTap& column : columns) {
        for (Index c = 0; c < channels; ++c) {
          const auto pixel = [&](Index y, Index x) { return static_cast<float>(from[y * stride + x * channels + c]); };
          const auto between = [](float a, float b, float weight) { return a + (b - a) * weight; };
          *to++ = between(between(pixel(row.low, column.low), pixel(row.low, column.high), column.weight_of_high),
                          between(pixel(row.high, column.low), pixel(row.high, column.high), column.weight_of_high),
                          row.weight_of_high);
        }
      }
    }
  };
  image.type() == DataType::uint8 ? fill(image.data<std::uint8_t>()) : fill(image.data<float>());
  return result;
}

/// How the pixels of an image become the input of a network: (pixel - mean) * scale, one of each for all channels, or
/// one for each.
struct ImageNormalization {
  std::vector<float> mean = {0};
  std::vector<float> scale = {1};
};

/// An image (h, w, c), uint8 or float32, as a network takes it: float32 (1, c, h, w), normalised.
inline Tensor image_to_input(const Tensor& image, const ImageNormalization& normalization = {}) {
  detail::require_image(image);
  const Index channels = image.shape()[2];
  const Index pixels = image.shape()[0] * image.shape()[1];
  const auto check = [&](const std::vector<float>& values, std::string_view what) {
    require(values.size() == 1 || static_cast<Index>(values.size()) == channels,
            "{} values of {} are given for an image of {} channels; give 1, or one for each channel", values.size(),
            what, channels);
  };
  check(normalization.mean, "the mean");
  check(normalization.scale, "the scale");
  Tensor result(DataType::float32, {1, channels, image.shape()[0], image.shape()[1]});
  float* to = result.mutable_data<float>();
  const auto fill = [&]<class T>(const T* from) {
    for (Index c = 0; c < channels; ++c) {
      const auto of_channel = [&](const std::vector<float>& values) {
        return values.size() == 1 ? values[0] : values[static_cast<std::size_t>(c)];
      };
      const float mean = of_channel(normalization.mean);
      const float scale = of_channel(normalization.scale);
      for (Index i = 0; i < pixels; ++i) *to++ = (static_cast<float>(from[i * channels + c]) - mean) * scale;
    }
  };
  image.type() == DataType::uint8 ? fill(image.data<std::uint8_t>()) : fill(image.data<float>());
  return result;
}

}  // namespace condense::io

#ifndef CONDENSE_COMPILED
#include "condense/io/image.ipp"
#endif

#endif
