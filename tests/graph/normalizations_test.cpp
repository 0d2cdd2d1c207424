#include "condense/graph/operators/normalizations.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "condense/graph/operators/batch_normalization.hpp"
#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

/// Mean and 1 / sqrt(variance + epsilon) of the elements of x that are in the group of element i.
struct Moments {
  double mean = 0;
  double inverse = 0;
};
Moments moments_of(const Tensor& x, Index i, double epsilon, const std::function<Index(Index)>& group) {
  double sum = 0;
  double squares = 0;
  double count = 0;
  for (Index k = 0; k < x.count(); ++k) {
    if (group(k) != group(i)) continue;
    const auto value = static_cast<double>(x.data<float>()[k]);
    sum += value;
    squares += value * value;
    ++count;
  }
  const double mean = sum / count;
  return {mean, 1 / std::sqrt(squares / count - mean * mean + epsilon)};
}

void expect_normalized(const Tensor& y, const Tensor& x, double epsilon, const std::function<Index(Index)>& group,
                       const std::function<double(Index)>& scale, const std::function<double(Index)>& bias) {
  ASSERT_EQ(y.shape(), x.shape());
  for (Index i = 0; i < x.count(); ++i) {
    const Moments m = moments_of(x, i, epsilon, group);
    const double expected = (static_cast<double>(x.data<float>()[i]) - m.mean) * m.inverse * scale(i) + bias(i);
    ASSERT_NEAR(static_cast<double>(y.data<float>()[i]), expected, 1e-5) << "element " << i;
  }
}

TEST(ChannelNormalizations, EqualTheirFormulas) {
  Random random(61);
  const Tensor x = random_tensor({2, 6, 3, 4}, random);
  const Tensor scale = random_tensor({6}, random);
  const Tensor bias = random_tensor({6}, random);
  const auto channel = [](const Tensor& t) {
    return [&t](Index i) { return static_cast<double>(t.data<float>()[i / 12 % 6]); };
  };
  expect_normalized(
      run(InstanceNormalization{.epsilon = 0.01F}, {x, scale, bias}, ThreadPool(2)), x, 0.01,
      [](Index i) { return i / 12; }, channel(scale), channel(bias));
  for (const Index groups : {1, 2, 3, 6}) {
    expect_normalized(
        run(GroupNormalization{.num_groups = groups, .epsilon = 0.01F}, {x, scale, bias}), x, 0.01,
        [&](Index i) { return i / (72 / groups); }, channel(scale), channel(bias));
  }
}

TEST(LayerNormalization, EqualsItsFormulaAndTellsTheMoments) {
  Random random(62);
  const Tensor x = random_tensor({2, 3, 4, 5}, random);
  for (const Index axis : {0, 1, 2, 3, -1, -2}) {
    SCOPED_TRACE(axis);
    const int first = x.shape().axis(axis);
    const Index extent = x.shape().count(first, 4);
    const Tensor scale = random_tensor(Shape(x.shape().extents().subspan(static_cast<std::size_t>(first))), random);
    const Tensor bias = random_tensor({5}, random);
    LayerNormalization op{.axis = axis, .epsilon = 0.1F};
    op.outputs.count = 3;
    const std::vector<Tensor> results = run_all(op, {x, scale, bias}, ThreadPool(2));
    expect_normalized(
        results[0], x, 0.1, [&](Index i) { return i / extent; },
        [&](Index i) { return static_cast<double>(scale.data<float>()[i % extent]); },
        [&](Index i) { return static_cast<double>(bias.data<float>()[i % 5]); });
    ASSERT_EQ(results[1].count(), x.count() / extent);
    ASSERT_EQ(results[1].shape().rank(), 4);
    for (Index row = 0; row < results[1].count(); ++row) {
      const Moments m = moments_of(x, row * extent, 0.1, [&](Index i) { return i / extent; });
      ASSERT_NEAR(static_cast<double>(results[1].data<float>()[row]), m.mean, 1e-6);
      ASSERT_NEAR(static_cast<double>(results[2].data<float>()[row]), m.inverse, 1e-5);
    }
  }
}

TEST(RMSNormalization, EqualsItsFormula) {
  const Tensor x = Tensor::of<float>({2, 2}, {3, 4, 6, 8});
  const Tensor scale = Tensor::of<float>({2}, {1, 10});
  const float first = std::sqrt(12.5F);
  expect_near(run(RMSNormalization{.epsilon = 0}, {x, scale}),
              Tensor::of<float>({2, 2}, {3 / first, 40 / first, 3 / first, 40 / first}), 1e-5);
}

/// A large mean does not cancel, and halves are rounded once.
TEST(LayerNormalization, IsStable) {
  const Tensor x = Tensor::of<float>({1, 4}, {10001, 10002, 10003, 10004});
  const float s = std::sqrt(1.25F);
  expect_near(run(LayerNormalization{.epsilon = 0}, {x, filled({4}, 1)}),
              Tensor::of<float>({1, 4}, {-1.5F / s, -0.5F / s, 0.5F / s, 1.5F / s}), 1e-4);
  Tensor halves(DataType::bfloat16, {1, 2});
  halves.mutable_data<BFloat16>()[0] = BFloat16(1.0F);
  halves.mutable_data<BFloat16>()[1] = BFloat16(3.0F);
  Tensor one(DataType::bfloat16, {2});
  std::ranges::fill(one.mutable_values<BFloat16>(), BFloat16(1.0F));
  EXPECT_EQ(run(LayerNormalization{.epsilon = 0}, {halves, one}),
            Tensor::of<BFloat16>({1, 2}, {BFloat16(-1.0F), BFloat16(1.0F)}));
}

