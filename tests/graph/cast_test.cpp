#include "condense/graph/operators/cast.hpp"

#include <gtest/gtest.h>

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

TEST(Cast, RefusesIntegers) {
  const auto cast = [](DataType from, DataType to) { run(Cast{.to = to}, {Tensor(from, {2})}); };
  EXPECT_TRUE(throws<InvalidArgument>("from int8 to float32", [&] { cast(DataType::int8, DataType::float32); }));
  EXPECT_TRUE(throws<InvalidArgument>("from float32 to int64", [&] { cast(DataType::float32, DataType::int64); }));
}

}  // namespace
}  // namespace condense::graph
