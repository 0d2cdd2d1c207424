#include <gtest/gtest.h>

#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::normal_values;

TEST(GemmGradient, AgreesWithDifferencesForEveryTransposition) {
  for (const bool trans_a : {false, true}) {
    for (const bool trans_b : {false, true}) {
      const graph::Gemm op{.alpha = 0.5F, .beta = -2, .trans_a = trans_a, .trans_b = trans_b};
      expect_gradients_agree(op, {normal_values(trans_a ? Shape{4, 3} : Shape{3, 4}, 1),
                                  normal_values(trans_b ? Shape{5, 4} : Shape{4, 5}, 2), normal_values({3, 5}, 3)});
    }
  }
}

TEST(GemmGradient, AgreesWithDifferencesForEveryBroadcastOfTheThirdInput) {
  for (const Shape& shape : {Shape{3, 5}, Shape{1, 5}, Shape{3, 1}, Shape{5}, Shape{1}, Shape{}, Shape{1, 1}}) {
    expect_gradients_agree(graph::Gemm{.beta = 1.5F},
                           {normal_values({3, 4}, 1), normal_values({4, 5}, 2), normal_values(shape, 3)});
  }
  expect_gradients_agree(graph::Gemm{}, {normal_values({3, 4}, 1), normal_values({4, 5}, 2)});
}

TEST(MatMulGradient, AgreesWithDifferencesForMatricesAndVectors) {
  const std::pair<Shape, Shape> cases[] = {
      {{3, 4}, {4, 2}}, {{4}, {4, 2}}, {{3, 4}, {4}}, {{4}, {4}}, {{2, 3, 4}, {4}}};
  for (const auto& [left, right] : cases) {
    expect_gradients_agree(graph::MatMul{}, {normal_values(left, 1), normal_values(right, 2)});
  }
}

TEST(MatMulGradient, AgreesWithDifferencesForBroadcastStacks) {
  const std::pair<Shape, Shape> cases[] = {
      {{2, 3, 4}, {4, 2}}, {{2, 3, 4}, {2, 4, 5}}, {{3, 4}, {2, 4, 2}}, {{2, 1, 3, 4}, {3, 4, 2}}, {{4}, {2, 4, 3}}};
  for (const auto& [left, right] : cases) {
    expect_gradients_agree(graph::MatMul{}, {normal_values(left, 1), normal_values(right, 2)});
  }
}

}  // namespace
}  // namespace condense::train
