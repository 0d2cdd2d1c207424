#ifndef CONDENSE_EXAMPLES_SUPPORT_FASHION_DATA_HPP
#define CONDENSE_EXAMPLES_SUPPORT_FASHION_DATA_HPP

#include <filesystem>
#include <string>

#include "condense/io/idx.hpp"
#include "condense/train/dataset.hpp"

namespace examples {

/// Where the Debian and Ubuntu package dataset-fashion-mnist puts the data.
inline constexpr const char* kFashionFolder = "/usr/share/datasets/fashion-mnist";

/// Images (n, 1, 28, 28) in [0, 1] and labels of Fashion-MNIST, "train" (60,000) or "t10k" (10,000 for the test). The
/// folder holds the IDX files under their usual names, with or without ".gz".
inline condense::train::Dataset fashion_data(const std::filesystem::path& folder, const std::string& part) {
  const auto read = [&](const std::string& name) {
    const std::filesystem::path zipped = folder / (name + ".gz");
    const std::filesystem::path plain = folder / name;
    condense::require(std::filesystem::exists(zipped) || std::filesystem::exists(plain),
                      "there is no {} or {}; install the package dataset-fashion-mnist, or give the folder of the IDX "
                      "files by --data",
                      plain.string(), zipped.filename().string());
    return condense::io::read_idx(std::filesystem::exists(zipped) ? zipped : plain);
  };
  const condense::Tensor pixels = read(part + "-images-idx3-ubyte");
  const condense::Tensor classes = read(part + "-labels-idx1-ubyte");
  const condense::Index count = pixels.shape().rank() == 3 ? pixels.shape()[0] : 0;
  condense::require(pixels.shape() == condense::Shape{count, 28, 28} && classes.shape() == condense::Shape{count},
                    "the images in {} have shape {} and the labels {}; (n x 28 x 28) and (n) are expected",
                    folder.string(), pixels.shape().to_string(), classes.shape().to_string());
  condense::train::Dataset data{condense::Tensor(condense::DataType::float32, {count, 1, 28, 28}),
                                condense::Tensor(condense::DataType::int64, {count})};
  float* image = data.inputs.mutable_data<float>();
  for (const std::uint8_t pixel : pixels.values<std::uint8_t>()) *image++ = static_cast<float>(pixel) / 255.0F;
  std::int64_t* label = data.targets.mutable_data<std::int64_t>();
  for (const std::uint8_t number : classes.values<std::uint8_t>()) *label++ = number;
  return data;
}

/// Shifts an image (1, 28, 28) by up to two pixels and mirrors every second one: clothing looks the same.
inline void shift_and_mirror(condense::TensorRef<float> image, condense::Random& random) {
  constexpr int kSide = 28;
  const int down = static_cast<int>(random.below(5)) - 2;
  const int right = static_cast<int>(random.below(5)) - 2;
  const bool mirror = random.below(2) != 0;
  std::array<float, kSide * kSide> original;
  std::copy_n(image.data(), original.size(), original.begin());
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const int from_y = y + down;
      const int from_x = (mirror ? kSide - 1 - x : x) + right;
      const bool inside = from_y >= 0 && from_y < kSide && from_x >= 0 && from_x < kSide;
      image.data()[y * kSide + x] = inside ? original[static_cast<std::size_t>(from_y * kSide + from_x)] : 0.0F;
    }
  }
}

}  // namespace examples

#endif
