#include "condense/graph/passes/fold_batch_norm.hpp"

#include <gtest/gtest.h>

#include "condense/graph/operators/relu.hpp"
#include "graph/run.hpp"

namespace condense::graph {
namespace {

/// Sums of fewer than 100 terms below 10 in two orders.
constexpr double kTolerance = 2 * 100 * 10 * 0x1p-24;

class FoldBatchNorm : public testing::Test {
 protected:
  /// Batch normalisation over `channels` with constants of its own.
  Value normalize(Value x, Index channels, const std::string& name, BatchNormalization op = {.epsilon = 1e-3F}) {
    const auto constant = [&](const char* what, float low, float high) {
      return graph.constant(fmt::format("{}.{}", name, what), random_tensor({channels}, random, low, high));
    };
    return graph.add(
        op,
        {x, constant("scale", -1, 1), constant("bias", -1, 1), constant("mean", -1, 1), constant("variance", 0.5F, 2)},
        name);
  }

  Value weights(const std::string& name, const Shape& shape) {
    return graph.constant(name, random_tensor(shape, random));
  }

  std::size_t count(std::string_view type) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(graph.nodes(), [&](const Node& n) { return n.op.type() == type; }));
  }

  /// Folds, and expects the outputs of before and `left` normalisations.
  void expect_folded(const Tensor& x, std::size_t left) {
    const std::vector<Tensor> before = evaluate(graph, {x});
    fold_batch_norm(graph);
    const std::vector<Tensor> after = evaluate(graph, {x});
    for (std::size_t i = 0; i < before.size(); ++i) expect_near(after[i], before[i], kTolerance);
    EXPECT_EQ(count("BatchNormalization"), left);
  }

  Random random{21};
  Graph graph;
  Tensor images = random_tensor({2, 4, 6, 5}, random);
  Tensor rows = random_tensor({3, 4}, random);
};

TEST_F(FoldBatchNorm, IntoAConvolutionWithoutBias) {
  const Value x = graph.input("x", DataType::float32, {kDynamic, 4, 6, 5});
  const Value conv = graph.add(Conv{.pads = {1, 1, 1, 1}, .group = 2}, {x, weights("w", {6, 2, 3, 3})}, "conv");
  graph.output(graph.add(Relu{}, {normalize(conv, 6, "bn")}), "y");
  expect_folded(images, 0);
  ASSERT_EQ(graph.nodes().size(), 2U);
  EXPECT_EQ(graph.nodes()[0].name, "conv");
  EXPECT_EQ(graph.nodes()[0].op, Operator(Conv{.pads = {1, 1, 1, 1}, .group = 2}));
  EXPECT_EQ(graph.name(graph.nodes()[0].outputs[0]), "bn");
  EXPECT_EQ(graph.name(graph.nodes()[0].inputs[1]), "w");
  EXPECT_EQ(graph.name(graph.nodes()[0].inputs[2]), "conv.bias");
}

TEST_F(FoldBatchNorm, IntoAConvolutionWithBiasWhoseResultIsTheOutput) {
  const Value x = graph.input("x", DataType::float32, {kDynamic, 4, 6, 5});
  const Value conv = graph.add(Conv{}, {x, weights("w", {6, 4, 3, 3}), weights("b", {6})});
  graph.output(normalize(conv, 6, "bn"), "y");
  expect_folded(images, 0);
  EXPECT_EQ(graph.name(graph.outputs()[0]), "y");
  EXPECT_EQ(graph.name(graph.nodes()[0].inputs[2]), "b");
}

TEST_F(FoldBatchNorm, IntoEveryLayoutOfGemm) {
  const Value x = graph.input("x", DataType::float32, {kDynamic, 4});
  int number = 0;
  for (const bool transposed : {false, true}) {
    for (const Shape& bias : {Shape{}, Shape{1}, Shape{5}, Shape{1, 5}}) {
      const std::string name = fmt::format("layer{}", number++);
      const Value w = weights(name + ".w", transposed ? Shape{5, 4} : Shape{4, 5});
      const Gemm op{.alpha = 0.5F, .beta = 2, .trans_b = transposed};
      graph.output(normalize(graph.add(op, {x, w, weights(name + ".b", bias)}, name), 5, name + ".bn"));
    }
  }
  graph.output(normalize(graph.add(Gemm{}, {x, weights("w", {4, 5})}), 5, "last"));
  expect_folded(rows, 0);
  EXPECT_EQ(graph.nodes().size(), 9U);
}

