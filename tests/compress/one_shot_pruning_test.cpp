#include "condense/compress/one_shot_pruning.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "compress/networks.hpp"
#include "compress/smooth_batches.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/prune/gram.hpp"
#include "condense/prune/keep.hpp"
#include "condense/prune/scores.hpp"
#include "condense/prune/sparse_gpt.hpp"

namespace condense::compress {
namespace {

/// |y' - y| / |y| over all outputs of two graphs.
double output_error(const graph::Graph& graph, const graph::Graph& pruned, const Batches& batches) {
  double squares = 0, differences = 0;
  for (const std::vector<Tensor>& batch : batches) {
    const Tensor y = graph::evaluate(graph, batch).at(0);
    const Tensor other = graph::evaluate(pruned, batch).at(0);
    for (Index i = 0; i < y.count(); ++i) {
      squares += std::pow(y.data<float>()[i], 2);
      differences += std::pow(other.data<float>()[i] - y.data<float>()[i], 2);
    }
  }
  return std::sqrt(differences / squares);
}

TEST(OneShotPruning, ByMagnitudeNeedsNoDataAndChangesNothingThatIsKept) {
  const graph::Graph network = plain_network();
  OneShotPruningConfig config{.method = PruningMethod::magnitude, .sparsity = 0.7};
  config.layers.protected_layers = {"stem"};
  config.layers.sparsities = {{"classifier", 0.25}};
  const OneShotPruningResult result = one_shot_pruning(network, {}, config);
  ASSERT_EQ(result.layers.size(), 3);
  ASSERT_EQ(result.skipped.size(), 1);
  EXPECT_EQ(result.skipped[0].name, "stem");
  EXPECT_EQ(result.skipped[0].reason, "it is protected");
  EXPECT_EQ(result.graph.constant(network.find("stem.weight")), network.constant(network.find("stem.weight")));
  for (std::size_t i = 0; i < 3; ++i) {
    const graph::Value value = network.find(result.layers[i].name + ".weight");
    ASSERT_EQ(result.masks[i].value, value);
    Tensor expected = network.constant(value);
    const double sparsity = i == 2 ? 0.25 : 0.7;
    EXPECT_EQ(result.masks[i].mask.kept(), prune::kept_count(expected.count(), sparsity));
    EXPECT_EQ(result.layers[i].sparsity, result.masks[i].mask.sparsity());
    prune::keep_highest(prune::magnitude_scores(expected), sparsity).apply(expected);
    EXPECT_EQ(result.graph.constant(value), expected);
    EXPECT_FALSE(result.layers[i].error.has_value());
  }
}

TEST(OneShotPruning, SparseGptErrsLessThanWandaAndThatLessThanMagnitude) {
  const graph::Graph network = plain_network();
  const Batches batches = smooth_batches({8, 3, 8, 8}, 4);
  for (const prune::Pattern& pattern : {prune::Pattern::unstructured(), prune::Pattern::n_of_m(2, 4)}) {
    std::vector<double> whole, first;
    for (const PruningMethod method :
         {PruningMethod::sparse_gpt, PruningMethod::wanda, PruningMethod::magnitude, PruningMethod::random}) {
      const OneShotPruningResult result =
          one_shot_pruning(network, batches, {.method = method, .pattern = pattern, .sparsity = 0.5});
      whole.push_back(output_error(network, result.graph, batches));
      first.push_back(*result.layers[0].error);
      const bool updates = method == PruningMethod::sparse_gpt;
      for (const LayerPruning& layer : result.layers) {
        EXPECT_EQ(*layer.error < *layer.error_of_mask, updates) << layer.name;
        EXPECT_EQ(layer.damping > 0, updates);
      }
    }
    for (std::size_t i = 1; i < whole.size(); ++i) {
      EXPECT_LT(whole[i - 1], whole[i]) << i << pattern.name();
      EXPECT_LT(first[i - 1], first[i]) << i << pattern.name();
    }
  }
}

/// The windows of a padded 3 x 3 convolution on the channels [first, first + channels) of images, (positions x tap,
/// channel), by the definition.
Tensor windows(const Tensor& images, Index first, Index channels) {
  const Shape& s = images.shape();
  Tensor result(DataType::float32, {s[0] * s[2] * s[3], 9 * channels});
  float* to = result.mutable_data<float>();
  for (Index n = 0; n < s[0]; ++n) {
    for (Index y = 0; y < s[2]; ++y) {
      for (Index x = 0; x < s[3]; ++x) {
        for (Index tap = 0; tap < 9; ++tap) {
          for (Index c = first; c < first + channels; ++c) {
            const Index row = y + tap / 3 - 1, column = x + tap % 3 - 1;
            const bool inside = row >= 0 && row < s[2] && column >= 0 && column < s[3];
            *to++ = inside ? images.data<float>()[((n * s[1] + c) * s[2] + row) * s[3] + column] : 0.0F;
          }
        }
      }
    }
  }
  return result;
}

TEST(OneShotPruning, PrunesEveryGroupOfAConvolutionForItsOwnWindows) {
  Network network({kDynamic, 8, 5, 5});
  network.convolution("conv", 6, {.pads = {1, 1, 1, 1}, .group = 2});
  const graph::Graph graph = network.finish();
  const Batches batches = smooth_batches({3, 8, 5, 5}, 2);
  const graph::Value value = graph.find("conv.weight");
  const Tensor weights = graph.constant(value);  // (6, 4, 3, 3)
  for (const prune::Pattern& pattern : {prune::Pattern::unstructured(), prune::Pattern::n_of_m(2, 4)}) {
    const Tensor pruned = one_shot_pruning(graph, batches, {.pattern = pattern}).graph.constant(value);
    for (Index group = 0; group < 2; ++group) {
      prune::Gram gram(36);
      for (const std::vector<Tensor>& batch : batches) gram.observe(windows(batch[0], group * 4, 4));
      Tensor matrix(DataType::float32, {3, 36});
      const auto place = [&](Index o, Index column) {  // column: (tap, channel)
        return ((group * 3 + o) * 4 + column % 4) * 9 + column / 4;
      };
      for (Index i = 0; i < 108; ++i) matrix.mutable_data<float>()[i] = weights.data<float>()[place(i / 36, i % 36)];
      const prune::SparseGptResult expected = prune::sparse_gpt(matrix, gram.matrix(), {.pattern = pattern});
      for (Index i = 0; i < 108; ++i) {
        EXPECT_NEAR(pruned.data<float>()[place(i / 36, i % 36)], expected.weights.data<float>()[i], 1e-4);
      }
    }
  }
}

TEST(OneShotPruning, ShowsLayersWhatThePrunedOnesBeforeThemMake) {
  Network network({kDynamic, 7, 10});
  network.matrix("first", 12).relu("relu").matrix("second", 5);
  const graph::Graph graph = network.finish();
  const Batches batches = smooth_batches({4, 7, 10}, 3);
  const OneShotPruningResult result = one_shot_pruning(graph, batches, {.sparsity = 0.6});
  graph::Graph first = graph;
  first.set_constant(graph.find("first.weight"), result.graph.constant(graph.find("first.weight")));
  prune::Gram gram(12);
  for (const std::vector<Tensor>& batch : batches) {
    graph::evaluate(first, batch, {.pool = {}, .on_value = [&](graph::Value value, const Tensor& tensor) {
                                     if (graph.name(value) == "relu") gram.observe(tensor.reshaped({28, 12}));
                                   }});
  }
  const Tensor weights = graph.constant(graph.find("second.weight"));
  Tensor transposed(DataType::float32, {5, 12});
  transposed.mutable_matrix<float>() = weights.matrix<float>().transpose();
  const Tensor expected = prune::sparse_gpt(transposed, gram.matrix(), {.sparsity = 0.6}).weights;
  const Tensor actual = result.graph.constant(graph.find("second.weight"));
  for (Index i = 0; i < 60; ++i) {
    EXPECT_NEAR(actual.data<float>()[i % 12 * 5 + i / 12], expected.data<float>()[i], 1e-4);
  }
  EXPECT_LT(*result.layers[1].error, *result.layers[1].error_of_mask);
}

/// The mean of every channel of the first output.
std::vector<double> channel_means(const graph::Graph& graph, const Batches& batches) {
  std::vector<double> means;
  for (const std::vector<Tensor>& batch : batches) {
    const Tensor y = graph::evaluate(graph, batch).at(0);
    const Index positions = y.shape().count(2, y.shape().rank());
    means.resize(static_cast<std::size_t>(y.shape()[1]));
    for (Index i = 0; i < y.count(); ++i) {
      means[static_cast<std::size_t>(i / positions % y.shape()[1])] += static_cast<double>(y.data<float>()[i]);
    }
  }
  return means;
}

TEST(OneShotPruning, CorrectsBiasesSoThatTheMeansOfOutputsStay) {
  Batches images = smooth_batches({4, 3, 6, 6}, 2);
  for (std::vector<Tensor>& batch : images) {
    for (float& x : batch[0].mutable_values<float>()) x = std::abs(x);
  }
  Network convolution({kDynamic, 3, 6, 6});
  const graph::Graph conv = convolution.convolution("conv", 5).finish();
  for (const PruningMethod method : {PruningMethod::magnitude, PruningMethod::wanda, PruningMethod::sparse_gpt}) {
    const OneShotPruningResult plain = one_shot_pruning(conv, images, {.method = method});
    const OneShotPruningResult corrected = one_shot_pruning(conv, images, {.method = method, .correct_bias = true});
    EXPECT_EQ(corrected.masks[0].mask, plain.masks[0].mask);
    EXPECT_LT(*corrected.layers[0].error, *plain.layers[0].error);
    const std::vector<double> before = channel_means(conv, images);
    const std::vector<double> after = channel_means(corrected.graph, images);
    for (std::size_t c = 0; c < 5; ++c) EXPECT_NEAR(after[c], before[c], 1e-2);  // sums of 288 values
  }
  // A Gemm that scales its bias keeps it; one that does not has it corrected.
  for (const float beta : {1.0F, 0.5F}) {
    Network network({kDynamic, 6});
    const graph::Value weights = network.constant("weights", prune::random_scores({4, 6}, 1));
    const graph::Value bias = network.constant("bias", prune::random_scores({4}, 2));
    network.apply(graph::Gemm{.beta = beta, .trans_b = true}, {network.value(), weights, bias}, "gemm");
    const graph::Graph graph = network.finish();
    const OneShotPruningResult result =
        one_shot_pruning(graph, smooth_batches({9, 6}, 1), {.method = PruningMethod::wanda, .correct_bias = true});
    EXPECT_EQ(result.graph.constant(bias) == graph.constant(bias), beta != 1);
  }
}

}  // namespace
}  // namespace condense::compress
