#include "condense/compress/post_training.hpp"
#include "condense/io/npy.hpp"
#include "condense/runtime/compile.hpp"
#include "interop/onnxruntime.hpp"

namespace condense {
namespace {

std::filesystem::path shared(const std::string& name) { return shared_models() / name; }

/// Labelled inputs, and those of them that a network is calibrated with.
struct Samples {
  Tensor inputs;  ///< (n, ...), float32
  std::vector<std::int64_t> labels;
  Index calibration = 0;  ///< The first ones, which the accuracy leaves out.

  Tensor input(Index i) const {
    const Shape one = inputs.shape().with(0, 1);
    Tensor result(DataType::float32, one);
    std::copy_n(inputs.data<float>() + i * one.count(), one.count(), result.mutable_data<float>());
    return result;
  }
};

std::vector<std::int64_t> labels_of(const Tensor& tensor) {
  std::vector<std::int64_t> labels;
  graph::reference::with_element_type(tensor.type(), [&]<class T>() {
    for (const T value : tensor.values<T>()) labels.push_back(static_cast<std::int64_t>(value));
  });
  return labels;
}

/// Share of the samples not used for calibration that the network labels right.
double accuracy(const graph::Graph& graph, const Samples& samples) {
  runtime::Program program = runtime::compile(graph);
  Index right = 0;
  const Index count = samples.inputs.shape()[0];
  for (Index i = samples.calibration; i < count; ++i) {
    const Tensor scores = program.run({samples.input(i)}).at(0);
    const auto values = scores.values<float>();
    const auto best = std::ranges::max_element(values) - values.begin();
    right += best == samples.labels[static_cast<std::size_t>(i)] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(count - samples.calibration);
}

void expect_kept(const std::string& model, const Samples& samples, double least) {
  const graph::Graph original = io::read_onnx(shared(model)).graph;
  std::vector<compress::Batch> batches;
  for (Index i = 0; i < samples.calibration; ++i) batches.push_back({samples.input(i)});
  const graph::Graph quantized = compress::post_training(original, batches).graph;
  const double before = accuracy(original, samples);
  const double after = accuracy(quantized, samples);
  fmt::print("{}: {:.2f} % in float, {:.2f} % in int8\n", model, 100 * before, 100 * after);
  EXPECT_GT(before, least);
  EXPECT_GE(after, before - 0.005);
}

TEST(Accuracy, OfResNet8OnCifar10) {
  if (!std::filesystem::exists(shared("ic_resnet8.onnx"))) GTEST_SKIP() << "shared/models is not there";
  const Tensor images = io::read_npy(shared("cifar10_test2000_x_u8_nhwc.npy"));
  const Shape& shape = images.shape();
  Samples samples{Tensor(DataType::float32, {shape[0], 3, 32, 32}),
                  labels_of(io::read_npy(shared("cifar10_test2000_y.npy"))), 200};
  float* to = samples.inputs.mutable_data<float>();
  for (Index n = 0; n < shape[0]; ++n) {
    for (Index c = 0; c < 3; ++c) {
      for (Index pixel = 0; pixel < 1024; ++pixel) *to++ = images.data<std::uint8_t>()[(n * 1024 + pixel) * 3 + c];
    }
  }
  expect_kept("ic_resnet8.onnx", samples, 0.75);
}

TEST(Accuracy, OfDsCnnOnSpeechCommands) {
  if (!std::filesystem::exists(shared("kws_dscnn.onnx"))) GTEST_SKIP() << "shared/models is not there";
  const Samples samples{io::read_npy(shared("kws01_x_f32_nchw.npy")), labels_of(io::read_npy(shared("kws01_y.npy"))),
                        200};
  expect_kept("kws_dscnn.onnx", samples, 0.9);
}

}  // namespace
}  // namespace condense
