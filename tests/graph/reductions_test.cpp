#include "condense/graph/operators/reductions.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "condense/graph/operators/cast.hpp"
#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

using Elements = std::vector<double>;

template <class Function>
double total(const Elements& x, Function&& function) {
  double sum = 0;
  for (const double value : x) sum += function(value);
  return sum;
}

double identity(double x) { return x; }
double square(double x) { return x * x; }

struct Case {
  Operator op;
  Operator op_without_kept_axes;
  std::function<double(const Elements&)> value;
};

template <class Op>
Case reduction(std::function<double(const Elements&)> value) {
  return {Op{}, Op{.keepdims = false}, std::move(value)};
}

const Case kCases[] = {
    reduction<ReduceL1>([](const Elements& x) { return total(x, [](double v) { return std::abs(v); }); }),
    reduction<ReduceL2>([](const Elements& x) { return std::sqrt(total(x, square)); }),
    reduction<ReduceLogSum>([](const Elements& x) { return std::log(total(x, identity)); }),
    reduction<ReduceLogSumExp>(
        [](const Elements& x) { return std::log(total(x, [](double v) { return std::exp(v); })); }),
    reduction<ReduceMax>([](const Elements& x) { return *std::ranges::max_element(x); }),
    reduction<ReduceMean>([](const Elements& x) { return total(x, identity) / static_cast<double>(x.size()); }),
    reduction<ReduceMin>([](const Elements& x) { return *std::ranges::min_element(x); }),
    reduction<ReduceProd>([](const Elements& x) {
      double product = 1;
      for (const double value : x) product *= value;
      return product;
    }),
    reduction<ReduceSum>([](const Elements& x) { return total(x, identity); }),
    reduction<ReduceSumSquare>([](const Elements& x) { return total(x, square); }),
};

Tensor axes_of(const std::vector<Index>& axes) {
  return Tensor::of<std::int64_t>({static_cast<Index>(axes.size())}, std::span<const Index>(axes));
}

/// The elements of a tensor that meet in each element of its reduction, by the index of every element alone.
std::vector<Elements> meeting(const Tensor& x, const std::vector<bool>& reduced) {
  std::vector<Elements> groups;
  for (Index i = 0; i < x.count(); ++i) {
    Index rest = i;
    Index group = 0;
    Index stride = 1;
    for (int axis = x.shape().rank() - 1; axis >= 0; --axis) {
      const Index index = rest % x.shape()[axis];
      rest /= x.shape()[axis];
      if (reduced[static_cast<std::size_t>(axis)]) continue;
      group += index * stride;
      stride *= x.shape()[axis];
    }
    groups.resize(std::max(groups.size(), static_cast<std::size_t>(group) + 1));
    groups[static_cast<std::size_t>(group)].push_back(static_cast<double>(x.data<float>()[i]));
  }
  return groups;
}

TEST(Reductions, EqualTheDefinitionOverSeededShapesAndAxes) {
  Random random(7);
  for (int i = 0; i < 150; ++i) {
    std::vector<Index> extents;
    std::vector<bool> reduced;
    std::vector<Index> axes;
    const Index rank = random_index(random, 0, 5);
    for (Index axis = 0; axis < rank; ++axis) {
      extents.push_back(random_index(random, 1, axis == 1 ? 40 : 5));
      reduced.push_back(random.below(2) == 1);
      if (reduced.back()) axes.push_back(random.below(2) == 1 ? axis : axis - rank);
    }
    if (axes.empty()) reduced.assign(reduced.size(), true);
    const Tensor x = random_tensor(Shape(extents), random, 0.5F, 1.5F);
    const std::vector<Elements> groups = meeting(x, reduced);
    for (const Case& one : kCases) {
      SCOPED_TRACE(fmt::format("{} {} of {}", i, one.op.type(), x.shape().to_string()));
      const Tensor y = run(one.op, {x, axes_of(axes)});
      ASSERT_EQ(y.count(), static_cast<Index>(groups.size()));
      ASSERT_EQ(y.shape().rank(), static_cast<int>(rank));
      for (Index j = 0; j < y.count(); ++j) {
        const double expected = one.value(groups[static_cast<std::size_t>(j)]);
        ASSERT_NEAR(static_cast<double>(y.data<float>()[j]), expected, 1e-6 * (1 + std::abs(expected)));
      }
      const Tensor flat = run(one.op_without_kept_axes, {x, axes_of(axes)});
      ASSERT_EQ(flat.shape().rank(), static_cast<int>(axes.empty() ? 0 : rank - static_cast<Index>(axes.size())));
      ASSERT_EQ(flat.reshaped(y.shape()), y);
    }
  }
}

