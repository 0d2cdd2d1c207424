#include "condense/graph/evaluate.hpp"
#include "interop/onnxruntime.hpp"
#include "io/onnx_models.hpp"
#include "support/throws.hpp"

namespace condense {
namespace {

// Silero VAD 5 has a branch for 8 kHz, which refuses the extents of the one for 16 kHz.
TEST(Branches, ForOtherShapesAreReadAndWritten) {
  const RealModel model{"npm/@ricky0123/vad-web/dist/silero_vad_v5.onnx",
                        {{"input", {1, 576}}, {"state", {2, 1, 128}}}};
  CONDENSE_NEEDS(model);
  const io::onnx::Model file = io::onnx::read_model(*model.file());
  const graph::Graph graph = io::onnx::import_graph(file, model.path, {.example_shapes = model.shapes});
  std::vector<Tensor> inputs = model.inputs(graph);
  Random random(3);
  inputs[0] = Tensor(DataType::float32, {1, 288});
  for (float& sample : inputs[0].mutable_values<float>()) sample = random.uniform(-1, 1);
  inputs[2] = Tensor::of<std::int64_t>({}, {8000});
  const std::vector<Tensor> outputs = graph::evaluate(graph, inputs);
  const std::vector<Tensor> expected = run_in_onnxruntime(file, graph, inputs, outputs);
  const std::vector<Tensor> exported = run_in_onnxruntime(io::onnx::export_model(graph), graph, inputs, outputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    EXPECT_LT(relative_difference(outputs[i], expected[i]), model.tolerance) << i;
    EXPECT_LT(relative_difference(exported[i], expected[i]), model.tolerance) << i;
  }
}

TEST(Branches, ThatNoShapesTakeStopInOnnxRuntimeToo) {
  if (onnx_runtime() == nullptr) GTEST_SKIP() << "CONDENSE_ONNXRUNTIME names no libonnxruntime.so.1";
  for (const bool refused : {false, true}) {
    const io::onnx::Model model = io::onnx::model_of_branches({3, 2}, {5, 2}, refused);
    const graph::Graph graph = io::onnx::import(model);
    io::onnx::Model written = io::onnx::export_model(graph);
    const Tensor x = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
    const std::vector<Tensor> taken{x, Tensor::of<bool>({}, {!refused})};
    const std::vector<Tensor> outputs = graph::evaluate(graph, taken);
    EXPECT_EQ(run_in_onnxruntime(written, graph, taken, outputs), outputs);
    const std::vector<Tensor> other{x, Tensor::of<bool>({}, {refused})};
    written.graph.outputs[0].shape.reset();  // what would stop it before it runs
    const std::vector<Tensor> one{Tensor(DataType::float32, {})};
    EXPECT_TRUE(throws<Error>("out of data bounds", [&] { run_in_onnxruntime(written, graph, other, one); }));
  }
}

}  // namespace
}  // namespace condense
