#ifndef CONDENSE_GRAPH_GRAPH_HPP
#define CONDENSE_GRAPH_GRAPH_HPP

#include <unordered_set>

#include "condense/graph/node.hpp"

namespace condense::graph {

/// A network: values and the nodes between them.
///
/// Built with `input`, `constant`, `add` and `output`, which check every type at once, so that a mistake is reported
/// where it is made and by the name of the node. Passes edit it in place through `replace_uses`, `set_input` and
/// `remove_nodes`, and end with `sort`. A copy is cheap: tensors and operators are shared.
class Graph {
 public:
  /// Adds an input. Extents may be `kDynamic`; they are bound when the graph is run. Until then inference takes them
  /// as those of `example`, or as 1.
  Value input(const std::string& name, DataType type, const Shape& shape, std::optional<Shape> example = {}) {
    if (example) {
      require(fits(shape, *example), "the input '{}' has shape {}, its example {}", name, shape.to_string(),
              example->to_string());
    }
    const Value value = add_value(name, TensorType{type, example ? *example : bound(shape)});
    info(value).declared_shape = shape;
    inputs_.push_back(value);
    return value;
  }

  /// Adds a tensor that the graph holds, such as a weight.
  Value constant(const std::string& name, Tensor tensor) {
    const Value value = add_value(name, TensorType{tensor.type(), tensor.shape()});
    info(value).constant = std::move(tensor);
    return value;
  }

  /// Adds a node and returns its first output. A missing name is made from the operator's type and a number.
  Value add(Operator op, std::vector<Value> inputs, std::string name = {}) {
    return add_node(std::move(op), std::move(inputs), std::move(name)).outputs.front();
  }

  /// Adds a node and returns it; throws `InvalidArgument` naming it if its operator refuses the inputs.
  const Node& add_node(Operator op, std::vector<Value> inputs, std::string name = {}) {
    if (name.empty()) name = unused_name(lower(op.type()), node_names_);
    require(!node_names_.contains(name), "the graph has a node named '{}' already", name);
    for (const Value value : inputs) {
      require(!value.exists() || value.index < static_cast<int>(values_.size()),
              "node '{}': an input belongs to another graph", name);
    }
    Node node{std::move(name), std::move(op), std::move(inputs), {}};
    const Inferred inferred = infer(node);
    for (std::size_t i = 0; i < inferred.types.size(); ++i) {
      const std::string wanted = i == 0 ? node.name : fmt::format("{}.{}", node.name, i);
      node.outputs.push_back(add_value(unused_name(wanted, value_names_), {}));
      learn(node.outputs[i], inferred, i);
    }
    node_names_.insert(node.name);
    return nodes_.emplace_back(std::move(node));
  }

  /// Makes a value an output, optionally under a name of its own.
  void output(Value value, const std::string& name = {}) {
    check(value);
    if (!name.empty()) rename(value, name);
    outputs_.push_back(value);
  }

  std::span<const Value> inputs() const noexcept { return inputs_; }
  std::span<const Value> outputs() const noexcept { return outputs_; }

  /// The nodes, each after those that it needs unless an edit has not been followed by `sort`.
  std::span<const Node> nodes() const& noexcept { return nodes_; }
  std::span<const Node> nodes() && = delete;  // they would be gone with the graph

  /// Values are numbered [0, value_count()); those of removed nodes keep their numbers.
  int value_count() const noexcept { return static_cast<int>(values_.size()); }
  const std::string& name(Value value) const { return info(value).name; }

  /// Element type and shape, with every dynamic dimension bound to 1, or for inputs to their example: those of the
  /// inputs, and those of values whose extents are only known when they are computed.
  const TensorType& type(Value value) const { return info(value).type; }

  /// A value that is known without running the graph, with the same dimensions bound: a constant, or a small one that
  /// follows from constants and shapes. Otherwise null.
  const Tensor* known(Value value) const {
    const ValueInfo& v = info(value);
    return v.constant ? &*v.constant : v.known ? &*v.known : nullptr;
  }

  /// The shape that an input was declared with, dynamic dimensions included.
  const Shape& declared_shape(Value input) const { return info(input).declared_shape; }

