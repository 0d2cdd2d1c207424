#include "condense/graph/operators/cast.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

TEST(Cast, RoundsToTheNearestAndBack) {
  Random random(1);
  const Tensor x = random_tensor({3, 50}, random, -70000, 70000);
  for (const DataType type : {DataType::float16, DataType::bfloat16, DataType::float32}) {
    const Tensor stored = run(Cast{.to = type}, {x});
    EXPECT_EQ(stored.type(), type);
    const Tensor y = run(Cast{}, {stored});
    EXPECT_EQ(y.type(), DataType::float32);
    for (Index i = 0; i < x.count(); ++i) {
      const float value = x.data<float>()[i];
      const float expected = type == DataType::float16    ? static_cast<float>(Float16(value))
                             : type == DataType::bfloat16 ? static_cast<float>(BFloat16(value))
                                                          : value;
      ASSERT_EQ(y.data<float>()[i], expected);
    }
    EXPECT_EQ(run(Cast{.to = type}, {y}), stored);
  }
}

TEST(Cast, DropsFractionsAndKeepsLowBits) {
  const Tensor x = Tensor::of<float>({6}, {2.7F, -2.7F, 300, -0.2F, 1e20F, NAN});
  EXPECT_EQ(run(Cast{.to = DataType::int32}, {x}),
            Tensor::of<std::int32_t>({6}, {2, -2, 300, 0, std::numeric_limits<std::int32_t>::max(), 0}));
  EXPECT_EQ(run(Cast{.to = DataType::uint8}, {Tensor::of<std::int64_t>({3}, {1, 257, -1})}),
            Tensor::of<std::uint8_t>({3}, {1, 1, 255}));
  EXPECT_EQ(run(Cast{.to = DataType::boolean}, {x}), Tensor::of<bool>({6}, {true, true, true, true, true, true}));
}

TEST(Cast, ReadsAndWritesPackedCodes) {
  const Tensor x = Tensor::of<std::int64_t>({5}, {-8, 7, 0, -1, 3});
  const Tensor packed = run(Cast{.to = DataType::int4}, {x});
  EXPECT_EQ(packed.bytes(), 3U);
  EXPECT_EQ(run(Cast{.to = DataType::int64}, {packed}), x);
}

}  // namespace
}  // namespace condense::graph
