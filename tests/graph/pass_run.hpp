#ifndef CONDENSE_TESTS_GRAPH_PASS_RUN_HPP
#define CONDENSE_TESTS_GRAPH_PASS_RUN_HPP

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "condense/graph/operators.hpp"
#include "graph/run.hpp"

namespace condense::graph {

/// A graph to run a pass on.
class PassTest : public testing::Test {
 protected:
  Value input(const std::string& name, const Shape& shape) { return graph.input(name, DataType::float32, shape); }
  Value number(float value) { return constant(Tensor::scalar(value)); }
  Value constant(Tensor tensor) { return graph.constant(fmt::format("c{}", ++constants_), std::move(tensor)); }
  Value integers(std::initializer_list<std::int64_t> values) {
    return constant(Tensor::of<std::int64_t>({static_cast<Index>(values.size())}, values));
  }
  Value weights(const Shape& shape, float low = -1, float high = 1) {
    return constant(random_tensor(shape, random, low, high));
  }
  void output(Value value) { graph.output(value); }

  std::vector<std::string> types() const {
    std::vector<std::string> result;
    for (const Node& node : graph.nodes()) result.emplace_back(node.op.type());
    return result;
  }

  /// Inputs for the graph, its open dimensions bound to `extent`.
  std::vector<Tensor> inputs(Index extent = 3) {
    std::vector<Tensor> result;
    for (const Value value : graph.inputs()) {
      Shape shape = graph.declared_shape(value);
      for (int axis = 0; axis < shape.rank(); ++axis) {
        if (shape[axis] == kDynamic) shape = shape.with(axis, extent);
      }
      result.push_back(random_tensor(shape, random, -4, 4));
    }
    return result;
  }

  /// Runs the pass, and expects the outputs of before and nodes of these types.
  template <class Pass>
  void expect_after(Pass&& pass, const std::vector<std::string>& wanted, double tolerance = 1e-5) {
    std::vector<std::string> names;
    for (const Value value : graph.outputs()) names.push_back(graph.name(value));
    const std::vector<Tensor> fed = inputs();
    const std::vector<Tensor> other = inputs(5);
    const std::vector<Tensor> before = evaluate(graph, fed);
    const std::vector<Tensor> before_other = evaluate(graph, other);
    pass(graph);
    EXPECT_EQ(types(), wanted);
    const std::vector<Tensor> after = evaluate(graph, fed);
    const std::vector<Tensor> after_other = evaluate(graph, other);
    for (std::size_t i = 0; i < before.size(); ++i) {
      expect_near(after[i], before[i], tolerance);
      expect_near(after_other[i], before_other[i], tolerance);
      EXPECT_EQ(graph.name(graph.outputs()[i]), names[i]);
    }
  }

  /// Runs the pass, and expects that it changes nothing.
  template <class Pass>
  void expect_untouched(Pass&& pass) {
    const std::vector<std::string> before = types();
    expect_after(pass, before, 0);
  }

  Random random{31};
  Graph graph;

 private:
  int constants_ = 0;
};

using Types = std::vector<std::string>;

}  // namespace condense::graph

#endif
