#ifndef CONDENSE_IO_ONNX_IMPORT_IPP
#define CONDENSE_IO_ONNX_IMPORT_IPP

#include "condense/core/inline.hpp"
#include "condense/io/onnx/detail/body_types.hpp"
#include "condense/io/onnx/detail/branches.hpp"
#include "condense/io/onnx/detail/constant_node.hpp"
#include "condense/io/onnx/detail/expand_functions.hpp"
#include "condense/io/onnx/detail/node_names.hpp"
#include "condense/io/onnx/detail/open_extents.hpp"
#include "condense/io/onnx/detail/operator_readers.hpp"
#include "condense/io/onnx/detail/operator_sets.hpp"
#include "condense/io/onnx/detail/order_nodes.hpp"
#include "condense/io/onnx/detail/scope.hpp"
#include "condense/io/onnx/import.hpp"

namespace condense::io::onnx {

namespace detail {

/// Builds a graph from a model: once, for one choice of the open extents. Branches that these refuse are taken from
/// `branches`, and the others are left there.
class Importer {
 public:
  Importer(const Model& model, std::string_view name, const ImportOptions& options, OpenExtents open,
           Branches& branches)
      : model_(model), name_(name), options_(options), open_(open), branches_(branches), names_(model.graph) {
    for (const Function& function : model.functions) functions_.emplace(full_name(function), &function);
  }

  graph::Graph run() {
    static_cast<void>(detail::ExpandedSize(functions_, name_).of(model_.graph.nodes));
    Scope scope;
    std::unordered_set<std::string> initializers;
    for (const auto& [name, tensor] : model_.graph.initializers) initializers.insert(name);
    reserve_names(model_.graph, scope);
    at(fmt::format("{}: graph", name_), [&] {
      for (const ValueInfo& input : model_.graph.inputs) {
        if (!initializers.contains(input.name)) add_input(input, scope);
      }
    });
    for (const auto& name : options_.example_shapes) {
      if (!scope.defines(name.first)) {
        throw InvalidArgument(fmt::format("{}: there is no input '{}' to give a shape for", name_, name.first));
      }
    }
    fill(model_.graph, model_.operator_sets, scope);
    for (const ValueInfo& output : model_.graph.outputs) {
      at(fmt::format("{}: output '{}'", name_, output.name), [&] { scope.graph.output(output_value(output, scope)); });
    }
    return std::move(scope.graph);
  }

  /// Places of the branches that were refused, and that `branches` did not have either.
  const std::vector<std::string>& refused() const noexcept { return refused_; }

 private:
  static std::string full_name(const auto& function_or_node) {
    return function_or_node.domain + "." + type_of(function_or_node);
  }
  static const std::string& type_of(const Function& function) { return function.name; }
  static const std::string& type_of(const Node& node) { return node.type; }

  /// Runs `body`; what it complains about is the file's fault, and gets its place.
  template <class Body>
  static void at(const std::string& place, Body&& body) {
    try {
      body();
    } catch (const Unsupported& error) {
      throw Unsupported(fmt::format("{}: {}", place, error.what()));
    } catch (const Error& error) {
      throw FormatError(fmt::format("{}: {}", place, error.what()));
    }
  }

  static void reserve_names(const Graph& graph, Scope& scope) {
    for (const ValueInfo& input : graph.inputs) scope.reserve(input.name);
    for (const auto& [name, tensor] : graph.initializers) scope.reserve(name);
    for (const Node& node : graph.nodes) {
      for (const std::string& output : node.outputs) scope.reserve(output);
    }
  }

  static void require_tensor(const ValueInfo& input) {
    if (input.name.empty()) throw FormatError("an input has no name");
    if (!input.type) {
      throw Unsupported(fmt::format(
          "the input '{}' is a sequence, map or optional, or has no type; condense takes tensors", input.name));
    }
  }

  void add_input(const ValueInfo& input, Scope& scope) const {
    require_tensor(input);
    const auto given = options_.example_shapes.find(input.name);
    if (!input.shape && given == options_.example_shapes.end()) {
      throw Unsupported(fmt::format("the input '{}' has no shape; give one by example_shapes", input.name));
    }
    std::vector<Index> declared;
    std::vector<Index> example;
    for (std::size_t i = 0; input.shape && i < input.shape->size(); ++i) {
      declared.push_back((*input.shape)[i].extent);
      example.push_back(declared.back() != kDynamic ? declared.back() : open_.of(*input.shape, i));
    }
    if (given != options_.example_shapes.end()) {
      example.assign(given->second.begin(), given->second.end());
      if (!input.shape) declared.assign(example.size(), kDynamic);
    }
    scope.define(input.name, scope.graph.input(input.name, *input.type, Shape(std::span<const Index>(declared)),
                                               Shape(std::span<const Index>(example))));
  }