TEST(BatchNormalization, TakesHalvesWithFloatStatistics) {
  Tensor x(DataType::float16, {1, 2, 1});
  x.mutable_data<Float16>()[0] = Float16(3.0F);
  x.mutable_data<Float16>()[1] = Float16(8.0F);
  const Tensor one = Tensor::of<float>({2}, {1, 1});
  EXPECT_EQ(run(BatchNormalization{.epsilon = 0},
                {x, one, Tensor::of<float>({2}, {0, 1}), one, Tensor::of<float>({2}, {4, 1})}),
            Tensor::of<Float16>({1, 2, 1}, {Float16(1.0F), Float16(8.0F)}));
}

TEST(Lrn, SumsTheChannelsAround) {
  const Tensor x = Tensor::of<float>({1, 4, 1}, {1, 2, 3, 4});
  // size 2: the channel itself and the next; size 3: both neighbours.
  expect_near(run(Lrn{.alpha = 2, .beta = 1, .bias = 1, .size = 2}, {x}),
              Tensor::of<float>({1, 4, 1}, {1 / 6.0F, 2 / 14.0F, 3 / 26.0F, 4 / 17.0F}), 1e-6);
  expect_near(run(Lrn{.alpha = 3, .beta = 0.5F, .bias = 2, .size = 3}, {x}),
              Tensor::of<float>(
                  {1, 4, 1}, {1 / std::sqrt(7.0F), 2 / std::sqrt(16.0F), 3 / std::sqrt(31.0F), 4 / std::sqrt(27.0F)}),
              1e-6);
}

TEST(LpNormalization, MakesNormsOneAndKeepsZeros) {
  const Tensor x = Tensor::of<float>({3, 2}, {3, -4, 0, 0, 1, 1});
  expect_near(run(LpNormalization{}, {x}),
              Tensor::of<float>({3, 2}, {0.6F, -0.8F, 0, 0, std::sqrt(0.5F), std::sqrt(0.5F)}), 1e-6);
  EXPECT_EQ(run(LpNormalization{.axis = 0, .p = 1}, {x}), Tensor::of<float>({3, 2}, {0.75F, -0.8F, 0, 0, 0.25F, 0.2F}));
}

TEST(MeanVarianceNormalization, IsOverItsAxes) {
  Random random(63);
  const Tensor x = random_tensor({2, 3, 2, 5}, random);
  const auto one = [](Index) { return 1.0; };
  const auto zero = [](Index) { return 0.0; };
  expect_normalized(
      run(MeanVarianceNormalization{}, {x}), x, 0, [](Index i) { return i / 10 % 3; }, one, zero);
  expect_normalized(
      run(MeanVarianceNormalization{.axes = {-1, 0}}, {x}), x, 0, [](Index i) { return i / 5 % 6; }, one, zero);
}

TEST(Dropout, IsTheIdentityOutsideTraining) {
  const Tensor x = counting<float>({2, 3}, 1);
  Dropout op{};
  op.outputs.count = 2;
  const std::vector<Tensor> results = run_all(op, {x, Tensor::scalar(0.3F), Tensor::scalar(false)});
  EXPECT_EQ(results[0], x);
  EXPECT_EQ(results[1], Tensor::of<bool>({2, 3}, {true, true, true, true, true, true}));
  EXPECT_EQ(run(Dropout{}, {x, Tensor::scalar(0.0F), Tensor::scalar(true)}), x);
  EXPECT_TRUE(throws<Unsupported>("with a ratio of 0.25", [&] {
    run(Dropout{}, {x, Tensor::scalar(0.25F), Tensor::scalar(true)});
  }));
  EXPECT_TRUE(throws<Unsupported>("with a ratio of 0.5", [&] {
    run(Dropout{}, {x, std::nullopt, Tensor::scalar(true)});
  }));
}

TEST(Normalizations, RefuseWhatDoesNotFit) {
  const Tensor x = filled({2, 6, 3}, 1);
  const Tensor c = filled({6}, 1);
  const auto refuses = [](std::string_view part, const Operator& op,
                          std::initializer_list<std::optional<Tensor>> inputs) {
    EXPECT_TRUE(throws<InvalidArgument>(part, [&] { run(op, inputs); }));
  };
  refuses("num_groups is 4, which does not divide the 6 channels", GroupNormalization{.num_groups = 4}, {x, c, c});
  refuses("num_groups is 0", GroupNormalization{.num_groups = 0}, {x, c, c});
  refuses("its input 1 has shape (5)", InstanceNormalization{}, {x, filled({5}, 1), c});
  refuses("its input 1 of shape (6) cannot be broadcast to its input 0 of shape (2 x 6 x 3)", LayerNormalization{},
          {x, c});
  refuses("axis 3 does not exist", LayerNormalization{.axis = 3}, {x, filled({3}, 1)});
  refuses("epsilon is -1", LayerNormalization{.epsilon = -1}, {x, filled({3}, 1)});
  refuses("its attribute p is 1 or 2, not 3", LpNormalization{.p = 3}, {x});
  refuses("its attribute size is 0", Lrn{.size = 0}, {x});
  refuses("axis 3 does not exist", MeanVarianceNormalization{}, {x});
}

}  // namespace
}  // namespace condense::graph
