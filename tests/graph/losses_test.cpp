#include "condense/graph/operators/losses.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "condense/graph/operators/cast.hpp"
#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

constexpr Index kIgnored = 2;

/// Scores (4 x 5 x 3 x 2), labels and weights; the reference walks them by their indices.
struct Sample {
  Sample() : random(11), scores(random_tensor({4, 5, 3, 2}, random, -4, 4)), weights(random_tensor({5}, random, 0.1F)) {
    for (std::int64_t& label : labels.mutable_values<std::int64_t>()) label = random_index(random, 0, 4);
    *labels.mutable_data<std::int64_t>() = kIgnored;
  }

  struct Losses {
    std::vector<double> single;
    double sum = 0;
    double weight = 0;
  };

  Losses losses(bool softmax, bool weighted, bool ignoring) const {
    Losses result;
    const auto x = scores.view<float, 4>();
    const auto label = labels.view<std::int64_t, 3>();
    for (Index n = 0; n < 4; ++n) {
      for (Index i = 0; i < 3; ++i) {
        for (Index j = 0; j < 2; ++j) {
          double exponentials = 0;
          for (Index c = 0; c < 5; ++c) exponentials += std::exp(static_cast<double>(x(n, c, i, j)));
          const Index own = label(n, i, j);
          const double logarithm = static_cast<double>(x(n, own, i, j)) - (softmax ? std::log(exponentials) : 0);
          double weight = weighted ? static_cast<double>(weights.data<float>()[own]) : 1;
          if (ignoring && own == kIgnored) weight = 0;
          result.single.push_back(-weight * logarithm);
          result.sum += result.single.back();
          result.weight += weight;
        }
      }
    }
    return result;
  }

  Random random;
  Tensor scores;
  Tensor labels{DataType::int64, {4, 3, 2}};
  Tensor weights;
};

template <class Loss>
void expect_losses(bool softmax) {
  const Sample sample;
  for (const bool weighted : {false, true}) {
    for (const bool ignoring : {false, true}) {
      const Sample::Losses expected = sample.losses(softmax, weighted, ignoring);
      const auto loss = [&](LossReduction reduction) {
        Loss op{.reduction = reduction};
        if (ignoring) op.ignore_index = kIgnored;
        const std::optional<Tensor> weights = weighted ? std::optional(sample.weights) : std::nullopt;
        return run(op, {sample.scores, sample.labels, weights});
      };
      const Tensor single = loss(LossReduction::none);
      ASSERT_EQ(single.shape(), (Shape{4, 3, 2}));
      for (std::size_t i = 0; i < expected.single.size(); ++i) {
        ASSERT_NEAR(static_cast<double>(single.data<float>()[i]), expected.single[i], 1e-5);
      }
      const Tensor sum = loss(LossReduction::sum);
      ASSERT_EQ(sum.shape(), Shape{});
      EXPECT_NEAR(static_cast<double>(*sum.data<float>()), expected.sum, 1e-4);
      const Tensor mean = loss(LossReduction::mean);
      EXPECT_NEAR(static_cast<double>(*mean.data<float>()), expected.sum / expected.weight, 1e-5);
    }
  }
}

TEST(NegativeLogLikelihoodLoss, EqualsTheDefinition) { expect_losses<NegativeLogLikelihoodLoss>(false); }

TEST(SoftmaxCrossEntropyLoss, EqualsTheDefinition) { expect_losses<SoftmaxCrossEntropyLoss>(true); }

TEST(SoftmaxCrossEntropyLoss, GivesTheLogProbabilities) {
  const Sample sample;
  const std::vector<Tensor> results = run_all(SoftmaxCrossEntropyLoss{.outputs = {2}}, {sample.scores, sample.labels});
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[1].shape(), sample.scores.shape());
  EXPECT_EQ(results[0], run(SoftmaxCrossEntropyLoss{}, {sample.scores, sample.labels}));
  EXPECT_EQ(results[0], run(NegativeLogLikelihoodLoss{}, {results[1], sample.labels}));
  for (Index position = 0; position < 6; ++position) {
    double sum = 0;
    for (Index c = 0; c < 5; ++c) sum += std::exp(static_cast<double>(results[1].data<float>()[6 * c + position]));
    EXPECT_NEAR(sum, 1, 1e-6);
  }
  const Tensor halves = run(Cast{.to = DataType::float16}, {sample.scores});
  EXPECT_EQ(
      run(SoftmaxCrossEntropyLoss{}, {halves, sample.labels}),
      run(Cast{.to = DataType::float16}, {run(SoftmaxCrossEntropyLoss{}, {run(Cast{}, {halves}), sample.labels})}));
}

TEST(Losses, TakeAnyLabelThatIsIgnored) {
  const Tensor x = Tensor::of<float>({2, 2}, {-1, -2, -3, -4});
  const Tensor labels = Tensor::of<std::int32_t>({2}, {-100, 1});
  EXPECT_EQ(run(NegativeLogLikelihoodLoss{.ignore_index = -100}, {x, labels}), Tensor::scalar(4.0F));
  const Tensor ignored = Tensor::of<std::int32_t>({2}, {7, 7});
  EXPECT_TRUE(std::isnan(*run(NegativeLogLikelihoodLoss{.ignore_index = 7}, {x, ignored}).data<float>()));
}

TEST(Losses, RefuseWhatDoesNotFit) {
  const Tensor x(DataType::float32, {2, 3});
  const auto refuses = [&](const Tensor& labels, const Tensor& weights, std::string_view message) {
    const Operator ops[] = {NegativeLogLikelihoodLoss{}, SoftmaxCrossEntropyLoss{}};
    return throws<InvalidArgument>(message,
                                   [&] {
                                     run(ops[0], {x, labels, weights});
                                   }) &&
           throws<InvalidArgument>(message, [&] {
             run(ops[1], {x, labels, weights});
           });
  };
  const Tensor labels(DataType::int64, {2});
  const Tensor weights(DataType::float32, {3});
  EXPECT_TRUE(refuses(Tensor::of<std::int64_t>({2}, {0, 3}), weights, "holds 3 at 1; there are 3 classes"));
  EXPECT_TRUE(refuses(Tensor::of<std::int64_t>({2}, {-1, 0}), weights, "holds -1 at 0; there are 3 classes"));
  EXPECT_TRUE(refuses(Tensor(DataType::int64, {3}), weights, "its input 1, the labels, has shape (3)"));
  EXPECT_TRUE(refuses(labels, Tensor(DataType::float32, {2}), "its input 2, the weights, has shape (2)"));
  EXPECT_TRUE(refuses(labels, Tensor(DataType::float64, {3}), "its input 2 is float64"));
  EXPECT_TRUE(refuses(Tensor(DataType::float32, {2}), weights, "its input 1 is int64 or int32"));
  EXPECT_TRUE(throws<InvalidArgument>("it has 1 or 2 outputs, 3 are asked for", [&] {
    run(SoftmaxCrossEntropyLoss{.outputs = {3}}, {x, labels});
  }));
}

}  // namespace
}  // namespace condense::graph
