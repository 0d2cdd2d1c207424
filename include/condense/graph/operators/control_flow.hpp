#ifndef CONDENSE_GRAPH_OPERATORS_CONTROL_FLOW_HPP
#define CONDENSE_GRAPH_OPERATORS_CONTROL_FLOW_HPP

#include <memory>

#include "condense/graph/evaluate.hpp"
#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/codes.hpp"

namespace condense::graph {

// Graphs within a graph. What they read of the graph around them is given to them as inputs of their own, after those
// that the operator defines, and to the node after its other inputs: the captures.

namespace detail {

inline std::size_t inputs_of(const std::shared_ptr<const Graph>& body) {
  return body == nullptr ? 0 : body->inputs().size();
}

inline std::vector<Tensor> evaluate_body(const Graph& body, const std::vector<Tensor>& inputs, const ThreadPool& pool) {
  return evaluate(body, inputs, {.pool = pool, .on_value = {}});
}

/// The value of a scalar, or of a tensor of one element.
template <Element T>
T scalar_of(const Tensor& tensor, std::string_view what) {
  require(tensor.type() == data_type_of<T> && tensor.count() == 1, "{} is one {}, this one is {} {}", what,
          name(data_type_of<T>), name(tensor.type()), tensor.shape().to_string());
  return tensor.data<T>()[0];
}

/// The types of what a graph gives for inputs of given types: those that it was built with, but of unknown extents
/// unless it was built for these inputs.
inline std::vector<TensorType> output_types(const Graph& body, std::span<const TensorType> inputs) {
  const bool is_as_built =
      std::ranges::equal(inputs, body.inputs(), {}, {}, [&](Value input) { return body.type(input); });
  std::vector<TensorType> types;
  for (const Value output : body.outputs()) {
    types.push_back(body.type(output));
    if (!is_as_built) types.back().shape = dynamic_shape(types.back().shape.rank());
  }
  return types;
}

/// The extents that two shapes agree in; the others, or all if there are more in one of them, are not known.
inline Shape agreed_shape(const Shape& a, const Shape& b) {
  if (a.rank() != b.rank()) return dynamic_shape(a.rank());
  Shape result = a;
  for (int axis = 0; axis < a.rank(); ++axis) {
    if (a[axis] != b[axis]) result = result.with(axis, kDynamic);
  }
  return result;
}

/// Throws unless output i of a body, which the next iteration takes for the node's input i, has the type of that.
inline void require_carried(const InputTypes& inputs, std::size_t i, const TensorType& result) {
  require(inputs.type(i) == result.type, "its input {} is {}, its body makes it {}", i, name(inputs.type(i)),
          name(result.type));
}

/// The shape with one dimension less.
inline Shape without_axis(const Shape& shape, int axis) {
  std::vector<Index> extents(shape.begin(), shape.end());
  extents.erase(extents.begin() + axis);
  return Shape(std::span<const Index>(extents));
}

/// The shape with one dimension more.
inline Shape with_new_axis(const Shape& shape, int axis, Index extent) {
  std::vector<Index> extents(shape.begin(), shape.end());
  extents.insert(extents.begin() + axis, extent);
  return Shape(std::span<const Index>(extents));
}

/// Tensors of one type and shape behind each other along a new axis, which the shape has room for: of type `type`, or
/// none of shape `empty`.
inline Tensor stacked(const std::vector<Tensor>& parts, DataType type, const Shape& empty, int axis, bool reversed) {
  const Shape& part = parts.empty() ? empty : parts.front().shape();
  for (const Tensor& other : parts) {
    require(other.type() == type && other.shape() == part,
            "its body gives {} of shape {} after {} of shape {}; what is stacked must not change", name(other.type()),
            other.shape().to_string(), name(type), part.to_string());
  }
  const auto count = static_cast<Index>(parts.size());
  Tensor result(type, with_new_axis(part, axis, count));
  if (result.count() == 0) return result;
  const Index inner = part.count(axis, part.rank());
  std::byte* to = result.mutable_raw();
  for (Index slice = 0; slice < part.count(0, axis); ++slice) {
    for (Index i = 0; i < count; ++i) {
      const Tensor& from = parts[static_cast<std::size_t>(reversed ? count - 1 - i : i)];
      reference::copy_elements(type, from.raw(), slice * inner, to, (slice * count + i) * inner, inner);
    }
  }
  return result;
}

/// Entry i of a tensor along an axis, without that axis.
inline Tensor entry_of(const Tensor& tensor, int axis, Index i) {
  const Shape& shape = tensor.shape();
  Tensor result(tensor.type(), without_axis(shape, axis));
  if (result.count() == 0) return result;
  const Index inner = shape.count(axis + 1, shape.rank());
  std::byte* to = result.mutable_raw();
  for (Index slice = 0; slice < shape.count(0, axis); ++slice) {
    reference::copy_elements(tensor.type(), tensor.raw(), (slice * shape[axis] + i) * inner, to, slice * inner, inner);
  }
  return result;
}

}  // namespace detail

/// One of two graphs, as a boolean says. ONNX If.
///
/// Inputs: the condition, one boolean; the captures of `then_branch`, then those of `else_branch`. Outputs: those of
/// the graph that is run; both make as many and of the same types, but need not agree in their shapes. Unless the
/// condition is known, inference gives the extents that do. (Of ranks, for which there is no word if they differ, that
/// of `then_branch`.)
struct If {
  static constexpr std::string_view kType = "If";
  static constexpr bool kTakesAnyTime = true;

