#include <gtest/gtest.h>

#include "condense/graph/operators.hpp"
#include "graph/moved.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

/// What a graph knows of the first output of an operator on constants, without a run; null for nothing.
std::optional<Tensor> known(const Operator& op, std::initializer_list<Tensor> inputs) {
  Graph graph;
  std::vector<Value> constants;
  for (const Tensor& input : inputs) constants.push_back(graph.constant(fmt::format("c{}", constants.size()), input));
  const Tensor* result = graph.known(graph.add(op, std::move(constants)));
  return result == nullptr ? std::nullopt : std::optional<Tensor>(*result);
}

Tensor scalar(std::int64_t value) { return Tensor::scalar(value); }

TEST(KnownOutputs, AreThoseOfWhatNetworksComputeShapesWith) {
  const Tensor extents = list({2, 3, 5, 7});
  const Tensor x(DataType::float32, {2, 3, 500, 700});
  EXPECT_EQ(known(ShapeOf{}, {x}), list({2, 3, 500, 700}));
  EXPECT_EQ(known(Size{}, {x}), scalar(2100000));
  EXPECT_EQ(known(Gather{}, {extents, scalar(-1)}), scalar(7));
  EXPECT_EQ(known(Slice{}, {extents, list({1}), list({3})}), list({3, 5}));
  EXPECT_EQ(known(Split{.num_outputs = 2}, {extents}), list({2, 3}));
  EXPECT_EQ(known(Concat{}, {extents, list({-1})}), list({2, 3, 5, 7, -1}));
  EXPECT_EQ(known(Squeeze{}, {list({4})}), scalar(4));
  EXPECT_EQ(known(Unsqueeze{}, {scalar(4), list({0})}), list({4}));
  EXPECT_EQ(known(Reshape{}, {extents, list({2, -1})}), extents.reshaped({2, 2}));
  EXPECT_EQ(known(Transpose{}, {extents}), extents);
  EXPECT_EQ(known(Expand{}, {scalar(4), list({3})}), list({4, 4, 4}));
  EXPECT_EQ(known(Tile{}, {list({1, 2}), list({2})}), list({1, 2, 1, 2}));
  EXPECT_EQ(known(Pad{}, {list({1}), list({1, 0})}), list({0, 1}));
  EXPECT_EQ(known(ConstantOfShape{.value = list({1})}, {list({3})}), list({1, 1, 1}));
  EXPECT_EQ(known(Range{}, {scalar(0), scalar(5), scalar(2)}), list({0, 2, 4}));
  EXPECT_EQ(known(Add{}, {extents, scalar(1)}), list({3, 4, 6, 8}));
  EXPECT_EQ(known(Div{}, {extents, scalar(2)}), list({1, 1, 2, 3}));
  EXPECT_EQ(known(Max{}, {extents, scalar(4)}), list({4, 4, 5, 7}));
  EXPECT_EQ(known(ReduceProd{.keepdims = false}, {extents}), scalar(210));
  EXPECT_EQ(known(CumSum{}, {extents, scalar(0)}), list({2, 5, 10, 17}));
  EXPECT_EQ(known(Cast{.to = DataType::float32}, {scalar(3)}), Tensor::scalar(3.0F));
  EXPECT_EQ(known(Floor{}, {Tensor::scalar(2.5F)}), Tensor::scalar(2.0F));
  EXPECT_EQ(known(Equal{}, {extents, scalar(3)}), Tensor::of<bool>({4}, {false, true, false, false}));
  EXPECT_EQ(known(Where{}, {Tensor::scalar(true), extents, scalar(-1)}), extents);
  EXPECT_EQ(known(ScatterND{}, {extents, list({0}).reshaped({1, 1}), list({9})}), list({9, 3, 5, 7}));
  EXPECT_EQ(known(TopK{}, {extents, scalar(1)}), list({7}));
}

TEST(KnownOutputs, HaveAtMost128ElementsOfInputsOfAtMost128) {
  EXPECT_TRUE(known(Neg{}, {filled({128}, 1)}));
  EXPECT_FALSE(known(Neg{}, {filled({129}, 1)}));
  EXPECT_FALSE(known(ReduceSum{}, {filled({129}, 1)}));
  EXPECT_FALSE(known(Expand{}, {scalar(1), list({129})}));
  EXPECT_TRUE(known(Split{.num_outputs = 128}, {filled({128}, 1)}));
  EXPECT_FALSE(known(Split{.num_outputs = 129}, {filled({128}, 1)}));
}

