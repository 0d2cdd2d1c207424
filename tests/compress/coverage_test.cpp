#include <gtest/gtest.h>

#include <set>

#include "compress/quantized.hpp"
#include "condense/graph/statistics.hpp"

namespace condense::compress {
namespace {

/// The configurations under which the coverage has to be complete.
std::vector<PostTrainingConfig> configurations(const graph::Graph& graph) {
  std::vector<PostTrainingConfig> result{{}, with_weights("int4/group8"), with_weights("float32"), {}, {}};
  result[3].activations.mode = ActivationMode::floating;
  const graph::Graph simple = simplified(graph);
  for (const graph::Node& node : simple.nodes()) result[4].keep_float.push_back(node.name);
  return result;
}

TEST(Coverage, HasEveryNodeOnceWithAReasonUnlessItIsInteger) {
  for (const NamedNetwork& network : networks()) {
    const graph::Graph expected = simplified(network.graph);
    for (const PostTrainingConfig& config : configurations(network.graph)) {
      const Coverage coverage = quantized(network.graph, config).coverage;
      ASSERT_EQ(coverage.nodes.size(), expected.nodes().size()) << network.name;
      for (std::size_t i = 0; i < coverage.nodes.size(); ++i) {
        const NodeCoverage& node = coverage.nodes[i];
        EXPECT_EQ(node.node, expected.nodes()[i].name) << network.name;
        EXPECT_EQ(node.operation, expected.nodes()[i].op.type()) << node.node;
        if (node.execution != Execution::integer) {
          EXPECT_FALSE(node.reason.empty()) << network.name << ", " << node.node << " is skipped silently";
        }
      }
      const int sum = coverage.count(Execution::integer) + coverage.count(Execution::fused) +
                      coverage.count(Execution::weights_only) + coverage.count(Execution::floating);
      EXPECT_EQ(sum, static_cast<int>(coverage.nodes.size()));
    }
  }
}

TEST(Coverage, SaysWhyNothingWasQuantized) {
  const graph::Graph network = plain_network();
  PostTrainingConfig config;
  for (const graph::Node& node : network.nodes()) config.keep_float.push_back(node.name);
  const PostTrainingResult result = quantized(network, config);
  for (const NodeCoverage& node : result.coverage.nodes) {
    EXPECT_EQ(node.execution, Execution::floating) << node.node;
    EXPECT_EQ(node.reason, "kept in float as configured") << node.node;
  }
  EXPECT_EQ(result.coverage.integer_multiply_accumulates, 0);
  EXPECT_EQ(graph::stored_bytes(result.graph), graph::stored_bytes(simplified(network)));
}

/// The kernels take images: what works on volumes stays as it is, and runs as the graph evaluates.
TEST(Coverage, LeavesVolumesAndIndicesInFloat) {
  Random random(3);
  const auto random_tensor = [&](const Shape& shape) {
    Tensor tensor(DataType::float32, shape);
    for (float& value : tensor.mutable_values<float>()) value = random.normal();
    return tensor;
  };
  graph::Graph network;
  const graph::Value x = network.input("x", DataType::float32, {kDynamic, 2, 4, 6, 6});
  const graph::Value w = network.constant("w", random_tensor({3, 2, 3, 3, 3}));
  const graph::Value features = network.add(graph::Conv{}, {x, w}, "conv");
  const graph::Value pooled = network.add(graph::MaxPool{.kernel_shape = {1, 2, 2}}, {features}, "pool");
  network.output(network.add(graph::AveragePool{.kernel_shape = {2, 1, 1}}, {pooled}, "mean"));
  const PostTrainingResult result = quantized(network);
  for (const NodeCoverage& node : result.coverage.nodes) {
    EXPECT_EQ(node.execution, Execution::floating) << node.node;
    EXPECT_EQ(node.reason, "it works on volumes") << node.node;
  }
  const Tensor input = random_tensor({1, 2, 4, 6, 6});
  EXPECT_EQ(run_compiled(result.graph, {&input, 1})[0], graph::evaluate(network, {input})[0]);
}

TEST(Coverage, CountsTheMultiplyAccumulatesOfOneInference) {
  const graph::Graph network = plain_network();
  const std::int64_t expected = 8 * 8 * 8 * 27 + 12 * 4 * 4 * 72 + 16 * 192 + 5 * 16;
  EXPECT_EQ(quantized(network).coverage.multiply_accumulates, expected);
  EXPECT_EQ(quantized(network).coverage.integer_multiply_accumulates, expected);
  PostTrainingConfig config;
  config.keep_float = {"body"};
  EXPECT_EQ(quantized(network, config).coverage.integer_multiply_accumulates, expected - 12 * 4 * 4 * 72);
}

/// A network of one node that cannot run on integers, and what the coverage says of it.
std::string reason_for(graph::Graph graph, const std::string& node) {
  const PostTrainingResult result = quantized(graph);
  EXPECT_EQ(coverage_of(result, node).execution, Execution::floating) << node;
  return coverage_of(result, node).reason;
}

TEST(Coverage, NamesWhatKeepsANodeFromIntegers) {
  EXPECT_EQ(reason_for(activations_network(), "norm"), "BatchNormalization has no integer form");
  EXPECT_EQ(reason_for(activations_network(), "softmax"), "Softmax stays in float unless quantize_softmax is set");

  Network divided({kDynamic, 4});
  divided.fully_connected("fc", 4);
  const graph::Value one = divided.constant("one", Tensor::of<float>({1}, {1.0F}));
  divided.apply(graph::Div{}, {one, divided.value()}, "inverse");
  EXPECT_EQ(reason_for(divided.finish(), "inverse"), "Div has no integer form");

  Network summed({kDynamic, 4});
  summed.fully_connected("fc", 4);
  const graph::Value features = summed.value();
  summed.relu("relu").apply(graph::Add{}, {features, summed.value()}, "sum").then(graph::Softmax{}, "softmax");
  EXPECT_EQ(reason_for(summed.finish(), "sum"), "its inputs are float");

  Network untouched({kDynamic, 4});
  untouched.relu("relu").then(graph::Softmax{}, "softmax");
  EXPECT_EQ(reason_for(untouched.finish(), "relu"), "its inputs are float");

  Network scaled({kDynamic, 4});
  const graph::Value weights = scaled.constant("w", Tensor::of<float>({4, 1}, {1, 2, 3, 4}));
  scaled.apply(graph::Gemm{.alpha = 0.5F}, {scaled.value(), weights}, "gemm");
  EXPECT_EQ(reason_for(scaled.finish(), "gemm"), "its alpha or beta is not 1");

  Network constant_factor({kDynamic, 4, 4});
  const graph::Value factor = constant_factor.constant("w", Tensor(DataType::float32, {4, 4}));
  constant_factor.apply(graph::MatMul{}, {factor, constant_factor.value()}, "product");
  EXPECT_EQ(reason_for(constant_factor.finish(), "product"), "its first operand is a constant");
}

TEST(Coverage, SaysOfAFusedClampWhatComputesIt) {
  const PostTrainingResult result = quantized(residual_network());
  EXPECT_EQ(coverage_of(result, "stem.relu").execution, Execution::fused);
  EXPECT_EQ(coverage_of(result, "stem.relu").reason, "with 'stem'");
  EXPECT_EQ(coverage_of(result, "sum.relu").reason, "with 'sum'");
}

TEST(Coverage, QuantizesWhatFollowsANodeInFloat) {
  const PostTrainingResult result = quantized(activations_network());
  const QuantizedGraph graph(result.graph);
  EXPECT_FALSE(graph.producer(graph.node("softmax").inputs[0])->op.is<graph::DequantizeLinear>());
  EXPECT_TRUE(graph.read("norm")) << "it reads dequantised codes of the Relu before it";
  EXPECT_TRUE(graph.read("b")) << "and its result is quantised for the convolution behind it";
  EXPECT_EQ(coverage_of(result, "b").execution, Execution::integer);
}

}  // namespace
}  // namespace condense::compress
