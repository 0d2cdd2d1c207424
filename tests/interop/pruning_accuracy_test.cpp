#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <span>

#include "condense/compress/one_shot_pruning.hpp"
#include "condense/io/npy.hpp"
#include "condense/train/evaluation.hpp"
#include "interop/onnxruntime.hpp"

namespace condense {
namespace {

constexpr Index kCalibration = 128;

/// The images as the network takes them, (n, 3, 32, 32), and their labels.
train::Dataset cifar10() {
  const Tensor images = io::read_npy(shared_models() / "cifar10_test2000_x_u8_nhwc.npy");
  const Tensor labels = io::read_npy(shared_models() / "cifar10_test2000_y.npy");
  const Index count = images.shape()[0];
  train::Dataset data{Tensor(DataType::float32, {count, 3, 32, 32}), Tensor(DataType::int64, {count})};
  float* to = data.inputs.mutable_data<float>();
  for (Index n = 0; n < count; ++n) {
    for (Index c = 0; c < 3; ++c) {
      for (Index pixel = 0; pixel < 1024; ++pixel) *to++ = images.data<std::uint8_t>()[(n * 1024 + pixel) * 3 + c];
    }
  }
  graph::reference::with_element_type(labels.type(), [&]<class T>() {
    std::ranges::transform(labels.values<T>(), data.targets.mutable_data<std::int64_t>(),
                           [](T label) { return static_cast<std::int64_t>(label); });
  });
  return data;
}

double accuracy_after(const graph::Graph& network, const std::vector<std::vector<Tensor>>& batches,
                      const train::Dataset& images, const compress::OneShotPruningConfig& config) {
  return train::accuracy(compress::one_shot_pruning(network, batches, config).graph, images, config.pool);
}

/// Prints the table of docs/pruning.md if the environment has CONDENSE_TABLES; otherwise half of it, for some images.
TEST(PruningAccuracy, OfResNet8OnCifar10) {
  if (!std::filesystem::exists(shared_models() / "ic_resnet8.onnx")) GTEST_SKIP() << "shared/models is not there";
  const bool whole = std::getenv("CONDENSE_TABLES") != nullptr;
  const graph::Graph network = io::read_onnx(shared_models() / "ic_resnet8.onnx").graph;
  const train::Dataset data = cifar10();
  const train::Dataset others = train::slice(data, kCalibration, whole ? data.size() : kCalibration + 200);
  std::vector<std::vector<Tensor>> batches;
  for (Index i = 0; i < kCalibration; i += 32) batches.push_back({train::slice(data, i, i + 32).inputs});
  const ThreadPool pool = ThreadPool::of_all_processors();

  struct Case {
    std::string name;
    prune::Pattern pattern;
    double sparsity;
  };
  const std::vector<Case> cases{{"50 %", prune::Pattern::unstructured(), 0.5},
                                {"2:4", prune::Pattern::n_of_m(2, 4), 0.5},
                                {"70 %", prune::Pattern::unstructured(), 0.7},
                                {"90 %", prune::Pattern::unstructured(), 0.9}};
  const double before = train::accuracy(network, others, pool);
  fmt::print("accuracy before: {:.2f} %\n", 100 * before);
  fmt::print("       | biases    | magnitude | Wanda | SparseGPT\n");
  for (const Case& row : std::span(cases).first(whole ? 4 : 2)) {
    for (const bool correct_bias : {false, true}) {
      if (correct_bias && !whole) continue;
      const auto after = [&](compress::PruningMethod method) {
        return accuracy_after(network, batches, others,
                              {.method = method,
                               .pattern = row.pattern,
                               .sparsity = row.sparsity,
                               .layers = {.protected_layers = {"Conv_1"}},
                               .correct_bias = correct_bias,
                               .pool = pool});
      };
      const double magnitude = after(compress::PruningMethod::magnitude);
      const double wanda = after(compress::PruningMethod::wanda);
      const double sparse_gpt = after(compress::PruningMethod::sparse_gpt);
      fmt::print("{:>6} | {:9} | {:9.2f} | {:5.2f} | {:9.2f}\n", row.name, correct_bias ? "corrected" : "kept",
                 100 * magnitude, 100 * wanda, 100 * sparse_gpt);
      if (row.sparsity > 0.5) continue;  // at 90 % all of them guess
      EXPECT_GT(sparse_gpt, std::max(magnitude, wanda)) << row.name;
      EXPECT_GT(sparse_gpt, before - 0.25) << row.name;
    }
  }
}

}  // namespace
}  // namespace condense