/// Blocks of results and of elements that meet, cut in the middle, on several threads.
TEST(Reductions, HoldAcrossBlocks) {
  Random random(8);
  const Tensor x = random_tensor({3, 1100, 2, 70}, random, 0.5F, 1.5F);
  for (const std::vector<Index>& axes : {std::vector<Index>{0}, {1}, {0, 2}, {3}, {1, 3}, {1, 2, 3}}) {
    std::vector<bool> reduced(4);
    for (const Index axis : axes) reduced[static_cast<std::size_t>(axis)] = true;
    const std::vector<Elements> groups = meeting(x, reduced);
    const Tensor y = run(ReduceMean{}, {x, axes_of(axes)});
    EXPECT_EQ(run(ReduceMean{}, {x, axes_of(axes)}, ThreadPool(3)), y);
    for (Index j = 0; j < y.count(); ++j) {
      const Elements& group = groups[static_cast<std::size_t>(j)];
      ASSERT_NEAR(static_cast<double>(y.data<float>()[j]), total(group, identity) / static_cast<double>(group.size()),
                  1e-6);
    }
  }
}

TEST(Reductions, OfNoAxesApplyTheirFunctionOnly) {
  const Tensor x = Tensor::of<float>({3}, {-2, 1, 4});
  EXPECT_EQ(run(ReduceSum{.noop_with_empty_axes = true}, {x}), x);
  EXPECT_EQ(run(ReduceSumSquare{.noop_with_empty_axes = true}, {x, axes_of({})}), Tensor::of<float>({3}, {4, 1, 16}));
  EXPECT_EQ(run(ReduceSum{}, {x}), Tensor::of<float>({1}, {3}));
  EXPECT_EQ(run(ReduceSum{.keepdims = false}, {x, axes_of({})}), Tensor::scalar(3.0F));
  EXPECT_EQ(run(ReduceL1{}, {Tensor::scalar(-2.0F)}), Tensor::scalar(2.0F));
}

TEST(Reductions, OfNothingGiveTheirNeutralElement) {
  const Tensor x(DataType::float32, {2, 0});
  const auto of_nothing = [&](const Operator& op) { return *run(op, {x, axes_of({1})}).data<float>(); };
  for (const Operator& op :
       {Operator(ReduceSum{}), Operator(ReduceL1{}), Operator(ReduceL2{}), Operator(ReduceSumSquare{})}) {
    EXPECT_EQ(of_nothing(op), 0.0F) << op.type();
  }
  for (const Operator& op : {Operator(ReduceLogSum{}), Operator(ReduceLogSumExp{}), Operator(ReduceMax{})}) {
    EXPECT_EQ(of_nothing(op), -kInfinity) << op.type();
  }
  EXPECT_EQ(of_nothing(ReduceMin{}), kInfinity);
  EXPECT_EQ(of_nothing(ReduceProd{}), 1.0F);
  EXPECT_TRUE(std::isnan(of_nothing(ReduceMean{})));
  const Tensor bytes(DataType::int8, {0});
  EXPECT_EQ(run(ReduceMax{}, {bytes}), Tensor::of<std::int8_t>({1}, {-128}));
  EXPECT_EQ(run(ReduceMin{}, {bytes}), Tensor::of<std::int8_t>({1}, {127}));
  EXPECT_EQ(run(ReduceMean{}, {bytes}), Tensor::of<std::int8_t>({1}, {0}));
  EXPECT_EQ(run(ReduceMax{}, {Tensor(DataType::boolean, {0})}), Tensor::of<bool>({1}, {false}));
  EXPECT_EQ(run(ReduceSum{}, {x, axes_of({0})}).shape(), (Shape{1, 0}));
}

