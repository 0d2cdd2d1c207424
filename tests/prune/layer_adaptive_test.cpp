#include "condense/prune/layer_adaptive.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "condense/prune/keep.hpp"

namespace condense::prune {
namespace {

TEST(LayerAdaptiveScores, AreSquaresOverTheSumOfThoseNotSmaller) {
  const Tensor weights = Tensor::of<float>({2, 3}, {1, -3, 0, 2, -1, 4});
  const Tensor scores = layer_adaptive_scores(weights);
  const double expected[] = {1.0 / 30, 9.0 / 25, 0, 4.0 / 29, 1.0 / 31, 1};  // of equal ones the first is larger
  for (Index i = 0; i < 6; ++i) EXPECT_FLOAT_EQ(scores.data<float>()[i], static_cast<float>(expected[i]));
}

TEST(LayerAdaptiveScores, OrderALayerAsMagnitudesDo) {
  Random random(3);
  Tensor weights(DataType::float32, {40, 20});
  for (float& weight : weights.mutable_values<float>()) weight = random.normal();
  const Tensor scores = layer_adaptive_scores(weights);
  for (const double sparsity : {0.1, 0.5, 0.9, 0.99}) {
    EXPECT_EQ(keep_highest(scores, sparsity), keep_highest(magnitude_scores(weights), sparsity));
  }
}

TEST(LayerAdaptiveScores, DoNotDependOnALayersScaleAndLeaveNoneEmpty) {
  Random random(4);
  Tensor large(DataType::float32, {30, 30});
  for (float& weight : large.mutable_values<float>()) weight = random.normal();
  Tensor small = large;
  for (float& weight : small.mutable_values<float>()) weight *= 0.0078125F;
  EXPECT_TRUE(layer_adaptive_scores(large) == layer_adaptive_scores(small));
  const std::vector<Tensor> scores{layer_adaptive_scores(large), layer_adaptive_scores(small)};
  const std::vector<Mask> masks = keep_highest_of_all(scores, 0.995);
  EXPECT_GE(masks[0].kept(), 4);
  EXPECT_GE(masks[1].kept(), 4);
}

TEST(LayerAdaptiveScores, RefuseWeightsThatAreNotFinite) {
  const Tensor weights = Tensor::of<float>({2}, {1, std::numeric_limits<float>::quiet_NaN()});
  try {
    layer_adaptive_scores(weights);
    FAIL();
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("nan"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace condense::prune
