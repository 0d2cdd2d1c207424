#ifndef CONDENSE_RUNTIME_DETAIL_FLATTEN_BRANCHES_HPP
#define CONDENSE_RUNTIME_DETAIL_FLATTEN_BRANCHES_HPP

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators/control_flow.hpp"
#include "condense/graph/operators/shape_queries.hpp"

namespace condense::runtime::detail {

/// An If whose branches lie in the graph around it: nodes [first, first_of_else) run if its condition is true,
/// [first_of_else, node) if it is false, and the node itself, an If between results that are there already, takes those
/// of one of them.
struct Conditional {
  int first = 0;
  int first_of_else = 0;
  int node = 0;
};

struct FlatGraph {
  graph::Graph graph;                     ///< For one set of input shapes.
  std::vector<Conditional> conditionals;  ///< By their first node; one before those within it.
};

inline bool has_branches(const graph::Graph& graph) {
  return std::ranges::any_of(graph.nodes(), [](const graph::Node& node) { return node.op.is<graph::If>(); });
}

/// Puts the branches of Ifs in line with the nodes around them, those of Ifs within them too. Of an If whose condition
/// is known for these shapes only the branch that runs is left. One whose branches cannot be computed side by side,
/// because their results have different or open shapes, stays as it is.
class BranchFlattener {
 public:
  BranchFlattener(const graph::Graph& graph, std::span<const Shape> input_shapes) {
    require(input_shapes.size() == graph.inputs().size(), "the graph has {} inputs, {} shapes are given",
            graph.inputs().size(), input_shapes.size());
    std::vector<graph::Value> inputs;
    for (std::size_t i = 0; i < input_shapes.size(); ++i) {
      const graph::Value input = graph.inputs()[i];
      graph.require_fits(input, {graph.type(input).type, input_shapes[i]});
      inputs.push_back(flat_.graph.input(graph.name(input), graph.type(input).type, input_shapes[i]));
    }
    for (const graph::Node& node : graph.nodes()) names_.insert(node.name);
    for (const graph::Value output : copy(graph, inputs, "")) flat_.graph.output(output);
  }

  FlatGraph take() { return std::move(flat_); }

 private:
  using Value = graph::Value;

  /// Copies the nodes of a graph behind those that are there; what its outputs are then. `prefix` is that of new names,
  /// empty for the outermost graph.
  std::vector<Value> copy(const graph::Graph& from, const std::vector<Value>& arguments, const std::string& prefix) {
    std::vector<Value> values(static_cast<std::size_t>(from.value_count()), graph::kNoValue);
    const auto at = [&](Value value) -> Value& { return values[static_cast<std::size_t>(value.index)]; };
    const auto resolve = [&](Value value) {
      if (value.exists() && !at(value).exists()) {
        at(value) = flat_.graph.constant(flat_.graph.unused_value_name(from.name(value)), from.constant(value));
      }
      return value.exists() ? at(value) : graph::kNoValue;
    };
    for (std::size_t i = 0; i < arguments.size(); ++i) at(from.inputs()[i]) = arguments[i];
    for (const graph::Node& node : from.nodes()) {
      std::vector<Value> inputs;
      for (const Value input : node.inputs) inputs.push_back(resolve(input));
      if (node.op.is<graph::Identity>() && !prefix.empty()) {  // a branch that gives back what it is given has one
        at(node.outputs[0]) = inputs[0];
        continue;
      }
      const std::string name = prefix.empty() ? node.name : unused_name(prefix + "." + node.name);
      const graph::If* op = node.op.get_if<graph::If>();
      const std::vector<Value> outputs = op == nullptr ? flat_.graph.add_node(node.op, std::move(inputs), name).outputs
                                                       : flatten(node, *op, inputs, name);
      for (std::size_t i = 0; i < node.outputs.size(); ++i) {
        at(node.outputs[i]) = outputs.at(i);
        const std::string& wanted = from.name(node.outputs[i]);
        const bool is_free = prefix.empty() && op == nullptr && !flat_.graph.has_value_named(wanted);
        if (is_free) flat_.graph.rename(outputs[i], wanted);
      }
    }
    std::vector<Value> results;
    for (const Value output : from.outputs()) results.push_back(resolve(output));
    return results;
  }

  /// An If's outputs.
  std::vector<Value> flatten(const graph::Node& node, const graph::If& op, const std::vector<Value>& inputs,
                             const std::string& name) {
    const auto captures = [&](bool condition) {
      const std::shared_ptr<const graph::Graph>& branch = condition ? op.then_branch : op.else_branch;
      const auto first =
          inputs.begin() + 1 +
          (condition ? 0 : std::ssize(op.then_branch ? op.then_branch->inputs() : std::span<const Value>()));
      return std::vector<Value>(first, first + std::ssize(branch->inputs()));
    };
    const Tensor* known = flat_.graph.known(inputs[0]);
    if (known != nullptr && known->count() == 1) {
      const bool condition = known->data<bool>()[0];
      const auto& branch = condition ? op.then_branch : op.else_branch;
      if (branch != nullptr) return copy(*branch, captures(condition), name);
    }
    if (op.then_branch != nullptr && op.else_branch != nullptr) {
      FlatGraph before = flat_;
      try {
        const std::size_t conditional = flat_.conditionals.size();
        Conditional borders{.first = node_count()};
        flat_.conditionals.push_back(borders);
        const std::vector<Value> if_true = copy(*op.then_branch, captures(true), name);
        borders.first_of_else = node_count();
        const std::vector<Value> if_false = copy(*op.else_branch, captures(false), name);
        borders.node = node_count();
        flat_.conditionals[conditional] = borders;
        return choice(inputs[0], if_true, if_false, name);
      } catch (const Error&) {  // branches that are not meant for these shapes, or too different
        flat_ = std::move(before);
      }
    }
    return flat_.graph.add_node(node.op, inputs, name).outputs;
  }

  /// An If between values.
  std::vector<Value> choice(Value condition, const std::vector<Value>& if_true, const std::vector<Value>& if_false,
                            const std::string& name) {
    require(if_true.size() == if_false.size(), "the branches have {} and {} outputs", if_true.size(), if_false.size());
    const auto values = std::make_shared<graph::Graph>();
    std::vector<Value> inputs{condition};
    for (std::size_t i = 0; i < if_true.size(); ++i) {
      const graph::TensorType type = flat_.graph.type(if_true[i]);
      require(type == flat_.graph.type(if_false[i]) && type.shape.is_concrete() && !is_packed(type.type),
              "output {} of the branches has no one type and shape", i);
      values->output(values->input(fmt::format("value{}", i), type.type, type.shape));
      inputs.push_back(if_true[i]);
    }
    inputs.insert(inputs.end(), if_false.begin(), if_false.end());
    return flat_.graph.add_node(graph::If{values, values}, std::move(inputs), name).outputs;
  }

  int node_count() const { return static_cast<int>(flat_.graph.nodes().size()); }

  std::string unused_name(const std::string& wanted) {
    std::string name = wanted;
    for (int i = 1; !names_.insert(name).second; ++i) name = fmt::format("{}_{}", wanted, i);
    return name;
  }

  FlatGraph flat_;
  std::unordered_set<std::string> names_;  ///< Of nodes.
};

}  // namespace condense::runtime::detail

#endif