/// Each of them would take hours, and some of them all memory.
TEST(KnownOutputs, AreNotComputedWhereThatCanTakeAnyTime) {
  constexpr Index kMany = Index{1} << 40;
  const auto ones = [](const Shape& shape) { return filled(shape, 1); };
  const Tensor n = ones({128});
  EXPECT_FALSE(known(Einsum{.equation = "a,b,c,d,e,abcde->"}, {n, n, n, n, n, ones({1, 1, 1, 1, 1})}));
  const std::vector<Index> windows(3, Index{1} << 18);
  const std::vector<Index> pads(6, Index{1} << 18);
  EXPECT_FALSE(known(MaxPool{.kernel_shape = windows, .strides = windows, .pads = pads}, {ones({1, 1, 1, 1, 1})}));
  EXPECT_FALSE(known(LpPool{.kernel_shape = windows, .strides = windows, .pads = pads}, {ones({1, 1, 1, 1, 1})}));
  EXPECT_FALSE(known(AveragePool{.kernel_shape = windows, .strides = windows, .pads = pads}, {ones({1, 1, 1, 1, 1})}));
  EXPECT_FALSE(known(RoiAlign{.output_height = 8, .output_width = 8, .sampling_ratio = 65536},
                     {ones({1, 1, 2, 2}), ones({1, 4}), list({0})}));
  EXPECT_FALSE(known(ReduceSum{.keepdims = false}, {Tensor(DataType::float32, {0, kMany}), list({0, 1})}));
  EXPECT_FALSE(
      known(Concat{.axis = 1}, {Tensor(DataType::float32, {kMany, 0}), Tensor(DataType::float32, {kMany, 0})}));
  EXPECT_FALSE(known(TopK{}, {Tensor(DataType::float32, {0, kMany}), scalar(kMany / 2)}));
}

TEST(Operator, IsNotAskedForOutputsWithoutElements) {
  constexpr Index kMany = Index{1} << 40;
  const Tensor none(DataType::float32, {kMany, 0});
  EXPECT_EQ(run(Concat{.axis = 1}, {none, none}).shape(), (Shape{kMany, 0}));
  EXPECT_EQ(run(Gather{.axis = 1}, {none, list({})}).shape(), (Shape{kMany, 0}));
  EXPECT_EQ(
      run(Conv{.group = kMany}, {Tensor(DataType::float32, {1, 0, 1}), Tensor(DataType::float32, {0, 0, 1})}).shape(),
      (Shape{1, 0, 1}));
}

/// Says that it makes two outputs, and makes one.
struct Shy {
  static constexpr std::string_view kType = "Shy";

  std::vector<TensorType> infer(const InputTypes&) const { return {{DataType::float32, {}}, {DataType::float32, {}}}; }
  std::vector<Tensor> compute(std::span<const Tensor* const>, const ThreadPool&) const {
    return {Tensor::scalar(1.0F)};
  }

  friend bool operator==(const Shy&, const Shy&) = default;
};

TEST(Evaluate, RefusesAnotherNumberOfOutputsThanInTheGraph) {
  EXPECT_TRUE(
      throws<InvalidArgument>("node 'node' (Shy): it made 1 outputs, it should have made 2", [] { run(Shy{}, {}); }));
  Graph graph;
  const Value parts = graph.input("parts", DataType::int64, {kDynamic});
  graph.output(graph.add(Split{}, {graph.constant("x", filled({1}, 3)), parts}, "split"));
  EXPECT_EQ(evaluate(graph, {list({1})})[0], filled({1}, 3));
  EXPECT_TRUE(
      throws<InvalidArgument>("node 'split' (Split): it makes 2 outputs of these inputs, in the graph it has 1", [&] {
        evaluate(graph, {list({1, 0})});
      }));
  const Shape two[] = {{2}};
  EXPECT_TRUE(throws<InvalidArgument>("it makes 2 outputs of these inputs", [&] { infer_types(graph, two); }));
}

}  // namespace
}  // namespace condense::graph