  static graph::Value output_value(const ValueInfo& output, Scope& scope) {
    const graph::Value value = scope.find(output.name);
    if (output.type && *output.type != scope.graph.type(value).type) {
      throw FormatError(fmt::format("it is declared as {}, but is {}", condense::name(*output.type),
                                    condense::name(scope.graph.type(value).type)));
    }
    return value;
  }

  /// Adds initializers and nodes.
  void fill(const Graph& graph, const OperatorSets& versions, Scope& scope) {
    at(fmt::format("{}: graph '{}'", name_, graph.name), [&] {
      for (const auto& [name, tensor] : graph.initializers) scope.define(name, scope.graph.constant(name, tensor));
    });
    add_nodes(graph.nodes, versions, scope);
  }

  void add_nodes(const std::vector<Node>& nodes, const OperatorSets& versions, Scope& scope) {
    for (const std::size_t n : ordered(nodes, name_)) {
      const Node& node = nodes[n];
      const std::string place =
          fmt::format("{}: node '{}' ({})", name_,
                      node.name.empty() && !node.outputs.empty() ? node.outputs[0] : node.name, node.type);
      if (const auto function = functions_.find(full_name(node)); function != functions_.end()) {
        call(*function->second, node, scope, place);
      } else {
        at(place, [&] { add_node(node, versions, scope, place); });
      }
    }
  }

  void call(const Function& function, const Node& node, Scope& scope, const std::string& place) {
    const FunctionCall expansion(function, node, fmt::format("{}.{}.", function.name, ++calls_), place);
    add_nodes(expansion.nodes(), function.operator_sets.empty() ? model_.operator_sets : function.operator_sets, scope);
  }

  void add_node(const Node& node, const OperatorSets& versions, Scope& scope, const std::string& place) {
    if (node.domain.empty() && node.type == "Constant") {
      const Tensor tensor = constant_of(node);
      return scope.define(node.outputs[0], scope.graph.constant(node.outputs[0], tensor));
    }
    const auto version = versions.find(node.domain);
    if (node.domain.empty() && version == versions.end()) {
      throw FormatError(
          "the model does not say which version of ONNX's operators it uses; give it an opset_import, such as that of "
          "the exporter it comes from");
    }
    const bool is_old = node.domain.empty() && version->second < kFirstSet;
    naming_old_set(is_old ? version->second : kFirstSet, [&] {
      for (const Node& today : Upgrade(node, version == versions.end() ? 1 : version->second, scope).run()) {
        add_current(today, versions, scope, place);
      }
    });
  }

  void add_current(const Node& node, const OperatorSets& versions, Scope& scope, const std::string& place) {
    std::vector<graph::Value> inputs;
    for (const std::string& input : node.inputs) inputs.push_back(scope.find(input));
    while (!inputs.empty() && !inputs.back().exists()) inputs.pop_back();
    const graph::Operator op = make_operator(node, versions, scope, place, inputs);
    const graph::Node& added = scope.graph.add_node(op, std::move(inputs), names_.take(node));
    const std::vector<graph::Value> outputs = added.outputs;
    if (node.outputs.size() > outputs.size()) {
      throw FormatError(fmt::format("it has {} outputs, the operator makes {}", node.outputs.size(), outputs.size()));
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const bool named = i < node.outputs.size() && !node.outputs[i].empty();
      scope.graph.rename(outputs[i], named ? node.outputs[i] : scope.unused_name(added.name));
      if (named) scope.define(node.outputs[i], outputs[i]);
    }
  }