  bool is_constant(Value value) const { return value.exists() && info(value).constant.has_value(); }
  const Tensor& constant(Value value) const {
    require(is_constant(value), "the value '{}' is not a constant", value.exists() ? name(value) : "(absent)");
    return *info(value).constant;
  }

  /// The constant's value if it is one, otherwise null.
  const Tensor* constant_if(Value value) const { return is_constant(value) ? &*info(value).constant : nullptr; }

  /// Replaces a constant's tensor by one of the same shape and type, as training does.
  void set_constant(Value value, Tensor tensor) {
    const Tensor& old = constant(value);
    require(tensor.type() == old.type() && tensor.shape() == old.shape(),
            "the constant '{}' is {} {}, it cannot become {} {}", name(value), condense::name(old.type()),
            old.shape().to_string(), condense::name(tensor.type()), tensor.shape().to_string());
    info(value).constant = std::move(tensor);
  }

  bool has_value_named(const std::string& name) const { return value_names_.contains(name); }

  /// `wanted`, or with a number after it if a value has that name.
  std::string unused_value_name(const std::string& wanted) const { return unused_name(wanted, value_names_); }

  /// Value of that name; throws naming it if there is none.
  Value find(const std::string& name) const {
    for (int i = 0; i < value_count(); ++i) {
      if (values_[static_cast<std::size_t>(i)].name == name) return Value{i};
    }
    throw InvalidArgument(fmt::format("the graph has no value named '{}'", name));
  }

  /// Index into `nodes()` of the producer of each value, -1 for inputs, constants and values of removed nodes.
  std::vector<int> producers() const {
    std::vector<int> result(values_.size(), -1);
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      for (const Value value : nodes_[n].outputs) result[static_cast<std::size_t>(value.index)] = static_cast<int>(n);
    }
    return result;
  }

