#include "condense/core/aligned_bytes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace condense {
namespace {

bool is_aligned(const std::byte* data, std::uintptr_t alignment) {
  return reinterpret_cast<std::uintptr_t>(data) % alignment == 0;
}

TEST(AlignedBytes, AreZeroOnACacheLine) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1000}}) {
    const AlignedBytes bytes(size);
    ASSERT_EQ(bytes.size(), size);
    EXPECT_TRUE(is_aligned(bytes.data(), 64));
    EXPECT_TRUE(std::all_of(bytes.data(), bytes.data() + size, [](std::byte b) { return b == std::byte{0}; }));
  }
}

TEST(AlignedBytes, LargeBlocksLieOnHugePages) {
  constexpr std::size_t kHugePage = std::size_t{2} << 20;
  for (const std::size_t size : {kHugePage, 2 * kHugePage + 12345}) {
    const AlignedBytes bytes(size);
    EXPECT_TRUE(is_aligned(bytes.data(), kHugePage));
    EXPECT_EQ(bytes.data()[size - 1], std::byte{0});
  }
}

TEST(AlignedBytes, MovesLeaveAnEmptyBlock) {
  AlignedBytes from(100);
  const std::byte* data = from.data();
  AlignedBytes to(std::move(from));
  EXPECT_EQ(to.data(), data);
  EXPECT_EQ(to.size(), 100U);
  EXPECT_EQ(from.size(), 0U);  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(from.data(), nullptr);
  AlignedBytes large(std::size_t{3} << 20);
  large = std::move(to);
  EXPECT_EQ(large.data(), data);
}

}  // namespace
}  // namespace condense
