#include "condense/graph/operators/slicing.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "graph/moved.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

/// What Python's list(range(extent))[start:end:step] holds, but that a start before the first element is that element
/// also where the step is negative: so ONNX has it.
std::vector<Index> python_slice(Index extent, Index start, Index end, Index step) {
  std::vector<Index> taken;
  if (start < 0) start += extent;
  if (end < 0) end += extent;
  if (step > 0) {
    for (Index i = std::max<Index>(start, 0); i < std::min(end, extent); i += step) taken.push_back(i);
  } else {
    for (Index i = std::min(std::max<Index>(start, 0), extent - 1); i > std::max<Index>(end, -1); i += step)
      taken.push_back(i);
  }
  return taken;
}

TEST(Slice, TakesWhatPythonTakesWithStartsWithinTheAxis) {
  for (Index extent = 0; extent <= 4; ++extent) {
    const Tensor x = counting<std::int32_t>({extent}, 0);
    for (Index start = -6; start <= 6; ++start) {
      for (Index end = -6; end <= 6; ++end) {
        for (const Index step : {-3, -2, -1, 1, 2, 3}) {
          const Tensor y = run(Slice{}, {x, list({start}), list({end}), list({0}), list({step})});
          const auto values = y.values<std::int32_t>();
          const std::vector<Index> taken(values.begin(), values.end());
          ASSERT_EQ(taken, python_slice(extent, start, end, step))
              << extent << ": " << start << " " << end << " " << step;
        }
      }
    }
  }
}

TEST(Slice, MovesElementsOfEveryWidthAlongAnyAxes) {
  Random random(1);
  for (int i = 0; i < 80; ++i) {
    const Shape shape = random_shape(4, 1, 7, random);
    const Tensor x = random_bytes(kTypeOfEachWidth[i % 4], shape, random);
    const Index axes[] = {random_index(random, 0, 3), -1};
    if (axes[0] == 3) continue;
    std::vector<Index> starts, ends, steps;
    std::vector<std::vector<Index>> taken;
    for (const Index axis : axes) {
      starts.push_back(random_index(random, -8, 8));
      ends.push_back(random_index(random, -8, 8));
      steps.push_back(random_index(random, 1, 3) * (random.below(2) == 0 ? 1 : -1));
      taken.push_back(python_slice(shape[shape.axis(axis)], starts.back(), ends.back(), steps.back()));
    }
    const Shape result = shape.with(static_cast<int>(axes[0]), static_cast<Index>(taken[0].size()))
                             .with(3, static_cast<Index>(taken[1].size()));
    const Tensor expected = moved(x, result, [&](Position at) {
      at[static_cast<std::size_t>(axes[0])] = taken[0][static_cast<std::size_t>(at[static_cast<std::size_t>(axes[0])])];
      at[3] = taken[1][static_cast<std::size_t>(at[3])];
      return at;
    });
    ASSERT_EQ(run(Slice{}, {x, list(starts), list(ends), list({axes[0], -1}), list(steps)}), expected);
  }
}

TEST(Slice, TakesExtremeNumbersAndInt32) {
  using Limits = std::numeric_limits<Index>;
  const Tensor x = counting<float>({5}, 0);
  EXPECT_EQ(run(Slice{}, {x, list({Limits::min()}), list({Limits::max()})}), x);
  EXPECT_EQ(run(Slice{}, {x, list({Limits::max()}), list({Limits::min()}), list({0}), list({Limits::min()})}),
            Tensor::of<float>({1}, {4}));
  EXPECT_EQ(run(Slice{}, {x, Tensor::of<std::int32_t>({1}, {1}), Tensor::of<std::int32_t>({1}, {3})}),
            Tensor::of<float>({2}, {1, 2}));
}

TEST(Slice, KnowsTheAxesThatItLeavesAlone) {
  const std::optional<InputTypes::Input> inputs[] = {InputTypes::Input{{DataType::float32, {4, 7}}, nullptr},
                                                     InputTypes::Input{{DataType::int64, {1}}, nullptr},
                                                     InputTypes::Input{{DataType::int64, {1}}, nullptr}};
  EXPECT_EQ(Slice{}.infer(InputTypes(inputs))[0].shape, (Shape{kDynamic, 7}));
}