  graph::Operator make_operator(const Node& node, const OperatorSets& versions, Scope& scope, const std::string& place,
                                std::vector<graph::Value>& inputs) {
    if (node.domain.empty()) {
      if (node.type == "If") return make_if(node, versions, scope, inputs);
      if (node.type == "Loop") return make_loop(node, versions, scope, inputs);
      if (node.type == "Scan") return make_scan(node, versions, scope, place, inputs);
    }
    const OperatorReaders::Reader reader = operator_readers().find(node);
    if (reader == nullptr) {
      throw Unsupported(
          fmt::format("condense has no operator {}{}{}; replace it in the model by operators of ONNX that it has "
                      "(docs/onnx.md lists them)",
                      node.domain, node.domain.empty() ? "" : ".", node.type));
    }
    return reader(node, place);
  }

  // ---- Graphs within nodes

  static const Graph& graph_of(const Node& node, std::string_view name) {
    const Attribute* attribute = node.find(name);
    const auto* graph = attribute == nullptr ? nullptr : std::get_if<std::shared_ptr<const Graph>>(&attribute->value);
    if (graph == nullptr) throw FormatError(fmt::format("its attribute '{}' is missing or no graph", name));
    return **graph;
  }

  /// Builds an inner graph. `types` are those that the node gives to its inputs; what the body does not declare is
  /// theirs.
  InnerGraph inner_graph(const Graph& body, const OperatorSets& versions, Scope& outer,
                         const std::vector<graph::TensorType>& types) {
    Scope scope(&outer);
    reserve_names(body, scope);
    if (body.inputs.size() != types.size()) {
      throw FormatError(
          fmt::format("its graph '{}' has {} inputs, {} are given", body.name, body.inputs.size(), types.size()));
    }
    for (std::size_t i = 0; i < types.size(); ++i) {
      const ValueInfo& input = body.inputs[i];
      const Shape& given = types[i].shape;
      std::vector<Index> declared(static_cast<std::size_t>(given.rank()), kDynamic);
      scope.define(input.name, scope.graph.input(input.name, input.type ? *input.type : types[i].type,
                                                 Shape(std::span<const Index>(declared)), given));
    }
    fill(body, versions, scope);
    for (const ValueInfo& output : body.outputs) scope.graph.output(output_value(output, scope));
    return {std::make_shared<const graph::Graph>(std::move(scope.graph)), std::move(scope.captures)};
  }

  /// The captures become inputs of the node.
  static std::shared_ptr<const graph::Graph> with_captures(const InnerGraph& inner, Scope& scope,
                                                           std::vector<graph::Value>& inputs) {
    for (const std::string& name : inner.captures) inputs.push_back(scope.find(name));
    return inner.graph;
  }

  graph::Operator make_if(const Node& node, const OperatorSets& versions, Scope& scope,
                          std::vector<graph::Value>& inputs) {
    graph::If op;
    InnerGraph then_branch = branch_of(node, "then_branch", versions, scope, op.refusal);
    InnerGraph else_branch = branch_of(node, "else_branch", versions, scope, op.refusal);
    const Tensor* condition = inputs.empty() || !inputs[0].exists() ? nullptr : scope.graph.known(inputs[0]);
    const bool is_known = condition != nullptr && condition->type() == DataType::boolean && condition->count() == 1;
    const bool takes_then = is_known ? condition->data<bool>()[0] : then_branch.graph != nullptr;
    if ((takes_then ? then_branch : else_branch).graph == nullptr) {
      throw FormatError(fmt::format("the branch that it takes is refused: {}", op.refusal));
    }
    op.then_branch = with_captures(or_built(std::move(then_branch), node, "then_branch"), scope, inputs);
    op.else_branch = with_captures(or_built(std::move(else_branch), node, "else_branch"), scope, inputs);
    return op;
  }

  std::string branch_place(const Node& node, std::string_view name) const {
    return fmt::format("{}/{}.{}", place_, node.outputs.empty() ? node.name : node.outputs[0], name);
  }

  /// A branch of an If; none, with the reason in `refusal`, if it is for inputs of other shapes.
  InnerGraph branch_of(const Node& node, std::string_view name, const OperatorSets& versions, Scope& scope,
                       std::string& refusal) {
    const std::string around = place_;
    const std::size_t refused_around = refused_.size();
    InnerGraph branch;
    place_ = branch_place(node, name);
    try {
      branch = inner_graph(graph_of(node, name), versions, scope, {});
      branches_.add(place_, branch, refused_.size() == refused_around);
    } catch (const FormatError& error) {
      refused_.resize(refused_around);
      refusal = error.what();
    }
    place_ = around;
    return branch;
  }

