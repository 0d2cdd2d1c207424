#include "condense/graph/operators/recurrent.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

constexpr Index kSteps = 4;
constexpr Index kBatch = 3;
constexpr Index kInput = 2;
constexpr Index kHidden = 5;

/// The inputs of a recurrent operator of two directions, in double.
struct Case {
  Tensor x, w, r, b, h, c, p;
  std::vector<std::int32_t> lengths{4, 1, 3};

  Case(Index gates, Random& random)
      : x(random_tensor<double>({kSteps, kBatch, kInput}, random)),
        w(random_tensor<double>({2, gates * kHidden, kInput}, random)),
        r(random_tensor<double>({2, gates * kHidden, kHidden}, random)),
        b(random_tensor<double>({2, 2 * gates * kHidden}, random)),
        h(random_tensor<double>({2, kBatch, kHidden}, random)),
        c(random_tensor<double>({2, kBatch, kHidden}, random)),
        p(random_tensor<double>({2, 3 * kHidden}, random)) {}

  Tensor length_tensor() const { return Tensor::of<std::int32_t>({kBatch}, std::span<const std::int32_t>(lengths)); }

  double input_sum(Index d, Index unit, Index step, Index sequence) const {
    double sum = b.view<double, 2>()(d, unit);
    for (Index i = 0; i < kInput; ++i) sum += x.view<double, 3>()(step, sequence, i) * w.view<double, 3>()(d, unit, i);
    return sum;
  }
  double state_sum(Index d, Index unit, Index gates, const std::vector<double>& state) const {
    double sum = b.view<double, 2>()(d, gates * kHidden + unit);
    for (Index i = 0; i < kHidden; ++i) sum += state[static_cast<std::size_t>(i)] * r.view<double, 3>()(d, unit, i);
    return sum;
  }
};

double sigma(double x) { return 1 / (1 + std::exp(-x)); }

using Vector = std::vector<double>;
/// Takes one sequence one step further: h and c of it, in place.
using Step = std::function<void(Index direction, Index step, Index sequence, Vector& h, Vector& c)>;

/// Goes through each sequence on its own, by its own length, and compares all outputs.
void expect_recurrence(const std::vector<Tensor>& actual, const Case& in, const Step& take) {
  ASSERT_EQ(actual[0].shape(), (Shape{kSteps, 2, kBatch, kHidden}));
  const auto y = actual[0].view<double, 4>();
  for (Index d = 0; d < 2; ++d) {
    for (Index s = 0; s < kBatch; ++s) {
      Vector h;
      Vector c;
      for (Index i = 0; i < kHidden; ++i) {
        h.push_back(in.h.view<double, 3>()(d, s, i));
        c.push_back(in.c.view<double, 3>()(d, s, i));
      }
      const Index length = in.lengths[static_cast<std::size_t>(s)];
      for (Index k = 0; k < length; ++k) {
        const Index step = d == 0 ? k : length - 1 - k;
        take(d, step, s, h, c);
        for (Index i = 0; i < kHidden; ++i) ASSERT_NEAR(y(step, d, s, i), h[static_cast<std::size_t>(i)], 1e-12);
      }
      for (Index step = length; step < kSteps; ++step) {
        for (Index i = 0; i < kHidden; ++i) ASSERT_EQ(y(step, d, s, i), 0);
      }
      for (Index i = 0; i < kHidden; ++i) {
        const auto at = static_cast<std::size_t>(i);
        ASSERT_NEAR((actual[1].view<double, 3>()(d, s, i)), h[at], 1e-12);
        if (actual.size() == 2) continue;
        ASSERT_NEAR((actual[2].view<double, 3>()(d, s, i)), c[at], 1e-12);
      }
    }
  }
}

