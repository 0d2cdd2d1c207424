#include "condense/train/optimizer.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "condense/train/schedule.hpp"

namespace condense::train {
namespace {

constexpr float kRate = 0.1F;

// `steps` updates of one weight matrix entry and one bias with the gradients 0.5 * w.
struct Descent {
  std::vector<Tensor> parameters = {Tensor::of<float>({1, 1}, {2}), Tensor::of<float>({1}, {2})};
  OptimizerState state;

  Descent(const Optimizer& optimizer, int steps) {
    for (int step = 0; step < steps; ++step) {
      std::vector<Tensor> gradients;
      for (const Tensor& parameter : parameters) {
        gradients.push_back(Tensor::of<float>(parameter.shape(), {0.5F * parameter.data<float>()[0]}));
      }
      apply(optimizer, static_cast<double>(kRate), parameters, gradients, state);
    }
  }

  double weight() const { return static_cast<double>(parameters[0].data<float>()[0]); }
  double bias() const { return static_cast<double>(parameters[1].data<float>()[0]); }
};

TEST(Sgd, FollowsTheRecurrenceOfMomentum) {
  for (const bool nesterov : {false, true}) {
    const Descent run(Sgd{.momentum = 0.8, .weight_decay = 0.25, .nesterov = nesterov}, 5);
    double weight = 2, bias = 2, weight_velocity = 0, bias_velocity = 0;
    for (int step = 0; step < 5; ++step) {
      const double weight_slope = 0.5 * weight + 0.25 * weight, bias_slope = 0.5 * bias;  // a bias does not decay
      weight_velocity = 0.8 * weight_velocity + weight_slope;
      bias_velocity = 0.8 * bias_velocity + bias_slope;
      weight -= 0.1 * (nesterov ? weight_slope + 0.8 * weight_velocity : weight_velocity);
      bias -= 0.1 * (nesterov ? bias_slope + 0.8 * bias_velocity : bias_velocity);
    }
    EXPECT_NEAR(run.weight(), weight, 1e-6);
    EXPECT_NEAR(run.bias(), bias, 1e-6);
  }
}

TEST(AdamW, FollowsAlgorithm2) {
  const AdamW rule{.beta1 = 0.8, .beta2 = 0.9, .epsilon = 1e-6, .weight_decay = 0.5};
  const Descent run(rule, 6);
  for (const bool decays : {true, false}) {
    double w = 2, m = 0, v = 0;
    for (int step = 1; step <= 6; ++step) {
      const double slope = 0.5 * w;
      m = 0.8 * m + 0.2 * slope;
      v = 0.9 * v + 0.1 * slope * slope;
      const double mean = m / (1 - std::pow(0.8, step)), square = v / (1 - std::pow(0.9, step));
      w -= 0.1 * (mean / (std::sqrt(square) + 1e-6) + (decays ? 0.5 * w : 0.0));
    }
    EXPECT_NEAR(decays ? run.weight() : run.bias(), w, 2e-6);
  }
}

TEST(AdamW, MovesByTheRateAtFirstWhateverTheGradient) {
  for (const float slope : {1e-4F, 1.0F, 1e4F}) {
    std::vector<Tensor> parameters = {Tensor::of<float>({1}, {0})};
    OptimizerState state;
    apply(AdamW{}, 0.01, parameters, std::vector<Tensor>{Tensor::of<float>({1}, {slope})}, state);
    EXPECT_NEAR(static_cast<double>(parameters[0].data<float>()[0]), -0.01, 2e-6);
  }
}

TEST(Optimizer, ContinuesFromACopyOfItsState) {
  const Optimizer optimizer = AdamW{};
  const Descent whole(optimizer, 7);
  Descent part(optimizer, 4);
  const OptimizerState checkpoint = part.state;
  OptimizerState restored = checkpoint;
  for (int step = 0; step < 3; ++step) {
    std::vector<Tensor> gradients;
    for (const Tensor& parameter : part.parameters) {
      gradients.push_back(Tensor::of<float>(parameter.shape(), {0.5F * parameter.data<float>()[0]}));
    }
    apply(optimizer, static_cast<double>(kRate), part.parameters, gradients, restored);
  }
  EXPECT_EQ(part.parameters[0], whole.parameters[0]);
  EXPECT_EQ(checkpoint.step, 4);
  EXPECT_EQ(restored.step, 7);
}

TEST(Optimizer, DoesNotDependOnTheThreads) {
  std::vector<std::vector<Tensor>> results;
  for (const int threads : {1, 3}) {
    std::vector<Tensor> parameters = {Tensor(DataType::float32, {300, 200})};
    Tensor gradient(DataType::float32, {300, 200});
    for (Index i = 0; i < gradient.count(); ++i) gradient.mutable_data<float>()[i] = std::sin(static_cast<float>(i));
    OptimizerState state;
    for (int step = 0; step < 3; ++step) {
      apply(AdamW{}, 0.01, parameters, std::vector<Tensor>{gradient}, state, ThreadPool(threads));
    }
    results.push_back(parameters);
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST(Optimizer, RefusesSettingsOutsideTheirDomain) {
  EXPECT_THROW(Optimizer(Sgd{.momentum = 1}), InvalidArgument);
  EXPECT_THROW(Optimizer(Sgd{.weight_decay = -1}), InvalidArgument);
  EXPECT_THROW(Optimizer(Sgd{.momentum = 0, .nesterov = true}), InvalidArgument);
  EXPECT_THROW(Optimizer(AdamW{.epsilon = 0}), InvalidArgument);
  try {
    static_cast<void>(Optimizer(AdamW{.beta2 = 1.5}));
    FAIL() << "accepted";
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("beta2 is in [0, 1), not 1.5"), std::string::npos) << error.what();
  }
}

TEST(StepSchedule, FallsByTheFactorEverySoManyEpochs) {
  const StepSchedule schedule{.rate = 0.8, .factor = 0.5, .epochs = 2};
  const double expected[] = {0.8, 0.8, 0.4, 0.4, 0.2, 0.2};
  for (Index epoch = 0; epoch < 6; ++epoch) {
    for (Index step = epoch * 10; step < (epoch + 1) * 10; ++step) {
      EXPECT_DOUBLE_EQ(schedule({.step = step, .total = 60, .steps_per_epoch = 10}),
                       expected[static_cast<std::size_t>(epoch)]);
    }
  }
}

TEST(CosineSchedule, RisesOverTheWarmUpAndFallsToTheFinalRate) {
  const CosineSchedule schedule{.rate = 1, .final_rate = 0.1, .warm_up_epochs = 2};
  const auto at = [&](Index step) { return schedule({.step = step, .total = 100, .steps_per_epoch = 10}); };
  EXPECT_NEAR(at(0), 1.0 / 21, 1e-15);
  for (Index step = 1; step <= 20; ++step) EXPECT_GT(at(step), at(step - 1));
  EXPECT_DOUBLE_EQ(at(20), 1);
  EXPECT_NEAR(at(60), 0.55, 1e-15);  // half way
  for (Index step = 21; step < 100; ++step) EXPECT_LT(at(step), at(step - 1));
  EXPECT_DOUBLE_EQ(at(100), 0.1);
  EXPECT_DOUBLE_EQ(ConstantSchedule{0.3}({.step = 7}), 0.3);
}

}  // namespace
}  // namespace condense::train
