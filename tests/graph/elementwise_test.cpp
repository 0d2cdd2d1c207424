#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/clip.hpp"
#include "condense/graph/operators/hard_swish.hpp"
#include "condense/graph/operators/leaky_relu.hpp"
#include "condense/graph/operators/mul.hpp"
#include "condense/graph/operators/relu.hpp"
#include "condense/graph/operators/sigmoid.hpp"
#include "condense/graph/operators/softmax.hpp"
#include "graph/run.hpp"

namespace condense::graph {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Activations, Golden) {
  const Tensor x = Tensor::of<float>({5}, {-4, -1, 0, 1, 4});
  EXPECT_EQ(run(Relu{}, {x}), Tensor::of<float>({5}, {0, 0, 0, 1, 4}));
  EXPECT_EQ(run(LeakyRelu{.alpha = 0.25F}, {x}), Tensor::of<float>({5}, {-1, -0.25F, 0, 1, 4}));
  expect_near(run(HardSwish{}, {x}), Tensor::of<float>({5}, {0, -1.0F / 3, 0, 2.0F / 3, 4}), 1e-6);
  expect_near(run(Sigmoid{}, {x}), Tensor::of<float>({5}, {0.01798621F, 0.26894143F, 0.5F, 0.73105859F, 0.98201379F}),
              1e-7);
}

TEST(Activations, HoldAtTheEndsOfTheRange) {
  const Tensor x = Tensor::of<float>({4}, {-kInfinity, -1000, 1000, kInfinity});
  EXPECT_EQ(run(Sigmoid{}, {x}), Tensor::of<float>({4}, {0, 0, 1, 1}));
  EXPECT_EQ(run(Relu{}, {x}), Tensor::of<float>({4}, {0, 0, 1000, kInfinity}));
  const Tensor nan = Tensor::of<float>({1}, {kNan});
  EXPECT_TRUE(std::isnan(*run(Relu{}, {nan}).data<float>()));
  EXPECT_TRUE(std::isnan(*run(LeakyRelu{}, {nan}).data<float>()));
  EXPECT_TRUE(std::isnan(*run(Sigmoid{}, {nan}).data<float>()));
  EXPECT_TRUE(std::isnan(*run(HardSwish{}, {nan}).data<float>()));
  EXPECT_TRUE(std::isnan(*run(Clip{}, {nan, Tensor::scalar(0.0F), Tensor::scalar(1.0F)}).data<float>()));
}

TEST(Clip, HasTheBoundsThatArePresent) {
  const Tensor x = Tensor::of<float>({4}, {-9, -1, 2, 9});
  const Tensor low = Tensor::scalar(-1.5F);
  const Tensor high = Tensor::scalar(3.0F);
  EXPECT_EQ(run(Clip{}, {x}), x);
  EXPECT_EQ(run(Clip{}, {x, low}), Tensor::of<float>({4}, {-1.5F, -1, 2, 9}));
  EXPECT_EQ(run(Clip{}, {x, std::nullopt, high}), Tensor::of<float>({4}, {-9, -1, 2, 3}));
  EXPECT_EQ(run(Clip{}, {x, low, high}), Tensor::of<float>({4}, {-1.5F, -1, 2, 3}));
  EXPECT_EQ(run(Clip{}, {x, high, low}), Tensor::of<float>({4}, {-1.5F, -1.5F, -1.5F, -1.5F}));
}

TEST(Softmax, Golden) {
  expect_near(run(Softmax{}, {Tensor::of<float>({1, 3}, {-1, 0, 1})}),
              Tensor::of<float>({1, 3}, {0.09003058F, 0.24472848F, 0.66524094F}), 1e-7);
  const Tensor large = Tensor::of<float>({2, 4}, {0, 1, 2, 3, 10000, 10001, 10002, 10003});
  expect_near(run(Softmax{}, {large}),
              Tensor::of<float>({2, 4}, {0.032058604F, 0.08714432F, 0.23688284F, 0.6439143F, 0.032058604F, 0.08714432F,
                                         0.23688284F, 0.6439143F}),
              1e-7);
}

