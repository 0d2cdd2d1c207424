#include <gtest/gtest.h>

#include <cmath>

#include "condense/core/random.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

constexpr Index kSteps = 4;
constexpr Index kBatch = 2;
constexpr Index kInput = 3;
constexpr Index kHidden = 5;

struct Layer {
  Graph graph;
  Tensor x;
  std::vector<Tensor> constants;  ///< W, R, B, scale and zero point of W, of R.
};

Tensor random_codes(const Shape& shape, Random& random) {
  Tensor tensor(DataType::int8, shape);
  for (std::int8_t& code : tensor.mutable_values<std::int8_t>()) {
    code = static_cast<std::int8_t>(static_cast<int>(random.below(255)) - 127);
  }
  return tensor;
}

Tensor random_floats(const Shape& shape, Random& random, float low, float high) {
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.mutable_values<float>()) value = random.uniform(low, high);
  return tensor;
}

Layer layer(bool by_column, DynamicQuantizeLstm op = {}) {
  Random random(7);
  Layer result;
  const Shape scales = by_column ? Shape{1, 4 * kHidden} : Shape{1};
  result.constants = {random_codes({1, kInput, 4 * kHidden}, random),
                      random_codes({1, kHidden, 4 * kHidden}, random),
                      random_floats({1, 8 * kHidden}, random, -0.5F, 0.5F),
                      random_floats(scales, random, 0.004F, 0.01F),
                      Tensor(DataType::int8, scales),
                      random_floats(scales, random, 0.004F, 0.01F),
                      Tensor(DataType::int8, scales)};
  result.x = random_floats({kSteps, kBatch, kInput}, random, -2, 3);
  std::vector<Value> inputs{result.graph.input("x", DataType::float32, result.x.shape())};
  for (std::size_t i = 0; i < result.constants.size(); ++i) {
    if (i == 3) inputs.resize(8, kNoValue);
    inputs.push_back(result.graph.constant(fmt::format("c{}", i), result.constants[i]));
  }
  for (const Value output : result.graph.add_node(op, inputs, "lstm").outputs) result.graph.output(output);
  return result;
}

/// Quantised as a whole to [0, 255] and back, in doubles.
std::vector<double> rounded(const std::vector<double>& x) {
  double low = 0;
  double high = 0;
  for (const double value : x) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low == high) return x;
  const double scale = (high - low) / 255;
  const double zero = std::nearbyint(-low / scale);
  std::vector<double> result;
  for (const double value : x) {
    result.push_back((std::clamp(std::nearbyint(value / scale) + zero, 0.0, 255.0) - zero) * scale);
  }
  return result;
}

/// The definition by plain loops: one product of x for all steps, one of h in each.
TEST(DynamicQuantizeLstm, IsAnLstmOfRoundedInputsAndStates) {
  for (const bool by_column : {false, true}) {
    const Layer tested = layer(by_column);
    const std::vector<Tensor> actual = evaluate(tested.graph, {tested.x});
    const auto weight = [&](std::size_t i, Index row, Index column) {
      const float scale = tested.constants[i == 0 ? 3 : 5].data<float>()[by_column ? column : 0];
      return static_cast<double>(tested.constants[i].data<std::int8_t>()[row * 4 * kHidden + column]) * scale;
    };
    const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
    const auto x_values = tested.x.values<float>();
    const std::vector<double> x = rounded({x_values.begin(), x_values.end()});
    std::vector<double> h(kBatch * kHidden);
    std::vector<double> c(kBatch * kHidden);
    for (Index step = 0; step < kSteps; ++step) {
      const std::vector<double> before = rounded(h);
      for (Index b = 0; b < kBatch; ++b) {
        std::array<double, 4 * kHidden> sums{};
        for (Index n = 0; n < 4 * kHidden; ++n) {
          double& sum = sums[static_cast<std::size_t>(n)];
          const float* bias = tested.constants[2].data<float>();
          sum = static_cast<double>(bias[n]) + static_cast<double>(bias[4 * kHidden + n]);
          for (Index k = 0; k < kInput; ++k) {
            sum += x[static_cast<std::size_t>((step * kBatch + b) * kInput + k)] * weight(0, k, n);
          }
          for (Index k = 0; k < kHidden; ++k) {
            sum += before[static_cast<std::size_t>(b * kHidden + k)] * weight(1, k, n);
          }
        }
        for (Index i = 0; i < kHidden; ++i) {
          const auto gate = [&](Index g) { return sums[static_cast<std::size_t>(g * kHidden + i)]; };
          const auto at = static_cast<std::size_t>(b * kHidden + i);
          c[at] = sigmoid(gate(2)) * c[at] + sigmoid(gate(0)) * std::tanh(gate(3));
          h[at] = sigmoid(gate(1)) * std::tanh(c[at]);
          EXPECT_NEAR(actual[0].data<float>()[(step * kBatch + b) * kHidden + i], h[at], 2e-6);
        }
      }
    }
    for (Index i = 0; i < kBatch * kHidden; ++i) {
      EXPECT_NEAR(actual[1].data<float>()[i], h[static_cast<std::size_t>(i)], 2e-6);
      EXPECT_NEAR(actual[2].data<float>()[i], c[static_cast<std::size_t>(i)], 2e-6);
    }
  }
}

TEST(DynamicQuantizeLstm, DoesNotDependOnThreads) {
  const Layer tested = layer(true);
  EXPECT_EQ(evaluate(tested.graph, {tested.x}),
            evaluate(tested.graph, {tested.x}, {.pool = ThreadPool(3), .on_value = {}}));
}

TEST(DynamicQuantizeLstm, RefusesInputsOfOtherShapesAndTypes) {
  const Layer good = layer(false);
  const auto refuses = [&](std::size_t i, const Tensor& tensor, std::string_view part) {
    std::vector<Tensor> tensors{good.x};
    tensors.insert(tensors.end(), good.constants.begin(), good.constants.end());
    tensors[i] = tensor;
    Graph graph;
    std::vector<Value> inputs;
    for (std::size_t k = 0; k < tensors.size(); ++k) {
      if (k == 4) inputs.resize(8, kNoValue);
      inputs.push_back(graph.constant(fmt::format("c{}", k), tensors[k]));
    }
    return throws<InvalidArgument>(part, [&] { graph.add(DynamicQuantizeLstm{}, inputs, "lstm"); });
  };
  EXPECT_TRUE(
      refuses(0, Tensor(DataType::float32, {kSteps, kBatch, kInput + 1}), "its input 1 is int8 of shape (1 x 4 x 20)"));
  EXPECT_TRUE(
      refuses(1, Tensor(DataType::float32, {1, kInput, 20}), "its input 1 is int8 or uint8, this one is float32"));
  EXPECT_TRUE(refuses(3, Tensor(DataType::float32, {1, 39}), "its input 3 is float32 of shape (1 x 40)"));
  EXPECT_TRUE(refuses(4, Tensor(DataType::float32, {2}), "its input 8 is float32 of shape (1)"));
  EXPECT_TRUE(refuses(5, Tensor(DataType::uint8, {1}), "its input 9 is int8 of shape (1)"));
  EXPECT_TRUE(refuses(6, Tensor(DataType::float32, {1, 19}), "its input 10 is float32 of shape (1 x 20)"));
}

}  // namespace
}  // namespace condense::graph
