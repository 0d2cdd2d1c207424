#include "condense/compress/weight_sharing.hpp"

#include <gtest/gtest.h>

#include <set>

#include "compress/small_task.hpp"
#include "condense/compress/weight_masks.hpp"

namespace condense::compress {
namespace {

std::set<float> values_of(const graph::Graph& graph, const std::string& name) {
  const std::span<const float> values = graph.constant(graph.find(name)).values<float>();
  return {values.begin(), values.end()};
}

/// The small network with every third weight of its first layer pruned.
graph::Graph pruned() {
  graph::Graph graph = small_network(1);
  const graph::Value value = graph.find("fc1.weight");
  Tensor weights = graph.constant(value);
  for (Index i = 0; i < weights.count(); i += 3) weights.mutable_data<float>()[i] = 0;
  graph.set_constant(value, weights);
  return graph;
}

TEST(ShareWeights, LeavesAsManyValuesAsTheBitsSay) {
  const graph::Graph graph = pruned();
  const graph::Graph shared = share_weights(graph, {.weight_bits = 3, .other_bits = 1, .bits_of = {{"fc2.weight", 2}}});
  EXPECT_LE(values_of(shared, "fc1.weight").size(), 9U);
  EXPECT_GE(values_of(shared, "fc1.weight").size(), 7U);
  EXPECT_LE(values_of(shared, "fc2.weight").size(), 4U);
  EXPECT_LE(values_of(shared, "fc1.bias").size(), 3U);
  const graph::Graph some = share_weights(graph, {.bits_of = {{"fc1.weight", 0}}});
  EXPECT_TRUE(some.constant(some.find("fc1.weight")) == graph.constant(graph.find("fc1.weight")));
}

TEST(ShareWeights, ZeroStaysZeroAndOthersTakeTheNearestValue) {
  const graph::Graph graph = pruned();
  for (const auto clustering : {WeightSharingConfig::Clustering::linear, WeightSharingConfig::Clustering::optimal}) {
    const graph::Graph shared = share_weights(graph, {.weight_bits = 4, .clustering = clustering});
    const Tensor& before = graph.constant(graph.find("fc1.weight"));
    const Tensor& after = shared.constant(shared.find("fc1.weight"));
    std::set<float> values = values_of(shared, "fc1.weight");
    values.erase(0);
    for (Index i = 0; i < before.count(); ++i) {
      const float weight = before.data<float>()[i];
      const float value = after.data<float>()[i];
      ASSERT_EQ(weight == 0, value == 0);
      if (weight == 0) continue;
      for (const float other : values) ASSERT_LE(std::abs(weight - value), std::abs(weight - other) + 1e-6F);
    }
  }
}

TEST(ShareWeights, TheLargestComeFirst) {
  const graph::Graph graph = pruned();
  const graph::Graph half = share_weights(graph, {.weight_bits = 3, .share = 0.5});
  const graph::Graph whole = share_weights(graph, {.weight_bits = 3});
  const Tensor& before = graph.constant(graph.find("fc1.weight"));
  std::vector<float> magnitudes;
  for (const float weight : before.values<float>()) {
    if (weight != 0) magnitudes.push_back(std::abs(weight));
  }
  std::ranges::sort(magnitudes, std::greater<>{});
  const float least = magnitudes[(magnitudes.size() + 1) / 2 - 1];
  for (Index i = 0; i < before.count(); ++i) {
    const float weight = before.data<float>()[i];
    const graph::Graph& wanted = std::abs(weight) >= least ? whole : graph;
    ASSERT_EQ(half.constant(half.find("fc1.weight")).data<float>()[i],
              wanted.constant(wanted.find("fc1.weight")).data<float>()[i]);
  }
  const SharedConstants shared = shared_constants(half, {.weight_bits = 3, .share = 0.5});
  EXPECT_GT(shared.front().first.size(), magnitudes.size() / 2);  // the others have values of their own
}

TEST(SharedConstants, AreFoundInTheGraph) {
  const WeightSharingConfig config{.weight_bits = 3, .other_bits = 2};
  const graph::Graph graph = share_weights(pruned(), config);
  for (const SharedConstant& shared : shared_constants(graph, config)) {
    const std::span<const float> weights = graph.constant(shared.value).values<float>();
    ASSERT_EQ(weights.size(), shared.codes.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const float value = shared.codes[i] == 0 ? 0.0F : weights[shared.first[shared.codes[i] - 1]];
      ASSERT_EQ(weights[i], value);
    }
  }
  try {
    shared_constants(pruned(), config);
    FAIL();
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("'fc1.weight' has more than 8 values"), std::string::npos) << error.what();
  }
}

TEST(TieShared, GradientOfACentroidIsTheSumOfItsWeights) {
  const WeightSharingConfig config{.weight_bits = 2};
  const graph::Graph graph = share_weights(pruned(), config);
  const auto shared = std::make_shared<const SharedConstants>(shared_constants(graph, config));
  const train::FitOptions options = tie_shared(shared, {});
  const SharedConstant& constant = shared->front();
  Tensor gradient(DataType::float32, graph.constant(constant.value).shape());
  std::vector<double> sums(constant.first.size(), 0.0);
  Random random(2);
  for (std::size_t i = 0; i < constant.codes.size(); ++i) {
    const float slope = random.normal();
    gradient.mutable_data<float>()[i] = slope;
    if (constant.codes[i] > 0) sums[constant.codes[i] - 1U] += static_cast<double>(slope);
  }
  options.after_backward({&constant.value, 1}, {&gradient, 1});
  for (std::size_t i = 0; i < constant.codes.size(); ++i) {
    const float wanted = constant.codes[i] == 0 ? 0.0F : static_cast<float>(sums[constant.codes[i] - 1U]);
    ASSERT_EQ(gradient.data<float>()[i], wanted);
  }
}

/// Trains centroids alone: as many parameters as there are values, each with the gradient of all its weights. What
/// `tie_shared` does must be the same, but for the rounding of sums.
TEST(TieShared, TrainsTheCentroidsThroughEveryOptimiser) {
  const WeightSharingConfig config{.weight_bits = 3, .other_bits = 2};
  const graph::Graph graph = share_weights(pruned(), config);
  const auto shared = std::make_shared<const SharedConstants>(shared_constants(graph, config));
  for (const train::Optimizer& optimizer :
       {train::Optimizer(train::Sgd{.momentum = 0.9, .weight_decay = 1e-2}), train::Optimizer(train::AdamW{})}) {
    const train::FitOptions options{
        .epochs = 4, .optimizer = optimizer, .schedule = train::ConstantSchedule{.rate = 1e-3}};
    const graph::Graph trained = train::fit(graph, small_data(200, 3), tie_shared(shared, options)).graph;
    for (const SharedConstant& constant : *shared) {
      const std::span<const float> weights = trained.constant(constant.value).values<float>();
      for (std::size_t i = 0; i < weights.size(); ++i) {
        const float tied = constant.codes[i] == 0 ? 0.0F : weights[constant.first[constant.codes[i] - 1U]];
        ASSERT_EQ(weights[i], tied) << graph.name(constant.value);
      }
    }
    EXPECT_NE(values_of(trained, "fc1.weight"), values_of(graph, "fc1.weight"));

    // One step by hand.
    train::Trainer free(graph, train::objective(graph, train::SoftmaxCrossEntropy{}), {.optimizer = optimizer});
    const train::FitOptions hooks = tie_shared(shared, {});
    train::Trainer tied(
        graph, train::objective(graph, train::SoftmaxCrossEntropy{}),
        {.optimizer = optimizer, .after_backward = hooks.after_backward, .after_step = hooks.after_step});
    std::vector<Tensor> gradients;
    train::Trainer spy(
        graph, train::objective(graph, train::SoftmaxCrossEntropy{}),
        {.optimizer = optimizer, .after_backward = [&](std::span<const graph::Value>, std::span<Tensor> all) {
           gradients.assign(all.begin(), all.end());
         }});
    const train::Dataset data = small_data(64, 9);
    const train::Batch batch{data.inputs, data.targets};
    tied.step(batch, 1e-2);
    spy.step(batch, 1e-2);
    const SharedConstant& constant = shared->front();
    Tensor centroids(DataType::float32, {1, static_cast<Index>(constant.first.size())});  // rank 2: weights decay
    Tensor slopes = centroids;
    std::vector<double> sums(constant.first.size(), 0.0);
    for (std::size_t i = 0; i < constant.codes.size(); ++i) {
      if (constant.codes[i] > 0) {
        sums[constant.codes[i] - 1U] += static_cast<double>(gradients[0].data<float>()[i]);
      }
    }
    for (std::size_t k = 0; k < sums.size(); ++k) {
      centroids.mutable_data<float>()[k] = graph.constant(constant.value).data<float>()[constant.first[k]];
      slopes.mutable_data<float>()[k] = static_cast<float>(sums[k]);
    }
    train::OptimizerState state;
    train::apply(optimizer, 1e-2, {&centroids, 1}, {&slopes, 1}, state, {});
    for (std::size_t k = 0; k < sums.size(); ++k) {
      EXPECT_FLOAT_EQ(tied.graph().constant(constant.value).data<float>()[constant.first[k]],
                      centroids.data<float>()[k]);
    }
  }
}

TEST(RoundShared, LeavesValuesOfFloat16) {
  const WeightSharingConfig config{.weight_bits = 3, .other_bits = 2};
  const graph::Graph graph = share_weights(pruned(), config);
  const graph::Graph rounded = round_shared(graph, shared_constants(graph, config));
  for (const char* name : {"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}) {
    EXPECT_EQ(values_of(graph, name).size(), values_of(rounded, name).size());
    for (const float value : values_of(rounded, name)) EXPECT_EQ(static_cast<float>(Float16(value)), value);
  }
}

TEST(ShareWeights, RefusesWhatItCannotDo) {
  const auto message = [](const graph::Graph& graph, const WeightSharingConfig& config) -> std::string {
    try {
      share_weights(graph, config);
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message(pruned(), {.weight_bits = 16}).find("not 16"), std::string::npos);
  EXPECT_NE(message(pruned(), {.other_bits = 0}).find("not 0"), std::string::npos);
  EXPECT_NE(message(pruned(), {.share = 0}).find("not 0"), std::string::npos);
  EXPECT_NE(message(pruned(), {.bits_of = {{"fc9", 2}}}).find("'fc9'"), std::string::npos);
  graph::Graph graph = pruned();
  Tensor bias = graph.constant(graph.find("fc1.bias"));
  bias.mutable_data<float>()[3] = std::numeric_limits<float>::infinity();
  graph.set_constant(graph.find("fc1.bias"), bias);
  EXPECT_NE(message(graph, {}).find("'fc1.bias': number"), std::string::npos);
}

}  // namespace
}  // namespace condense::compress
