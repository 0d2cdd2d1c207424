#ifndef CONDENSE_GRAPH_DETAIL_BINDINGS_HPP
#define CONDENSE_GRAPH_DETAIL_BINDINGS_HPP

#include "condense/graph/graph.hpp"

namespace condense::graph::detail {

/// Shapes and values of a graph that are the same for every extent of its open dimensions.
///
/// The graph is inferred with its open dimensions, those of inputs and those that depend on data, bound in several
/// ways: all 1, all 97, and two and three times what the graph itself takes them to be. What is the same in all that
/// the operators accept counts as fixed. If they accept none of these, nothing that depends on an open dimension is
/// known to be fixed.
class Bindings {
 public:
  explicit Bindings(const Graph& graph) : graph_(graph) {
    constexpr Index kPrime = 97;  // no usual stride or size agrees with it by chance
    const auto try_binding = [&](auto&& extent_of) {
      if (std::optional<Binding> binding = infer(extent_of)) bindings_.push_back(std::move(*binding));
    };
    if (!infer([](Index example) { return example; })) return;  // finds out whether anything is open
    is_closed_ = !has_open_;
    if (is_closed_) return;
    try_binding([](Index) { return Index{1}; });
    try_binding([](Index) { return kPrime; });
    try_binding([](Index example) { return 2 * example; });
    try_binding([](Index example) { return 3 * example; });
    std::erase_if(bindings_, [&](const Binding& binding) { return is_example(binding); });
  }

  /// True if something is known of what is fixed: there are no open dimensions, or other extents than the graph's own
  /// are accepted.
  bool is_telling() const noexcept { return is_closed_ || !bindings_.empty(); }

  /// True if `holds(type_of)` for every binding, where `type_of(value)` is the type that a value has in it.
  template <class Predicate>
  bool always(Predicate&& holds) const {
    if (!is_telling() || !holds([&](Value value) { return graph_.type(value); })) return false;
    return std::ranges::all_of(
        bindings_, [&](const Binding& binding) { return holds([&](Value value) { return binding.at(value).type; }); });
  }

  /// True if two values always have the same type and shape.
  bool have_same_type(Value a, Value b) const {
    return always([&](auto&& type_of) { return type_of(a) == type_of(b); });
  }

  bool is_fixed(Value value) const {
    return always([&](auto&& type_of) { return type_of(value) == graph_.type(value); });
  }

  /// The value if it is known without running the graph and always the same, otherwise null.
  const Tensor* fixed_value(Value value) const {
    if (const Tensor* constant = graph_.constant_if(value)) return constant;
    const Tensor* known = graph_.known(value);
    if (known == nullptr || !is_telling()) return nullptr;
    const bool same = std::ranges::all_of(bindings_, [&](const Binding& binding) {
      const std::optional<Tensor>& other = binding.at(value).known;
      return other && *other == *known;
    });
    return same ? known : nullptr;
  }

 private:
  struct Entry {
    TensorType type;
    std::optional<Tensor> known;
  };
  struct Binding {
    std::vector<Entry> values;
    const Entry& at(Value value) const { return values[static_cast<std::size_t>(value.index)]; }
  };

  /// The graph with every open extent replaced by `extent_of(example)`; none if an operator refuses that.
  template <class ExtentOf>
  std::optional<Binding> infer(ExtentOf&& extent_of) {
    Binding binding;
    for (int i = 0; i < graph_.value_count(); ++i) binding.values.push_back({graph_.type(Value{i}), {}});
    const auto entry = [&](Value value) -> Entry& { return binding.values[static_cast<std::size_t>(value.index)]; };
    const auto bind = [&](const Shape& open, Shape shape) {
      for (int axis = 0; axis < shape.rank(); ++axis) {
        if (open[axis] != kDynamic) continue;
        has_open_ = true;
        shape = shape.with(axis, extent_of(std::max<Index>(shape[axis], 1)));
      }
      return shape;
    };
    try {
      for (const Value input : graph_.inputs()) {
        entry(input).type.shape = bind(graph_.declared_shape(input), graph_.type(input).shape);
      }
      std::vector<std::optional<InputTypes::Input>> inputs;
      for (const Node& node : graph_.nodes()) {
        inputs.clear();
        for (const Value value : node.inputs) {
          inputs.emplace_back();
          if (!value.exists()) continue;
          const Entry& known = entry(value);
          inputs.back() = InputTypes::Input{known.type, known.known ? &*known.known : graph_.constant_if(value)};
        }
        std::vector<TensorType> types = infer_node(node, inputs);
        const std::vector<Tensor> values = known_outputs(node, inputs, types);
        for (std::size_t i = 0; i < types.size(); ++i) {
          const Shape& own = graph_.type(node.outputs[i]).shape;
          if (own.rank() != types[i].shape.rank()) return std::nullopt;
          std::vector<Index> extents(types[i].shape.begin(), types[i].shape.end());
          for (Index& extent : extents) {
            if (extent == kDynamic) extent = 1;
          }
          entry(node.outputs[i]).type = {types[i].type, bind(types[i].shape, Shape(std::span<const Index>(extents)))};
          if (!values.empty()) entry(node.outputs[i]).known = values[i];
        }
      }
    } catch (const Error&) {
      return std::nullopt;
    }
    return binding;
  }

  /// A binding that says nothing new: every shape is the graph's own.
  bool is_example(const Binding& binding) const {
    for (int i = 0; i < graph_.value_count(); ++i) {
      if (binding.at(Value{i}).type != graph_.type(Value{i})) return false;
    }
    return true;
  }

  const Graph& graph_;
  bool has_open_ = false;
  bool is_closed_ = false;
  std::vector<Binding> bindings_;
};

}  // namespace condense::graph::detail

#endif
