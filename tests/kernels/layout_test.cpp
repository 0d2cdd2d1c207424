#include "kernels/integer_rows.hpp"
#include "support/backends.hpp"

namespace condense::kernels {
namespace {

class LayoutTest : public BackendTest<Layout> {};
CONDENSE_TEST_ALL_BACKENDS(LayoutTest);

TEST_P(LayoutTest, TransposesEveryMatrixOfABatch) {
  Random random(3);
  for (const Index bytes : {1, 2, 4, 8, 3, 12, 40}) {
    for (const Index rows : {1, 2, 3, 7, 8, 9, 16, 31, 33, 64}) {
      for (const Index columns : {1, 2, 3, 5, 8, 15, 16, 17, 49, 70}) {
        for (const Index batch : {0, 1, 3}) {
          ShiftedMemory<std::uint8_t> input(batch * rows * columns * bytes, bytes);
          ShiftedMemory<std::uint8_t> output(batch * rows * columns * bytes, bytes);
          for (Index i = 0; i < static_cast<Index>(input.size()); ++i) {
            input[i] = static_cast<std::uint8_t>(random.below(256));
          }
          kernels().layout.transpose({input.data(), batch, rows, columns, bytes, output.data()});
          for (Index i = 0; i < batch * rows * columns; ++i) {
            const Index matrix = i / (rows * columns);
            const Index row = i / columns % rows;
            const Index column = i % columns;
            const Index target = (matrix * columns + column) * rows + row;
            ASSERT_EQ(std::memcmp(&output[target * bytes], &input[i * bytes], size(bytes)), 0)
                << bytes << " bytes, " << batch << " x " << rows << " x " << columns << " at " << i;
          }
        }
      }
    }
  }
}

TEST_P(LayoutTest, TransposesEveryShapeOfFewRowsOrColumns) {
  Random random(4);
  for (const Index bytes : {1, 2, 4, 8}) {
    for (Index few = 1; few <= 34; ++few) {
      for (const Index many : {33, 47, 64, 101}) {
        for (const bool is_flat : {false, true}) {
          const Index rows = is_flat ? few : many;
          const Index columns = is_flat ? many : few;
          ShiftedMemory<std::uint8_t> input(rows * columns * bytes, bytes);
          ShiftedMemory<std::uint8_t> output(rows * columns * bytes, bytes);
          for (Index i = 0; i < static_cast<Index>(input.size()); ++i) {
            input[i] = static_cast<std::uint8_t>(random.below(256));
          }
          kernels().layout.transpose({input.data(), 1, rows, columns, bytes, output.data()});
          for (Index i = 0; i < rows * columns; ++i) {
            const Index target = i % columns * rows + i / columns;
            ASSERT_EQ(std::memcmp(&output[target * bytes], &input[i * bytes], size(bytes)), 0)
                << bytes << " bytes, " << rows << " x " << columns << " at " << i;
          }
        }
      }
    }
  }
}

TEST_P(LayoutTest, TransposesPartsOfAMatrixAndLeavesTheRest) {
  Random random(6);
  for (const Index bytes : {1, 2, 4, 8, 12}) {
    for (const Index rows : {1, 3, 5, 16, 40}) {
      for (const Index columns : {1, 3, 7, 17, 50}) {
        struct Beside {
          Index columns;  ///< Of the input, and rows of the output, that do not belong to the part.
          Index rows;
        };
        for (const Beside beside : {Beside{1, 1}, Beside{9, 9}, Beside{5, 0}, Beside{0, 5}}) {
          const Index in_stride = columns + beside.columns;
          const Index out_stride = rows + beside.rows;
          ShiftedMemory<std::uint8_t> input(((rows - 1) * in_stride + columns) * bytes, bytes);
          ShiftedMemory<std::uint8_t> output(((columns - 1) * out_stride + rows) * bytes, bytes);
          for (Index i = 0; i < static_cast<Index>(input.size()); ++i) {
            input[i] = static_cast<std::uint8_t>(random.below(255));
          }
          for (Index i = 0; i < static_cast<Index>(output.size()); ++i) output[i] = 255;
          kernels().layout.transpose({input.data(), 1, rows, columns, bytes, output.data(), in_stride, out_stride});
          for (Index i = 0; i < static_cast<Index>(output.size()); ++i) {
            const Index row = i / bytes % out_stride;
            const Index column = i / bytes / out_stride;
            const std::uint8_t expected =
                row < rows ? input[(row * in_stride + column) * bytes + i % bytes] : std::uint8_t{255};
            ASSERT_EQ(output[i], expected) << bytes << " bytes, " << rows << " x " << columns << " at " << i;
          }
        }
      }
    }
  }
}

TEST_P(LayoutTest, TransposingBackRestoresTheInput) {
  std::vector<std::uint32_t> input(size(2 * 13 * 37));
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::uint32_t>(i);
  std::vector<std::uint32_t> there(input.size());
  std::vector<std::uint32_t> back(input.size());
  kernels().layout.transpose({input.data(), 2, 13, 37, 4, there.data()});
  kernels().layout.transpose({there.data(), 2, 37, 13, 4, back.data()});
  EXPECT_NE(there, input);
  EXPECT_EQ(back, input);
}

}  // namespace
}  // namespace condense::kernels
