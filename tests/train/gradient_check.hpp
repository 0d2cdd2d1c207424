#ifndef CONDENSE_TESTS_TRAIN_GRADIENT_CHECK_HPP
#define CONDENSE_TESTS_TRAIN_GRADIENT_CHECK_HPP

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "condense/core/random.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators/concat.hpp"
#include "condense/graph/operators/reshape.hpp"
#include "condense/train/backpropagate.hpp"

namespace condense::train::testing {

/// Distinct values of float64 in random order, at least 0.01 from each other and 0.005 from 0: no kink of an operator
/// is nearer to one than the step of a central difference.
inline Tensor spread_values(const Shape& shape, std::uint64_t seed) {
  Tensor tensor(DataType::float64, shape);
  const std::span<double> values = tensor.mutable_values<double>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = 0.01 * (static_cast<double>(i) - 0.5 * static_cast<double>(values.size() - values.size() % 2) + 0.5);
  }
  Random(seed).shuffle(values);
  return tensor;
}

/// Normal random values of float64.
inline Tensor normal_values(const Shape& shape, std::uint64_t seed) {
  Tensor tensor(DataType::float64, shape);
  Random random(seed);
  for (double& value : tensor.mutable_values<double>()) value = static_cast<double>(random.normal());
  return tensor;
}

/// An operator as a graph with the float64 tensors as inputs and the others as constants. Its output is the operator's
/// first one, or if `outputs` is above 1 so many of them, all floats, one after the other in a vector.
inline graph::Graph graph_of(const graph::Operator& op, const std::vector<Tensor>& tensors,
                             const std::vector<bool>& absent = {}, std::size_t outputs = 1) {
  graph::Graph g;
  std::vector<graph::Value> values;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (i < absent.size() && absent[i]) {
      values.push_back(graph::kNoValue);
      continue;
    }
    const std::string name = "x" + std::to_string(i);
    values.push_back(tensors[i].type() == DataType::float64 ? g.input(name, DataType::float64, tensors[i].shape())
                                                            : g.constant(name, tensors[i]));
  }
  const std::vector<graph::Value> results = g.add_node(op, values, "node").outputs;
  if (outputs == 1) {
    g.output(results[0]);
    return g;
  }
  const graph::Value vector = g.constant("vector", Tensor::of<std::int64_t>({1}, {-1}));
  std::vector<graph::Value> parts;
  for (std::size_t i = 0; i < outputs; ++i) parts.push_back(g.add(graph::Reshape{}, {results[i], vector}));
  g.output(g.add(graph::Concat{0}, parts));
  return g;
}

/// Compares the gradient of sum(r * output) for a random r, with respect to every element of every input, with central
/// differences in double.
///
/// For a function of values around 1 the difference with step h = 1e-5 is off by h^2 |f'''| / 6, about 2e-11, and by
/// rounding, 2^-53 |f| / h, about 1e-11 for each unit of the sum; sums here stay below 1000. So 1e-7 holds with room,
/// and a wrong factor or index misses it by orders of magnitude.
inline void expect_gradients_agree(const graph::Graph& g, std::vector<Tensor> inputs, const ThreadPool& pool = {}) {
  constexpr double kStep = 1e-5;
  constexpr double kTolerance = 1e-7;
  const graph::Value output = g.outputs()[0];
  ForwardPass pass(g, inputs, g.inputs(), {.pool = pool});
  const Tensor weights = normal_values(pass.value(output).shape(), 99);
  const std::vector<Tensor> gradients = pass.backpropagate({{output, weights}});
  const auto loss = [&] {
    const Tensor result = graph::evaluate(g, inputs)[0];
    double sum = 0;
    for (Index i = 0; i < result.count(); ++i) sum += result.data<double>()[i] * weights.data<double>()[i];
    return sum;
  };
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    ASSERT_EQ(gradients[i].shape(), inputs[i].shape());
    for (Index k = 0; k < inputs[i].count(); ++k) {
      const double value = inputs[i].data<double>()[k];
      inputs[i].mutable_data<double>()[k] = value + kStep;
      const double above = loss();
      inputs[i].mutable_data<double>()[k] = value - kStep;
      const double below = loss();
      inputs[i].mutable_data<double>()[k] = value;
      const double expected = (above - below) / (2 * kStep);
      ASSERT_NEAR(gradients[i].data<double>()[k], expected, kTolerance * std::max(1.0, std::abs(expected)))
          << "input " << g.name(g.inputs()[i]) << ", element " << k;
    }
  }
}

/// The gradient of sum(r * output) for a random r is the same, byte for byte, on one thread and on three.
inline void expect_threads_agree(const graph::Graph& g, const std::vector<Tensor>& inputs) {
  const auto gradients = [&](const ThreadPool& pool) {
    ForwardPass pass(g, inputs, g.inputs(), {.pool = pool});
    const graph::Value output = g.outputs()[0];
    return pass.backpropagate({{output, normal_values(pass.value(output).shape(), 99)}});
  };
  EXPECT_EQ(gradients({}), gradients(ThreadPool(3)));
}

/// The same for one operator on the given inputs.
inline void expect_gradients_agree(const graph::Operator& op, const std::vector<Tensor>& tensors,
                                   const std::vector<bool>& absent = {}, std::size_t outputs = 1) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const bool missing = i < absent.size() && absent[i];
    if (!missing && tensors[i].type() == DataType::float64) inputs.push_back(tensors[i]);
  }
  const graph::Graph g = graph_of(op, tensors, absent, outputs);
  expect_gradients_agree(g, inputs);
  expect_threads_agree(g, inputs);
}

/// Integers as a vector, such as axes.
inline Tensor integers(std::initializer_list<std::int64_t> values) {
  return Tensor::of<std::int64_t>({static_cast<Index>(values.size())}, values);
}

/// What an operator says about being asked for the gradient of input i where the loss depends on one output.
inline std::string refusal_of(const graph::Operator& op, const std::vector<Tensor>& tensors, std::size_t i,
                              std::size_t output = 0) {
  const graph::Graph g = graph_of(op, tensors);
  std::vector<Tensor> inputs;
  for (const Tensor& tensor : tensors) {
    if (tensor.type() == DataType::float64) inputs.push_back(tensor);
  }
  const std::vector<graph::Value> wanted = {g.nodes()[0].inputs[i]};
  const graph::Value last = g.nodes()[0].outputs[output];
  ForwardPass pass(g, inputs, wanted, {.keep = {last}});
  try {
    static_cast<void>(pass.backpropagate({{last, normal_values(pass.value(last).shape(), 99)}}));
  } catch (const Unsupported& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace condense::train::testing

#endif
