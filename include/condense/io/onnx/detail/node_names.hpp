#ifndef CONDENSE_IO_ONNX_DETAIL_NODE_NAMES_HPP
#define CONDENSE_IO_ONNX_DETAIL_NODE_NAMES_HPP

#include <string>
#include <unordered_map>
#include <unordered_set>

#include "condense/io/onnx/model.hpp"

namespace condense::io::onnx::detail {

/// The names that nodes get: those of the file where it has them, once each.
class NodeNames {
 public:
  explicit NodeNames(const Graph& graph) { collect(graph); }

  /// The name that the file gives a node, if it is the first one; otherwise one after its type that no node has.
  std::string take(const Node& node) {
    if (!node.name.empty() && taken_.insert(node.name).second) return node.name;
    for (int& number = numbers_[node.type];; ++number) {
      std::string name = fmt::format("{}_{}", node.type, number);
      if (!of_file_.contains(name) && taken_.insert(name).second) return name;
    }
  }

 private:
  void collect(const Graph& graph) {
    for (const Node& node : graph.nodes) {
      of_file_.insert(node.name);
      for (const Attribute& attribute : node.attributes) {
        const auto* inner = std::get_if<std::shared_ptr<const Graph>>(&attribute.value);
        if (inner != nullptr) collect(**inner);
      }
    }
  }

  std::unordered_set<std::string> of_file_;  ///< All, also those of graphs within nodes.
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> numbers_;  ///< By type.
};

}  // namespace condense::io::onnx::detail

#endif