TEST_F(FoldBatchNorm, AChainOfNormalisationsIsFoldedWhole) {
  const Value x = graph.input("x", DataType::float32, {kDynamic, 4});
  const Value first = normalize(graph.add(Gemm{}, {x, weights("w", {4, 5})}), 5, "first");
  graph.output(normalize(first, 5, "second"));
  expect_folded(rows, 0);
}

TEST_F(FoldBatchNorm, ASharedWeightStaysForTheOthers) {
  const Value x = graph.input("x", DataType::float32, {kDynamic, 4});
  const Value w = weights("w", {4, 5});
  const Value b = weights("b", {5});
  const Tensor original = graph.constant(w);
  graph.output(normalize(graph.add(Gemm{}, {x, w, b}), 5, "one"));
  graph.output(normalize(graph.add(Gemm{}, {x, w, b}), 5, "two"));
  graph.output(graph.add(Gemm{}, {x, w, b}, "plain"));
  expect_folded(rows, 0);
  EXPECT_EQ(graph.constant(w), original);
  EXPECT_EQ(graph.name(graph.nodes()[0].inputs[1]) == "w", graph.nodes()[0].name == "plain");
}

TEST_F(FoldBatchNorm, LeavesWhatItCannotFold) {
  const Value x = graph.input("x", DataType::float32, {kDynamic, 4});
  const Value read_twice = graph.add(Gemm{}, {x, weights("w0", {4, 5})}, "read_twice");
  graph.output(normalize(read_twice, 5, "bn0"));
  graph.output(graph.add(Relu{}, {read_twice}));
  const Value is_output = graph.add(Gemm{}, {x, weights("w1", {4, 5})}, "is_output");
  graph.output(is_output);
  graph.output(normalize(is_output, 5, "bn1"));
  graph.output(normalize(graph.add(Relu{}, {x}), 4, "bn2"));
  const Value computed = graph.add(Relu{}, {weights("w3", {4, 5})});
  graph.output(normalize(graph.add(Gemm{}, {x, computed}), 5, "bn3"));
  const Value by_row = weights("c", {3, 5});
  graph.input("batch", DataType::float32, {1});
  graph.output(normalize(graph.add(Gemm{}, {weights("a", {3, 4}), weights("w4", {4, 5}), by_row}), 5, "bn4"));
  const std::size_t nodes = graph.nodes().size();
  const std::vector<Tensor> before = evaluate(graph, {rows, Tensor(DataType::float32, {1})});
  fold_batch_norm(graph);
  EXPECT_EQ(graph.nodes().size(), nodes);
  EXPECT_EQ(evaluate(graph, {rows, Tensor(DataType::float32, {1})}), before);
}

TEST_F(FoldBatchNorm, LeavesTrainingMode) {
  const Value x = graph.input("x", DataType::float32, {kDynamic, 4});
  const Value product = graph.add(Gemm{}, {x, weights("w", {4, 5})});
  graph.output(normalize(product, 5, "bn", {.training_mode = true}));
  expect_folded(rows, 1);
}

TEST_F(FoldBatchNorm, InDouble) {
  const Value x = graph.input("x", DataType::float64, {kDynamic, 4});
  const auto constant = [&](const char* name, const Shape& shape) {
    return graph.constant(name, random_tensor<double>(shape, random, 0.5F, 1));
  };
  const Value product = graph.add(Gemm{}, {x, constant("w", {4, 5})});
  graph.output(graph.add(BatchNormalization{},
                         {product, constant("s", {5}), constant("b", {5}), constant("m", {5}), constant("v", {5})}));
  const Tensor input = random_tensor<double>({3, 4}, random);
  const Tensor before = evaluate(graph, {input})[0];
  fold_batch_norm(graph);
  EXPECT_EQ(graph.nodes().size(), 1U);
  expect_near<double>(evaluate(graph, {input})[0], before, 1e-14);
}

}  // namespace
}  // namespace condense::graph
