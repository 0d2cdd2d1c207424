#include "compress/gated_networks.hpp"
#include "condense/compress/dynamic_pruning.hpp"
#include "condense/compress/early_exit.hpp"
#include "condense/graph/evaluate.hpp"
#include "interop/onnxruntime.hpp"

namespace condense {
namespace {

// ONNX Runtime takes the branches that we take.
TEST(DynamicPruning, RunsInOnnxRuntime) {
  if (onnx_runtime() == nullptr) GTEST_SKIP() << "CONDENSE_ONNXRUNTIME names no libonnxruntime.so.1";
  for (const Index groups : {1, 3}) {
    graph::Graph gated = compress::add_channel_gates(compress::residual_network(1, true), {.groups = groups});
    Random random(2);
    for (const compress::ChannelGate& gate : compress::channel_gates(gated)) {
      const graph::Value weights = gated.find(gate.name + ".weight");
      Tensor tensor(DataType::float32, gated.constant(weights).shape());
      for (float& x : tensor.mutable_values<float>()) x = 4 * random.normal();
      gated.set_constant(weights, tensor);
    }
    gated = compress::add_early_exit(gated, "block1.relu", {.grid = 2});
    const graph::Graph deployed = compress::to_early_exit(compress::to_conditional(gated), {0.8F});
    const io::onnx::Model exported = io::onnx::export_model(deployed);
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const std::vector<Tensor> inputs{compress::random_images(1, seed)};
      const std::vector<Tensor> expected = graph::evaluate(deployed, inputs);
      EXPECT_LT(relative_difference(run_in_onnxruntime(exported, deployed, inputs, expected)[0], expected[0]), 1e-4);
    }
  }
}

}  // namespace
}  // namespace condense
