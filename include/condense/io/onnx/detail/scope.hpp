#ifndef CONDENSE_IO_ONNX_DETAIL_SCOPE_HPP
#define CONDENSE_IO_ONNX_DETAIL_SCOPE_HPP

#include <unordered_map>
#include <unordered_set>

#include "condense/graph/graph.hpp"
#include "condense/io/onnx/detail/upgrade.hpp"

namespace condense::io::onnx::detail {

/// One graph while it is being built, and the names that its values have in the file.
class Scope final : public UpgradeContext {
 public:
  graph::Graph graph;
  Scope* outer = nullptr;
  std::vector<std::string> captures;  ///< Names of the outer graph that inputs of this one stand for.

  explicit Scope(Scope* outer_scope = nullptr) : outer(outer_scope) {}

  /// Names that the file uses, which those of condense must keep away from.
  void reserve(const std::string& name) { reserved_.insert(name); }

  /// A graph that lists a name twice contradicts itself.
  void define(const std::string& name, graph::Value value) {
    if (!values_.emplace(name, value).second) throw FormatError(fmt::format("two values have the name '{}'", name));
  }

  bool defines(const std::string& name) const { return values_.contains(name); }

  /// The value of that name, of an outer graph if need be: a constant of it becomes one of this graph, anything else an
  /// input. Absent for an empty name.
  graph::Value find(const std::string& name) {
    if (name.empty()) return graph::kNoValue;
    if (const auto found = values_.find(name); found != values_.end()) return found->second;
    const graph::Value source = outer == nullptr ? graph::kNoValue : outer->find(name);
    if (!source.exists()) throw FormatError(fmt::format("nothing makes its input '{}'", name));
    if (const Tensor* tensor = outer->graph.constant_if(source)) {
      const graph::Value copy = graph.constant(name, *tensor);
      values_.emplace(name, copy);
      return copy;
    }
    const graph::TensorType& type = outer->graph.type(source);
    const graph::Value capture = graph.input(name, type.type, graph::dynamic_shape(type.shape.rank()), type.shape);
    values_.emplace(name, capture);
    captures.push_back(name);
    return capture;
  }

  graph::TensorType type(const std::string& value) override { return graph.type(find(value)); }
  std::string constant(Tensor tensor) override {
    const std::string name = unused_name("constant");
    define(name, graph.constant(name, std::move(tensor)));
    return name;
  }
  std::string unused_name(const std::string& hint) override {
    for (int& number = numbers_[hint];; ++number) {
      std::string name = fmt::format("{}.{}", hint, number);
      if (reserved_.insert(name).second) return name;
    }
  }

 private:
  std::unordered_map<std::string, graph::Value> values_;
  std::unordered_set<std::string> reserved_;
  std::unordered_map<std::string, int> numbers_;  ///< By hint: the next one to try.
};

}  // namespace condense::io::onnx::detail

#endif
