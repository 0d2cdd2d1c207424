#include <gtest/gtest.h>

#include "condense/graph/operators/attention.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using graph::Attention;
using testing::expect_gradients_agree;
using testing::normal_values;

std::vector<Tensor> heads(Index key_heads = 4) {
  return {normal_values({2, 4, 3, 2}, 1), normal_values({2, key_heads, 5, 2}, 2),
          normal_values({2, key_heads, 5, 3}, 3)};
}

TEST(AttentionGradient, AgreesWithDifferences) {
  expect_gradients_agree(Attention{}, heads());
  expect_gradients_agree(Attention{.is_causal = true, .scale = 0.3F}, heads());
  expect_gradients_agree(Attention{.softcap = 1.5F}, heads());
}

TEST(AttentionGradient, AgreesForHeadsThatShareKeys) {
  expect_gradients_agree(Attention{}, heads(2));
  expect_gradients_agree(Attention{}, heads(1));
}

TEST(AttentionGradient, AgreesForHeadsInOneAxis) {
  expect_gradients_agree(Attention{.q_num_heads = 4, .kv_num_heads = 2},
                         {normal_values({2, 3, 8}, 1), normal_values({2, 5, 4}, 2), normal_values({2, 5, 6}, 3)});
}

TEST(AttentionGradient, AgreesForMasksOfNumbers) {
  std::vector<Tensor> inputs = heads();
  for (const Shape& shape : {Shape{2, 4, 3, 5}, Shape{3, 5}, Shape{2, 1, 1, 5}}) {
    inputs.resize(3);
    inputs.push_back(normal_values(shape, 4));
    expect_gradients_agree(Attention{}, inputs);
    expect_gradients_agree(Attention{.is_causal = true, .softcap = 2}, inputs);
  }
}

TEST(AttentionGradient, AgreesForMasksOfBooleansAndQueriesThatSeeNothing) {
  std::vector<Tensor> inputs = heads();
  inputs.push_back(Tensor::of<bool>(
      {3, 5}, {true, false, true, true, false, false, false, false, false, false, true, true, true, true, true}));
  expect_gradients_agree(Attention{}, inputs);
  const std::string message = testing::refusal_of(Attention{}, inputs, 3);
  EXPECT_NE(message.find("its input 3, the mask of booleans"), std::string::npos) << message;
}

}  // namespace
}  // namespace condense::train
