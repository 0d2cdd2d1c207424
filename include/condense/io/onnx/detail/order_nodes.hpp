#ifndef CONDENSE_IO_ONNX_DETAIL_ORDER_NODES_HPP
#define CONDENSE_IO_ONNX_DETAIL_ORDER_NODES_HPP

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "condense/io/onnx/model.hpp"

namespace condense::io::onnx::detail {

/// Calls `body(name)` for every value of the graph around it that a graph within a node reads, and for those further
/// inside. Graphs are nested at most as deep as they can be read.
template <class Body>
void for_each_outer_name(const Graph& graph, Body&& body) {
  std::unordered_set<std::string> own;
  for (const ValueInfo& input : graph.inputs) own.insert(input.name);
  for (const auto& [name, tensor] : graph.initializers) own.insert(name);
  for (const Node& node : graph.nodes) own.insert(node.outputs.begin(), node.outputs.end());
  const std::function<void(const std::string&)> visit = [&](const std::string& name) {
    if (!name.empty() && !own.contains(name)) body(name);
  };
  for (const Node& node : graph.nodes) {
    for (const std::string& name : node.inputs) visit(name);
    for (const Attribute& attribute : node.attributes) {
      const auto* inner = std::get_if<std::shared_ptr<const Graph>>(&attribute.value);
      if (inner != nullptr) for_each_outer_name(**inner, visit);
    }
  }
  for (const ValueInfo& output : graph.outputs) visit(output.name);
}

/// The positions of nodes in an order in which each comes after those that make its inputs: as they are, if they are in
/// such an order, which ONNX demands. Throws `FormatError` at `place` if there is a cycle, or two nodes make one value.
inline std::vector<std::size_t> ordered(const std::vector<Node>& nodes, std::string_view place) {
  std::unordered_map<std::string_view, std::size_t> producer;
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    for (const std::string& output : nodes[n].outputs) {
      if (output.empty()) continue;
      if (!producer.emplace(output, n).second) {
        throw FormatError(fmt::format("{}: two nodes make the value '{}'", place, output));
      }
    }
  }
  std::vector<std::vector<std::size_t>> readers(nodes.size());
  std::vector<std::size_t> missing(nodes.size(), 0);
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const auto wait_for = [&](const std::string& name) {
      const auto found = producer.find(name);
      if (found == producer.end()) return;
      readers[found->second].push_back(n);
      ++missing[n];
    };
    for (const std::string& name : nodes[n].inputs) wait_for(name);
    for (const Attribute& attribute : nodes[n].attributes) {
      const auto* inner = std::get_if<std::shared_ptr<const Graph>>(&attribute.value);
      if (inner != nullptr) for_each_outer_name(**inner, wait_for);
    }
  }
  // The first node in the file that waits for nothing comes next.
  std::vector<std::size_t> ready;
  const auto later = std::greater<std::size_t>();
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    if (missing[n] == 0) ready.push_back(n);
  }
  std::ranges::make_heap(ready, later);
  std::vector<std::size_t> result;
  while (!ready.empty()) {
    std::ranges::pop_heap(ready, later);
    const std::size_t n = ready.back();
    ready.pop_back();
    result.push_back(n);
    for (const std::size_t reader : readers[n]) {
      if (--missing[reader] > 0) continue;
      ready.push_back(reader);
      std::ranges::push_heap(ready, later);
    }
  }
  if (result.size() < nodes.size()) {
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      if (missing[n] > 0) {
        throw FormatError(fmt::format("{}: node '{}' ({}) is part of a cycle, or waits for one", place, nodes[n].name,
                                      nodes[n].type));
      }
    }
  }
  return result;
}

}  // namespace condense::io::onnx::detail

#endif
