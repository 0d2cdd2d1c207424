#ifndef CONDENSE_TRAIN_BACKPROPAGATE_HPP
#define CONDENSE_TRAIN_BACKPROPAGATE_HPP

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "condense/graph/evaluate.hpp"
#include "condense/graph/reference/elementwise.hpp"
#include "condense/train/gradients.hpp"

namespace condense::train {

/// How a graph is run for its gradients.
struct BackpropagateOptions {
  GradientRules rules = {};
  std::vector<graph::Value> keep = {};  ///< Values, beside the graph's outputs, that a loss is going to look at.
  ThreadPool pool = {};
  TensorPool memory = {};
};

/// The derivative of the loss with respect to one value: where reverse accumulation starts.
struct ValueGradient {
  graph::Value value;
  Tensor gradient;
};

/// One evaluation of a graph that can be followed backwards (reverse-mode differentiation; Griewank & Walther,
/// "Evaluating Derivatives", 2nd ed. 2008, chapter 3).
///
/// Construction evaluates the graph and keeps what the gradients of `wanted` will read; every other tensor is released
/// after its last use. `backpropagate` then goes through the nodes in reverse and releases each tensor after its last
/// use in turn. Where a value is read several times the contributions are added in that fixed order, so results do not
/// depend on the number of threads. The graph must outlive it.
class ForwardPass {
 public:
  /// `inputs` are in the order of `graph.inputs()`; `wanted` are the values whose gradients will be asked for:
  /// constants, inputs, or outputs of nodes. Throws `Unsupported` naming the node if the way from a wanted value leads
  /// through an operator without a rule.
  ForwardPass(const graph::Graph& graph, std::span<const Tensor> inputs, std::span<const graph::Value> wanted,
              BackpropagateOptions options = {})
      : graph_(graph), options_(std::move(options)), wanted_(wanted.begin(), wanted.end()) {
    plan();
    run(inputs);
  }

  ForwardPass(const ForwardPass&) = delete;
  ForwardPass& operator=(const ForwardPass&) = delete;

  /// A value of this evaluation: an output or constant of the graph, or one of `options.keep`.
  const Tensor& value(graph::Value value) const {
    const Tensor* tensor = find(value);
    require(tensor != nullptr, "the value '{}' was not kept; name it in BackpropagateOptions::keep",
            graph_.name(value));
    return *tensor;
  }

  /// The gradients of the values wanted, in their order; zeros for one that the loss does not depend on. `seeds` are
  /// the derivatives of the loss with respect to some values; those given for one value add up. Can be called once.
  std::vector<Tensor> backpropagate(std::vector<ValueGradient> seeds) {
    require(!done_, "the values of this pass have been released; run the graph forward again");
    done_ = true;
    gradients_.resize(values_.size());
    for (ValueGradient& seed : seeds) {
      const Shape& shape = types_[index(seed.value)].shape;
      require(seed.gradient.shape() == shape, "the value '{}' has shape {}, the gradient given for it {}",
              graph_.name(seed.value), shape.to_string(), seed.gradient.shape().to_string());
      accumulate(seed.value, std::move(seed.gradient));
    }
    for (std::size_t n = graph_.nodes().size(); n-- > 0;) {
      if (rules_[n] != nullptr) reverse(graph_.nodes()[n], *rules_[n]);
    }
    std::vector<Tensor> results;
    for (const graph::Value value : wanted_) {
      std::optional<Tensor>& gradient = gradients_[index(value)];
      const graph::TensorType& type = types_[index(value)];
      results.push_back(gradient ? *gradient : Tensor(is_float(type.type) ? type.type : DataType::float32, type.shape));
    }
    return results;
  }

 private:
  static std::size_t index(graph::Value value) { return static_cast<std::size_t>(value.index); }

  const Tensor* find(graph::Value value) const {
    if (!value.exists()) return nullptr;
    if (const Tensor* constant = graph_.constant_if(value)) return constant;
    const std::optional<Tensor>& tensor = values_[index(value)];
    return tensor ? &*tensor : nullptr;
  }

  static bool reads_inputs(Reads reads) { return reads == Reads::inputs || reads == Reads::everything; }
  static bool reads_outputs(Reads reads) { return reads == Reads::outputs || reads == Reads::everything; }

  /// Calls `body(value)` for every value that the gradient of a node reads.
  template <class Body>
  static void for_each_read(const graph::Node& node, Reads reads, Body&& body) {
    if (reads_inputs(reads)) {
      for (const graph::Value value : node.inputs) {
        if (value.exists()) body(value);
      }
    }
    if (reads_outputs(reads)) {
      for (const graph::Value value : node.outputs) body(value);
    }
  }

  /// Finds the nodes to follow backwards, those that a wanted value leads to, and counts the uses of every value.
  void plan() {
    const auto count = static_cast<std::size_t>(graph_.value_count());
    values_.resize(count);
    types_.resize(count);
    uses_.assign(count, 0);
    needed_.assign(count, false);
    for (const graph::Value value : wanted_) {
      require(value.exists() && index(value) < count, "a wanted value is not one of this graph's");
      needed_[index(value)] = true;
    }
    for (const graph::Node& node : graph_.nodes()) {
      bool leads_on = false;
      for (const graph::Value value : node.inputs) leads_on = leads_on || (value.exists() && needed_[index(value)]);
      const GradientRule* rule = leads_on ? &options_.rules.of(node) : nullptr;
      if (rule != nullptr && rule->is_zero && rule->is_zero(node.op)) rule = nullptr;  // such as the shape of a value
      rules_.push_back(rule);
      for (const graph::Value value : node.inputs) {
        if (value.exists()) ++uses_[index(value)];
      }
      if (rule == nullptr) continue;
      for (const graph::Value value : node.outputs) needed_[index(value)] = true;
      for_each_read(node, rule->reads, [&](graph::Value value) { ++uses_[index(value)]; });
    }
    for (const graph::Value value : graph_.outputs()) ++uses_[index(value)];
    for (const graph::Value value : options_.keep) {
      require(value.exists() && index(value) < count, "a value to keep is not one of this graph's");
      ++uses_[index(value)];
    }
  }

