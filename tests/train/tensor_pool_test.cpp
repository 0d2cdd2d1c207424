#include "condense/train/tensor_pool.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace condense::train {
namespace {

TEST(TensorPool, GivesReleasedMemoryToTheNextTensorOfAboutItsSize) {
  const TensorPool pool;
  const std::byte* first = nullptr;
  {
    const Tensor tensor = pool.make(DataType::float32, {10, 10});
    first = tensor.raw();
    EXPECT_NE(pool.make(DataType::float32, {100}).raw(), first);  // in use
  }
  const Tensor small = pool.make(DataType::float32, {4});  // would leave most of the block idle
  std::set<const std::byte*> blocks;
  const Tensor a = pool.make(DataType::float32, {90}), b = pool.make(DataType::float64, {50});
  for (const Tensor* tensor : {&a, &b}) blocks.insert(tensor->raw());
  EXPECT_EQ(blocks.size(), 2U);
  EXPECT_TRUE(blocks.contains(first));
  EXPECT_FALSE(blocks.contains(small.raw()));
}

TEST(TensorPool, KeepsSharedTensorsApart) {
  const TensorPool pool;
  Tensor a = pool.make(DataType::int32, {3});
  for (std::int32_t& value : a.mutable_values<std::int32_t>()) value = 7;
  Tensor b = a;
  b.mutable_data<std::int32_t>()[0] = 1;
  EXPECT_EQ(a.data<std::int32_t>()[0], 7);
  EXPECT_EQ(b.data<std::int32_t>()[2], 7);
}

TEST(TensorPool, OutlivesItsHandles) {
  Tensor tensor;
  {
    const TensorPool pool;
    tensor = pool.make(DataType::float32, {1000});
  }
  for (float& value : tensor.mutable_values<float>()) value = 2;
  EXPECT_EQ(tensor.data<float>()[999], 2);
}

TEST(TensorPool, AlignsItsMemory) {
  const TensorPool pool;
  std::vector<Tensor> tensors;
  for (Index count = 0; count < 40; ++count) {
    tensors.push_back(pool.make(DataType::int8, {count}));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensors.back().raw()) % Tensor::kAlignment, 0U);
  }
}

}  // namespace
}  // namespace condense::train
