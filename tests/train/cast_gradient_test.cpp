#include <gtest/gtest.h>

#include "condense/graph/operators/activations.hpp"
#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/cast.hpp"
#include "condense/graph/operators/comparisons.hpp"
#include "condense/graph/operators/concat.hpp"
#include "condense/graph/operators/dropout.hpp"
#include "condense/graph/operators/indexing.hpp"
#include "condense/graph/operators/layout.hpp"
#include "condense/graph/operators/mul.hpp"
#include "condense/graph/operators/reshape.hpp"
#include "condense/graph/operators/shape_queries.hpp"
#include "condense/graph/operators/slicing.hpp"
#include "condense/graph/operators/unary_math.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::normal_values;

TEST(CastGradient, KeepsThePrecisionOfTheInput) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float64, {3});
  g.output(g.add(graph::Cast{DataType::float32}, {x}));
  const Tensor value = normal_values({3}, 1);
  ForwardPass pass(g, {&value, 1}, g.inputs());
  const Tensor seed = Tensor::of<float>({3}, {1.5F, -2, 0.25F});
  EXPECT_EQ(pass.backpropagate({{g.outputs()[0], seed}})[0], Tensor::of<double>({3}, {1.5, -2, 0.25}));
}

TEST(CastGradient, PassesThroughHalves) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float32, {2});
  const graph::Value half = g.add(graph::Cast{DataType::float16}, {x});
  g.output(g.add(graph::Cast{DataType::float32}, {half}));
  const Tensor value = Tensor::of<float>({2}, {1, 2});
  ForwardPass pass(g, {&value, 1}, g.inputs());
  const Tensor seed = Tensor::of<float>({2}, {3, -4});
  EXPECT_EQ(pass.backpropagate({{g.outputs()[0], seed}})[0], seed);
}

TEST(CastGradient, RefusesIntegers) {
  graph::Graph g;
  const graph::Value x = g.constant("x", Tensor::of<std::int64_t>({2}, {1, 2}));
  g.output(g.add(graph::Cast{DataType::float32}, {x}, "to float"));
  const std::vector<graph::Value> wanted = {x};
  ForwardPass pass(g, {}, wanted);
  try {
    static_cast<void>(pass.backpropagate({{g.outputs()[0], Tensor::of<float>({2}, {1, 1})}}));
    FAIL() << "accepted";
  } catch (const Unsupported& error) {
    EXPECT_NE(std::string(error.what()).find("node 'to float' (Cast): its input 0 is int64"), std::string::npos)
        << error.what();
  }
}

TEST(IdentityGradient, AgreesWithDifferences) {
  const Tensor x = normal_values({2, 3}, 1);
  expect_gradients_agree(graph::Identity{}, {x});
  expect_gradients_agree(graph::Dropout{}, {x, Tensor::scalar(0.5F)});
  expect_gradients_agree(graph::CastLike{}, {x, x});
}

TEST(RangeGradient, AgreesWithDifferences) {
  expect_gradients_agree(graph::Range{}, {Tensor::scalar(0.5), Tensor::scalar(2.4), Tensor::scalar(0.4)});
}

TEST(ZeroGradient, GivesZeros) {
  const Tensor x = testing::spread_values({90}, 1);
  const std::vector<graph::Operator> operators = {graph::Ceil{}, graph::Floor{}, graph::Round{}, graph::Sign{}};
  for (const graph::Operator& op : operators) expect_gradients_agree(op, {x});
}

TEST(ZeroGradient, EndsAtAShapeThatIsComputedFromAValue) {
  // As exporters write "flatten all but the first axis": the new shape comes from the value that is trained.
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float64, {2, 3, 2}), w = g.input("w", DataType::float64, {2});
  const graph::Value product = g.add(graph::Mul{}, {x, w});
  const graph::Value shape = g.add(graph::ShapeOf{}, {product});
  const graph::Value first = g.add(graph::Gather{}, {shape, g.constant("first", testing::integers({0}))});
  const graph::Value rest = g.constant("rest", testing::integers({-1}));
  g.output(g.add(graph::Reshape{}, {product, g.add(graph::Concat{0}, {first, rest})}));
  expect_gradients_agree(g, {normal_values({2, 3, 2}, 1), normal_values({2}, 2)});
}

TEST(ZeroGradient, EndsAtAQuestionAboutAValue) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float64, {40});
  const graph::Value zero = g.constant("zero", Tensor::scalar(0.0));
  const graph::Value is_positive = g.add(graph::Greater{}, {x, zero});
  const graph::Value mask = g.add(graph::Cast{DataType::boolean}, {g.add(graph::Floor{}, {x})});
  const graph::Value chosen = g.add(graph::Where{}, {is_positive, g.add(graph::Mul{}, {x, x}), x});
  g.output(g.add(graph::Where{}, {mask, chosen, zero}));
  expect_gradients_agree(g, {testing::spread_values({40}, 1)});
}

}  // namespace
}  // namespace condense::train