TEST(Rnn, EqualsItsFormula) {
  Random random(71);
  const Case in(1, random);
  const Rnn op{.direction = RecurrentDirection::bidirectional,
               .hidden_size = kHidden,
               .activations = {"Affine", "HardSigmoid"},
               .activation_alpha = {0.5F, 0.25F},
               .activation_beta = {0.125F},
               .clip = 0.75F};
  const auto limited = [](double v) { return std::clamp(v, -0.75, 0.75); };
  expect_recurrence(run_all(op, {in.x, in.w, in.r, in.b, in.length_tensor(), in.h}, ThreadPool(2)), in,
                    [&](Index d, Index step, Index s, Vector& h, Vector&) {
                      Vector next;
                      for (Index i = 0; i < kHidden; ++i) {
                        const double sum = limited(in.input_sum(d, i, step, s) + in.state_sum(d, i, 1, h));
                        next.push_back(d == 0 ? 0.5 * sum + 0.125 : std::clamp(0.25 * sum + 0.5, 0.0, 1.0));
                      }
                      h = next;
                    });
}

TEST(Gru, EqualsItsFormulaInBothForms) {
  Random random(72);
  for (const bool linear : {false, true}) {
    const Case in(3, random);
    const Gru op{.direction = RecurrentDirection::bidirectional, .linear_before_reset = linear};
    expect_recurrence(
        run_all(op, {in.x, in.w, in.r, in.b, in.length_tensor(), in.h}), in,
        [&](Index d, Index step, Index s, Vector& h, Vector&) {
          Vector z, r, reset, next;
          for (Index i = 0; i < kHidden; ++i) {
            z.push_back(sigma(in.input_sum(d, i, step, s) + in.state_sum(d, i, 3, h)));
            r.push_back(sigma(in.input_sum(d, kHidden + i, step, s) + in.state_sum(d, kHidden + i, 3, h)));
            reset.push_back(r.back() * h[static_cast<std::size_t>(i)]);
          }
          for (Index i = 0; i < kHidden; ++i) {
            const auto at = static_cast<std::size_t>(i);
            const Index unit = 2 * kHidden + i;
            const double state = linear ? r[at] * in.state_sum(d, unit, 3, h) : in.state_sum(d, unit, 3, reset);
            const double candidate = std::tanh(in.input_sum(d, unit, step, s) + state);
            next.push_back((1 - z[at]) * candidate + z[at] * h[at]);
          }
          h = next;
        });
  }
}

TEST(Lstm, EqualsItsFormulaWithPeepholesAndCoupledGates) {
  Random random(73);
  for (const bool coupled : {false, true}) {
    const Case in(4, random);
    const Lstm op{.direction = RecurrentDirection::bidirectional, .input_forget = coupled};
    const std::vector<Tensor> actual =
        run_all(op, {in.x, in.w, in.r, in.b, in.length_tensor(), in.h, in.c, in.p}, ThreadPool(2));
    ASSERT_EQ(actual.size(), 3U);
    expect_recurrence(actual, in, [&](Index d, Index step, Index s, Vector& h, Vector& c) {
      Vector next;
      for (Index i = 0; i < kHidden; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const auto sum = [&](Index gate) {
          return in.input_sum(d, gate * kHidden + i, step, s) + in.state_sum(d, gate * kHidden + i, 4, h);
        };
        const auto peephole = [&](Index gate) { return in.p.view<double, 2>()(d, gate * kHidden + i); };
        const double input = sigma(sum(0) + peephole(0) * c[at]);
        const double forget = coupled ? 1 - input : sigma(sum(2) + peephole(2) * c[at]);
        c[at] = forget * c[at] + input * std::tanh(sum(3));
        next.push_back(sigma(sum(1) + peephole(1) * c[at]) * std::tanh(c[at]));
      }
      h = next;
    });
  }
}

Tensor batch_first(const Tensor& x) {  // swaps the first two axes of three
  const auto source = x.view<double, 3>();
  Tensor result(x.type(), {x.shape()[1], x.shape()[0], x.shape()[2]});
  for (Index i = 0; i < x.shape()[0]; ++i) {
    for (Index j = 0; j < x.shape()[1]; ++j) {
      for (Index k = 0; k < x.shape()[2]; ++k) result.mutable_view<double, 3>()(j, i, k) = source(i, j, k);
    }
  }
  return result;
}