  /// One that cannot be built for the shapes at hand, since it is meant for others, is null.
  std::shared_ptr<const Graph> then_branch = {};
  std::shared_ptr<const Graph> else_branch = {};
  std::string refusal = {};  ///< Why one is null.

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    const std::size_t captures = detail::inputs_of(then_branch) + detail::inputs_of(else_branch);
    inputs.require_count(1 + captures, 1 + captures);
    require(inputs.type(0) == DataType::boolean, "its input 0, the condition, is boolean, this one is {}",
            name(inputs.type(0)));
    require(then_branch != nullptr || else_branch != nullptr, "both of its branches are refused: {}", refusal);
    const auto types_of = [&](const Graph& branch, std::size_t first) {
      std::vector<TensorType> given;
      for (std::size_t i = 0; i < branch.inputs().size(); ++i) given.push_back(inputs[first + i]);
      return detail::output_types(branch, given);
    };
    const std::size_t first_of_else = 1 + detail::inputs_of(then_branch);
    if (else_branch == nullptr) return types_of(*then_branch, 1);
    if (then_branch == nullptr) return types_of(*else_branch, first_of_else);
    std::vector<TensorType> types = types_of(*then_branch, 1);
    std::vector<TensorType> others = types_of(*else_branch, first_of_else);
    require(types.size() == others.size(), "its branches have {} and {} outputs; they must have as many", types.size(),
            others.size());
    for (std::size_t i = 0; i < types.size(); ++i) {
      require(types[i].type == others[i].type, "its output {} is {} from one branch and {} from the other", i,
              name(types[i].type), name(others[i].type));
    }
    if (const Tensor* condition = inputs.known(0); condition != nullptr && condition->count() == 1) {
      return condition->data<bool>()[0] ? types : others;
    }
    for (std::size_t i = 0; i < types.size(); ++i) {
      types[i].shape = detail::agreed_shape(types[i].shape, others[i].shape);
    }
    return types;
  }

  template <class = void>
  std::vector<Tensor> compute(std::span<const Tensor* const> inputs, const ThreadPool& pool) const {
    const bool condition = detail::scalar_of<bool>(*inputs[0], "its input 0, the condition,");
    const std::shared_ptr<const Graph>& branch = condition ? then_branch : else_branch;
    require(branch != nullptr, "its condition is {}, and that branch is refused: {}", condition, refusal);
    const std::size_t first = condition ? 1 : 1 + detail::inputs_of(then_branch);
    std::vector<Tensor> captures;
    for (std::size_t i = 0; i < branch->inputs().size(); ++i) captures.push_back(*inputs[first + i]);
    return detail::evaluate_body(*branch, captures, pool);
  }

  friend bool operator==(const If&, const If&) = default;
};

/// Runs a graph again and again. ONNX Loop.
///
/// Inputs: optional number of iterations (int64); optional condition (boolean), true if absent; the values that one
/// iteration gives to the next; the captures. The body takes the number of the iteration, the condition, the values and
/// the captures, and gives the condition, the values, and what is stacked along a new first axis. Outputs: the values
/// after the last iteration, and the stacks.
struct Loop {
  static constexpr std::string_view kType = "Loop";
  static constexpr bool kTakesAnyTime = true;

