#ifndef CONDENSE_TESTS_GRAPH_RUN_HPP
#define CONDENSE_TESTS_GRAPH_RUN_HPP

#include <gtest/gtest.h>

#include <initializer_list>
#include <optional>
#include <vector>

#include "condense/core/random.hpp"
#include "condense/graph/evaluate.hpp"

namespace condense::graph {

/// All outputs of one operator on its own, as the node 'node'.
inline std::vector<Tensor> run_all(const Operator& op, std::initializer_list<std::optional<Tensor>> inputs,
                                   const ThreadPool& pool = {}) {
  const Node node{"node", op, {}, {}};
  std::vector<const Tensor*> pointers;
  for (const std::optional<Tensor>& input : inputs) pointers.push_back(input ? &*input : nullptr);
  return evaluate_node(node, pointers, pool);
}

/// The first output.
inline Tensor run(const Operator& op, std::initializer_list<std::optional<Tensor>> inputs,
                  const ThreadPool& pool = {}) {
  return run_all(op, inputs, pool).front();
}

/// Uniform in [low, high).
template <class T = float>
Tensor random_tensor(const Shape& shape, Random& random, float low = -1, float high = 1) {
  Tensor tensor(data_type_of<T>, shape);
  for (T& value : tensor.template mutable_values<T>()) value = static_cast<T>(random.uniform(low, high));
  return tensor;
}

/// first, first + 1, ... in row-major order.
template <class T = float>
Tensor counting(const Shape& shape, T first) {
  Tensor tensor(data_type_of<T>, shape);
  for (T& value : tensor.template mutable_values<T>()) {
    value = first;
    first = static_cast<T>(first + 1);
  }
  return tensor;
}

inline Tensor filled(const Shape& shape, float value) {
  Tensor tensor(DataType::float32, shape);
  for (float& element : tensor.mutable_values<float>()) element = value;
  return tensor;
}

inline Index random_index(Random& random, Index low, Index high) {
  return low + static_cast<Index>(random.below(static_cast<std::uint32_t>(high - low + 1)));
}

/// Same type and shape, and elements that differ by at most `tolerance`.
template <class T = float>
void expect_near(const Tensor& actual, const Tensor& expected, double tolerance) {
  ASSERT_EQ(actual.type(), expected.type());
  ASSERT_EQ(actual.shape().to_string(), expected.shape().to_string());
  const auto a = actual.values<T>();
  const auto b = expected.values<T>();
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(a[i]), static_cast<double>(b[i]), tolerance) << "element " << i;
  }
}

}  // namespace condense::graph

#endif
