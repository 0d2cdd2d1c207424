#ifndef CONDENSE_IO_ONNX_DETAIL_DECOMPOSE_HPP
#define CONDENSE_IO_ONNX_DETAIL_DECOMPOSE_HPP

#include <cmath>
#include <functional>

#include "condense/graph/operators/activations.hpp"
#include "condense/graph/operators/attention.hpp"
#include "condense/graph/operators/normalizations.hpp"
#include "condense/graph/reference/cast.hpp"
#include "condense/io/onnx/model.hpp"

namespace condense::io::onnx::detail {

/// A node as several, of operators that ONNX has had for longer.
class Decomposition {
 public:
  std::vector<Node> nodes;
  std::vector<std::pair<std::string, Tensor>> constants;

  /// `whole` is the node with its names, `types` are those of its inputs.
  Decomposition(const Node& whole, std::span<const graph::TensorType> types,
                std::function<std::string(const std::string&)> unused_name)
      : types_(types), whole_(whole), unused_name_(std::move(unused_name)) {}

  std::size_t input_count() const noexcept { return types_.size(); }
  const std::string& input(std::size_t i) const { return whole_.inputs.at(i); }
  const graph::TensorType& type(std::size_t i) const { return types_[i]; }

  /// Adds a node and returns the name of what it makes.
  std::string add(const std::string& type, std::vector<std::string> inputs, std::vector<Attribute> attributes = {}) {
    const std::string name = unused_name_(fmt::format("{}.{}", whole_.name, lower(type)));
    nodes.push_back({name, type, "", std::move(inputs), {name}, std::move(attributes)});
    return name;
  }

  /// The number as a scalar of the type of input 0.
  std::string number(std::string_view what, double value) {
    return constant(what, graph::reference::scalar_of(types_[0].type, value));
  }
  std::string constant(std::string_view what, Tensor tensor) {
    constants.emplace_back(unused_name_(fmt::format("{}.{}", whole_.name, what)), std::move(tensor));
    return constants.back().first;
  }

  /// The last node makes what the whole one does, and has its name.
  void finish() {
    nodes.back().name = whole_.name;
    nodes.back().outputs = whole_.outputs;
  }

 private:
  static std::string lower(std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return text;
  }

  std::span<const graph::TensorType> types_;
  const Node& whole_;
  std::function<std::string(const std::string&)> unused_name_;
};

/// x * Sigmoid(alpha * x).
inline bool decompose(const graph::Swish& op, Decomposition& to) {
  std::string argument = to.input(0);
  if (op.alpha != 1) argument = to.add("Mul", {argument, to.number("alpha", static_cast<double>(op.alpha))});
  to.add("Mul", {to.input(0), to.add("Sigmoid", {argument})});
  return true;
}

/// x / Sqrt(ReduceMean(x * x) + epsilon) * scale; halves, which are computed in float, have no such form.
inline bool decompose(const graph::RMSNormalization& op, Decomposition& to) {
  const graph::TensorType& x = to.type(0);
  if ((x.type != DataType::float32 && x.type != DataType::float64) || to.type(1).type != x.type) return false;
  std::vector<std::int64_t> axes;
  for (int axis = x.shape.axis(op.axis); axis < x.shape.rank(); ++axis) axes.push_back(axis);
  const std::string reduced = to.constant("axes", Tensor::of<std::int64_t>({static_cast<Index>(axes.size())}, axes));
  const std::string mean = to.add("ReduceMean", {to.add("Mul", {to.input(0), to.input(0)}), reduced});
  const std::string sum = to.add("Add", {mean, to.number("epsilon", static_cast<double>(op.epsilon))});
  to.add("Mul", {to.add("Div", {to.input(0), to.add("Sqrt", {sum})}), to.input(1)});
  return true;
}

/// MatMul(Softmax(MatMul(q * scale, Transpose(k)) + mask), v) of stacks of as many heads each.
inline bool decompose(const graph::Attention& op, Decomposition& to) {
  const Shape& q = to.type(0).shape;
  const bool has_mask = to.input_count() > 3;
  if (q.rank() != 4 || q[1] != to.type(1).shape[1] || op.is_causal || op.softcap != 0) return false;
  if (has_mask && to.type(3).type != to.type(0).type) return false;
  const double scale = op.scale ? static_cast<double>(*op.scale) : 1 / std::sqrt(static_cast<double>(q[3]));
  const std::string scaled = to.add("Mul", {to.input(0), to.number("scale", scale)});
  const std::string keys =
      to.add("Transpose", {to.input(1)}, {{.name = "perm", .value = std::vector<std::int64_t>{0, 1, 3, 2}}});
  std::string scores = to.add("MatMul", {scaled, keys});
  if (has_mask) scores = to.add("Add", {scores, to.input(3)});
  to.add("MatMul", {to.add("Softmax", {scores}, {{.name = "axis", .value = std::int64_t{-1}}}), to.input(2)});
  return true;
}

/// Writes an operator that came to ONNX after set 21 by older ones; false if it, with these types, has no such form.
inline bool decompose(const graph::Operator& op, Decomposition& to) {
  const auto try_as = [&]<class Op>() {
    const Op* own = op.get_if<Op>();
    return own != nullptr && decompose(*own, to);
  };
  const bool done = try_as.template operator()<graph::Swish>() ||
                    try_as.template operator()<graph::RMSNormalization>() ||
                    try_as.template operator()<graph::Attention>();
  if (done) to.finish();
  return done;
}

}  // namespace condense::io::onnx::detail

#endif
