#include <map>

#include "condense/compress/post_training.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/runtime/compile.hpp"
#include "interop/onnxruntime.hpp"
#include "support/temporary_folder.hpp"

namespace condense {
namespace {

class IntegerExport : public testing::TestWithParam<RealModel> {};

/// How often each operator occurs in a file.
std::map<std::string, int> operators_of(const std::filesystem::path& path) {
  std::map<std::string, int> counts;
  for (const io::onnx::Node& node : io::onnx::read_model(path).graph.nodes) ++counts[node.type];
  return counts;
}

TEST_P(IntegerExport, RunsInIntegersAndGivesTheSameCodes) {
  const RealModel& model = GetParam();
  CONDENSE_NEEDS(model);
  const graph::Graph original =
      io::onnx::import_graph(io::onnx::read_model(*model.file()), model.path, {.example_shapes = model.shapes});
  std::vector<compress::Batch> batches;
  for (std::uint64_t seed = 2; seed < 10; ++seed) batches.push_back(model.inputs(original, seed));
  const compress::PostTrainingResult quantized = compress::post_training(original, batches);
  std::map<std::string, int> integer;
  for (const compress::NodeCoverage& node : quantized.coverage.nodes) {
    if (node.execution == compress::Execution::integer) ++integer[node.operation];
  }

  const TemporaryFolder folder;
  const io::onnx::Model exported = io::onnx::export_model(quantized.graph);
  const graph::Graph again = io::onnx::import_graph(exported, "again.onnx");
  const std::vector<Tensor> inputs = model.inputs(original);
  const std::vector<Tensor> reference = graph::evaluate(quantized.graph, inputs);
  EXPECT_EQ(graph::evaluate(again, inputs), reference);
  runtime::Program program = runtime::compile(quantized.graph);
  const std::vector<Tensor> outputs = program.run(inputs);
  EXPECT_EQ(runtime::compile(again).run(inputs), outputs);

  const std::filesystem::path optimized = folder / "optimized.onnx";
  const std::vector<Tensor> peer = run_in_onnxruntime(exported, quantized.graph, inputs, outputs, optimized.string());
  std::map<std::string, int> counts = operators_of(optimized);
  EXPECT_EQ(counts["QLinearConv"], integer["Conv"]);
  EXPECT_EQ(counts["Conv"] + counts["FusedConv"], 0);
  EXPECT_EQ(counts["QGemm"] + counts["QLinearMatMul"] + counts["MatMulIntegerToFloat"],
            integer["Gemm"] + integer["MatMul"]);
  EXPECT_EQ(counts["Gemm"] + counts["MatMul"] + counts["FusedGemm"] + counts["FusedMatMul"], 0);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    Index different = 0;
    for (Index k = 0; k < outputs[i].count(); ++k) {
      different += outputs[i].data<float>()[k] != peer[i].data<float>()[k] ? 1 : 0;
    }
    fmt::print("{}: {} of {} elements differ from ONNX Runtime's, by {:.1e} of the largest\n", model.path, different,
               outputs[i].count(), relative_difference(outputs[i], peer[i]));
    EXPECT_LT(relative_difference(outputs[i], peer[i]), 0.02) << i;
  }
}

TEST_P(IntegerExport, TakesOtherFormsToo) {
  const RealModel& model = GetParam();
  CONDENSE_NEEDS(model);
  const graph::Graph original =
      io::onnx::import_graph(io::onnx::read_model(*model.file()), model.path, {.example_shapes = model.shapes});
  const std::vector<Tensor> inputs = model.inputs(original);
  const auto check = [&](const graph::Graph& graph, std::string_view type) {
    const std::vector<Tensor> outputs = graph::evaluate(graph, inputs);
    const io::onnx::Model exported = io::onnx::export_model(graph);
    const std::vector<Tensor> peer = run_in_onnxruntime(exported, graph, inputs, outputs);
    for (std::size_t i = 0; i < outputs.size(); ++i) EXPECT_LT(relative_difference(outputs[i], peer[i]), 0.02) << i;
    return std::ranges::count(exported.graph.nodes, type, &io::onnx::Node::type);
  };
  const std::vector<compress::Batch> batches{model.inputs(original, 2), model.inputs(original, 3)};
  graph::Graph q_operators = compress::post_training(original, batches).graph;
  const auto convolutions =
      std::ranges::count_if(q_operators.nodes(), [](const graph::Node& node) { return node.op.is<graph::Conv>(); });
  graph::use_q_linear_operators(q_operators);
  EXPECT_EQ(check(q_operators, "QLinearConv"), convolutions);

  compress::PostTrainingConfig weights_only;
  weights_only.weights = {quantize::NumberFormat::parse("int4/group32"), {}};
  weights_only.activations.mode = compress::ActivationMode::floating;
  graph::Graph in_blocks = compress::post_training(original, {}, weights_only).graph;
  const auto products = std::ranges::count_if(in_blocks.nodes(), [](const graph::Node& node) {
    return node.op.is<graph::Gemm>() || node.op.is<graph::MatMul>();
  });
  graph::use_mat_mul_n_bits(in_blocks);
  EXPECT_EQ(check(in_blocks, "MatMulNBits"), products);
}

INSTANTIATE_TEST_SUITE_P(, IntegerExport, testing::ValuesIn(quantized_models()),
                         [](const auto& test) { return test.param.test_name(); });

}  // namespace
}  // namespace condense
