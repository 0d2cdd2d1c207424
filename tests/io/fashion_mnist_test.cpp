#include <gtest/gtest.h>

#include <array>
#include <filesystem>

#include "condense/io/idx.hpp"

namespace condense::io {
namespace {

/// Where Debian's dataset-fashion-mnist puts the files (Xiao, Rasul, Vollgraf, "Fashion-MNIST", 2017).
const std::filesystem::path kFolder = "/usr/share/datasets/fashion-mnist";

#define SKIP_WITHOUT_DATA() \
  if (!std::filesystem::exists(kFolder)) GTEST_SKIP() << kFolder << " is absent; install dataset-fashion-mnist"

TEST(FashionMnist, HasTenThousandTestImages) {
  SKIP_WITHOUT_DATA();
  const Tensor images = read_idx(kFolder / "t10k-images-idx3-ubyte.gz");
  EXPECT_EQ(images.type(), DataType::uint8);
  EXPECT_EQ(images.shape(), (Shape{10'000, 28, 28}));
  double sum = 0;
  for (const std::uint8_t pixel : images.values<std::uint8_t>()) sum += pixel;
  EXPECT_NEAR(sum / static_cast<double>(images.count()) / 255, 0.2868, 5e-4);  // the mean published for the test set
}

TEST(FashionMnist, HasAThousandTestLabelsOfEachClass) {
  SKIP_WITHOUT_DATA();
  const Tensor labels = read_idx(kFolder / "t10k-labels-idx1-ubyte.gz");
  EXPECT_EQ(labels.shape(), Shape{10'000});
  std::array<int, 10> counts{};
  for (const std::uint8_t label : labels.values<std::uint8_t>()) {
    ASSERT_LT(label, 10);
    ++counts[label];
  }
  for (const int count : counts) EXPECT_EQ(count, 1'000);
}

}  // namespace
}  // namespace condense::io