TEST(Split, IsTheInverseOfPuttingTogether) {
  Random random(2);
  const Tensor x = random_bytes(DataType::float16, {3, 7, 2}, random);
  const auto part = [&](Index first, Index extent) {
    return moved(x, {3, extent, 2}, [&](Position at) {
      at[1] += first;
      return at;
    });
  };
  EXPECT_EQ(run_all(Split{.axis = 1}, {x, list({2, 0, 5})}), (std::vector<Tensor>{part(0, 2), part(2, 0), part(2, 5)}));
  EXPECT_EQ(run_all(Split{.axis = -2, .num_outputs = 3}, {x}),
            (std::vector<Tensor>{part(0, 3), part(3, 3), part(6, 1)}));
  EXPECT_EQ(run_all(Split{.num_outputs = 1}, {x}), std::vector<Tensor>{x});
  EXPECT_EQ(run_all(Split{.num_outputs = 2}, {Tensor(DataType::int8, Shape{0})})[1].shape(), Shape{0});
}

/// The element of a padded axis, by walking outwards from it.
std::optional<Index> padded(PadMode mode, Index extent, Index position) {
  if (mode == PadMode::constant) return position < 0 || position >= extent ? std::nullopt : std::optional(position);
  if (mode == PadMode::edge) return std::clamp<Index>(position, 0, extent - 1);
  if (mode == PadMode::wrap) {
    while (position < 0) position += extent;
    while (position >= extent) position -= extent;
    return position;
  }
  Index step = 1;
  Index at = 0;
  for (Index i = 0; i < std::abs(position) && extent > 1; ++i) {
    if (at + step < 0 || at + step >= extent) step = -step;
    at += step;
  }
  return at;
}

TEST(Pad, ContinuesTheTensorInEveryMode) {
  Random random(3);
  for (const PadMode mode : {PadMode::constant, PadMode::edge, PadMode::wrap, PadMode::reflect}) {
    for (int i = 0; i < 60; ++i) {
      const Shape shape = random_shape(3, 2, 6, random);
      const Tensor x = random_bytes(kTypeOfEachWidth[i % 4], shape, random);
      const Tensor fill = random_bytes(x.type(), Shape{}, random);
      std::vector<Index> begins, ends, extents;
      for (int axis = 0; axis < 3; ++axis) {
        begins.push_back(random_index(random, -1, i % 2 == 0 ? 3 : 20));
        ends.push_back(random_index(random, 0, 3));
        extents.push_back(shape[axis] + begins.back() + ends.back());
      }
      Tensor expected(x.type(), Shape(std::span<const Index>(extents)));
      const std::size_t width = bytes(x.type(), 1);
      Index to = 0;
      for_each_position(expected.shape(), [&](const Position& at) {
        Position from;
        for (std::size_t axis = 0; axis < 3; ++axis) {
          const Index cropped = std::max<Index>(0, -begins[axis]);
          const auto source =
              padded(mode, shape[static_cast<int>(axis)] - cropped, at[axis] - std::max<Index>(0, begins[axis]));
          if (source) from.push_back(cropped + *source);
        }
        const std::byte* element =
            from.size() == 3 ? x.raw() + static_cast<std::size_t>(offset_of(shape, from)) * width : fill.raw();
        std::memcpy(expected.mutable_raw() + static_cast<std::size_t>(to++) * width, element, width);
      });
      std::vector<Index> pads = begins;
      pads.insert(pads.end(), ends.begin(), ends.end());
      ASSERT_EQ(run(Pad{.mode = mode}, {x, list(pads), fill}), expected) << name_of(mode);
    }
  }
}

