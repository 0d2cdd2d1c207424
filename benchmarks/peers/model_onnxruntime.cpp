// ONNX Runtime as a peer of compare_models, with all of its graph optimisations.

#include "model_peer.hpp"
#include "onnxruntime_session.hpp"

namespace condense::benchmarks {
namespace {

Prepared prepare(const ModelWork& work) {
  const auto session = std::make_shared<OnnxSession>(*OnnxRuntime::find(), work.file, work.threads);
  for (std::size_t i = 0; i < work.inputs.size(); ++i) {
    const Tensor& input = work.inputs[i];
    session->bind_input(work.input_names[i], input.type(), input.shape(), input.raw());
  }
  for (std::size_t i = 0; i < work.outputs->size(); ++i) {
    Tensor& output = (*work.outputs)[i];
    session->bind_output(work.output_names[i], output.type(), output.shape(), output.mutable_raw());
  }
  return {.run = [session] { session->run(); }, .collect = {}};
}

[[maybe_unused]] const bool kRegistered = [] {
  const OnnxRuntime* runtime = OnnxRuntime::find();
  if (runtime != nullptr) {
    competitors<ModelWork>().push_back({.name = "ONNX Runtime " + runtime->version(),
                                        .limit_to = [](std::string_view) { return false; },
                                        .prepare = prepare});
  }
  return runtime != nullptr;
}();

}  // namespace
}  // namespace condense::benchmarks
