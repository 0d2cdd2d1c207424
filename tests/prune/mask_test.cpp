#include "condense/prune/mask.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "condense/core/random.hpp"
#include "support/throws.hpp"

namespace condense::prune {
namespace {

Mask random_mask(const Shape& shape, std::uint64_t seed) {
  Random random(seed);
  Mask mask(shape);
  for (Index i = 0; i < mask.count(); ++i) mask.set(i, random.below(2) == 1);
  return mask;
}

TEST(Mask, IsASetOfElements) {
  const Shape shape{7, 5};
  const Mask a = random_mask(shape, 1);
  const Mask b = random_mask(shape, 2);
  const Mask both = a & b;
  const Mask either = a | b;
  const Mask only_a = a - b;
  const Mask not_a = ~a;
  for (Index i = 0; i < a.count(); ++i) {
    EXPECT_EQ(both.keeps(i), a.keeps(i) && b.keeps(i));
    EXPECT_EQ(either.keeps(i), a.keeps(i) || b.keeps(i));
    EXPECT_EQ(only_a.keeps(i), a.keeps(i) && !b.keeps(i));
    EXPECT_EQ(not_a.keeps(i), !a.keeps(i));
  }
  EXPECT_EQ(a - b, a & ~b);
  EXPECT_EQ(~(a | b), ~a & ~b);
  EXPECT_EQ((a - b) | both, a);
  EXPECT_EQ(either.kept() + both.kept(), a.kept() + b.kept());
}

TEST(Mask, CountsWhatItKeeps) {
  EXPECT_EQ(Mask(Shape{3, 4}).kept(), 12);
  EXPECT_EQ(Mask(Shape{3, 4}, false).kept(), 0);
  EXPECT_EQ(Mask(Shape{3, 4}, false).sparsity(), 1);
  EXPECT_EQ(Mask().sparsity(), 0);
  const std::vector<std::uint8_t> bytes{0, 7, 1, 0};
  const Mask mask(Shape{2, 2}, bytes);
  EXPECT_EQ(mask.kept(), 2);
  EXPECT_EQ(mask.sparsity(), 0.5);
  EXPECT_EQ(mask.values()[1], 1);
}

TEST(Mask, SetsToZeroWhatItDoesNotKeepEvenIfItIsNotFinite) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  Tensor values = Tensor::of<float>({4}, {nan, infinity, -3, 4});
  const std::vector<std::uint8_t> bytes{0, 0, 0, 1};
  Mask(Shape{4}, bytes).apply(values);
  EXPECT_EQ(values, Tensor::of<float>({4}, {0, 0, 0, 4}));
}

TEST(Mask, OfNonzeroKeepsNanToo) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Mask mask = Mask::of_nonzero(Tensor::of<float>({4}, {0, -0.0F, nan, 1e-40F}));
  EXPECT_EQ(mask.kept(), 2);
  EXPECT_TRUE(mask.keeps(2) && mask.keeps(3));
}

TEST(Mask, RefusesWhatDoesNotFit) {
  const std::vector<std::uint8_t> three{1, 1, 1};
  EXPECT_TRUE(throws<InvalidArgument>("(2 x 2)", [&] { Mask(Shape{2, 2}, three); }));
  EXPECT_TRUE(throws<InvalidArgument>("(3)", [&] { Mask(Shape{2}) & Mask(Shape{3}); }));
  Tensor values(DataType::float32, {5});
  EXPECT_TRUE(throws<InvalidArgument>("(5)", [&] { Mask(Shape{2}).apply(values); }));
}

}  // namespace
}  // namespace condense::prune
