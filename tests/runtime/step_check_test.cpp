#include <gtest/gtest.h>

#include "condense/kernels/kernel_set.hpp"
#include "condense/runtime/detail/steps/interleaved_products.hpp"
#include "condense/runtime/detail/steps/move.hpp"
#include "condense/runtime/detail/steps/pieces.hpp"
#include "condense/runtime/detail/steps/resize.hpp"
#include "support/throws.hpp"

// Steps of a program that comes from a file are checked before they run: none may leave its buffers.

namespace condense::runtime::detail {
namespace {

/// Buffers of the arena and constants, by number.
class Buffers {
 public:
  int arena(std::size_t bytes) {
    buffers_.push_back({bytes});
    return static_cast<int>(buffers_.size()) - 1;
  }
  template <class T>
  int constant(const std::vector<T>& values) {
    const auto owner = std::make_shared<const std::vector<T>>(values);
    const auto* bytes = reinterpret_cast<const std::byte*>(owner->data());
    buffers_.push_back({values.size() * sizeof(T), std::shared_ptr<const std::byte>(owner, bytes)});
    return static_cast<int>(buffers_.size()) - 1;
  }

  template <class Step>
  void check(const Step& step) const {
    step.check(BufferSizes(buffers_, kernels_));
  }
  /// Whether a step is refused with these words.
  template <class Step>
  testing::AssertionResult refuses(std::string_view words, const Step& step) const {
    return throws<InvalidArgument>(words, [&] { check(step); });
  }

 private:
  std::vector<BufferInfo> buffers_;
  kernels::KernelSet kernels_ = kernels::KernelSet::select("scalar");
};

using Offsets = std::vector<std::int32_t>;

TEST(PieceStepCheck, RefusesPiecesOutsideTheirBuffers) {
  Buffers buffers;
  const PieceStep step{.input = {buffers.arena(40)},
                       .sources = {buffers.constant(Offsets{0, -1, 6})},
                       .padding = {buffers.constant(std::vector<float>(4))},
                       .output = {buffers.arena(48)},
                       .pieces = 3,
                       .length = 4,
                       .element_bytes = 4};
  buffers.check(step);
  PieceStep changed = step;
  changed.length = 5;
  EXPECT_TRUE(buffers.refuses("5 elements from 6 on leaves a buffer of 10", changed));
  changed = step;
  changed.sources = {buffers.constant(Offsets{0, -1, 7})};
  EXPECT_TRUE(buffers.refuses("4 elements from 7 on leaves a buffer of 10", changed));
  changed = step;
  changed.pieces = 4;
  EXPECT_TRUE(buffers.refuses("12 bytes, 16 are needed", changed));
  changed = step;
  changed.output = {buffers.arena(47)};
  EXPECT_TRUE(buffers.refuses("47 bytes, 48 are needed", changed));
  changed = step;
  changed.padding = {buffers.constant(std::vector<float>(3))};
  EXPECT_TRUE(buffers.refuses("12 bytes, 16 are needed", changed));
  changed = step;
  changed.element_bytes = 0;
  EXPECT_TRUE(buffers.refuses("elements of 0 bytes", changed));
}

TEST(PieceStepCheck, RefusesEndsThatAreNotInOrder) {
  Buffers buffers;
  const PieceStep step{.input = {buffers.arena(10)},
                       .sources = {buffers.constant(Offsets{0, 3, 1})},
                       .ends = {buffers.constant(Offsets{2, 9, 10})},
                       .output = {buffers.arena(10)},
                       .pieces = 3};
  buffers.check(step);
  for (const Offsets& ends : {Offsets{2, 1, 10}, Offsets{-1, 2, 3}, Offsets{2, 10, 10}}) {
    PieceStep changed = step;
    changed.ends = {buffers.constant(ends)};
    EXPECT_TRUE(buffers.refuses("leaves a buffer of 10", changed));
  }
}

TEST(TransposeStepCheck, RefusesMatricesLargerThanTheirBuffers) {
  Buffers buffers;
  TransposeStep step{.input = {buffers.arena(60)},
                     .output = {buffers.arena(60)},
                     .batch = 1,
                     .rows = 2,
                     .columns = 5,
                     .element_bytes = 6};
  buffers.check(step);
  step.batch = 2;
  EXPECT_TRUE(buffers.refuses("60 bytes, 120 are needed", step));
  step.batch = -1;
  EXPECT_TRUE(buffers.refuses("-1", step));
}

TEST(OutputLinesCheck, RefusesRowsOutsideTheOutput) {
  Buffers buffers;
  const Writes output{buffers.arena(4 * 40)};
  const ProductExtents p{.images = 2, .rows = 6, .columns = 2};
  // Two images of 20 elements: lines of 3 rows, which lie 4 elements apart, 10 elements apart.
  const OutputLines lines{.first = 0, .rows = 3, .row_stride = 4, .line_stride = 10, .image_stride = 20};
  const auto refuses = [&](std::string_view words, const OutputLines& changed) {
    return throws<InvalidArgument>(words, [&] {
      const std::vector<BufferInfo> infos{{4 * 40}};
      changed.check(BufferSizes(infos, kernels::KernelSet::select("scalar")), p, output, 4);
    });
  };
  const std::vector<BufferInfo> infos{{4 * 40}};
  const kernels::KernelSet scalar = kernels::KernelSet::select("scalar");
  lines.check(BufferSizes(infos, scalar), p, output, 4);
  OutputLines changed = lines;
  changed.first = 1;
  EXPECT_TRUE(refuses("160 bytes, 164 are needed", changed));
  changed = lines;
  changed.row_stride = 1;
  EXPECT_TRUE(refuses("1 elements apart", changed));
  changed = lines;
  changed.line_stride = -4;
  EXPECT_TRUE(refuses("-4", changed));
  changed = lines;
  changed.joined = 3;
  EXPECT_TRUE(refuses("3 lines cannot be joined in 2 columns", changed));
  changed.joined = 2;
  EXPECT_TRUE(refuses("2 joined lines of 1 columns", changed));
  changed = lines;
  changed.rows = 0;
  EXPECT_TRUE(refuses("lines of 0 rows", changed));
}

TEST(ResizeStepCheck, RefusesPositionsOutsideTheImage) {
  Buffers buffers;
  const std::vector<float> halves(4, 0.5F);
  ResizeStep step{.input = {buffers.arena(4 * 2 * 3 * 5)}};
  step.height = {{buffers.constant(Offsets{0, 15, 0, 0})}, {buffers.constant(halves)}, 2, 2, 2};
  step.width = {{buffers.constant(Offsets{0, 5, 10, 10})}, {buffers.constant(halves)}, 3, 2, 2};
  step.lines = {buffers.arena(4 * 15)};
  step.output = {buffers.arena(4 * 2 * 2 * 5)};
  step.channels = 5;
  buffers.check(step);
  ResizeStep changed = step;
  changed.height.sources = {buffers.constant(Offsets{0, 16, 0, 0})};
  EXPECT_TRUE(buffers.refuses("no element 16", changed));
  changed = step;
  changed.width.sources = {buffers.constant(Offsets{0, -1, 0, 0})};
  EXPECT_TRUE(buffers.refuses("no element -1", changed));
  changed = step;
  changed.blocks = 2;
  EXPECT_TRUE(buffers.refuses("60 bytes, 120 are needed", changed));
  changed = step;
  changed.images = 2;
  EXPECT_TRUE(buffers.refuses("120 bytes, 240 are needed", changed));
}

}  // namespace
}  // namespace condense::runtime::detail
