#include <gtest/gtest.h>

#include <limits>

#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/control_flow.hpp"
#include "condense/graph/operators/mul.hpp"
#include "condense/graph/operators/shape_queries.hpp"
#include "graph/moved.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

/// Two states, a sum and a weighted sum, over the entries of two tensors; stacks the sums, and the products of the
/// entries.
std::shared_ptr<const Graph> sums(const Shape& entry) {
  Graph g;
  const Value sum = g.input("sum", DataType::float32, entry);
  const Value weighted = g.input("weighted", DataType::float32, entry);
  const Value x = g.input("x", DataType::float32, entry);
  const Value y = g.input("y", DataType::float32, entry);
  const Value weight = g.input("weight", DataType::float32, {});
  const Value next = g.add(Add{}, {sum, x});
  g.output(next);
  g.output(g.add(Add{}, {weighted, g.add(Mul{}, {weight, y})}));
  g.output(next);
  g.output(g.add(Mul{}, {x, y}));
  return std::make_shared<const Graph>(std::move(g));
}

Shape with(const Shape& entry, Index axis, Index steps) {
  std::vector<Index> extents(entry.begin(), entry.end());
  extents.insert(extents.begin() + (axis < 0 ? axis + entry.rank() + 1 : axis), steps);
  return Shape(std::span<const Index>(extents));
}

/// Where entry `step` of a stack along an axis has the element `at`.
Index place(const Shape& shape, Index axis, Index step, Position at) {
  at.insert(at.begin() + shape.axis(axis), step);
  return offset_of(shape, at);
}

TEST(Scan, GoesAlongAnyAxesInAnyDirection) {
  Random random(1);
  const Shape entry{2, 3};
  constexpr Index kSteps = 4;
  const Tensor zero = filled(entry, 0);
  for (int i = 0; i < 60; ++i) {
    Scan op{.body = sums(entry), .captures = 1, .num_scan_inputs = 2};
    const auto axis = [&] { return random_index(random, -3, 2); };
    op.scan_input_axes = {axis(), axis()};
    op.scan_output_axes = {axis(), axis()};
    const auto direction = [&] { return random.below(2) == 1; };
    op.scan_input_directions = {direction(), direction()};
    op.scan_output_directions = {direction(), direction()};
    if (i == 0) op = Scan{.body = op.body, .captures = 1, .num_scan_inputs = 2};
    const auto entry_of = [](const auto& list, std::size_t k) {
      return k < list.size() ? static_cast<Index>(list[k]) : Index{0};
    };
    const Tensor x = random_tensor(with(entry, entry_of(op.scan_input_axes, 0), kSteps), random);
    const Tensor y = random_tensor(with(entry, entry_of(op.scan_input_axes, 1), kSteps), random);
    const std::vector<Tensor> results = run_all(op, {zero, zero, x, y, Tensor::scalar(0.5F)});
    ASSERT_EQ(results.size(), 4U);
    for_each_position(entry, [&](const Position& at) {
      float sum = 0;
      float weighted = 0;
      const auto input = [&](const Tensor& tensor, std::size_t k, Index step) {
        const Index from = entry_of(op.scan_input_directions, k) == 1 ? kSteps - 1 - step : step;
        return tensor.data<float>()[place(tensor.shape(), entry_of(op.scan_input_axes, k), from, at)];
      };
      const auto output = [&](std::size_t k, Index step) {
        const Index to = entry_of(op.scan_output_directions, k) == 1 ? kSteps - 1 - step : step;
        const Tensor& stack = results[2 + k];
        return stack.data<float>()[place(stack.shape(), entry_of(op.scan_output_axes, k), to, at)];
      };
      for (Index step = 0; step < kSteps; ++step) {
        sum += input(x, 0, step);
        weighted += 0.5F * input(y, 1, step);
        EXPECT_EQ(output(0, step), sum);
        EXPECT_EQ(output(1, step), input(x, 0, step) * input(y, 1, step));
      }
      EXPECT_EQ(results[0].data<float>()[offset_of(entry, at)], sum);
      EXPECT_EQ(results[1].data<float>()[offset_of(entry, at)], weighted);
    });
  }
}

TEST(Scan, OverNothingGivesItsStatesAndEmptyStacks) {
  const Tensor state = filled({2}, 3);
  const Scan op{.body = sums({2}), .captures = 1, .num_scan_inputs = 2, .scan_output_axes = {1, -1}};
  const Tensor none = filled({0, 2}, 0);
  const std::vector<Tensor> results = run_all(op, {state, state, none, none, Tensor::scalar(1.0F)});
  EXPECT_EQ(results[0], state);
  EXPECT_EQ(results[2].shape(), (Shape{2, 0}));
}

