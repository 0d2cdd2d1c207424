#include <gtest/gtest.h>

#include "condense/graph/operators/reductions.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::integers;

/// Every set of axes of a tensor, with and without the reduced ones in the result.
template <class Op>
void check(const Tensor& x) {
  for (const bool keepdims : {true, false}) {
    expect_gradients_agree(Op{.keepdims = keepdims}, {x});
    expect_gradients_agree(Op{.keepdims = keepdims, .noop_with_empty_axes = true}, {x});
    for (const Tensor& axes : {integers({0}), integers({1}), integers({-1}), integers({0, 2}), integers({-1, 1})}) {
      expect_gradients_agree(Op{.keepdims = keepdims}, {x, axes});
    }
  }
}

/// Distinct values of at least 0.5.
Tensor positive_values() {
  Tensor x = testing::spread_values({2, 3, 4}, 1);
  for (double& value : x.mutable_values<double>()) value = 1 + 2 * value;
  return x;
}

TEST(ReductionGradient, OfSumsAgreesForEverySetOfAxes) {
  check<graph::ReduceSum>(testing::normal_values({2, 3, 4}, 1));
  check<graph::ReduceMean>(testing::normal_values({2, 3, 4}, 1));
  check<graph::ReduceSumSquare>(testing::normal_values({2, 3, 4}, 1));
}

TEST(ReductionGradient, OfNormsAgreesForEverySetOfAxes) {
  check<graph::ReduceL1>(testing::spread_values({2, 3, 4}, 1));
  check<graph::ReduceL2>(positive_values());
}

TEST(ReductionGradient, OfLogarithmsAgreesForEverySetOfAxes) {
  check<graph::ReduceLogSum>(positive_values());
  check<graph::ReduceLogSumExp>(testing::normal_values({2, 3, 4}, 1));
}

TEST(ReductionGradient, OfChoicesAgreesForEverySetOfAxes) {
  check<graph::ReduceMax>(testing::spread_values({2, 3, 4}, 1));
  check<graph::ReduceMin>(testing::spread_values({2, 3, 4}, 2));
}

TEST(ReductionGradient, OfProductsAgreesForEverySetOfAxesAndZeros) {
  Tensor x = positive_values();
  check<graph::ReduceProd>(x);
  x.mutable_data<double>()[5] = 0;
  check<graph::ReduceProd>(x);
  x.mutable_data<double>()[6] = 0;
  check<graph::ReduceProd>(x);
}

TEST(ReductionGradient, OfAMaximumGoesToTheFirstOfEqualElements) {
  const Tensor x = Tensor::of<double>({2, 3}, {1, 4, 4, 2, 2, 2});
  const graph::Graph g = testing::graph_of(graph::ReduceMax{}, {x, integers({1})});
  ForwardPass pass(g, {&x, 1}, g.inputs());
  EXPECT_EQ(pass.backpropagate({{g.outputs()[0], Tensor::of<double>({2, 1}, {5, 7})}})[0],
            Tensor::of<double>({2, 3}, {0, 5, 0, 7, 0, 0}));
}

TEST(ReductionGradient, IsTheSameOnAnyNumberOfThreads) {
  const Tensor x = testing::normal_values({40, 3, 1000}, 1);
  for (const Tensor& axes : {integers({0}), integers({2}), integers({0, 2})}) {
    testing::expect_threads_agree(testing::graph_of(graph::ReduceMean{}, {x, axes}), {x});
    testing::expect_threads_agree(testing::graph_of(graph::ReduceMax{}, {x, axes}), {x});
  }
}

TEST(ReductionGradient, RefusesTheAxes) {
  const std::string message =
      testing::refusal_of(graph::ReduceSum{}, {testing::normal_values({2, 3}, 1), integers({1})}, 1);
  EXPECT_NE(message.find("node 'node' (ReduceSum): its input 1, the axes"), std::string::npos) << message;
}

TEST(CumSumGradient, AgreesForEveryDirectionAndAxis) {
  for (const bool exclusive : {false, true}) {
    for (const bool reverse : {false, true}) {
      for (const std::int64_t axis : {0, 1, -1}) {
        expect_gradients_agree(graph::CumSum{exclusive, reverse},
                               {testing::normal_values({2, 3, 4}, 1), Tensor::scalar(axis)});
      }
    }
  }
}

}  // namespace
}  // namespace condense::train