TEST(RecurrentOperators, LayoutOneIsTheSameWithTheBatchFirst) {
  Random random(74);
  const Case in(4, random);
  Lstm op{.direction = RecurrentDirection::bidirectional};
  const std::vector<Tensor> steps = run_all(op, {in.x, in.w, in.r, in.b, in.length_tensor(), in.h, in.c});
  op.layout = 1;
  const std::vector<Tensor> batch =
      run_all(op, {batch_first(in.x), in.w, in.r, in.b, in.length_tensor(), batch_first(in.h), batch_first(in.c)});
  EXPECT_EQ(batch[1], batch_first(steps[1]));
  EXPECT_EQ(batch[2], batch_first(steps[2]));
  ASSERT_EQ(batch[0].shape(), (Shape{kBatch, kSteps, 2, kHidden}));
  for (Index step = 0; step < kSteps; ++step) {
    for (Index s = 0; s < kBatch; ++s) {
      EXPECT_EQ((batch[0].view<double, 4>()(s, step, 1, 2)), (steps[0].view<double, 4>()(step, 1, s, 2)));
    }
  }
}

TEST(RecurrentActivation, EqualsEachFormula) {
  const auto apply = [](std::string_view name, double x) {
    auto activation = reference::with_default_parameters(value_of<reference::RecurrentFunction>(name));
    activation.alpha *= 2;
    activation.apply(&x, 1);
    return x;
  };
  for (const double x : {-3.0, -0.5, 0.25, 4.0}) {
    EXPECT_EQ(apply("Relu", x), std::max(x, 0.0));
    EXPECT_EQ(apply("Tanh", x), std::tanh(x));
    EXPECT_NEAR(apply("Sigmoid", x), sigma(x), 1e-15);
    EXPECT_EQ(apply("Affine", x), 2 * x);
    EXPECT_NEAR(apply("LeakyRelu", x), x < 0 ? 0.02 * x : x, 1e-7);
    EXPECT_EQ(apply("ThresholdedRelu", x), x > 2 ? x : 0);
    EXPECT_EQ(apply("ScaledTanh", x), 2 * std::tanh(x));
    EXPECT_NEAR(apply("HardSigmoid", x), std::clamp(0.4 * x + 0.5, 0.0, 1.0), 1e-7);
    EXPECT_NEAR(apply("Elu", x), x < 0 ? 2 * (std::exp(x) - 1) : x, 1e-15);
    EXPECT_EQ(apply("Softsign", x), x / (1 + std::abs(x)));
    EXPECT_NEAR(apply("Softplus", x), std::log(1 + std::exp(x)), 1e-15);
  }
}

TEST(RecurrentOperators, RefuseWhatDoesNotFit) {
  Random random(75);
  const Case in(1, random);
  const auto refuses = [&](std::string_view part, const Rnn& op, const Tensor& lengths) {
    EXPECT_TRUE(throws<InvalidArgument>(part, [&] { run(op, {in.x, in.w, in.r, in.b, lengths, in.h}); }));
  };
  const Tensor lengths = in.length_tensor();
  const auto both = RecurrentDirection::bidirectional;
  refuses("has the length 5 at element 1, there are 4 steps", {.direction = both},
          Tensor::of<std::int32_t>({3}, {1, 5, 2}));
  refuses("has the length -1 at element 0", {.direction = both}, Tensor::of<std::int32_t>({3}, {-1, 5, 2}));
  refuses("its input 1 has shape (2 x 5 x 2) instead of (1 x 5 x 2)", {}, lengths);
  refuses("hidden_size is 6", {.direction = both, .hidden_size = 6}, lengths);
  refuses("activations has 1 entries instead of 2", {.direction = both, .activations = {"Tanh"}}, lengths);
  refuses("'Sine' is not one of 'Relu', 'Tanh'", {.direction = both, .activations = {"Tanh", "Sine"}}, lengths);
  refuses("activation_alpha has 1 entries, its activations take 0", {.direction = both, .activation_alpha = {1}},
          lengths);
  refuses("layout is 0 or 1, not 2", {.direction = both, .layout = 2}, lengths);
  EXPECT_TRUE(throws<InvalidArgument>("(directions x 4 * hidden x hidden)", [&] {
    run(Lstm{.direction = both}, {in.x, in.w, in.r});
  }));
}

}  // namespace
}  // namespace condense::graph
