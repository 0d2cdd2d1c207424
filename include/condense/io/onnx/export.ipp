#ifndef CONDENSE_IO_ONNX_EXPORT_IPP
#define CONDENSE_IO_ONNX_EXPORT_IPP

#include <typeindex>
#include <unordered_map>
#include <unordered_set>

#include "condense/core/inline.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators.hpp"
#include "condense/io/onnx/detail/decompose.hpp"
#include "condense/io/onnx/detail/write_attributes.hpp"
#include "condense/io/onnx/export.hpp"

namespace condense::io::onnx {

namespace detail {

/// Where an operator becomes its name and attributes: all of condense's.
class OperatorWriters {
 public:
  using Writer = Node (*)(const graph::Operator&);

  OperatorWriters() {
    graph::Operators::for_each([this]<class Op>() { writers_.emplace(typeid(Op), &write<Op>); });
  }

  Node write(const graph::Node& node) const {
    const auto found = writers_.find(node.op.id());
    if (found == writers_.end()) {
      throw Unsupported(
          fmt::format("node '{}' ({}): an operator of your own has no form in ONNX; replace it by "
                      "condense's before the graph is exported",
                      node.name, node.op.type()));
    }
    return found->second(node.op);
  }

 private:
  template <class Op>
  static Node write(const graph::Operator& op) {
    Node node{.type = std::string(Op::kType)};
    if constexpr (requires { Op::kDomain; }) node.domain = Op::kDomain;
    AttributeWriter writer;
    if constexpr (requires { Op::attributes(*op.get_if<Op>(), writer); }) Op::attributes(*op.get_if<Op>(), writer);
    node.attributes = writer.take();
    return node;
  }

  std::unordered_map<std::type_index, Writer> writers_;
};

/// The first operator set that has an operator as it is written, and a type.
inline std::int64_t first_set_of(std::string_view type) {
  return type == "Swish" ? 24 : type == "RMSNormalization" || type == "Attention" ? 23 : 21;
}
inline std::int64_t first_set_of(DataType type) { return bits(type) == 2 ? 25 : 21; }

/// The version of the file format that came with an operator set ("ONNX Versioning", table of versions).
inline std::int64_t ir_version_of(std::int64_t operator_set) {
  return operator_set <= 22 ? 10 : operator_set == 23 ? 11 : operator_set == 24 ? 12 : 13;
}

class Exporter {
 public:
  explicit Exporter(const ExportOptions& options) : options_(options), operator_set_(options.operator_set) {
    require(operator_set_ >= 21 && operator_set_ <= 25, "models are written in operator sets 21 to 25, not {}",
            operator_set_);
  }

  Model run(const graph::Graph& graph) {
    Names names;
    for (int i = 0; i < graph.value_count(); ++i) names.emplace(i, graph.name({i}));
    for (const auto& [index, name] : names) taken_.insert(name);
    Model model;
    model.producer_name = "condense";
    model.metadata = options_.metadata;
    model.graph = translated(graph, names);
    model.graph.name = options_.graph_name;
    for (const graph::Value input : graph.inputs()) model.graph.inputs.push_back(input_info(graph, input));
    const auto open = open_extents(graph);
    for (const graph::Value output : graph.outputs()) {
      ValueInfo info{.name = graph.name(output), .type = graph.type(output).type};
      if (open) info.shape = (*open)[static_cast<std::size_t>(output.index)];
      model.graph.outputs.push_back(std::move(info));
    }
    model.operator_sets.emplace("", operator_set_);
    for (const std::string& domain : domains_) model.operator_sets.emplace(domain, 1);
    model.ir_version = ir_version_of(operator_set_);
    return model;
  }

 private:
  using Names = std::unordered_map<int, std::string>;  ///< Of the values of one graph, by their index.

