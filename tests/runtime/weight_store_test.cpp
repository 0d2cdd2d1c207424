#include "condense/runtime/weight_store.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

#include "condense/runtime/compile.hpp"
#include "support/program_networks.hpp"

namespace condense::runtime {
namespace {

AlignedBytes bytes_of(std::size_t size, int value) {
  AlignedBytes bytes(size);
  std::fill_n(bytes.data(), size, static_cast<std::byte>(value));
  return bytes;
}

TEST(WeightStore, KeepsTheSameContentOnce) {
  WeightStore store;
  const auto one = store.keep(bytes_of(100, 1));
  EXPECT_EQ(store.keep(bytes_of(100, 1)), one);
  EXPECT_EQ(store.bytes(), 100U);
  EXPECT_NE(store.keep(bytes_of(99, 1)), one);
  const auto two = store.keep(bytes_of(100, 2));
  EXPECT_NE(two, one);
  EXPECT_EQ(store.bytes(), 200U);  // nobody has the one of 99
  EXPECT_EQ(two.get()[50], std::byte{2});
}

TEST(WeightStore, ForgetsWhatNobodyHas) {
  WeightStore store;
  auto one = store.keep(bytes_of(100, 1));
  one.reset();
  EXPECT_EQ(store.bytes(), 0U);
  EXPECT_EQ(store.keep(bytes_of(100, 1)).get()[0], std::byte{1});
}

TEST(WeightStore, OutlivesItself) {
  std::shared_ptr<const std::byte> one;
  {
    WeightStore store;
    one = store.keep(bytes_of(64, 7));
  }
  EXPECT_EQ(one.get()[63], std::byte{7});
}

TEST(WeightStore, IsUsedFromSeveralThreads) {
  WeightStore store;
  std::vector<std::vector<std::shared_ptr<const std::byte>>> kept(4);
  std::vector<std::thread> threads;
  for (auto& of_thread : kept) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) of_thread.push_back(store.keep(bytes_of(64, i % 50)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store.bytes(), 50U * 64U);
  for (const auto& of_thread : kept) EXPECT_EQ(of_thread, kept[0]);
}

/// Where a program's constants are, tables included.
std::set<const std::byte*> constants_of(const Program& program) {
  std::set<const std::byte*> result;
  for (const detail::BufferInfo& buffer : program.plan().buffers) {
    if (buffer.constant) result.insert(buffer.constant.get());
  }
  return result;
}

TEST(WeightStore, IsSharedByTheBatchSizesOfANetwork) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const graph::Graph graph = random_quantized_network(seed, ActivationTypes::mixed);
    const auto store = std::make_shared<WeightStore>();
    const auto program_for = [&](Index batch) {
      const Shape shape = graph.declared_shape(graph.inputs()[0]).with(0, batch);
      return compile(graph, {.input_shapes = {shape}, .weights = store});
    };
    std::optional<Program> one = program_for(1);
    const std::size_t bytes = store->bytes();
    EXPECT_GT(bytes, 0U);
    {
      const Program eight = program_for(8);
      EXPECT_EQ(constants_of(*one), constants_of(eight)) << seed;
      EXPECT_EQ(store->bytes(), bytes) << seed;
    }
    EXPECT_EQ(store->bytes(), bytes);
    one.reset();
    EXPECT_EQ(store->bytes(), 0U) << "constants outlive the last program that has them";
  }
}

}  // namespace
}  // namespace condense::runtime
