#include "condense/io/image.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "condense/core/random.hpp"
#include "io/image_fixture.hpp"
#include "support/bytes.hpp"
#include "support/temporary_folder.hpp"
#include "support/throws.hpp"

namespace condense::io {
namespace {

Tensor random_image(Index height, Index width, Index channels, std::uint64_t seed = 1) {
  Random random(seed);
  Tensor image(DataType::uint8, {height, width, channels});
  for (std::uint8_t& value : image.mutable_values<std::uint8_t>()) value = static_cast<std::uint8_t>(random.below(256));
  return image;
}

/// Brightness that grows smoothly to the lower right.
Tensor smooth_image(Index height, Index width, Index channels) {
  Tensor image(DataType::uint8, {height, width, channels});
  std::uint8_t* value = image.mutable_data<std::uint8_t>();
  for (Index y = 0; y < height; ++y) {
    for (Index x = 0; x < width; ++x) {
      for (Index c = 0; c < channels; ++c) *value++ = static_cast<std::uint8_t>(30 + 2 * y + 3 * x + 5 * c);
    }
  }
  return image;
}

Tensor parse(const Bytes& bytes, const ImageReadOptions& options = {}) { return parse_image(bytes, "x.img", options); }

TEST(ParseImage, GivesBackPixelsOfLosslessFormats) {
  for (const Index channels : {1, 2, 3, 4}) {
    const Tensor image = random_image(5, 7, channels);
    EXPECT_EQ(parse(encoded("png", image)), image) << channels;
  }
  const Tensor image = random_image(5, 7, 3);
  EXPECT_EQ(parse(encoded("bmp", image)), image);
  const TemporaryFolder folder;
  write_file_atomically(folder / "x.png", encoded("png", image));
  EXPECT_EQ(read_image(folder / "x.png"), image);
}

TEST(ParseImage, ReadsABitmapWrittenByHand) {
  // 2 x 2, 24 bits, rows from the bottom, blue first, each padded to 4 bytes.
  const Bytes file = to_bytes("BM") +
                     to_bytes({70, 0, 0, 0, 0, 0, 0,  0, 54, 0, 0, 0, 40, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 0,
                               24, 0, 0, 0, 0, 0, 16, 0, 0,  0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) +
                     to_bytes({1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0});
  EXPECT_EQ(parse(file), Tensor::of<std::uint8_t>({2, 2, 3}, {9, 8, 7, 12, 11, 10, 3, 2, 1, 6, 5, 4}));
}

TEST(ParseImage, ReadsSmoothJpegImagesClosely) {
  for (const Index channels : {1, 3}) {
    const Tensor image = smooth_image(19, 21, channels);
    const Tensor read = parse(encoded("jpg", image), {.channels = static_cast<int>(channels)});
    ASSERT_EQ(read.shape(), image.shape());
    for (Index i = 0; i < image.count(); ++i) {
      EXPECT_NEAR(read.data<std::uint8_t>()[i], image.data<std::uint8_t>()[i], 8) << i;
    }
  }
}

TEST(ParseImage, GivesTheChannelsAskedFor) {
  const Tensor grey = random_image(3, 4, 1);
  const Tensor colours = parse(encoded("png", grey), {.channels = 3});
  ASSERT_EQ(colours.shape(), Shape({3, 4, 3}));
  for (Index i = 0; i < colours.count(); ++i) {
    EXPECT_EQ(colours.data<std::uint8_t>()[i], grey.data<std::uint8_t>()[i / 3]);
  }
  EXPECT_EQ(parse(encoded("png", colours), {.channels = 1}), grey);  // equal colours are their own brightness
  EXPECT_TRUE(throws<InvalidArgument>("5 are asked for", [&] { parse(encoded("png", grey), {.channels = 5}); }));
}

TEST(ParseImage, RefusesLargeImagesBeforeItDecodesThem) {
  EXPECT_TRUE(throws<FormatError>("5 x 7 pixels; 1 to 34 in all",
                                  [] { parse(encoded("png", random_image(5, 7, 3)), {.maximum_pixels = 34}); }));
  EXPECT_EQ(parse(encoded("png", random_image(5, 7, 3)), {.maximum_pixels = 35}).shape(), Shape({5, 7, 3}));
  Bytes huge = encoded("png", random_image(5, 7, 1));
  huge[17] = std::byte{0x40};  // of the width
  EXPECT_TRUE(throws<FormatError>("5 x 4194311 pixels; 1 to 1048576",
                                  [&] { parse(huge, {.maximum_pixels = Index{1} << 20}); }));
  huge[21] = std::byte{0x40};  // of the height: more than stb_image would decode
  EXPECT_TRUE(throws<FormatError>("x.img: ", [&] { parse(huge); }));
  const TemporaryFolder folder;
  write_file_atomically(folder / "x.png", encoded("png", random_image(5, 7, 3)));
  EXPECT_TRUE(throws<FormatError>("more than the 60", [&] { read_image(folder / "x.png", {.maximum_bytes = 60}); }));
}

TEST(ParseImage, RefusesEveryTruncation) {
  for (const std::string format : {"png", "bmp", "jpg"}) {
    const Bytes file = encoded(format, random_image(9, 7, 3));
    const std::size_t unread = format == "png" ? 4 : 0;  // the last checksum
    for (std::size_t size = 0; size < file.size() - unread; ++size) {
      const Bytes prefix(file.begin(), file.begin() + static_cast<Index>(size));
      EXPECT_TRUE(throws<FormatError>("x.img: ", [&] { parse(prefix); })) << format << size;
    }
  }
}

TEST(ParseImage, RefusesHuffmanTablesBeyondTheirBounds) {
  const Bytes file = encoded("jpg", random_image(9, 7, 3));
  const Bytes marker = to_bytes({0xFF, 0xC4});
  const auto table = std::search(file.begin(), file.end(), marker.begin(), marker.end());
  ASSERT_NE(table, file.end());
  for (const int length : {1, 8, 16}) {  // behind the marker: the length of the segment, the table's name, its counts
    Bytes changed = file;
    changed[static_cast<std::size_t>(table - file.begin() + 4 + length)] = std::byte{0xFF};
    EXPECT_TRUE(throws<FormatError>("a Huffman table", [&] { parse(changed); })) << length;
  }
}

TEST(ParseImage, SaysWhatItTakes) {
  EXPECT_TRUE(throws<FormatError>("x.img: is no PNG, JPEG or BMP image", [] { parse(to_bytes("hello, world")); }));
  EXPECT_TRUE(throws<FormatError>("is no PNG, JPEG or BMP image", [] { parse(to_bytes("GIF89a\1\0\1\0\0\0\0")); }));
}

TEST(ParseImage, NeverCrashesOnFlippedBytes) {
  for (const std::string format : {"png", "bmp", "jpg"}) {
    const Bytes file = encoded(format, random_image(17, 18, 3));
    Random random(7);
    for (int repeat = 0; repeat < 4'000; ++repeat) {
      Bytes changed = file;
      for (std::uint32_t flips = 1 + random.below(4); flips > 0; --flips) {
        changed[random.below(static_cast<std::uint32_t>(file.size()))] = static_cast<std::byte>(random.below(256));
      }
      try {
        EXPECT_LE(parse(changed, {.maximum_pixels = 1 << 16}).count(), 4 << 16);
      } catch (const FormatError&) {
      }
    }
  }
}

TEST(ResizeImage, KeepsWhatHasTheSizeAlready) {
  const Tensor image = random_image(5, 6, 3);
  const Tensor same = resize_image(image, 5, 6);
  for (Index i = 0; i < image.count(); ++i) EXPECT_EQ(same.data<float>()[i], image.data<std::uint8_t>()[i]);
  EXPECT_EQ(resize_image(same, 5, 6), same);
}

TEST(ResizeImage, PutsCentresOfPixelsAtHalves) {
  const Tensor row = Tensor::of<std::uint8_t>({1, 2, 1}, {0, 10});
  EXPECT_EQ(resize_image(row, 1, 4), Tensor::of<float>({1, 4, 1}, {0, 2.5F, 7.5F, 10}));
  EXPECT_EQ(resize_image(row.reshaped({2, 1, 1}), 4, 1), Tensor::of<float>({4, 1, 1}, {0, 2.5F, 7.5F, 10}));
  const Tensor four = Tensor::of<float>({1, 4, 1}, {0, 1, 2, 30});
  EXPECT_EQ(resize_image(four, 1, 2), Tensor::of<float>({1, 2, 1}, {0.5F, 16}));
}

TEST(ResizeImage, EqualsTheFormulaForAnySizes) {
  const Tensor image = random_image(7, 5, 2);
  const auto pixel = [&](Index y, Index x, Index c) {
    return static_cast<double>(image.view<std::uint8_t, 3>()(y, x, c));
  };
  for (const auto& [height, width] : {std::pair<Index, Index>{13, 9}, {3, 2}, {1, 1}, {7, 20}}) {
    const Tensor resized = resize_image(image, height, width);
    for (Index y = 0; y < height; ++y) {
      for (Index x = 0; x < width; ++x) {
        const double v = std::clamp((static_cast<double>(y) + 0.5) * 7 / static_cast<double>(height) - 0.5, 0.0, 6.0);
        const double u = std::clamp((static_cast<double>(x) + 0.5) * 5 / static_cast<double>(width) - 0.5, 0.0, 4.0);
        for (Index c = 0; c < 2; ++c) {
          double expected = 0;  // weights fall linearly with the distance
          for (Index j = 0; j < 7; ++j) {
            for (Index i = 0; i < 5; ++i) {
              const double weight = std::max(0.0, 1 - std::abs(v - static_cast<double>(j))) *
                                    std::max(0.0, 1 - std::abs(u - static_cast<double>(i)));
              expected += weight * pixel(j, i, c);
            }
          }
          EXPECT_NEAR((resized.view<float, 3>()(y, x, c)), expected, 1e-3);
        }
      }
    }
  }
}

TEST(ResizeImage, RefusesWhatIsNoImage) {
  EXPECT_TRUE(throws<InvalidArgument>("(3 x 4)", [] { resize_image(Tensor(DataType::uint8, {3, 4}), 2, 2); }));
  EXPECT_TRUE(throws<InvalidArgument>("int32", [] { resize_image(Tensor(DataType::int32, {3, 4, 1}), 2, 2); }));
  EXPECT_TRUE(throws<InvalidArgument>("0 x 2", [] { resize_image(Tensor(DataType::uint8, {3, 4, 1}), 0, 2); }));
}

TEST(ImageToInput, PutsChannelsFirstAndNormalizes) {
  const Tensor image = Tensor::of<std::uint8_t>({1, 2, 3}, {10, 20, 30, 40, 50, 60});
  EXPECT_EQ(image_to_input(image), Tensor::of<float>({1, 3, 1, 2}, {10, 40, 20, 50, 30, 60}));
  EXPECT_EQ(image_to_input(image, {.mean = {10, 20, 30}, .scale = {0.5F}}),
            Tensor::of<float>({1, 3, 1, 2}, {0, 15, 0, 15, 0, 15}));
  EXPECT_EQ(image_to_input(image, {.mean = {0}, .scale = {1, 2, 3}}),
            Tensor::of<float>({1, 3, 1, 2}, {10, 40, 40, 100, 90, 180}));
  EXPECT_TRUE(throws<InvalidArgument>("2 values of the mean are given for an image of 3 channels", [&] {
    image_to_input(image, {.mean = {1, 2}});
  }));
}

}  // namespace
}  // namespace condense::io