  /// The branch, or what other extents have made of it.
  InnerGraph or_built(InnerGraph branch, const Node& node, std::string_view name) {
    if (branch.graph != nullptr) return branch;
    const std::string place = branch_place(node, name);
    if (const InnerGraph* other = branches_.find(place)) return *other;
    refused_.push_back(place);
    return {};
  }

  graph::Operator make_loop(const Node& node, const OperatorSets& versions, Scope& scope,
                            std::vector<graph::Value>& inputs) {
    const Graph& body = graph_of(node, "body");
    inputs.resize(std::max<std::size_t>(inputs.size(), 2));
    const std::vector<graph::TensorType> types = loop_body_types(body, scope.graph, inputs);
    const std::size_t own = inputs.size();
    graph::Loop op;
    op.body = with_captures(inner_graph(body, versions, scope, types), scope, inputs);
    op.captures = static_cast<Index>(inputs.size() - own);
    return op;
  }

  graph::Operator make_scan(const Node& node, const OperatorSets& versions, Scope& scope, const std::string& place,
                            std::vector<graph::Value>& inputs) {
    if (const auto version = versions.find(""); version != versions.end() && version->second < 9) {
      throw Unsupported("it is a Scan of opset 8, over batches; convert the model to opset 9 or later");
    }
    Node attributes = node;
    attributes.remove("body");
    const graph::Operator read = read_operator<graph::Scan>(attributes, place);
    graph::Scan op = *read.get_if<graph::Scan>();
    const auto own = static_cast<Index>(inputs.size());
    const std::vector<graph::TensorType> types = scan_body_types(op, scope.graph, inputs);
    op.body = with_captures(inner_graph(graph_of(node, "body"), versions, scope, types), scope, inputs);
    op.captures = static_cast<Index>(inputs.size()) - own;
    return op;
  }

  const Model& model_;
  std::string name_;
  const ImportOptions& options_;
  OpenExtents open_;
  Branches& branches_;
  std::string place_;  ///< Of the graph being built: the outputs of the nodes that it is within.
  std::vector<std::string> refused_;
  std::map<std::string, const Function*> functions_;
  NodeNames names_;
  int calls_ = 0;
};

/// Builds branches that the shapes at hand refuse with other extents of open dimensions, as far as there are such.
/// Returns whether `branches` has anything that it did not have.
inline bool build_branches(const Model& model, std::string_view name, const ImportOptions& options,
                           const std::vector<std::string>& refused, Branches& branches) {
  if (refused.empty()) return false;
  ImportOptions without_shapes = options;
  for (const ValueInfo& input : model.graph.inputs) {
    if (input.shape) without_shapes.example_shapes.erase(input.name);
  }
  if (!has_open_extents(model, without_shapes.example_shapes)) return false;
  for (const OpenExtents open : open_extents()) {
    if (std::ranges::all_of(refused, [&](const std::string& place) { return branches.has_whole(place); })) break;
    try {
      static_cast<void>(Importer(model, name, without_shapes, open, branches).run());
    } catch (const Error&) {  // the rest of the model refuses these
    }
  }
  return std::ranges::any_of(refused, [&](const std::string& place) { return branches.find(place) != nullptr; });
}

}  // namespace detail

CONDENSE_INLINE graph::Graph import_graph(const Model& model, std::string_view name, const ImportOptions& options) {
  std::string first_error;
  const bool searches = detail::has_open_extents(model, options.example_shapes);
  for (const detail::OpenExtents open : detail::open_extents()) {
    detail::Branches branches;
    try {
      detail::Importer importer(model, name, options, open, branches);
      graph::Graph graph = importer.run();
      if (!detail::build_branches(model, name, options, importer.refused(), branches)) return graph;
      try {
        return detail::Importer(model, name, options, open, branches).run();
      } catch (const FormatError&) {  // what reads an If takes the shapes of one branch only
        return graph;
      }
    } catch (const FormatError& error) {
      if (!searches) throw;
      if (first_error.empty()) first_error = error.what();
    }
  }
  throw FormatError(
      fmt::format("{} (with dynamic dimensions of 1, nor with larger ones; if the model needs certain "
                  "extents, give them by example_shapes)",
                  first_error));
}

CONDENSE_INLINE std::vector<std::string> importable_operators() { return detail::operator_readers().names(); }

}  // namespace condense::io::onnx

#endif
