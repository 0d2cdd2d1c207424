#include "condense/train/initialize.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/batch_normalization.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/dequantize_linear.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "condense/graph/operators/mul.hpp"
#include "condense/graph/operators/quantize_linear.hpp"

namespace condense::train {
namespace {

struct Moments {
  double mean = 0, variance = 0, largest = 0;
};

Moments moments(const Tensor& tensor) {
  Moments m;
  const auto values = tensor.values<float>();
  const auto count = static_cast<double>(values.size());
  for (const float value : values) {
    m.mean += static_cast<double>(value) / count;
    m.largest = std::max(m.largest, std::abs(static_cast<double>(value)));
  }
  for (const float value : values) m.variance += std::pow(static_cast<double>(value) - m.mean, 2) / count;
  return m;
}

using Variance = Initialization::Variance;
using Distribution = Initialization::Distribution;

TEST(RandomWeights, HaveTheVarianceOfEachRule) {
  const std::pair<Variance, double> cases[] = {
      {Variance::he_fan_in, 2.0 / 300}, {Variance::he_fan_out, 2.0 / 200}, {Variance::xavier, 2.0 / 500}};
  for (const auto& [variance, expected] : cases) {
    for (const Distribution distribution : {Distribution::normal, Distribution::uniform}) {
      const Moments m = moments(random_weights({200, 300}, {300, 200}, {variance, distribution}, Random(1)));
      // 60,000 samples: the mean is within 5 standard errors, the variance within 5 of its own, sqrt(2 / 60000) = 0.6
      // %.
      EXPECT_NEAR(m.mean, 0, 5 * std::sqrt(expected / 60000));
      EXPECT_NEAR(m.variance / expected, 1, 0.03);
      if (distribution == Distribution::uniform) {
        EXPECT_LE(m.largest, std::sqrt(3 * expected) * (1 + 1e-6));
      } else {
        EXPECT_GT(m.largest, std::sqrt(3 * expected));
      }
    }
  }
}

graph::Graph network(bool reversed) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float32, {kDynamic, 4, 6, 6});
  const auto constant = [&](const std::string& name, const Shape& shape) {
    return g.constant(name, Tensor(DataType::float32, shape));
  };
  graph::Value early;
  if (reversed) early = constant("fc.weight", {10, 8});
  const graph::Value w = constant("conv.weight", {8, 2, 3, 3}), b = constant("conv.bias", {8});
  const graph::Value conv = g.add(graph::Conv{.group = 2}, {x, w, b}, "conv");
  const graph::Value norm = g.add(graph::BatchNormalization{}, {conv, constant("scale", {8}), constant("shift", {8}),
                                                                constant("mean", {8}), constant("variance", {8})});
  const graph::Value pooled = g.add(graph::MatMul{}, {norm, constant("mix", {4, 4})});
  const graph::Value flat = g.constant("rows", Tensor(DataType::float32, {5, 8}));
  g.output(g.add(graph::Gemm{.trans_b = true}, {flat, reversed ? early : constant("fc.weight", {10, 8})}));
  g.output(pooled);
  return g;
}

TEST(Initialize, FillsEveryParameterByItsRole) {
  const graph::Graph g = initialize(network(false), 7);
  const auto is = [&](const std::string& name, float expected) {
    const auto values = g.constant(g.find(name)).values<float>();
    return std::ranges::all_of(values, [expected](float value) { return value == expected; });
  };
  EXPECT_TRUE(is("conv.bias", 0));
  EXPECT_TRUE(is("scale", 1));
  EXPECT_TRUE(is("shift", 0));
  EXPECT_TRUE(is("mean", 0));
  EXPECT_TRUE(is("variance", 1));
  for (const char* name : {"conv.weight", "fc.weight", "mix"}) EXPECT_GT(moments(g.constant(g.find(name))).variance, 0);
}

TEST(Initialize, GivesATensorTheSameNumbersWhateverTheOrder) {
  const graph::Graph a = initialize(network(false), 7), b = initialize(network(true), 7);
  for (const char* name : {"conv.weight", "fc.weight", "mix"}) {
    EXPECT_EQ(a.constant(a.find(name)), b.constant(b.find(name))) << name;
  }
  const graph::Graph other = initialize(network(false), 8);
  EXPECT_NE(a.constant(a.find("mix")), other.constant(other.find("mix")));
}

TEST(Fans, CountTheConnectionsOfEachLayer) {
  const graph::Graph g = network(false);
  const graph::Node& conv = g.nodes()[0];
  EXPECT_EQ(fans(conv, 1, {8, 2, 3, 3}).in, 2 * 9);
  EXPECT_EQ(fans(conv, 1, {8, 2, 3, 3}).out, 4 * 9);  // an input feeds the four filters of its group
  const graph::Node& gemm = g.nodes()[3];
  EXPECT_EQ(fans(gemm, 1, {10, 8}).in, 8);
  EXPECT_EQ(fans(gemm, 1, {10, 8}).out, 10);
  EXPECT_THROW(static_cast<void>(fans(conv, 2, {8})), InvalidArgument);
}

TEST(Parameters, AreTheWeightsThatNodesRead) {
  const graph::Graph g = network(false);
  std::vector<std::string> names;
  for (const Parameter& parameter : parameters(g)) names.push_back(g.name(parameter.value));
  EXPECT_EQ(names, (std::vector<std::string>{"conv.weight", "conv.bias", "scale", "shift", "mix", "fc.weight"}));
}

TEST(Parameters, AreFoundBehindQuantizationAndLeaveSettingsAlone) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float32, {kDynamic, 4});
  const graph::Value w = g.constant("w", Tensor(DataType::float32, {4, 3}));
  const graph::Value scale = g.constant("scale", Tensor::scalar(0.1F));
  const graph::Value dq = g.add(graph::DequantizeLinear{}, {g.add(graph::QuantizeLinear{}, {w, scale}), scale});
  const graph::Value y =
      g.add(graph::Add{}, {g.add(graph::MatMul{}, {x, dq}), g.constant("b", Tensor(DataType::float32, {3}))});
  g.output(g.add(graph::Mul{}, {y, g.constant("sixth", Tensor::scalar(1.0F / 6))}));
  std::vector<std::string> names;
  for (const Parameter& parameter : parameters(g)) names.push_back(g.name(parameter.value));
  EXPECT_EQ(names, (std::vector<std::string>{"w", "b"}));
}

}  // namespace
}  // namespace condense::train
