#include "compress/transformer.hpp"

#include <gtest/gtest.h>

#include "compress/quantized.hpp"
#include "condense/quantize/distortion.hpp"
#include "support/throws.hpp"

namespace condense::compress {
namespace {

double sqnr(const Tensor& reference, const Tensor& tensor) {
  return quantize::distortion(reference, tensor).sqnr_decibels();
}

TEST(Transformer, RunsEveryProductOnIntegersAndKeepsResidualsInFloat) {
  const PostTrainingResult result = quantized(TransformerBlock().build());
  EXPECT_EQ(result.coverage.integer_multiply_accumulates, result.coverage.multiply_accumulates);
  for (const char* node : {"0.q", "0.scores", "0.mix", "0.out", "0.up", "0.down", "0.gelu", "0.q.split", "0.k.heads",
                           "0.v.heads", "0.order", "0.join"}) {
    EXPECT_EQ(coverage_of(result, node).execution, Execution::integer) << node;
  }
  for (const char* node : {"0.q.sum", "0.up.sum", "0.down.sum"}) {
    EXPECT_EQ(coverage_of(result, node).execution, Execution::fused) << node;
    EXPECT_TRUE(coverage_of(result, node).reason.starts_with("with '0.")) << node;
  }
  for (const char* node : {"0.norm1", "0.softmax", "0.residual1", "0.residual2"}) {
    EXPECT_EQ(coverage_of(result, node).execution, Execution::floating) << node;
  }
  EXPECT_EQ(coverage_of(result, "0.scaled").reason, "its inputs are float");
  EXPECT_EQ(coverage_of(result, "0.residual1").reason, "its inputs are float");

  const QuantizedGraph graph(result.graph);
  EXPECT_TRUE(graph.read("0.scores", 0) && graph.read("0.scores", 1)) << "both operands are codes";
  EXPECT_FALSE(graph.made("0.scores")) << "what a Softmax reads is not rounded";
  EXPECT_TRUE(graph.read("0.mix", 0) && graph.read("0.mix", 1));
  EXPECT_EQ(graph.made("0.q.sum"), graph.made("0.q.heads")) << "codes are moved";
  EXPECT_EQ(graph.dequantize("0.residual1", 0), nullptr);
  EXPECT_EQ(graph.dequantize("0.residual1", 1), nullptr);
}

TEST(Transformer, IsCloseToFloatAndCompilesToWhatItEvaluates) {
  for (const DataType type : {DataType::uint8, DataType::int8}) {
    PostTrainingConfig config;
    config.activations.type = type;
    const graph::Graph network = TransformerBlock().build(2);
    const PostTrainingResult result = quantized(network, config);
    const Tensor input = random_input(network, 5, 100);
    const Tensor expected = graph::evaluate(network, {input})[0];
    const Tensor evaluated = graph::evaluate(result.graph, {input})[0];
    EXPECT_GT(sqnr(expected, evaluated), 27) << name(type);
    for (const int threads : {1, 3}) {
      EXPECT_GT(sqnr(evaluated, run_compiled(result.graph, {&input, 1}, threads)[0]), 45) << name(type);
    }
  }
}

TEST(Transformer, RunsSoftmaxOnCodesIfAsked) {
  PostTrainingConfig config;
  config.quantize_softmax = true;
  const graph::Graph network = TransformerBlock().build();
  const PostTrainingResult result = quantized(network, config);
  const QuantizedGraph graph(result.graph);
  EXPECT_EQ(coverage_of(result, "0.softmax").execution, Execution::integer);
  EXPECT_EQ(coverage_of(result, "0.scaled").execution, Execution::integer);
  EXPECT_TRUE(graph.made("0.scores") && graph.read("0.softmax") && graph.made("0.softmax"));
  const Tensor input = random_input(network, 5, 100);
  const Tensor evaluated = graph::evaluate(result.graph, {input})[0];
  EXPECT_GT(sqnr(graph::evaluate(network, {input})[0], evaluated), 25);
  EXPECT_GT(sqnr(evaluated, run_compiled(result.graph, {&input, 1})[0]), 45);
}

TEST(Transformer, QuantizesTheProductsWithinAnAttention) {
  graph::Graph network;
  const graph::Value x = network.input("x", DataType::float32, {kDynamic, 2, 5, 8});
  const graph::Value keys = network.add(graph::Transpose{.perm = {0, 1, 3, 2}}, {x}, "turned");
  const graph::Value back = network.add(graph::Transpose{.perm = {0, 1, 3, 2}}, {keys}, "back");
  const graph::Value mask = network.constant("mask", Tensor::of<float>({5}, {0, -1, 0.5F, 0, 1}));
  network.output(network.add(graph::Attention{.scale = 0.3F}, {x, back, x, mask}, "attention"), "y");
  const PostTrainingResult result = quantized(network);
  EXPECT_EQ(coverage_of(result, "attention").operation, "MatMul");
  for (const char* node : {"attention", "attention.scores", "attention.queries"}) {
    EXPECT_EQ(coverage_of(result, node).execution, Execution::integer) << node;
  }
  const Tensor input = random_input(network, 3, 7);
  const Tensor evaluated = graph::evaluate(result.graph, {input})[0];
  EXPECT_GT(sqnr(graph::evaluate(network, {input})[0], evaluated), 30);
  EXPECT_GT(sqnr(evaluated, run_compiled(result.graph, {&input, 1})[0]), 45);

  PostTrainingConfig config;
  config.keep_float_types = {"Attention"};
  const PostTrainingResult kept = quantized(network, config);
  EXPECT_EQ(coverage_of(kept, "attention").operation, "Attention");
  EXPECT_EQ(coverage_of(kept, "attention").execution, Execution::floating);
}

TEST(KeepFloatTypes, HoldForEveryNodeOfAnOperator) {
  PostTrainingConfig config;
  config.keep_float_types = {"Gelu", "MatMul"};
  const PostTrainingResult result = quantized(TransformerBlock().build(), config);
  for (const NodeCoverage& node : result.coverage.nodes) {
    EXPECT_EQ(node.execution, Execution::floating) << node.node;
    if (node.operation == "MatMul" || node.operation == "Gelu") {
      EXPECT_EQ(node.reason, "kept in float as configured") << node.node;
    }
  }
}

TEST(KeepFloatTypes, NameOperatorsThatTheGraphHas) {
  PostTrainingConfig config;
  config.keep_float_types = {"Erf"};
  const graph::Graph network = TransformerBlock().build();
  EXPECT_TRUE(throws<InvalidArgument>("the operator 'Erf', of which the graph has no node; it has Add, Div, Gelu",
                                      [&] { quantized(network, config); }));
}

/// The sums of a product of two activations are exact, for every combination of types, zero points and forms.
TEST(ProductsOfActivations, GiveTheBytesOfTheNumericContract) {
  for (const DataType type : {DataType::uint8, DataType::int8}) {
    for (const bool transposed : {false, true}) {
      graph::Graph network;
      const graph::Value a = network.input("a", DataType::float32, {7, 33});
      const graph::Value b = network.input("b", DataType::float32, {transposed ? 5 : 33, transposed ? 33 : 5});
      const graph::Value product = transposed ? network.add(graph::Gemm{.trans_b = true}, {a, b}, "product")
                                              : network.add(graph::MatMul{}, {a, b}, "product");
      network.output(network.add(graph::Abs{}, {product}, "magnitude"), "y");
      Random random(3);
      Batch batch;
      for (const graph::Value input : network.inputs()) {
        Tensor tensor(DataType::float32, network.type(input).shape);
        for (float& value : tensor.mutable_values<float>()) value = random.uniform(-1, input == a ? 3.0F : 0.5F);
        batch.push_back(tensor);
      }
      PostTrainingConfig config;
      config.activations.type = type;
      const PostTrainingResult result = quantized(network, std::vector<Batch>{batch}, config);
      const QuantizedGraph graph(result.graph);
      const Parameters pa = *graph.read("product", 0);
      const Parameters pb = *graph.read("product", 1);
      const Parameters py = *graph.made("product");
      const Parameters pz = *graph.made("magnitude");
      EXPECT_NE(pb.zero_point, type == DataType::uint8 ? 128 : 0);
      const auto saturated = [](float real, const Parameters& p) {
        const bool is_signed = p.type == DataType::int8;
        return std::clamp<std::int64_t>(std::lrint(real) + p.zero_point, is_signed ? -128 : 0, is_signed ? 127 : 255);
      };
      const auto code = [&](float x, const Parameters& p) { return saturated(x / p.scale, p); };
      const Tensor compiled = run_compiled(result.graph, batch)[0];
      for (Index row = 0; row < 7; ++row) {
        for (Index column = 0; column < 5; ++column) {
          std::int64_t sum = 0;
          for (Index k = 0; k < 33; ++k) {
            const Index at = transposed ? column * 33 + k : k * 5 + column;
            sum += (code(batch[0].data<float>()[row * 33 + k], pa) - pa.zero_point) *
                   (code(batch[1].data<float>()[at], pb) - pb.zero_point);
          }
          const float multiplier = pa.scale * pb.scale / py.scale;
          const std::int64_t made = saturated(static_cast<float>(sum) * multiplier, py);
          const float magnitude = std::abs(static_cast<float>(made - py.zero_point) * py.scale);
          const float expected = static_cast<float>(code(magnitude, pz) - pz.zero_point) * pz.scale;
          EXPECT_NEAR(compiled.data<float>()[row * 5 + column], expected, 1e-6F) << name(type) << transposed;
        }
      }
    }
  }
}

}  // namespace
}  // namespace condense::compress
