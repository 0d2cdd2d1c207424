#include "condense/train/fit.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "train/tiny_task.hpp"

namespace condense::train {
namespace {

using testing::bars;
using testing::same_constants;
using testing::small_network;

FitOptions quick_options() {
  FitOptions options;
  options.epochs = 4;
  options.batch_size = 20;
  options.schedule = CosineSchedule{.rate = 1e-2};
  return options;
}

void jitter(TensorRef<float> image, Random& random) {
  for (float& pixel : image.values()) pixel += 0.05F * random.normal();
}

TEST(Fit, LearnsATaskThatTheNetworkCanDo) {
  const Dataset test = bars(200, 2);
  const graph::Graph start = small_network(1);
  const FitResult result = fit(start, bars(310, 1), quick_options());
  ASSERT_EQ(result.history.size(), 4U);
  EXPECT_LT(result.history.back().loss, 0.5 * result.history.front().loss);
  EXPECT_LT(accuracy(start, test), 0.6);
  EXPECT_GT(accuracy(result.graph, test), 0.95);
}

TEST(Fit, GivesTheSameBytesForAnyNumberOfThreads) {
  std::vector<FitResult> results;
  for (const int threads : {1, 2, 3}) {
    FitOptions options = quick_options();
    options.epochs = 2;
    options.pool = ThreadPool(threads);
    options.augment = jitter;
    options.validation = bars(70, 3);
    results.push_back(fit(small_network(1), bars(110, 1), options));
  }
  for (std::size_t i = 1; i < results.size(); ++i) {
    EXPECT_TRUE(same_constants(results[0].graph, results[i].graph));
    EXPECT_EQ(results[0].history.back().loss, results[i].history.back().loss);
    EXPECT_EQ(results[0].history.back().validation->loss, results[i].history.back().validation->loss);
  }
}

TEST(Fit, DependsOnTheSeed) {
  FitOptions options = quick_options();
  options.epochs = 1;
  const FitResult a = fit(small_network(1), bars(60, 1), options), again = fit(small_network(1), bars(60, 1), options);
  options.seed = 2;
  const FitResult b = fit(small_network(1), bars(60, 1), options);
  EXPECT_TRUE(same_constants(a.graph, again.graph));
  EXPECT_FALSE(same_constants(a.graph, b.graph));
}

TEST(Fit, ContinuesFromACheckpointAsIfItHadNotStopped) {
  FitOptions options = quick_options();
  options.augment = jitter;
  options.validation = bars(70, 3);
  std::optional<FitState> checkpoint;
  options.after_epoch = [&](const FitState& state) {
    if (state.history.size() == 2) checkpoint = state;
  };
  const FitResult whole = fit(small_network(1), bars(110, 1), options);
  ASSERT_TRUE(checkpoint.has_value());
  options.pool = ThreadPool(2);
  const FitResult resumed = resume(*checkpoint, bars(110, 1), options);
  EXPECT_TRUE(same_constants(whole.graph, resumed.graph));
  EXPECT_EQ(resumed.history.size(), 4U);
  EXPECT_EQ(whole.best_epoch, resumed.best_epoch);
}

TEST(Fit, VisitsEverySampleOnceInEachEpochInANewOrder) {
  std::vector<std::vector<Index>> epochs(1);
  FitOptions options = quick_options();
  options.epochs = 2;
  const graph::Graph g = small_network(1);
  const Objective inner = objective(g, SoftmaxCrossEntropy{});
  options.objective = [&](const ForwardPass& pass, const Batch& batch) {
    if (epochs.back().size() == 50) epochs.emplace_back();
    epochs.back().insert(epochs.back().end(), batch.samples.begin(), batch.samples.end());
    return inner(pass, batch);
  };
  fit(g, bars(50, 1), options);
  ASSERT_EQ(epochs.size(), 2U);
  EXPECT_NE(epochs[0], epochs[1]);
  for (std::vector<Index>& order : epochs) {
    std::ranges::sort(order);
    for (Index i = 0; i < 50; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  }
}

TEST(Fit, ReturnsTheBestEpochAndStopsWhenNothingImproves) {
  FitOptions options = quick_options();
  options.epochs = 50;
  options.schedule = ConstantSchedule{0.02};
  Dataset wrong = bars(40, 3);  // partly mislabelled: confidence helps only up to a point
  for (std::int64_t& label : wrong.targets.mutable_values<std::int64_t>().first(12)) label = (label + 1) % 4;
  options.validation = wrong;
  options.patience = 3;
  const FitResult result = fit(small_network(1), bars(60, 1), options);
  ASSERT_LT(result.history.size(), 50U);
  EXPECT_GT(result.best_epoch, 1);
  EXPECT_EQ(static_cast<Index>(result.history.size()), result.best_epoch + 3);
  const double best = result.history[static_cast<std::size_t>(result.best_epoch - 1)].validation->loss;
  for (const EpochRecord& record : result.history) EXPECT_GE(record.validation->loss, best);
  const Scores scores =
      score(result.graph, *options.validation, {.objective = objective(result.graph, SoftmaxCrossEntropy{})});
  EXPECT_DOUBLE_EQ(scores.loss, best);
}

TEST(Fit, LetsHooksHoldWeightsAtZero) {  // as masks of pruning do
  FitOptions options = quick_options();
  options.epochs = 2;
  const graph::Graph g = small_network(1);
  const graph::Value weights = g.find("fc.weight");
  const auto prune = [weights](graph::Graph& network) {
    Tensor pruned = network.constant(weights);
    for (Index i = 0; i < pruned.count(); i += 2) pruned.mutable_data<float>()[i] = 0;
    network.set_constant(weights, std::move(pruned));
  };
  options.after_step = prune;
  int calls = 0;
  options.after_backward = [&](std::span<const graph::Value> values, std::span<Tensor> gradients) {
    ++calls;
    EXPECT_EQ(values.size(), gradients.size());
  };
  const FitResult result = fit(g, bars(50, 1), options);
  EXPECT_EQ(calls, 6);
  const Tensor& trained = result.graph.constant(weights);
  for (Index i = 0; i < trained.count(); ++i) EXPECT_EQ(trained.data<float>()[i] == 0, i % 2 == 0) << i;
}

TEST(Fit, TrainsOnlyTheParametersGiven) {
  FitOptions options = quick_options();
  options.epochs = 1;
  const graph::Graph g = small_network(1);
  options.parameters = {g.find("fc.weight")};
  const FitResult result = fit(g, bars(50, 1), options);
  EXPECT_EQ(result.graph.constant(g.find("stem.weight")), g.constant(g.find("stem.weight")));
  EXPECT_NE(result.graph.constant(g.find("fc.weight")), g.constant(g.find("fc.weight")));
}

TEST(Fit, ScalesLongGradientsDown) {
  FitOptions options = quick_options();
  options.epochs = 1;
  options.batch_size = 50;
  options.optimizer = Sgd{.momentum = 0};
  options.schedule = ConstantSchedule{1};
  options.largest_gradient_norm = 0.01;
  const graph::Graph g = small_network(1);
  const FitResult result = fit(g, bars(50, 1), options);
  double squares = 0;  // of the one step, which is the gradient
  for (const Parameter& parameter : parameters(g)) {
    const auto before = g.constant(parameter.value).values<float>(),
               after = result.graph.constant(parameter.value).values<float>();
    for (std::size_t i = 0; i < before.size(); ++i) {
      squares += std::pow(static_cast<double>(after[i]) - static_cast<double>(before[i]), 2);
    }
  }
  EXPECT_NEAR(std::sqrt(squares), 0.01, 1e-5);
}

TEST(Fit, ReportsEveryBatch) {
  FitOptions options = quick_options();
  options.epochs = 2;
  std::vector<Index> done;
  options.progress = [&](const ProgressReport& state) {
    EXPECT_EQ(state.stage, "training");
    EXPECT_EQ(state.total, 6);
    EXPECT_NE(state.detail.find("loss"), std::string_view::npos);
    done.push_back(state.done);
  };
  fit(small_network(1), bars(50, 1), options);
  EXPECT_EQ(done, (std::vector<Index>{1, 2, 3, 4, 5, 6}));
}

TEST(Fit, BeginsAtAnyStepAsIfThoseBeforeHadBeenMade) {
  const auto rates = [](Index first_step) {
    std::vector<double> seen;
    FitOptions options{.epochs = 3, .batch_size = 20, .first_step = first_step, .optimizer = Sgd{}};
    options.schedule = [&](const SchedulePoint& point) {
      seen.push_back(static_cast<double>(point.step));
      return 0.01;
    };
    const FitResult result = fit(small_network(1), bars(110, 1), options);
    EXPECT_EQ(result.history.back().epoch, 3);
    EXPECT_EQ(result.history.front().epoch, first_step / 6 + 1);
    return seen;
  };
  for (const Index first_step : {0, 4, 6, 17}) {
    const std::vector<double> seen = rates(first_step);
    ASSERT_EQ(seen.size(), static_cast<std::size_t>(18 - first_step));
    EXPECT_EQ(seen.front(), static_cast<double>(first_step));
  }
}

// The steps that follow are those that the whole run makes: without momentum nothing else is remembered.
TEST(Fit, MakesTheSameStepsAfterThoseThatAreLeftOut) {
  FitOptions options{.epochs = 2, .batch_size = 20, .optimizer = Sgd{.momentum = 0}, .restore_best = false};
  graph::Graph middle = small_network(1);
  int steps = 0;
  options.after_step = [&](graph::Graph& graph) {
    if (++steps != 8) return;
    for (int i = 0; i < middle.value_count(); ++i) {
      if (middle.is_constant({i})) middle.set_constant({i}, graph.constant({i}));
    }
  };
  const FitResult whole = fit(small_network(1), bars(110, 1), options);
  options.after_step = {};
  options.first_step = 8;
  const FitResult rest = fit(middle, bars(110, 1), options);
  EXPECT_TRUE(same_constants(whole.graph, rest.graph));
}

TEST(Fit, RefusesToLeaveOutEverything) {
  EXPECT_THROW(fit(small_network(1), bars(40, 1), {.epochs = 1, .batch_size = 20, .first_step = 2}), InvalidArgument);
}

}  // namespace
}  // namespace condense::train
