#ifndef CONDENSE_IO_ONNX_DETAIL_EXPAND_FUNCTIONS_HPP
#define CONDENSE_IO_ONNX_DETAIL_EXPAND_FUNCTIONS_HPP

#include <unordered_map>

#include "condense/io/onnx/model.hpp"

namespace condense::io::onnx::detail {

/// The nodes of a function as those of the caller: its values get the prefix, its inputs and outputs are the call's,
/// its attributes those of the call.
class FunctionCall {
 public:
  FunctionCall(const Function& function, const Node& call, std::string prefix, std::string_view place)
      : function_(function), call_(call), prefix_(std::move(prefix)), place_(place) {
    const auto bind = [&](const std::vector<std::string>& formal, const std::vector<std::string>& actual,
                          std::string_view what) {
      if (actual.size() > formal.size()) {
        throw FormatError(fmt::format("{}: it has {} {}, the function '{}' has {}", place, actual.size(), what,
                                      function.name, formal.size()));
      }
      for (std::size_t i = 0; i < formal.size(); ++i) names_[formal[i]] = i < actual.size() ? actual[i] : "";
    };
    bind(function.inputs, call.inputs, "inputs");
    bind(function.outputs, call.outputs, "outputs");
    for (auto& [formal, actual] : names_) {  // an output that nobody asks for is still made
      const bool is_output = std::ranges::find(function.outputs, formal) != function.outputs.end();
      if (actual.empty() && is_output) actual = prefix_ + formal;
    }
  }

  std::vector<Node> nodes() const {
    std::vector<Node> result;
    for (const Node& node : function_.nodes) result.push_back(translated(node));
    return result;
  }

 private:
  std::string translated(const std::string& name) const {
    if (name.empty()) return name;
    const auto found = names_.find(name);
    return found != names_.end() ? found->second : prefix_ + name;
  }

  Node translated(Node node) const {
    node.name = prefix_ + node.name;
    for (std::string& name : node.inputs) name = translated(name);
    for (std::string& name : node.outputs) name = translated(name);
    std::erase_if(node.attributes, [&](Attribute& attribute) { return !substitute(attribute); });
    for (Attribute& attribute : node.attributes) {
      auto* inner = std::get_if<std::shared_ptr<const Graph>>(&attribute.value);
      if (inner != nullptr) *inner = std::make_shared<const Graph>(translated(**inner));
    }
    return node;
  }

  Graph translated(Graph graph) const {
    const auto translate = [&](auto& values) {
      for (auto& value : values) value.name = translated(value.name);
    };
    translate(graph.inputs);
    translate(graph.outputs);
    translate(graph.values);
    for (auto& [name, tensor] : graph.initializers) name = translated(name);
    for (Node& node : graph.nodes) node = translated(std::move(node));
    return graph;
  }

  /// Puts the call's attribute, or the default, in the place of a reference. False if there is neither.
  bool substitute(Attribute& attribute) const {
    if (attribute.refers_to.empty()) return true;
    const Attribute* value = call_.find(attribute.refers_to);
    for (const Attribute& candidate : function_.defaults) {
      if (value == nullptr && candidate.name == attribute.refers_to) value = &candidate;
    }
    if (value == nullptr || std::holds_alternative<std::monostate>(value->value)) return false;
    attribute.value = value->value;
    attribute.refers_to.clear();
    return true;
  }

  const Function& function_;
  const Node& call_;
  std::string prefix_;
  std::string_view place_;
  std::unordered_map<std::string, std::string> names_;
};

/// How many nodes a model has when its functions are written out: functions that call functions multiply.
class ExpandedSize {
 public:
  static constexpr std::size_t kMost = std::size_t{1} << 18;
  static constexpr int kDeepest = 32;

  ExpandedSize(const std::map<std::string, const Function*>& functions, std::string_view place)
      : functions_(functions), place_(place) {}

  /// Throws `FormatError` if there are more than kMost, or functions call each other more than kDeepest deep.
  std::size_t of(const std::vector<Node>& nodes, int depth = 0) {
    if (depth > kDeepest) {
      throw FormatError(fmt::format("{}: its functions call each other more than {} deep", place_, kDeepest));
    }
    std::size_t count = 0;
    for (const Node& node : nodes) {
      count += of(node, depth);
      if (count > kMost) throw FormatError(fmt::format("{}: it has more than {} nodes", place_, kMost));
    }
    return count;
  }

 private:
  std::size_t of(const Node& node, int depth) {
    std::size_t count = 1;
    for (const Attribute& attribute : node.attributes) {
      const auto* inner = std::get_if<std::shared_ptr<const Graph>>(&attribute.value);
      if (inner != nullptr) count += of((*inner)->nodes, depth);
    }
    const auto function = functions_.find(node.domain + "." + node.type);
    if (function == functions_.end()) return count;
    const auto known = sizes_.find(function->second);
    if (known != sizes_.end()) return count + known->second;
    const std::size_t size = of(function->second->nodes, depth + 1);
    sizes_.emplace(function->second, size);
    return count + size;
  }

  const std::map<std::string, const Function*>& functions_;
  std::string_view place_;
  std::unordered_map<const Function*, std::size_t> sizes_;
};

}  // namespace condense::io::onnx::detail

#endif