  /// Nodes and constants; inputs and outputs are the caller's affair.
  Graph translated(const graph::Graph& graph, const Names& names) {
    Graph result;
    std::unordered_set<int> used;
    const auto name_of = [&](graph::Value value) -> std::string {
      if (!value.exists()) return {};
      note(graph.type(value).type);
      if (const Tensor* tensor = graph.constant_if(value); tensor != nullptr && used.insert(value.index).second) {
        result.initializers.emplace_back(names.at(value.index), *tensor);
      }
      return names.at(value.index);
    };
    for (const graph::Node& node : graph.nodes()) {
      Node written = writers().write(node);
      written.name = node.name;
      for (const graph::Value input : node.inputs) written.inputs.push_back(name_of(input));
      for (const graph::Value output : node.outputs) written.outputs.push_back(name_of(output));
      add_inner_graphs(node, written);
      if (node.op.is<graph::DequantizeLinear>()) add_zero_point(graph, node, written, result);
      if (add_decomposed(graph, node, written, result)) continue;
      operator_set_ = std::max(operator_set_, first_set_of(written.type));
      if (!written.domain.empty()) domains_.insert(written.domain);
      result.nodes.push_back(std::move(written));
    }
    for (const graph::Value output : graph.outputs()) static_cast<void>(name_of(output));
    return result;
  }

  /// Writes the zero point of 8-bit weights out: ONNX Runtime 1.30 makes a QGemm only where there is one.
  void add_zero_point(const graph::Graph& graph, const graph::Node& node, Node& written, Graph& result) {
    const DataType type = graph.type(node.inputs[0]).type;
    const bool is_weight = graph.is_constant(node.inputs[0]) && bits(type) == 8;
    if (!is_weight || written.inputs.size() > 2) return;
    written.inputs.push_back(unused_name(written.inputs[0] + ".zero_point"));
    result.initializers.emplace_back(written.inputs.back(), Tensor(type, graph.type(node.inputs[1]).shape));
  }

  /// Adds a node as older operators if the wanted operator set does not have its own; false if that is not so.
  bool add_decomposed(const graph::Graph& graph, const graph::Node& node, const Node& written, Graph& result) {
    if (!written.domain.empty() || first_set_of(written.type) <= options_.operator_set) return false;
    std::vector<graph::TensorType> types;
    for (const graph::Value input : node.inputs) {
      if (!input.exists()) return false;
      types.push_back(graph.type(input));
    }
    Decomposition parts(written, types, [this](const std::string& wanted) { return unused_name(wanted); });
    if (!decompose(node.op, parts)) return false;
    std::ranges::move(parts.nodes, std::back_inserter(result.nodes));
    std::ranges::move(parts.constants, std::back_inserter(result.initializers));
    return true;
  }

  void note(DataType type) { operator_set_ = std::max(operator_set_, first_set_of(type)); }

  // ---- Graphs within nodes: their captures are the names of the graph around them.

  void add_inner_graphs(const graph::Node& node, Node& written) {
    if (const auto* op = node.op.get_if<graph::If>()) {
      const std::size_t then_captures = graph::detail::inputs_of(op->then_branch);
      if (op->then_branch != nullptr) add_inner(*op->then_branch, 0, "then_branch", 1, written);
      if (op->else_branch != nullptr) add_inner(*op->else_branch, 0, "else_branch", 1 + then_captures, written);
      if (op->then_branch == nullptr) add_refusal(*op->else_branch, true, written);
      if (op->else_branch == nullptr) add_refusal(*op->then_branch, false, written);
      written.inputs.resize(1);
    } else if (const auto* loop = node.op.get_if<graph::Loop>()) {
      add_body(*loop->body, static_cast<std::size_t>(loop->captures), written);
    } else if (const auto* scan = node.op.get_if<graph::Scan>()) {
      add_body(*scan->body, static_cast<std::size_t>(scan->captures), written);
    }
  }

  /// A branch that no shapes have built stops when it is taken, here as there: of the one element that there is, it
  /// gathers the one after it. The index is the condition, so that no runtime computes it beforehand.
  void add_refusal(const graph::Graph& other, bool condition, Node& written) {
    const char* attribute = condition ? "then_branch" : "else_branch";
    Graph inner{.name = fmt::format("{}.{}", written.name, attribute)};
    const auto add = [&](const char* type, std::vector<std::string> inputs, std::vector<Attribute> attributes = {}) {
      const std::string name = unused_name(inner.name + ".refused");
      inner.nodes.push_back({name, type, "", std::move(inputs), {name}, std::move(attributes)});
      return name;
    };
    const std::string taken = condition ? written.inputs[0] : add("Not", {written.inputs[0]});
    const std::string index = add("Cast", {taken}, {{.name = "to", .value = element_type_number(DataType::int64)}});
    for (const graph::Value output : other.outputs()) {
      const DataType type = other.type(output).type;
      inner.initializers.emplace_back(unused_name(inner.name + ".only"), Tensor(type, {1}));
      const std::string gathered = add("Gather", {inner.initializers.back().first, index});
      inner.outputs.push_back({.name = gathered, .type = type});
    }
    written.attributes.push_back({.name = attribute, .value = std::make_shared<const Graph>(std::move(inner))});
  }