TEST(Softmax, NormalisesAlongItsAxis) {
  Random random(9);
  const Tensor x = random_tensor({3, 4, 5}, random, -10, 10);
  for (const Index axis : {-3, -2, -1, 0, 1, 2}) {
    const Tensor result = run(Softmax{.axis = axis}, {x});
    const auto y = result.view<float, 3>();
    const auto logits = x.view<float, 3>();
    const int along = x.shape().axis(axis);
    for (Index i = 0; i < 3; ++i) {
      for (Index j = 0; j < 4; ++j) {
        for (Index k = 0; k < 5; ++k) {
          double sum = 0;
          for (Index other = 0; other < x.shape()[along]; ++other) {
            sum += std::exp(
                static_cast<double>(logits(along == 0 ? other : i, along == 1 ? other : j, along == 2 ? other : k)));
          }
          ASSERT_NEAR(static_cast<double>(y(i, j, k)), std::exp(static_cast<double>(logits(i, j, k))) / sum, 1e-6);
        }
      }
    }
  }
}

/// The element of a tensor that broadcasts to the given index.
double broadcast_at(const Tensor& tensor, const Shape& result, Index element) {
  Index offset = 0;
  Index stride = 1;
  for (int axis = result.rank() - 1; axis >= 0; --axis) {
    const int own = axis - (result.rank() - tensor.shape().rank());
    const Index index = element % result[axis];
    element /= result[axis];
    if (own < 0) continue;
    if (tensor.shape()[own] > 1) offset += index * stride;
    stride *= tensor.shape()[own];
  }
  return static_cast<double>(tensor.data<float>()[offset]);
}

TEST(Broadcasting, EqualsTheDefinitionOverSeededShapes) {
  Random random(10);
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(i);
    std::vector<Index> a;
    std::vector<Index> b;
    const Index rank = random_index(random, 0, 5);
    for (Index axis = 0; axis < rank; ++axis) {
      const Index extent = random_index(random, 1, 5);
      a.push_back(random.below(3) == 0 ? 1 : extent);
      b.push_back(random.below(3) == 0 ? 1 : extent);
    }
    std::vector<Index>& shorter = random.below(2) == 0 ? a : b;
    shorter.erase(shorter.begin(), shorter.begin() + random_index(random, 0, rank));
    const Tensor left = random_tensor(Shape(a), random);
    const Tensor right = random_tensor(Shape(b), random);
    const Tensor sum = run(Add{}, {left, right});
    const Tensor product = run(Mul{}, {left, right});
    for (Index element = 0; element < sum.count(); ++element) {
      const double x = broadcast_at(left, sum.shape(), element);
      const double y = broadcast_at(right, sum.shape(), element);
      ASSERT_EQ(sum.data<float>()[element], static_cast<float>(x) + static_cast<float>(y));
      ASSERT_EQ(product.data<float>()[element], static_cast<float>(x) * static_cast<float>(y));
    }
  }
}

/// Runs that the blocks of one task cut in the middle.
TEST(Broadcasting, HoldsAcrossBlocks) {
  Random random(11);
  const Tensor image = random_tensor({2, 7, 61, 67}, random);
  const Tensor channel = random_tensor({7, 1, 1}, random);
  const Tensor sum = run(Add{}, {image, channel});
  const Tensor swapped = run(Add{}, {channel, image});
  EXPECT_EQ(sum, swapped);
  for (Index element = 0; element < sum.count(); ++element) {
    ASSERT_EQ(sum.data<float>()[element],
              image.data<float>()[element] + channel.data<float>()[element / (61 * 67) % 7]);
  }
}

TEST(Broadcasting, IntegersWrap) {
  EXPECT_EQ(run(Add{}, {Tensor::of<std::int8_t>({2}, {127, -128}), Tensor::of<std::int8_t>({1}, {1})}),
            Tensor::of<std::int8_t>({2}, {-128, -127}));
  EXPECT_EQ(run(Mul{}, {Tensor::scalar<std::uint8_t>(200), Tensor::scalar<std::uint8_t>(3)}),
            Tensor::scalar<std::uint8_t>(88));
  const std::int32_t most = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(run(Add{}, {Tensor::scalar(most), Tensor::scalar(1)}),
            Tensor::scalar(std::numeric_limits<std::int32_t>::min()));
  EXPECT_EQ(run(Mul{}, {Tensor::scalar<std::int64_t>(-3), Tensor::scalar<std::int64_t>(5)}),
            Tensor::scalar<std::int64_t>(-15));
}

TEST(Broadcasting, AnExtentOfZeroStays) {
  EXPECT_EQ(run(Add{}, {Tensor(DataType::float32, {0, 3}), Tensor(DataType::float32, {1, 3})}).shape(), (Shape{0, 3}));
}

}  // namespace
}  // namespace condense::graph
