#include <gtest/gtest.h>

#include "condense/graph/operators/slicing.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::integers;
using testing::normal_values;

TEST(SliceGradient, AgreesForEverySetOfSteps) {
  const Tensor x = normal_values({4, 5, 3}, 1);
  expect_gradients_agree(graph::Slice{}, {x, integers({1, 0}), integers({3, 4})});
  expect_gradients_agree(graph::Slice{},
                         {x, integers({0, -1}), integers({4, -10}), integers({0, 1}), integers({2, -2})});
  expect_gradients_agree(graph::Slice{}, {x, integers({-2}), integers({1000}), integers({-1})});
  expect_gradients_agree(graph::Slice{}, {x, integers({2}), integers({2}), integers({1})});  // nothing is left
}

TEST(SplitGradient, AgreesForEveryPart) {
  const Tensor x = normal_values({2, 7, 3}, 1);
  expect_gradients_agree(graph::Split{.axis = 1, .num_outputs = 3}, {x}, {}, 3);
  expect_gradients_agree(graph::Split{.axis = -2}, {x, integers({2, 0, 5})}, {}, 3);
  expect_gradients_agree(graph::Split{.axis = 0, .num_outputs = 2}, {x}, {}, 1);  // the other part is not used
}

TEST(PadGradient, AgreesForEveryMode) {
  const Tensor x = normal_values({2, 4, 3}, 1);
  using enum graph::PadMode;
  for (const graph::PadMode mode : {constant, reflect, edge, wrap}) {
    expect_gradients_agree(graph::Pad{mode}, {x, integers({0, 2, 1, 1, 5, 0})});
    expect_gradients_agree(graph::Pad{mode}, {x, integers({0, -1, 1, 0, 3, -1})});
    expect_gradients_agree(graph::Pad{mode}, {x, integers({7, 2}), normal_values({1}, 2), integers({-1})});
  }
}

TEST(PadGradient, AgreesForTheConstant) {
  const Tensor x = normal_values({2, 3}, 1);
  expect_gradients_agree(graph::Pad{}, {x, integers({1, 0, 0, 2}), normal_values({}, 2)});
  expect_gradients_agree(graph::Pad{}, {x, integers({1, 0}), normal_values({1}, 2), integers({0})});
}

TEST(ReverseSequenceGradient, AgreesForBothLayouts) {
  const Tensor x = normal_values({4, 3, 2}, 1);
  expect_gradients_agree(graph::ReverseSequence{}, {x, integers({4, 0, 3})});
  expect_gradients_agree(graph::ReverseSequence{.batch_axis = 0, .time_axis = 1}, {x, integers({3, 2, 1, 0})});
}

TEST(SlicingGradient, RefusesWhereAndHowMany) {
  const Tensor x = normal_values({4}, 1);
  const auto says = [&](const graph::Operator& op, const std::vector<Tensor>& inputs, std::size_t i,
                        std::string_view words) {
    const std::string message = testing::refusal_of(op, inputs, i);
    EXPECT_NE(message.find(words), std::string::npos) << message;
  };
  says(graph::Slice{}, {x, integers({1}), integers({3})}, 2, "its input 2, the ends");
  says(graph::Pad{}, {x, integers({1, 1})}, 1, "its input 1, the pads");
  says(graph::Split{}, {x, integers({1, 3})}, 1, "its input 1, the extents of the parts");
}

}  // namespace
}  // namespace condense::train
