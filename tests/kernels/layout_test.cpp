#include "kernels/integer_rows.hpp"
#include "support/backends.hpp"

namespace condense::kernels {
namespace {

class LayoutTest : public BackendTest<Layout> {};
CONDENSE_TEST_ALL_BACKENDS(LayoutTest);

TEST_P(LayoutTest, TransposesEveryMatrixOfABatch) {
  Random random(3);
  for (const Index bytes : {1, 2, 4, 8}) {
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