  std::shared_ptr<const Graph> body;
  Index captures = 0;

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    require(body != nullptr, "it takes a body, there is none");
    require(inputs.size() == body->inputs().size() && inputs.size() >= 2, "its body takes {} inputs, {} are given",
            body->inputs().size(), inputs.size());
    require(captures >= 0 && captures <= static_cast<Index>(inputs.size()) - 2, "it has {} captures in {} inputs",
            captures, inputs.size());
    const std::size_t carried = inputs.size() - 2 - static_cast<std::size_t>(captures);
    require(body->outputs().size() >= 1 + carried, "its body gives {} outputs, the condition and {} values are needed",
            body->outputs().size(), carried);
    std::vector<TensorType> given{body->type(body->inputs()[0]), body->type(body->inputs()[1])};
    for (std::size_t i = 2; i < inputs.size(); ++i) given.push_back(inputs[i]);
    std::vector<TensorType> types = detail::output_types(*body, given);
    types.erase(types.begin());  // the condition
    for (std::size_t i = 0; i < types.size(); ++i) {
      Shape& shape = types[i].shape;
      if (i < carried) detail::require_carried(inputs, 2 + i, types[i]);
      shape = i < carried ? dynamic_shape(shape.rank()) : detail::with_new_axis(shape, 0, kDynamic);
    }
    return types;
  }

  template <class = void>
  std::vector<Tensor> compute(std::span<const Tensor* const> inputs, const ThreadPool& pool) const {
    const std::size_t carried = inputs.size() - 2 - static_cast<std::size_t>(captures);
    const std::int64_t most =
        inputs[0] == nullptr ? std::numeric_limits<std::int64_t>::max()
                             : detail::scalar_of<std::int64_t>(*inputs[0], "its input 0, the number of iterations,");
    bool goes_on = inputs[1] == nullptr || detail::scalar_of<bool>(*inputs[1], "its input 1, the condition,");
    std::vector<Tensor> values;
    for (std::size_t i = 2; i < inputs.size(); ++i) values.push_back(*inputs[i]);
    std::vector<std::vector<Tensor>> stacks(body->outputs().size() - 1 - carried);
    for (std::int64_t iteration = 0; goes_on && iteration < most; ++iteration) {
      std::vector<Tensor> arguments{Tensor::of<std::int64_t>({}, {iteration}), Tensor::of<bool>({}, {goes_on})};
      for (std::size_t i = 0; i < 2; ++i) {  // some bodies declare them as vectors of one element
        const Shape& declared = body->declared_shape(body->inputs()[i]);
        if (declared.rank() == 1) arguments[i] = arguments[i].reshaped({1});
      }
      arguments.insert(arguments.end(), values.begin(), values.end());
      std::vector<Tensor> results = detail::evaluate_body(*body, arguments, pool);
      goes_on = detail::scalar_of<bool>(results[0], "the condition that its body gives");
      for (std::size_t i = 0; i < carried; ++i) values[i] = std::move(results[1 + i]);
      for (std::size_t i = 0; i < stacks.size(); ++i) stacks[i].push_back(std::move(results[1 + carried + i]));
    }
    std::vector<Tensor> outputs(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(carried));
    for (std::size_t i = 0; i < stacks.size(); ++i) {
      const TensorType& type = body->type(body->outputs()[1 + carried + i]);
      outputs.push_back(detail::stacked(stacks[i], type.type, type.shape, 0, false));
    }
    return outputs;
  }

  friend bool operator==(const Loop&, const Loop&) = default;
};

/// Runs a graph once for each entry of some tensors along an axis. ONNX Scan, opset 9 and later.
///
/// Inputs: the values that one iteration gives to the next; `num_scan_inputs` tensors that are scanned; the captures.
/// The body takes the values, one entry of each tensor and the captures, and gives the values and what is stacked.
struct Scan {
  static constexpr std::string_view kType = "Scan";
  static constexpr bool kTakesAnyTime = true;

  std::shared_ptr<const Graph> body;
  Index captures = 0;
  Index num_scan_inputs = 0;
  std::vector<Index> scan_input_axes = {};  ///< Empty lists: axis 0, forwards.
  std::vector<bool> scan_input_directions = {};
  std::vector<Index> scan_output_axes = {};
  std::vector<bool> scan_output_directions = {};

