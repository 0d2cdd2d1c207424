// Trains a small convolutional network to tell four shapes apart, from data that it makes itself.
//
//   train_small_network [--json FILE]

#include <fmt/format.h>

#include <cmath>
#include <string_view>

#include "condense/graph/operators/batch_normalization.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/flatten.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/global_average_pool.hpp"
#include "condense/graph/operators/relu.hpp"
#include "condense/report/progress_bar.hpp"
#include "condense/report/table.hpp"
#include "condense/train/fit.hpp"

using namespace condense;

/// Images (1 x 12 x 12) of a disc, a ring, a square or a cross, somewhere, in noise.
train::Dataset shapes(Index count, std::uint64_t seed) {
  train::Dataset data{Tensor(DataType::float32, {count, 1, 12, 12}), Tensor(DataType::int64, {count})};
  auto images = data.inputs.mutable_view<float, 4>();
  Random random(seed);
  for (Index i = 0; i < count; ++i) {
    const std::int64_t shape = data.targets.mutable_data<std::int64_t>()[i] = random.below(4);
    const float row = random.uniform(4, 7), column = random.uniform(4, 7);
    for (Index y = 0; y < 12; ++y) {
      for (Index x = 0; x < 12; ++x) {
        const float down = std::abs(static_cast<float>(y) - row), across = std::abs(static_cast<float>(x) - column);
        const float distance = std::hypot(down, across), nearest = std::min(down, across);
        const bool inside[] = {distance < 3.5F, distance < 3.9F && distance > 2, std::max(down, across) < 3.2F,
                               nearest < 1 && distance < 4};
        images(i, 0, y, x) = (inside[shape] ? 1.0F : 0.0F) + 0.5F * random.normal();
      }
    }
  }
  return data;
}

int main(int argc, char** argv) try {
  graph::Graph network;
  const auto weights = [&](const std::string& name, const Shape& shape) {
    return network.constant(name, Tensor(DataType::float32, shape));
  };
  const auto batch_norm = [&](graph::Value x, const std::string& name) {
    std::vector<graph::Value> inputs = {x};
    for (const char* part : {".scale", ".bias", ".mean", ".variance"}) inputs.push_back(weights(name + part, {16}));
    return network.add(graph::BatchNormalization{}, inputs, name);
  };
  graph::Value x = network.input("images", DataType::float32, {kDynamic, 1, 12, 12});
  x = network.add(graph::Conv{.pads = {1, 1, 1, 1}}, {x, weights("first", {16, 1, 3, 3})});
  x = network.add(graph::Relu{}, {batch_norm(x, "norm1")});
  x = network.add(graph::Conv{.strides = {2, 2}, .pads = {1, 1, 1, 1}}, {x, weights("second", {16, 16, 3, 3})});
  x = network.add(graph::Relu{}, {batch_norm(x, "norm2")});
  x = network.add(graph::Flatten{}, {network.add(graph::GlobalAveragePool{}, {x})});
  network.output(network.add(graph::Gemm{}, {x, weights("classes", {16, 4}), weights("bias", {4})}), "logits");

  report::ProgressBar bar;
  const train::FitResult result = train::fit(train::initialize(network, /*seed=*/1), shapes(2000, /*seed=*/1),
                                             {.epochs = 8,
                                              .batch_size = 50,
                                              .schedule = train::CosineSchedule{.rate = 0.02},
                                              .validation = shapes(500, /*seed=*/2),
                                              .pool = ThreadPool::of_all_processors(),
                                              .progress = std::ref(bar)});
  report::Table table({{"epoch", "epoch"},
                       {"loss", "loss", 3},
                       {"accuracy %", "accuracy_percent", 1},
                       {"on new images %", "validation_accuracy_percent", 1}});
  for (const train::EpochRecord& epoch : result.history) {
    table.add({std::int64_t{epoch.epoch}, epoch.loss, 100 * *epoch.accuracy, 100 * *epoch.validation->accuracy});
  }
  fmt::print("{}best: epoch {}\n", table.text(), result.best_epoch);
  if (argc == 3 && std::string_view(argv[1]) == "--json") report::write_json(argv[2], table.json());
} catch (const Error& error) {
  fmt::print(stderr, "train_small_network: {}\n", error.what());
  return 1;
}