TEST(Reductions, OfIntegersWrapAndDropFractions) {
  const Tensor x = Tensor::of<std::int32_t>({3}, {-7, 2, 2});
  EXPECT_EQ(run(ReduceMean{}, {x}), Tensor::of<std::int32_t>({1}, {-1}));
  EXPECT_EQ(run(ReduceL1{}, {x}), Tensor::of<std::int32_t>({1}, {11}));
  EXPECT_EQ(run(ReduceL2{}, {x}), Tensor::of<std::int32_t>({1}, {7}));
  EXPECT_EQ(run(ReduceProd{}, {x}), Tensor::of<std::int32_t>({1}, {-28}));
  const Tensor bytes = Tensor::of<std::uint8_t>({2}, {200, 100});
  EXPECT_EQ(run(ReduceSum{}, {bytes}), Tensor::of<std::uint8_t>({1}, {44}));
  EXPECT_EQ(run(ReduceMax{}, {bytes}), Tensor::of<std::uint8_t>({1}, {200}));
  const std::uint64_t most = ~std::uint64_t{0};
  EXPECT_EQ(run(ReduceMin{}, {Tensor::of<std::uint64_t>({2}, {most, most - 1})}),
            Tensor::of<std::uint64_t>({1}, {most - 1}));
  EXPECT_EQ(run(ReduceMin{}, {Tensor::of<bool>({2}, {true, false})}), Tensor::of<bool>({1}, {false}));
}

TEST(Reductions, HoldAtTheEndsOfTheRange) {
  const auto log_sum_exp = [](std::initializer_list<float> values) {
    return *run(ReduceLogSumExp{}, {Tensor::of<float>({static_cast<Index>(values.size())}, values)}).data<float>();
  };
  EXPECT_NEAR(log_sum_exp({-1000, -1000}), -1000 + std::log(2.0F), 1e-4);
  EXPECT_NEAR(log_sum_exp({1000, 999, 1000}), 1000.8619F, 1e-3);
  EXPECT_EQ(log_sum_exp({-kInfinity, -kInfinity}), -kInfinity);
  EXPECT_EQ(log_sum_exp({-kInfinity, 3}), 3.0F);
  EXPECT_EQ(log_sum_exp({kInfinity, 3, kInfinity}), kInfinity);
  EXPECT_TRUE(std::isnan(log_sum_exp({1, kNan, 3})));
  const Tensor nan = Tensor::of<float>({3}, {5, kNan, 7});
  EXPECT_TRUE(std::isnan(*run(ReduceMax{}, {nan}).data<float>()));
  EXPECT_TRUE(std::isnan(*run(ReduceMin{}, {nan}).data<float>()));
  const Tensor halves = run(Cast{.to = DataType::float16}, {filled({3000}, 10)});
  EXPECT_EQ(run(ReduceMean{}, {halves}), run(Cast{.to = DataType::float16}, {filled({1}, 10)}));
}

TEST(Reductions, RefuseAxesThatDoNotFit) {
  const Tensor x(DataType::float32, {2, 3});
  const auto refuses = [&](const Tensor& axes, std::string_view message) {
    return throws<InvalidArgument>(message, [&] { run(ReduceSum{}, {x, axes}); });
  };
  EXPECT_TRUE(refuses(axes_of({2}), "it has no axis 2, there are 2 dimensions"));
  EXPECT_TRUE(refuses(axes_of({-3}), "it has no axis -3"));
  EXPECT_TRUE(refuses(axes_of({1, -1}), "its axis -1 is named twice"));
  EXPECT_TRUE(refuses(axes_of({0, 1, 0}), "its input 1 names 3 axes, its input 0 has shape (2 x 3)"));
  EXPECT_TRUE(refuses(Tensor(DataType::float32, {1}), "its input 1 is int64 or int32, this one is float32"));
  EXPECT_TRUE(throws<InvalidArgument>("this one is boolean", [] { run(ReduceSum{}, {Tensor::scalar(true)}); }));
}

TEST(Reductions, InferWhatIsKnownOfTheShape) {
  const TensorType x{DataType::float32, {2, 3, 4}};
  const std::vector<std::optional<InputTypes::Input>> inputs{InputTypes::Input{x},
                                                             InputTypes::Input{{DataType::int64, {2}}}};
  EXPECT_EQ(ReduceSum{}.infer(InputTypes(inputs)).front().shape, (Shape{kDynamic, kDynamic, kDynamic}));
  EXPECT_EQ(ReduceSum{.keepdims = false}.infer(InputTypes(inputs)).front().shape, (Shape{kDynamic}));
}

}  // namespace
}  // namespace condense::graph