TEST(Scan, TakesPackedElementsApartAndPutsThemTogether) {
  Random random(2);
  const Tensor codes = random_bytes(DataType::uint4, {2, 3}, random);
  Graph g;
  g.output(g.input("x", DataType::uint4, {2}));
  const Scan op{.body = std::make_shared<const Graph>(std::move(g)),
                .num_scan_inputs = 1,
                .scan_input_axes = {1},
                .scan_output_axes = {1}};
  EXPECT_EQ(run(op, {codes}), codes);
}

/// Stacks a tensor of that shape for each number it sees.
Scan stacking_what_it_is_told(int built_rank, Index axis) {
  Graph g;
  const Value extents = g.input("extents", DataType::int64, {kDynamic}, Shape{built_rank});
  g.output(g.add(ConstantOfShape{}, {extents}));
  return {.body = std::make_shared<const Graph>(std::move(g)), .num_scan_inputs = 1, .scan_output_axes = {axis}};
}

TEST(Scan, StacksAlongAnAxisThatTheRanksAtHandHave) {
  const Tensor extents = Tensor::of<std::int64_t>({3, 1}, {2, 2, 2});
  EXPECT_EQ(run(stacking_what_it_is_told(3, -1), {extents}).shape(), (Shape{2, 3}));
  EXPECT_EQ(run(stacking_what_it_is_told(1, 1), {extents}).shape(), (Shape{2, 3}));
  EXPECT_TRUE(throws<InvalidArgument>("scan_output_axes holds 3, its output has 2 dimensions",
                                      [&] { run(stacking_what_it_is_told(3, 3), {extents}); }));
  const Tensor differing = Tensor::of<std::int64_t>({2, 1}, {2, 3});
  EXPECT_TRUE(throws<InvalidArgument>("its body gives float32 of shape (3) after float32 of shape (2)",
                                      [&] { run(stacking_what_it_is_told(1, 0), {differing}); }));
}

TEST(Scan, RefusesABodyThatDoesNotFit) {
  const Tensor x = filled({4, 2}, 1);
  const Tensor state = filled({2}, 0);
  const Tensor weight = Tensor::scalar(1.0F);
  const Scan good{.body = sums({2}), .captures = 1, .num_scan_inputs = 2};
  const auto refuses = [](std::string_view part, const Scan& op, std::initializer_list<std::optional<Tensor>> inputs) {
    return throws<InvalidArgument>(part, [&] { run(op, inputs); });
  };
  const auto changed = [&](auto change) {
    Scan op = good;
    change(op);
    return op;
  };
  EXPECT_TRUE(refuses("it takes a body, there is none", {}, {x}));
  EXPECT_TRUE(refuses("its body takes 5 inputs and gives 4 outputs, 4 inputs are given", good, {state, x, x, weight}));
  for (const Index count : {Index{0}, Index{5}, std::numeric_limits<Index>::min(), std::numeric_limits<Index>::max()}) {
    EXPECT_TRUE(refuses(fmt::format("its attribute num_scan_inputs is {}, it has 4 inputs", count),
                        changed([&](Scan& op) { op.num_scan_inputs = count; }), {state, state, x, x, weight}));
  }
  EXPECT_TRUE(refuses("it has -1 captures in 5 inputs", changed([](Scan& op) { op.captures = -1; }),
                      {state, state, x, x, weight}));
  EXPECT_TRUE(refuses("its input 3 is scanned over 3 entries, the first over 4", good,
                      {state, state, x, filled({3, 2}, 1), weight}));
  EXPECT_TRUE(refuses("axis 2 does not exist in the shape (4 x 2)", changed([](Scan& op) {
                        op.scan_input_axes = {0, 2};
                      }),
                      {state, state, x, x, weight}));
  EXPECT_TRUE(refuses("scan_output_axes holds -3, its output has 2 dimensions",
                      changed([](Scan& op) { op.scan_output_axes = {-3}; }), {state, state, x, x, weight}));
  EXPECT_TRUE(refuses("its input 4 is required", good, {state, state, x, x, std::nullopt}));
  EXPECT_TRUE(refuses("its input 0 is int64, its body makes it float32", good, {list({1, 2}), state, x, x, weight}));
}

}  // namespace
}  // namespace condense::graph