  /// Indices into `nodes()` of the nodes that read each value, once for each input that is it.
  std::vector<std::vector<int>> consumers() const {
    std::vector<std::vector<int>> result(values_.size());
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      for (const Value value : nodes_[n].inputs) {
        if (value.exists()) result[static_cast<std::size_t>(value.index)].push_back(static_cast<int>(n));
      }
    }
    return result;
  }

  bool is_output(Value value) const { return std::ranges::find(outputs_, value) != outputs_.end(); }

  /// Throws `InvalidArgument` naming the input unless `type` fits the declaration of the input `value`.
  void require_fits(Value input, const TensorType& given) const {
    require(given.type == type(input).type, "the input '{}' is {}, it is given {}", name(input),
            condense::name(type(input).type), condense::name(given.type));
    const Shape& declared = declared_shape(input);
    require(fits(declared, given.shape), "the input '{}' has shape {}, it is given {}", name(input),
            declared.to_string(), given.shape.to_string());
  }

  // Editing. Afterwards call `sort`.

  /// Every node and output that reads `from` reads `to` instead, except the node `keep` (its name).
  void replace_uses(Value from, Value to, std::string_view keep = {}) {
    check(to);
    for (Node& node : nodes_) {
      if (node.name != keep) std::ranges::replace(node.inputs, from, to);
    }
    std::ranges::replace(outputs_, from, to);
  }

  /// The same for many values in one sweep: what reads `Value{i}` reads `replacements[i]`, where that exists.
  void replace_uses(std::span<const Value> replacements) {
    const auto replace = [&](Value& value) {
      if (!value.exists() || value.index >= static_cast<int>(replacements.size())) return;
      const Value replacement = replacements[static_cast<std::size_t>(value.index)];
      if (replacement.exists()) value = replacement;
    };
    for (const Value replacement : replacements) {
      if (replacement.exists()) check(replacement);
    }
    for (Node& node : nodes_) std::ranges::for_each(node.inputs, replace);
    std::ranges::for_each(outputs_, replace);
  }

  /// Connects input i of nodes()[node] to another value.
  void set_input(int node, std::size_t i, Value value) {
    check(value);
    std::vector<Value>& inputs = nodes_.at(static_cast<std::size_t>(node)).inputs;
    require(i < inputs.size(), "node '{}' has {} inputs, there is no input {}",
            nodes_[static_cast<std::size_t>(node)].name, inputs.size(), i);
    inputs[i] = value;
  }

  /// Replaces a constant's tensor by one of any shape; `sort` checks that the nodes which read it take it.
  void replace_constant(Value value, Tensor tensor) {
    static_cast<void>(constant(value));
    info(value).type = {tensor.type(), tensor.shape()};
    info(value).constant = std::move(tensor);
  }

  /// Puts another operator in the place of nodes()[node]'s, with the same inputs and outputs.
  void set_operator(int node, Operator op) { nodes_.at(static_cast<std::size_t>(node)).op = std::move(op); }

  /// The same with other inputs; `sort` checks that the operator takes them.
  void set_operator(int node, Operator op, std::vector<Value> inputs) {
    for (const Value value : inputs) {
      if (value.exists()) check(value);
    }
    Node& changed = nodes_.at(static_cast<std::size_t>(node));
    changed.op = std::move(op);
    changed.inputs = std::move(inputs);
  }

  /// Adds outputs to nodes()[node] or takes its last ones away, for an operator put there that makes more or fewer.
  /// Those taken away must not be in use; `sort` infers the types of new ones.
  void set_output_count(int node, std::size_t count) {
    Node& changed = nodes_.at(static_cast<std::size_t>(node));
    while (changed.outputs.size() < count) {
      const std::string wanted = fmt::format("{}.{}", changed.name, changed.outputs.size());
      changed.outputs.push_back(add_value(unused_name(wanted, value_names_), {}));
    }
    while (changed.outputs.size() > count) {
      const Value last = changed.outputs.back();
      const auto reads_it = [last](const Node& other) {
        return std::ranges::find(other.inputs, last) != other.inputs.end();
      };
      require(!is_output(last) && std::ranges::none_of(nodes_, reads_it),
              "the value '{}' is in use, it cannot be removed", name(last));
      value_names_.erase(name(last));
      info(last).name.clear();
      changed.outputs.pop_back();
    }
  }

  /// Removes the nodes for which `predicate(node)` holds.
  template <class Predicate>
  void remove_nodes(Predicate&& predicate) {
    for (const Node& node : nodes_) {
      if (predicate(node)) node_names_.erase(node.name);
    }
    std::erase_if(nodes_, predicate);
  }

  /// Gives a value another name.
  void rename(Value value, const std::string& name) {
    if (info(value).name == name) return;
    require(!value_names_.contains(name), "the graph has a value named '{}' already", name);
    value_names_.erase(info(value).name);
    value_names_.insert(name);
    info(value).name = name;
  }

  /// Orders the nodes so that each comes after those it needs, otherwise as they were, and infers every type again.
  /// Throws `InvalidArgument` naming the nodes of a cycle, an input that nothing produces, or an operator's complaint.
  void sort() {
    std::vector<Node> sorted;
    sorted.reserve(nodes_.size());
    std::vector<bool> ready(values_.size(), false);
    for (std::size_t i = 0; i < values_.size(); ++i) ready[i] = values_[i].constant.has_value();
    for (const Value value : inputs_) ready[static_cast<std::size_t>(value.index)] = true;

    const std::vector<int> producer = producers();
    std::vector<char> state(nodes_.size(), 0);  // 0 new, 1 on the path, 2 placed
    for (std::size_t n = 0; n < nodes_.size(); ++n) place(n, producer, ready, state, sorted);
    nodes_ = std::move(sorted);

    for (const Value value : outputs_) {
      require(ready[static_cast<std::size_t>(value.index)], "nothing produces the output '{}'", name(value));
    }
    for (const Node& node : nodes_) {
      const Inferred inferred = infer(node);
      for (std::size_t i = 0; i < inferred.types.size(); ++i) learn(node.outputs[i], inferred, i);
    }
  }

 private:
  struct ValueInfo {
    std::string name;
    TensorType type;
    Shape declared_shape;
    std::optional<Tensor> constant;
    std::optional<Tensor> known;
  };

  /// The outputs of a node as inference sees them.
  struct Inferred {
    std::vector<TensorType> types;
    std::vector<Tensor> known;  ///< Empty, or one for each output.
  };

  static std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return result;
  }

  static std::string unused_name(const std::string& wanted, const std::unordered_set<std::string>& taken) {
    if (!taken.contains(wanted)) return wanted;
    for (std::size_t i = 1;; ++i) {
      std::string candidate = fmt::format("{}_{}", wanted, i);
      if (!taken.contains(candidate)) return candidate;
    }
  }

  void check(Value value) const {
    require(value.exists() && value.index < value_count(), "value {} is not one of this graph's {}", value.index,
            value_count());
  }
  const ValueInfo& info(Value value) const {
    check(value);
    return values_[static_cast<std::size_t>(value.index)];
  }
  ValueInfo& info(Value value) {
    check(value);
    return values_[static_cast<std::size_t>(value.index)];
  }

  Value add_value(const std::string& name, TensorType type) {
    require(!name.empty(), "a value needs a name");
    require(value_names_.insert(name).second, "the graph has a value named '{}' already", name);
    values_.push_back(ValueInfo{name, std::move(type), {}, {}, {}});
    return Value{value_count() - 1};
  }

  Inferred infer(const Node& node) const {
    std::vector<std::optional<InputTypes::Input>> inputs;
    for (const Value value : node.inputs) {
      inputs.emplace_back();
      if (value.exists()) inputs.back() = InputTypes::Input{type(value), known(value)};
    }
    Inferred result{infer_node(node, inputs), {}};
    result.known = known_outputs(node, inputs, result.types);
    return result;
  }

  void learn(Value value, const Inferred& inferred, std::size_t i) {
    ValueInfo& output = info(value);
    output.type = {inferred.types[i].type, bound(inferred.types[i].shape)};
    output.known.reset();
    if (!inferred.known.empty()) output.known = inferred.known[i];
  }

  static bool fits(const Shape& declared, const Shape& given) {
    bool result = declared.rank() == given.rank() && given.is_concrete();
    for (int axis = 0; result && axis < declared.rank(); ++axis) {
      result = declared[axis] == kDynamic || declared[axis] == given[axis];
    }
    return result;
  }

  /// The shape with every dynamic dimension bound to 1.
  static Shape bound(const Shape& shape) {
    std::vector<Index> extents(shape.begin(), shape.end());
    std::ranges::replace(extents, kDynamic, Index{1});
    return Shape(std::span<const Index>(extents));
  }

  /// Depth-first placement without recursion, so that a deep graph cannot exhaust the stack.
  void place(std::size_t first, const std::vector<int>& producer, std::vector<bool>& ready, std::vector<char>& state,
             std::vector<Node>& sorted) {
    std::vector<std::size_t> path;
    if (state[first] == 0) path.push_back(first);
    while (!path.empty()) {
      const std::size_t n = path.back();
      state[n] = 1;
      int needed = -1;
      for (const Value value : nodes_[n].inputs) {
        if (!value.exists() || ready[static_cast<std::size_t>(value.index)]) continue;
        needed = producer[static_cast<std::size_t>(value.index)];
        require(needed >= 0, "node '{}': nothing produces its input '{}'", nodes_[n].name, name(value));
        break;
      }
      if (needed < 0) {
        for (const Value value : nodes_[n].outputs) ready[static_cast<std::size_t>(value.index)] = true;
        state[n] = 2;
        sorted.push_back(nodes_[n]);
        path.pop_back();
        continue;
      }
      const auto next = static_cast<std::size_t>(needed);
      if (state[next] == 1) {
        std::string names;
        for (auto it = std::ranges::find(path, next); it != path.end(); ++it) {
          names += fmt::format("'{}' <- ", nodes_[*it].name);
        }
        throw InvalidArgument(
            fmt::format("the graph has a cycle: {}'{}'; a network must not feed itself", names, nodes_[next].name));
      }
      path.push_back(next);
    }
  }

  std::vector<ValueInfo> values_;
  std::vector<Node> nodes_;
  std::vector<Value> inputs_;
  std::vector<Value> outputs_;
  std::unordered_set<std::string> value_names_;
  std::unordered_set<std::string> node_names_;
};

}  // namespace condense::graph

#endif