TEST(Pad, TakesAxesAndNoConstant) {
  const Tensor x = Tensor::of<float>({1, 2}, {1, 2});
  EXPECT_EQ(run(Pad{}, {x, list({1, 0}), std::nullopt, list({-1})}), Tensor::of<float>({1, 3}, {0, 1, 2}));
  EXPECT_EQ(run(Pad{}, {x, list({0, -2, 0, 0})}).shape(), (Shape{1, 0}));
  EXPECT_EQ(run(Pad{}, {Tensor::scalar(3.0F), list({})}), Tensor::scalar(3.0F));
}

TEST(ReverseSequence, TurnsTheBeginningOfEachEntry) {
  Random random(4);
  const Tensor x = random_bytes(DataType::int64, {4, 3, 2}, random);
  const std::vector<Index> lengths = {4, 1, 3};
  const auto turned = [](Index t, Index length) { return t < length ? length - 1 - t : t; };
  EXPECT_EQ(run(ReverseSequence{}, {x, list(lengths)}), moved(x, x.shape(), [&](Position at) {
              at[0] = turned(at[0], lengths[static_cast<std::size_t>(at[1])]);
              return at;
            }));
  const std::vector<Index> others = {0, 1, 2, 3};
  EXPECT_EQ(run(ReverseSequence{.batch_axis = 0, .time_axis = 1}, {x, list(others)}),
            moved(x, x.shape(), [&](Position at) {
              at[1] = turned(at[1], others[static_cast<std::size_t>(at[0])]);
              return at;
            }));
}

TEST(SliceOperators, RefuseWhatDoesNotFit) {
  const auto refuses = [](const Operator& op, std::initializer_list<std::optional<Tensor>> inputs, const char* part) {
    return throws<InvalidArgument>(part, [&] { run(op, inputs); });
  };
  const Tensor x = filled({3, 4}, 0);
  EXPECT_TRUE(
      refuses(Slice{}, {x, list({0}), list({1}), list({0}), list({0})}, "its input 4, the steps, holds 0 at 0"));
  EXPECT_TRUE(refuses(Slice{}, {x, list({0}), list({1, 2})}, "its input 2 has 2 entries, its input 1 has 1"));
  EXPECT_TRUE(refuses(Slice{}, {x, list({0, 0, 0}), list({1, 2, 3})}, "it slices 3 axes"));
  EXPECT_TRUE(refuses(Slice{}, {x, list({0, 0}), list({1, 2}), list({1, -1})}, "its axis -1 is named twice"));
  EXPECT_TRUE(refuses(Split{}, {x}, "the attribute num_outputs"));
  EXPECT_TRUE(refuses(Split{}, {x, list({2, 2})}, "has a part of 2 at 1, where 1 of 3 are left"));
  EXPECT_TRUE(refuses(Split{}, {x, list({1, 1})}, "leave 1 of the 3 of axis 0"));
  EXPECT_TRUE(refuses(Split{.num_outputs = 0}, {x}, "it makes 0 parts"));
  EXPECT_TRUE(refuses(Split{.num_outputs = 3}, {x, list({1, 2})}, "has 2 extents for 3 outputs"));
  EXPECT_TRUE(refuses(Split{.axis = 1, .num_outputs = 3}, {filled({3, 1}, 0)}, "makes no 3 parts of 1"));
  EXPECT_TRUE(refuses(Pad{}, {x, list({1, 1})}, "its input 1 has 2 pads, 2 axes need 4"));
  EXPECT_TRUE(refuses(Pad{}, {x, list({-2, 0, -2, 0})}, "removes 2 and 2 elements of axis 0, which has 3"));
  EXPECT_TRUE(refuses(Pad{.mode = PadMode::edge}, {x, list({-3, 0, 1, 0})}, "axis 0 has none"));
  EXPECT_TRUE(
      refuses(Pad{}, {x, list({0, 0, 0, std::numeric_limits<Index>::max()})}, "holds 9223372036854775807 at 3"));
  EXPECT_TRUE(refuses(ReverseSequence{}, {x, list({1, 2, 3, 4})}, "holds the length 4 at 3, the time axis has 3"));
  EXPECT_TRUE(refuses(ReverseSequence{.batch_axis = 0}, {x, list({1})}, "not 0 and 0"));
}

}  // namespace
}  // namespace condense::graph