  static void attributes(auto& op, auto&& visit) {
    visit("num_scan_inputs", op.num_scan_inputs);
    visit("scan_input_axes", op.scan_input_axes);
    visit("scan_input_directions", op.scan_input_directions);
    visit("scan_output_axes", op.scan_output_axes);
    visit("scan_output_directions", op.scan_output_directions);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    require(body != nullptr, "it takes a body, there is none");
    const std::size_t carried = carried_of(inputs.size());
    require(inputs.size() == body->inputs().size() && body->outputs().size() >= carried,
            "its body takes {} inputs and gives {} outputs, {} inputs are given", body->inputs().size(),
            body->outputs().size(), inputs.size());
    const Index length = length_of([&](std::size_t i) { return inputs.shape(i); }, carried);
    std::vector<TensorType> given;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      given.push_back(inputs[i]);
      const bool is_scanned = i >= carried && i < carried + static_cast<std::size_t>(num_scan_inputs);
      if (is_scanned) given[i].shape = detail::without_axis(given[i].shape, input_axis(i - carried, given[i].shape));
    }
    std::vector<TensorType> types = detail::output_types(*body, given);
    for (std::size_t i = 0; i < types.size(); ++i) {
      Shape& shape = types[i].shape;
      if (i < carried) detail::require_carried(inputs, i, types[i]);
      shape =
          i < carried ? inputs.shape(i) : detail::with_new_axis(shape, output_axis(i - carried, shape.rank()), length);
    }
    return types;
  }

  template <class = void>
  std::vector<Tensor> compute(std::span<const Tensor* const> inputs, const ThreadPool& pool) const {
    const std::size_t carried = carried_of(inputs.size());
    const auto scanned = static_cast<std::size_t>(num_scan_inputs);
    const Index length = length_of([&](std::size_t i) { return inputs[i]->shape(); }, carried);
    std::vector<Tensor> values;
    for (std::size_t i = 0; i < carried; ++i) values.push_back(*inputs[i]);
    std::vector<std::vector<Tensor>> stacks(body->outputs().size() - carried);
    for (Index step = 0; step < length; ++step) {
      std::vector<Tensor> arguments = values;
      for (std::size_t i = 0; i < scanned; ++i) {
        const Tensor& tensor = *inputs[carried + i];
        const bool backwards = i < scan_input_directions.size() && scan_input_directions[i];
        arguments.push_back(
            detail::entry_of(tensor, input_axis(i, tensor.shape()), backwards ? length - 1 - step : step));
      }
      for (std::size_t i = carried + scanned; i < inputs.size(); ++i) arguments.push_back(*inputs[i]);
      std::vector<Tensor> results = detail::evaluate_body(*body, arguments, pool);
      for (std::size_t i = 0; i < carried; ++i) values[i] = std::move(results[i]);
      for (std::size_t i = 0; i < stacks.size(); ++i) stacks[i].push_back(std::move(results[carried + i]));
    }
    for (std::size_t i = 0; i < stacks.size(); ++i) {
      const TensorType& type = body->type(body->outputs()[carried + i]);
      const bool backwards = i < scan_output_directions.size() && scan_output_directions[i];
      const int rank = stacks[i].empty() ? type.shape.rank() : stacks[i].front().shape().rank();
      values.push_back(detail::stacked(stacks[i], type.type, type.shape, output_axis(i, rank), backwards));
    }
    return values;
  }

  friend bool operator==(const Scan&, const Scan&) = default;

 private:
  std::size_t carried_of(std::size_t inputs) const {
    const auto count = static_cast<Index>(inputs);
    require(captures >= 0 && captures <= count, "it has {} captures in {} inputs", captures, count);
    require(num_scan_inputs >= 1 && num_scan_inputs <= count - captures,
            "its attribute num_scan_inputs is {}, it has {} inputs", num_scan_inputs, count - captures);
    return static_cast<std::size_t>(count - captures - num_scan_inputs);
  }
  int input_axis(std::size_t i, const Shape& shape) const {
    return shape.axis(i < scan_input_axes.size() ? scan_input_axes[i] : 0);
  }
  /// Of an output that has one dimension more than `rank`.
  int output_axis(std::size_t i, int rank) const {
    const Index axis = i < scan_output_axes.size() ? scan_output_axes[i] : 0;
    require(axis >= -rank - 1 && axis <= rank, "its attribute scan_output_axes holds {}, its output has {} dimensions",
            axis, rank + 1);
    return static_cast<int>(axis < 0 ? axis + rank + 1 : axis);
  }
  template <class ShapeOf>
  Index length_of(ShapeOf&& shape_of, std::size_t carried) const {
    std::optional<Index> length;
    for (std::size_t i = 0; i < static_cast<std::size_t>(num_scan_inputs); ++i) {
      const Shape shape = shape_of(carried + i);
      const Index extent = shape[input_axis(i, shape)];
      require(!length || *length == extent, "its input {} is scanned over {} entries, the first over {}", carried + i,
              extent, *length);
      length = extent;
    }
    return *length;
  }
};

using ControlFlow = OperatorList<If, Loop, Scan>;

}  // namespace condense::graph

#endif