  void add_body(const graph::Graph& body, std::size_t captures, Node& written) {
    const std::size_t own = written.inputs.size() - captures;
    add_inner(body, own, "body", own, written);
    written.inputs.resize(own);
  }

  /// The first `own` inputs of the graph are its own, the others stand for the node's inputs from `first_capture` on.
  void add_inner(const graph::Graph& graph, std::size_t own, const char* attribute, std::size_t first_capture,
                 Node& written) {
    Names names;
    for (std::size_t i = own; i < graph.inputs().size(); ++i) {
      names.emplace(graph.inputs()[i].index, written.inputs.at(first_capture + i - own));
    }
    for (int i = 0; i < graph.value_count(); ++i) {
      if (!names.contains(i)) names.emplace(i, unused_name(graph.name({i})));
    }
    Graph inner = translated(graph, names);
    inner.name = fmt::format("{}.{}", written.name, attribute);
    for (std::size_t i = 0; i < own; ++i) {
      const graph::Value input = graph.inputs()[i];
      inner.inputs.push_back({.name = names.at(input.index), .type = graph.type(input).type});
    }
    for (const graph::Value output : graph.outputs()) {
      inner.outputs.push_back({.name = names.at(output.index), .type = graph.type(output).type});
    }
    written.attributes.push_back({.name = attribute, .value = std::make_shared<const Graph>(std::move(inner))});
  }

  std::string unused_name(const std::string& wanted) {
    std::string name = wanted;
    for (int i = 1; !taken_.insert(name).second; ++i) name = fmt::format("{}_{}", wanted, i);
    return name;
  }

  // ---- Shapes

  ValueInfo input_info(const graph::Graph& graph, graph::Value input) const {
    ValueInfo info{.name = graph.name(input), .type = graph.type(input).type, .shape = std::vector<Dimension>()};
    const auto names = options_.dimension_names.find(info.name);
    const Shape& declared = graph.declared_shape(input);
    for (int axis = 0; axis < declared.rank(); ++axis) {
      const auto at = static_cast<std::size_t>(axis);
      Dimension dimension{.extent = declared[axis]};
      if (declared[axis] == kDynamic) {
        if (names != options_.dimension_names.end() && at < names->second.size()) dimension.name = names->second[at];
        if (dimension.name.empty()) dimension.name = axis == 0 ? "batch" : fmt::format("{}_{}", info.name, axis);
      }
      info.shape->push_back(std::move(dimension));
    }
    return info;
  }

  /// The shape of every value, with those extents open that change with the inputs' open extents; none where the graph
  /// cannot be inferred with others.
  static std::optional<std::vector<std::vector<Dimension>>> open_extents(const graph::Graph& graph) {
    std::vector<Shape> shapes;
    for (const graph::Value input : graph.inputs()) {
      Shape shape = graph.type(input).shape;
      for (int axis = 0; axis < shape.rank(); ++axis) {
        if (graph.declared_shape(input)[axis] == kDynamic) shape = shape.with(axis, 2 * shape[axis] + 1);
      }
      shapes.push_back(shape);
    }
    try {
      const std::vector<graph::TensorType> others = graph::infer_types(graph, shapes);
      std::vector<std::vector<Dimension>> result;
      for (int i = 0; i < graph.value_count(); ++i) {
        const Shape& shape = graph.type({i}).shape;
        const Shape& other = others[static_cast<std::size_t>(i)].shape;
        std::vector<Dimension> dimensions;
        for (int axis = 0; axis < shape.rank(); ++axis) {
          const bool same = shape.rank() == other.rank() && shape[axis] == other[axis];
          dimensions.push_back({.extent = same ? shape[axis] : kDynamic});
        }
        result.push_back(std::move(dimensions));
      }
      return result;
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  static const OperatorWriters& writers() {
    static const OperatorWriters writers;
    return writers;
  }

  const ExportOptions& options_;
  std::unordered_set<std::string> taken_;
  std::int64_t operator_set_;
  std::unordered_set<std::string> domains_;
};

}  // namespace detail

CONDENSE_INLINE Model export_model(const graph::Graph& graph, const ExportOptions& options) {
  return detail::Exporter(options).run(graph);
}

}  // namespace condense::io::onnx

#endif
