#include "condense/graph/operators/pools.hpp"

#include <gtest/gtest.h>

#include "condense/graph/operators/max_pool.hpp"
#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

TEST(GlobalPools, AreOverAllPositions) {
  const Tensor x = Tensor::of<float>({1, 2, 2, 2}, {1, -2, 2, -4, 3, 0, -4, 0});
  EXPECT_EQ(run(GlobalMaxPool{}, {x}), Tensor::of<float>({1, 2, 1, 1}, {2, 3}));
  EXPECT_EQ(run(GlobalLpPool{}, {x}), Tensor::of<float>({1, 2, 1, 1}, {5, 5}));
  EXPECT_EQ(run(GlobalLpPool{.p = 1}, {x}), Tensor::of<float>({1, 2, 1, 1}, {9, 7}));
  expect_near(run(GlobalLpPool{.p = 3}, {x}), Tensor::of<float>({1, 2, 1, 1}, {std::cbrt(81.0F), std::cbrt(91.0F)}),
              1e-5);
  EXPECT_EQ(run(GlobalMaxPool{}, {counting<double>({2, 1, 2, 3, 4}, 0)}),
            Tensor::of<double>({2, 1, 1, 1, 1}, {23, 47}));
  EXPECT_EQ(run(GlobalMaxPool{}, {Tensor::of<Float16>({1, 1, 2}, {Float16(2), Float16(3)})}),
            Tensor::of<Float16>({1, 1, 1}, {Float16(3)}));
}

/// Every window on its own is a global pool of the elements that it sees.
TEST(LpPool, IsAGlobalPoolOfEachWindow) {
  Random random(51);
  const Tensor x = random_tensor({1, 1, 6, 7}, random);
  for (const Index p : {1, 2, 3}) {
    const Tensor y =
        run(LpPool{.kernel_shape = {3, 2}, .strides = {2, 3}, .dilations = {1, 2}, .pads = {1, 1, 1, 0}, .p = p}, {x});
    ASSERT_EQ(y.shape(), (Shape{1, 1, 3, 2}));
    for (Index i = 0; i < 3; ++i) {
      for (Index j = 0; j < 2; ++j) {
        std::vector<float> seen;
        for (Index a = 0; a < 3; ++a) {
          for (Index b = 0; b < 2; ++b) {
            const Index row = i * 2 + a - 1;
            const Index column = j * 3 + b * 2 - 1;
            if (row >= 0 && row < 6 && column >= 0 && column < 7) seen.push_back(x.data<float>()[row * 7 + column]);
          }
        }
        const Tensor window = Tensor::of<float>({1, 1, static_cast<Index>(seen.size())}, std::span<const float>(seen));
        ASSERT_NEAR(y.data<float>()[i * 2 + j], run(GlobalLpPool{.p = p}, {window}).data<float>()[0], 1e-6);
      }
    }
  }
}

/// Without overlap nothing is lost: pooling the unpooled tensor gives it back.
TEST(MaxUnpool, UndoesMaxPool) {
  Random random(52);
  for (int i = 0; i < 20; ++i) {
    const Index stride = random_index(random, 2, 3);
    const Tensor x = random_tensor({2, 3, 4 * stride, 5 * stride}, random, 0.1F, 1);
    MaxPool op{.kernel_shape = {stride, stride}, .strides = {stride, stride}};
    op.outputs.count = 2;
    const std::vector<Tensor> pooled = run_all(op, {x});
    const Tensor back =
        run(MaxUnpool{.kernel_shape = {stride, stride}, .strides = {stride, stride}}, {pooled[0], pooled[1]});
    ASSERT_EQ(back.shape(), x.shape());
    const std::vector<Tensor> again = run_all(op, {back});
    EXPECT_EQ(again[0], pooled[0]);
    EXPECT_EQ(again[1], pooled[1]);
    double sum = 0;
    double pooled_sum = 0;
    for (const float value : back.values<float>()) sum += static_cast<double>(value);
    for (const float value : pooled[0].values<float>()) pooled_sum += static_cast<double>(value);
    EXPECT_NEAR(sum, pooled_sum, 1e-9);
  }
}

TEST(MaxUnpool, PlacesWhatWasPooledAtTheBeginning) {
  const Tensor x = Tensor::of<float>({1, 1, 2, 2}, {5, 6, 7, 8});
  const Tensor indices = Tensor::of<std::int64_t>({1, 1, 2, 2}, {5, 7, 13, 15});
  const MaxUnpool op{.kernel_shape = {2, 2}, .strides = {2, 2}};
  EXPECT_EQ(
      run(op, {x, indices, Tensor::of<std::int64_t>({4}, {1, 1, 5, 5})}),
      Tensor::of<float>({1, 1, 5, 5}, {0, 0, 0, 0, 0, 0, 5, 0, 6, 0, 0, 0, 0, 0, 0, 0, 7, 0, 8, 0, 0, 0, 0, 0, 0}));
  const auto refuses = [&](std::string_view part, const Tensor& where, std::optional<Tensor> shape) {
    EXPECT_TRUE(throws<InvalidArgument>(part, [&] { run(op, {x, where, shape}); }));
  };
  refuses("the index 16 at element 2", Tensor::of<std::int64_t>({1, 1, 2, 2}, {5, 7, 16, 15}), {});
  refuses("the index -1 at element 0", Tensor::of<std::int64_t>({1, 1, 2, 2}, {-1, 7, 1, 15}), {});
  refuses("asks for 3 elements along axis 2", indices, Tensor::of<std::int64_t>({4}, {1, 1, 3, 5}));
  refuses("asks for 2 elements along axis 1", indices, Tensor::of<std::int64_t>({4}, {1, 2, 5, 5}));
  refuses("int64 of shape (1 x 1 x 2 x 2)", Tensor::of<std::int64_t>({1}, {0}), {});
}

TEST(LpPool, RefusesAPowerBelowOne) {
  const Tensor x = filled({1, 1, 3}, 1);
  EXPECT_TRUE(
      throws<InvalidArgument>("p is 0, the least is 1", [&] { run(LpPool{.kernel_shape = {2}, .p = 0}, {x}); }));
  EXPECT_TRUE(throws<InvalidArgument>("p is -1, the least is 1", [&] { run(GlobalLpPool{.p = -1}, {x}); }));
}

}  // namespace
}  // namespace condense::graph
