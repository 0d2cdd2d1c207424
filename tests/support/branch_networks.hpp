#ifndef CONDENSE_TESTS_SUPPORT_BRANCH_NETWORKS_HPP
#define CONDENSE_TESTS_SUPPORT_BRANCH_NETWORKS_HPP

#include <memory>
#include <string>
#include <vector>

#include "condense/core/random.hpp"
#include "condense/graph/operators.hpp"
#include "support/quantized_networks.hpp"

namespace condense {

/// Random graphs on images with Ifs in them, and Ifs within these. The inputs are an image (1, 4, 6, 6) and two
/// conditions, unless these are computed: true, and false.
class BranchNetwork {
 public:
  static constexpr int kConditions = 2;

  explicit BranchNetwork(std::uint64_t seed, bool are_computed = false) : random_(seed, 91) {
    Scope scope;
    scope.images.push_back(scope.graph.input("x", DataType::float32, {1, 4, 6, 6}));
    for (int i = 0; i < kConditions; ++i) {
      const std::string name = fmt::format("condition{}", i);
      if (are_computed) {
        const graph::Value limit = scope.graph.constant(name + ".limit", Tensor::scalar(i == 0 ? -1e3F : 1e3F));
        const graph::Value largest = scope.graph.add(graph::ReduceMax{.keepdims = false}, {scope.images[0]});
        scope.conditions.push_back(scope.graph.add(graph::Greater{}, {largest, limit}, name));
      } else {
        scope.conditions.push_back(scope.graph.input(name, DataType::boolean, {}));
      }
    }
    grow(scope, 8, 2);
    scope.graph.output(scope.images.back(), "y");
    graph_ = std::move(scope.graph);
  }

  const graph::Graph& graph() const noexcept { return graph_; }

 private:
  /// A graph and what there is in it.
  struct Scope {
    graph::Graph graph;
    std::vector<graph::Value> images;
    std::vector<graph::Value> conditions;
  };

  graph::Value any(const std::vector<graph::Value>& values) {
    return values[random_.below(static_cast<std::uint32_t>(values.size()))];
  }
  /// One that was made lately, more often than not.
  graph::Value image(const Scope& scope) { return random_.below(3) == 0 ? any(scope.images) : scope.images.back(); }
  graph::Value floats(Scope& scope, const Shape& shape) {
    return scope.graph.constant(scope.graph.unused_value_name("c"), random_tensor(shape, random_));
  }

  void grow(Scope& scope, int nodes, int depth) {
    graph::Graph& g = scope.graph;
    for (int i = 0; i < nodes; ++i) {
      const graph::Value x = image(scope);
      graph::Value y;
      switch (random_.below(depth > 0 ? 9 : 7)) {
        case 0:
          y = g.add(graph::Conv{.pads = {1, 1, 1, 1}}, {x, floats(scope, {4, 4, 3, 3}), floats(scope, {4})});
          break;
        case 1: y = g.add(graph::Conv{}, {x, floats(scope, {4, 4, 1, 1})}); break;
        case 2: y = g.add(graph::Conv{.pads = {1, 1, 1, 1}, .group = 4}, {x, floats(scope, {4, 1, 3, 3})}); break;
        case 3: y = g.add(graph::Relu{}, {x}); break;
        case 4: y = g.add(graph::Add{}, {x, any(scope.images)}); break;
        case 5: y = g.add(graph::Softmax{.axis = 3}, {x}); break;
        case 6: y = g.add(graph::Mul{}, {x, floats(scope, {4, 1, 1})}); break;
        default: y = conditional(scope, depth);
      }
      scope.images.push_back(y);
    }
  }

  std::shared_ptr<const graph::Graph> branch(const Scope& outer, int depth, std::vector<graph::Value>& captures) {
    Scope scope;
    for (std::size_t i = 0; i < 2; ++i) {
      captures.push_back(i == 0 ? outer.images.back() : any(outer.images));
      scope.images.push_back(scope.graph.input(fmt::format("x{}", i), DataType::float32, {1, 4, 6, 6}));
    }
    for (std::size_t i = 0; i < outer.conditions.size(); ++i) {
      captures.push_back(outer.conditions[i]);
      scope.conditions.push_back(scope.graph.input(fmt::format("condition{}", i), DataType::boolean, {}));
    }
    grow(scope, static_cast<int>(random_.below(4)), depth);
    scope.graph.output(random_.below(4) == 0 ? floats(scope, {1, 4, 6, 6}) : scope.images.back());
    scope.graph.output(any(scope.images));
    return std::make_shared<const graph::Graph>(std::move(scope.graph));
  }

  graph::Value conditional(Scope& scope, int depth) {
    std::vector<graph::Value> inputs{any(scope.conditions)};
    const auto if_true = branch(scope, depth - 1, inputs);
    const auto if_false = branch(scope, depth - 1, inputs);
    const std::vector<graph::Value> outputs = scope.graph.add_node(graph::If{if_true, if_false}, inputs).outputs;
    scope.images.push_back(outputs[1]);
    return outputs[0];
  }

  Random random_;
  graph::Graph graph_;
};

}  // namespace condense

#endif
