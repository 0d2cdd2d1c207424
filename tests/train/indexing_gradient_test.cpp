#include <gtest/gtest.h>

#include "condense/graph/operators/indexing.hpp"
#include "condense/graph/operators/selection.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::integers;
using testing::normal_values;

TEST(GatherGradient, AgreesForIndicesThatRepeat) {
  const Tensor x = normal_values({3, 4, 2}, 1);
  const Tensor indices = Tensor::of<std::int64_t>({2, 3}, {1, -1, 1, 0, 2, 1});
  for (const Index axis : {0, 1, -2}) expect_gradients_agree(graph::Gather{axis}, {x, indices});
  expect_gradients_agree(graph::Gather{2}, {x, Tensor::scalar(std::int32_t{1})});
}

TEST(GatherElementsGradient, AgreesForIndicesThatRepeat) {
  const Tensor x = normal_values({3, 4}, 1);
  expect_gradients_agree(graph::GatherElements{0}, {x, Tensor::of<std::int64_t>({2, 3}, {2, 0, -1, 2, 1, 0})});
  expect_gradients_agree(graph::GatherElements{-1}, {x, Tensor::of<std::int64_t>({2, 3}, {2, 2, -1, 3, 1, 0})});
}

TEST(GatherNDGradient, AgreesForTuplesThatRepeat) {
  const Tensor x = normal_values({2, 3, 4}, 1);
  expect_gradients_agree(graph::GatherND{}, {x, Tensor::of<std::int64_t>({3, 2}, {0, 1, 1, -1, 0, 1})});
  expect_gradients_agree(graph::GatherND{}, {x, Tensor::of<std::int64_t>({2, 3}, {0, 1, 1, 1, -1, 3})});
  expect_gradients_agree(graph::GatherND{1}, {x, Tensor::of<std::int64_t>({2, 1}, {2, 0})});
}

TEST(ScatterElementsGradient, AgreesForUpdatesThatMeet) {
  const Tensor x = normal_values({3, 4}, 1);
  const Tensor indices = Tensor::of<std::int64_t>({2, 3}, {2, 2, -1, 2, 1, 0});
  for (const auto reduction : {graph::ScatterReduction::none, graph::ScatterReduction::add}) {
    for (const Index axis : {0, 1}) {
      expect_gradients_agree(graph::ScatterElements{axis, reduction}, {x, indices, normal_values({2, 3}, 2)});
    }
  }
}

TEST(ScatterNDGradient, AgreesForUpdatesThatMeet) {
  const Tensor x = normal_values({2, 3, 4}, 1);
  const Tensor indices = Tensor::of<std::int64_t>({3, 2}, {0, 1, 1, -1, 0, 1});
  for (const auto reduction : {graph::ScatterReduction::none, graph::ScatterReduction::add}) {
    expect_gradients_agree(graph::ScatterND{reduction}, {x, indices, normal_values({3, 4}, 2)});
  }
}

TEST(ScatterGradient, RefusesOtherReductionsByTheirName) {
  const Tensor indices = Tensor::of<std::int64_t>({1, 1}, {0});
  const std::vector<Tensor> inputs = {normal_values({2}, 1), indices, normal_values({1}, 2)};
  const std::string message = testing::refusal_of(graph::ScatterND{graph::ScatterReduction::max}, inputs, 0);
  EXPECT_NE(message.find("reduction max"), std::string::npos) << message;
}

TEST(OneHotGradient, AgreesForTheValues) {
  const Tensor indices = Tensor::of<std::int64_t>({3}, {1, -1, 9});
  const Tensor depth = Tensor::scalar(std::int64_t{4});
  expect_gradients_agree(graph::OneHot{}, {indices, depth, normal_values({2}, 1)});
  expect_gradients_agree(graph::OneHot{0}, {indices, depth, normal_values({2}, 1)});
}

TEST(TopKGradient, AgreesAlongEveryAxis) {
  const Tensor x = testing::spread_values({3, 4, 2}, 1);
  for (const bool largest : {false, true}) {
    for (const Index axis : {0, 1, -1}) {
      expect_gradients_agree(graph::TopK{.axis = axis, .largest = largest}, {x, integers({2})});
    }
  }
}

TEST(CompressGradient, AgreesWithAndWithoutAnAxis) {
  const Tensor x = normal_values({3, 2}, 1);
  expect_gradients_agree(graph::Compress{0}, {x, Tensor::of<bool>({3}, {true, false, true})});
  expect_gradients_agree(graph::Compress{}, {x, Tensor::of<bool>({4}, {false, true, true, false})});
}

TEST(IndexGradient, RefusesIndices) {
  const Tensor x = normal_values({4}, 1);
  const auto says = [&](const graph::Operator& op, const Tensor& other, std::string_view words) {
    const std::string message = testing::refusal_of(op, {x, other}, 1);
    EXPECT_NE(message.find(words), std::string::npos) << message;
  };
  says(graph::Gather{}, integers({1}), "its input 1, the indices");
  says(graph::GatherElements{}, integers({1}), "its input 1, the indices");
  says(graph::TopK{}, integers({1}), "its input 1, k");
}

}  // namespace
}  // namespace condense::train