  void release(graph::Value value) {
    if (--uses_[index(value)] == 0) values_[index(value)].reset();
  }

  void run(std::span<const Tensor> inputs) {
    require(inputs.size() == graph_.inputs().size(), "the graph has {} inputs, {} tensors are given",
            graph_.inputs().size(), inputs.size());
    for (int i = 0; i < graph_.value_count(); ++i) {
      if (const Tensor* constant = graph_.constant_if(graph::Value{i})) {
        types_[static_cast<std::size_t>(i)] = {constant->type(), constant->shape()};
      }
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const graph::Value value = graph_.inputs()[i];
      graph_.require_fits(value, {inputs[i].type(), inputs[i].shape()});
      types_[index(value)] = {inputs[i].type(), inputs[i].shape()};
      values_[index(value)] = inputs[i];
    }
    for (const graph::Node& node : graph_.nodes()) {
      evaluate(node);
      for (const graph::Value value : node.inputs) {
        if (value.exists()) release(value);
      }
      for (const graph::Value value : node.outputs) {
        if (uses_[index(value)] == 0) values_[index(value)].reset();
      }
    }
  }

  void evaluate(const graph::Node& node) {
    std::vector<const Tensor*> inputs;
    for (const graph::Value value : node.inputs) inputs.push_back(find(value));
    std::vector<Tensor> results =
        graph::evaluate_node(node, inputs, options_.pool,
                             [this](DataType type, const Shape& shape) { return options_.memory.make(type, shape); });
    for (std::size_t i = 0; i < results.size(); ++i) {
      const std::size_t output = index(node.outputs[i]);
      types_[output] = {results[i].type(), results[i].shape()};
      values_[output] = std::move(results[i]);
    }
  }

  void reverse(const graph::Node& node, const GradientRule& rule) {
    std::vector<const Tensor*> output_gradients;
    bool reached = false;
    for (const graph::Value value : node.outputs) {
      const std::optional<Tensor>& gradient = gradients_[index(value)];
      output_gradients.push_back(gradient ? &*gradient : nullptr);
      reached = reached || gradient.has_value();
    }
    if (reached) accumulate_inputs(node, rule, output_gradients);
    for (const graph::Value value : node.outputs) {
      if (!is_wanted(value)) gradients_[index(value)].reset();
    }
    for_each_read(node, rule.reads, [this](graph::Value value) { release(value); });
  }

  void accumulate_inputs(const graph::Node& node, const GradientRule& rule,
                         std::span<const Tensor* const> output_gradients) {
    std::vector<graph::TensorType> input_types, output_types;
    std::vector<const Tensor*> inputs, outputs;
    std::vector<bool> wanted;
    for (const graph::Value value : node.inputs) {
      input_types.push_back(value.exists() ? types_[index(value)] : graph::TensorType{});
      inputs.push_back(find(value));
      wanted.push_back(value.exists() && needed_[index(value)]);
    }
    for (const graph::Value value : node.outputs) {
      output_types.push_back(types_[index(value)]);
      outputs.push_back(find(value));
    }
    std::vector<Tensor> gradients = rule.apply(
        node,
        Backward{input_types, output_types, inputs, outputs, output_gradients, wanted, options_.pool, options_.memory});
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (!wanted[i]) continue;
      require(i < gradients.size() && gradients[i].shape() == input_types[i].shape,
              "node '{}' ({}): its gradient rule gives {} for input {} of shape {}", node.name, node.op.type(),
              i < gradients.size() ? gradients[i].shape().to_string() : "nothing", i, input_types[i].shape.to_string());
      accumulate(node.inputs[i], std::move(gradients[i]));
    }
  }

  bool is_wanted(graph::Value value) const { return std::ranges::find(wanted_, value) != wanted_.end(); }

  void accumulate(graph::Value value, Tensor gradient) {
    std::optional<Tensor>& sum = gradients_[index(value)];
    sum = sum ? add(*sum, gradient) : std::move(gradient);
  }

  Tensor add(const Tensor& a, const Tensor& b) const {
    Tensor sum = options_.memory.make(a.type(), a.shape());
    graph::with_float_type(a.type(), [&]<class T>() {
      const T* x = a.data<T>();
      const T* y = b.data<T>();
      T* z = sum.mutable_data<T>();
      parallel_for(options_.pool, a.count(), graph::reference::kElementwiseGrain, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) z[i] = x[i] + y[i];
      });
    });
    return sum;
  }

  const graph::Graph& graph_;
  BackpropagateOptions options_;
  std::vector<graph::Value> wanted_;
  std::vector<const GradientRule*> rules_;  ///< Of each node; null where no gradient goes.
  std::vector<std::optional<Tensor>> values_;
  std::vector<std::optional<Tensor>> gradients_;
  std::vector<graph::TensorType> types_;
  std::vector<int> uses_;
  std::vector<bool> needed_;
  bool done_ = false;
};

}  // namespace condense::train

#endif
