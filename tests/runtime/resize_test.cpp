#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "support/quantized_networks.hpp"

namespace condense::runtime {
namespace {

using graph::Graph;
using graph::Resize;
using graph::ResizeMode;
using graph::Value;

constexpr graph::CoordinateTransformation kTransformations[] = {
    graph::CoordinateTransformation::half_pixel, graph::CoordinateTransformation::half_pixel_symmetric,
    graph::CoordinateTransformation::pytorch_half_pixel, graph::CoordinateTransformation::align_corners,
    graph::CoordinateTransformation::asymmetric};

/// Resizes images that lie channels first, as they are given, or channels last, as a convolution leaves them. Weights
/// and passes in another order make a difference of a few roundings of numbers of up to about 30.
void expect_close(const Resize& op, const Shape& shape, std::initializer_list<std::int64_t> sizes, bool channels_last) {
  Random random(3);
  Graph graph;
  Value x = graph.input("x", DataType::float32, shape);
  if (channels_last) {
    const Shape pointwise = shape.rank() == 4 ? Shape{shape[1], shape[1], 1, 1} : Shape{shape[1], shape[1], 1};
    x = graph.add(graph::Conv{}, {x, graph.constant("weights", random_tensor(pointwise, random))});
  }
  const Value wanted =
      graph.constant("sizes", Tensor::of<std::int64_t>(Shape{static_cast<Index>(sizes.size())}, sizes));
  graph.output(graph.add(op, {x, graph::kNoValue, graph::kNoValue, wanted}));
  const Tensor input = random_tensor(shape, random);
  const Tensor expected = graph::evaluate(graph, {input}).front();
  Program program = compile(graph, {.input_shapes = {shape}});
  bool is_resized = false;
  for (const StepInfo& step : program.steps()) is_resized = is_resized || step.kernel == "resize";
  EXPECT_TRUE(is_resized);
  for (const int threads : {1, 3}) {
    const Tensor actual = program.run({input}, ThreadPool(threads)).front();
    ASSERT_EQ(actual.shape(), expected.shape());
    for (std::size_t i = 0; i < static_cast<std::size_t>(expected.count()); ++i) {
      ASSERT_NEAR(actual.values<float>()[i], expected.values<float>()[i], 2e-5F) << shape.to_string() << " at " << i;
    }
  }
}

TEST(ResizeProgram, InterpolatesImagesInEitherLayout) {
  for (const bool channels_last : {false, true}) {
    for (const auto transformation : kTransformations) {
      for (const ResizeMode mode : {ResizeMode::linear, ResizeMode::cubic}) {
        const Resize op{.coordinate_transformation_mode = transformation, .mode = mode};
        expect_close(op, {2, 5, 6, 7}, {2, 5, 12, 14}, channels_last);
        expect_close(op, {1, 9, 8, 5}, {1, 9, 3, 11}, channels_last);
        expect_close(op, {1, 3, 4, 5}, {1, 3, 4, 9}, channels_last);  // lines stay
        expect_close(op, {1, 3, 4, 5}, {1, 3, 7, 5}, channels_last);
      }
    }
  }
}

TEST(ResizeProgram, InterpolatesSignalsAndImagesOfOneChannel) {
  expect_close({.mode = ResizeMode::linear}, {2, 6, 20}, {2, 6, 33}, true);
  expect_close({.mode = ResizeMode::linear}, {2, 6, 20}, {2, 6, 33}, false);
  expect_close({.mode = ResizeMode::cubic}, {1, 1, 9, 8}, {1, 1, 18, 5}, true);
  expect_close({.mode = ResizeMode::linear}, {1, 1, 9, 8}, {1, 1, 18, 32}, false);
}

TEST(ResizeProgram, StretchesKernelsAgainstAliases) {
  for (const bool channels_last : {false, true}) {
    expect_close({.antialias = true, .mode = ResizeMode::linear}, {1, 4, 20, 24}, {1, 4, 6, 7}, channels_last);
    expect_close({.antialias = true, .exclude_outside = true, .mode = ResizeMode::cubic}, {1, 4, 20, 24}, {1, 4, 9, 30},
                 channels_last);
  }
}

TEST(ResizeProgram, LeavesOtherAxesToTheOperator) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {1, 3, 4, 4});
  const Value scales = graph.constant("scales", Tensor::of<float>(Shape{4}, {1, 2, 2, 1}));
  graph.output(graph.add(Resize{.mode = ResizeMode::linear}, {x, graph::kNoValue, scales}));
  Random random(5);
  const Tensor input = random_tensor({1, 3, 4, 4}, random);
  Program program = compile(graph);
  EXPECT_EQ(program.steps().front().kernel, "reference");
  EXPECT_TRUE(program.run({input}).front() == graph::evaluate(graph, {input}).front());
}

}  // namespace
}  // namespace condense::runtime
