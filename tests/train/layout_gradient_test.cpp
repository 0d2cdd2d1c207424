#include <gtest/gtest.h>

#include "condense/graph/operators/layout.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::integers;
using testing::normal_values;

TEST(TransposeGradient, AgreesForEveryOrder) {
  const Tensor x = normal_values({2, 3, 4}, 1);
  for (const std::vector<Index>& perm : {std::vector<Index>{}, {1, 2, 0}, {2, 0, 1}, {0, 2, 1}, {0, 1, 2}}) {
    expect_gradients_agree(graph::Transpose{perm}, {x});
  }
}

TEST(SqueezeGradient, AgreesWithAndWithoutAxes) {
  const Tensor x = normal_values({1, 3, 1, 2}, 1);
  expect_gradients_agree(graph::Squeeze{}, {x});
  expect_gradients_agree(graph::Squeeze{}, {x, integers({-2})});
  expect_gradients_agree(graph::Unsqueeze{}, {x, integers({0, -1})});
}

TEST(ExpandGradient, AgreesForEveryBroadcast) {
  expect_gradients_agree(graph::Expand{}, {normal_values({3, 1}, 1), integers({2, 3, 4})});
  expect_gradients_agree(graph::Expand{}, {normal_values({}, 1), integers({2, 2})});
  expect_gradients_agree(graph::Expand{}, {normal_values({2, 3}, 1), integers({1})});
}

TEST(TileGradient, AgreesForEveryCountOfRepeats) {
  expect_gradients_agree(graph::Tile{}, {normal_values({2, 3, 2}, 1), integers({2, 1, 3})});
  expect_gradients_agree(graph::Tile{}, {normal_values({2, 3}, 1), integers({1, 1})});
  expect_gradients_agree(graph::Tile{}, {normal_values({2, 3}, 1), integers({0, 2})});
  expect_gradients_agree(graph::Tile{}, {normal_values({}, 1), integers({})});
}

TEST(DepthToSpaceGradient, AgreesForBothModes) {
  for (const auto mode : {graph::DepthToSpaceMode::dcr, graph::DepthToSpaceMode::crd}) {
    expect_gradients_agree(graph::DepthToSpace{2, mode}, {normal_values({2, 12, 2, 3}, 1)});
    expect_gradients_agree(graph::DepthToSpace{3, mode}, {normal_values({1, 18, 1, 2}, 1)});
  }
  expect_gradients_agree(graph::SpaceToDepth{2}, {normal_values({2, 3, 4, 6}, 1)});
}

TEST(TriluGradient, AgreesForEveryDiagonal) {
  for (const bool upper : {false, true}) {
    for (const std::int64_t k : {-1, 0, 2}) {
      expect_gradients_agree(graph::Trilu{upper}, {normal_values({2, 3, 4}, 1), Tensor::scalar(k)});
    }
    expect_gradients_agree(graph::Trilu{upper}, {normal_values({3, 3}, 1)});
  }
}

TEST(LayoutGradient, RefusesShapesAndAxes) {
  const Tensor x = normal_values({1, 3}, 1);
  const auto says = [&](const graph::Operator& op, const Tensor& other, std::string_view words) {
    const std::string message = testing::refusal_of(op, {x, other}, 1);
    EXPECT_NE(message.find(words), std::string::npos) << message;
  };
  says(graph::Squeeze{}, integers({0}), "its input 1, the axes");
  says(graph::Expand{}, integers({2, 3}), "its input 1, the shape");
  says(graph::Tile{}, integers({2, 3}), "its input 1, the repeats");
}

}  // namespace
}  // namespace condense::train
