#ifndef CONDENSE_GRAPH_OPERATORS_INDEXING_HPP
#define CONDENSE_GRAPH_OPERATORS_INDEXING_HPP

#include <cstring>

#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/cast.hpp"
#include "condense/graph/reference/gather.hpp"
#include "condense/graph/reference/scatter.hpp"

namespace condense::graph {

namespace detail {

/// Calls `body(first, row_first, length, step)` for rows of a tensor of indices that select along `along` from a tensor
/// of shape `data`: index k of the row that starts at `first` stands for the element row_first + index * stride(along)
/// + k * step. The shapes have one rank, and that of the indices is within `data` but along that axis.
template <class Body>
void for_each_row_of_indices(const Shape& indices, const Shape& data, int along, Body&& body) {
  if (indices.count() == 0) return;
  const int last = indices.rank() - 1;
  const auto strides = reference::strides_of(data);
  const Index length = indices[last];
  for (Index row = 0; row < indices.count() / length; ++row) {
    Index first = 0;
    Index rest = row;
    for (int axis = last - 1; axis >= 0; --axis) {
      if (axis != along) first += rest % indices[axis] * strides[static_cast<std::size_t>(axis)];
      rest /= indices[axis];
    }
    body(row * length, first, length, along == last ? 0 : Index{1});
  }
}

/// Throws unless a tensor of indices selects along an axis of input 0.
inline void require_elementwise_indices(const InputTypes& inputs, Index axis) {
  reference::require_whole_bytes(inputs, 0);
  reference::require_integers(inputs, 1);
  const Shape& data = inputs.shape(0);
  const Shape& indices = inputs.shape(1);
  require(data.rank() >= 1 && indices.rank() == data.rank(),
          "its inputs 0 and 1 have the same rank of 1 or more, these have shapes {} and {}", data.to_string(),
          indices.to_string());
  const int along = data.axis(axis);
  for (int i = 0; i < data.rank(); ++i) {
    require(i == along || indices[i] <= data[i], "its input 1 of shape {} is larger than its input 0 of {} in axis {}",
            indices.to_string(), data.to_string(), i);
  }
}

/// Where in a tensor of shape `data` the slices are that tuples of indices name: `tuple` indices of the axes from
/// `batch_dims` on, for each of the tuples in a batch. Throws if one does not exist.
inline std::vector<Index> tuple_targets(const InputBuffer& indices, const Shape& data, int batch_dims) {
  const Shape& shape = indices.shape();
  const auto tuple = static_cast<int>(shape[shape.rank() - 1]);
  const auto strides = reference::strides_of(data);
  const std::vector<Index> values = reference::integers(indices);
  const Index tuples = shape.count(0, shape.rank() - 1);
  const Index batches = shape.count(0, batch_dims);
  const Index slice = data.count(batch_dims, data.rank());
  std::vector<Index> targets;
  auto value = values.begin();
  for (Index i = 0; i < tuples; ++i) {
    Index target = i / (tuples / batches) * slice;
    for (int k = 0; k < tuple; ++k, ++value) {
      const Index extent = data[batch_dims + k];
      require(*value >= -extent && *value < extent,
              "its input 1 holds the index {} in its tuple {}, which an extent of {} does not have", *value, i, extent);
      target += (*value < 0 ? *value + extent : *value) * strides[static_cast<std::size_t>(batch_dims + k)];
    }
    targets.push_back(target);
  }
  return targets;
}

/// Throws unless input 1 holds tuples of indices into input 0 behind its first `batch_dims` axes.
inline void require_tuples(const InputTypes& inputs, Index batch_dims) {
  reference::require_whole_bytes(inputs, 0);
  reference::require_integers(inputs, 1);
  const Shape& data = inputs.shape(0);
  const Shape& indices = inputs.shape(1);
  require(indices.rank() >= 1 && batch_dims >= 0 && batch_dims < indices.rank() && batch_dims <= data.rank(),
          "its inputs 0 and 1 of shapes {} and {} do not have {} batch dimensions", data.to_string(),
          indices.to_string(), batch_dims);
  for (int axis = 0; axis < batch_dims; ++axis) {
    require(data[axis] == indices[axis], "its inputs 0 and 1 of shapes {} and {} differ in batch dimension {}",
            data.to_string(), indices.to_string(), axis);
  }
  const Index tuple = indices[indices.rank() - 1];
  require(tuple >= 1 && tuple <= data.rank() - batch_dims,
          "its input 1 of shape {} holds tuples of {} indices; input 0 of shape {} takes 1 to {}", indices.to_string(),
          tuple, data.to_string(), data.rank() - batch_dims);
}

}  // namespace detail

/// The slices of a tensor at some positions of an axis: y = x[..., indices, ...]. ONNX Gather.
///
/// Inputs: the tensor; indices of any shape, which takes the place of the axis. A negative index counts from the end.
struct Gather {
  static constexpr std::string_view kType = "Gather";

  Index axis = 0;  ///< A negative one counts from the back.

  static void attributes(auto& op, auto&& visit) { visit("axis", op.axis); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    reference::require_whole_bytes(inputs, 0);
    reference::require_integers(inputs, 1);
    const Shape& shape = inputs.shape(0);
    const auto along = static_cast<std::size_t>(shape.axis(axis));
    const auto extents = shape.extents();
    return {{inputs.type(0),
             reference::joined({extents.first(along), inputs.shape(1).extents(), extents.subspan(along + 1)})}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const int along = shape.axis(axis);
    const std::vector<Index> indices = reference::positions(e.input(1), 1, shape[along]);
    reference::gather_slices(e.input().type.type, shape, along, e.input().data, indices, e.output().data, e.pool);
  }

  friend bool operator==(const Gather&, const Gather&) = default;
};

/// One element for each index, from the position of the index but along `axis`, where the index says which: y[i][j] =
/// x[indices[i][j]][j] for axis 0. ONNX GatherElements.
///
/// Inputs: the tensor; indices of its rank. A negative index counts from the end.
struct GatherElements {
  static constexpr std::string_view kType = "GatherElements";

  Index axis = 0;  ///< A negative one counts from the back.

  static void attributes(auto& op, auto&& visit) { visit("axis", op.axis); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    detail::require_elementwise_indices(inputs, axis);
    return {{inputs.type(0), inputs.shape(1)}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& data = e.input().shape();
    const int along = data.axis(axis);
    const Index stride = data.count(along + 1, data.rank());
    const std::vector<Index> indices = reference::positions(e.input(1), 1, data[along]);
    reference::with_word(e.input().type.type, [&]<class T>() {
      const T* x = reinterpret_cast<const T*>(e.input().data);
      T* y = reinterpret_cast<T*>(e.output().data);
      detail::for_each_row_of_indices(e.input(1).shape(), data, along,
                                      [&](Index first, Index row, Index length, Index step) {
                                        const Index* index = indices.data() + first;
                                        for (Index k = 0; k < length; ++k)
                                          y[first + k] = x[row + index[k] * stride + k * step];
                                      });
    });
  }

  friend bool operator==(const GatherElements&, const GatherElements&) = default;
};

/// The slices that tuples of indices name: y[i] = x[indices[i][0], indices[i][1], ...]. ONNX GatherND.
///
/// Inputs: the tensor; the indices, tuples along the last axis. The first `batch_dims` axes of both are the same, and
/// the tuples of an entry select from that entry. A negative index counts from the end.
struct GatherND {
  static constexpr std::string_view kType = "GatherND";

  Index batch_dims = 0;

  static void attributes(auto& op, auto&& visit) { visit("batch_dims", op.batch_dims); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    detail::require_tuples(inputs, batch_dims);
    const auto indices = inputs.shape(1).extents();
    const auto first = static_cast<std::size_t>(batch_dims + indices.back());
    return {{inputs.type(0),
             reference::joined({indices.first(indices.size() - 1), inputs.shape(0).extents().subspan(first)})}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    if (e.output().count() == 0) return;
    const Shape& data = e.input().shape();
    const std::vector<Index> sources = detail::tuple_targets(e.input(1), data, static_cast<int>(batch_dims));
    const DataType type = e.input().type.type;
    const auto count = static_cast<Index>(sources.size());
    const Index run = e.output().count() / count;
    parallel_for(e.pool, count, std::max<Index>(1, reference::kElementwiseGrain / run), [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        std::memcpy(e.output().data + bytes(type, i * run),
                    e.input().data + bytes(type, sources[static_cast<std::size_t>(i)]), bytes(type, run));
      }
    });
  }

  friend bool operator==(const GatherND&, const GatherND&) = default;
};

/// A tensor with some elements changed by updates: y = x, then y[indices[i][j]][j] = updates[i][j] for axis 0, or what
/// the reduction makes of the two; one after the other in row-major order. ONNX ScatterElements.
///
/// Inputs: x; indices of its rank; updates of their shape. A negative index counts from the end.
struct ScatterElements {
  static constexpr std::string_view kType = "ScatterElements";

  Index axis = 0;  ///< A negative one counts from the back.
  ScatterReduction reduction = ScatterReduction::none;

  static void attributes(auto& op, auto&& visit) {
    visit("axis", op.axis);
    visit("reduction", op.reduction);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(3, 3);
    detail::require_elementwise_indices(inputs, axis);
    inputs.require_same_type(2);
    require(inputs.shape(2) == inputs.shape(1), "its input 2, the updates, has shape {}, its input 1 {}",
            inputs.shape(2).to_string(), inputs.shape(1).to_string());
    return {inputs[0]};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& data = e.input().shape();
    const DataType type = e.input().type.type;
    const int along = data.axis(axis);
    const Index stride = data.count(along + 1, data.rank());
    std::vector<Index> targets = reference::positions(e.input(1), 1, data[along]);
    detail::for_each_row_of_indices(e.input(1).shape(), data, along,
                                    [&](Index first, Index row, Index length, Index step) {
                                      Index* target = targets.data() + first;
                                      for (Index k = 0; k < length; ++k)
                                        target[k] = row + target[k] * stride + k * step;
                                    });
    std::memcpy(e.output().data, e.input().data, bytes(type, data.count()));
    reference::scatter(reduction, type, targets, 1, e.input(2).data, e.output().data);
  }

  friend bool operator==(const ScatterElements&, const ScatterElements&) = default;
};

/// A tensor with some slices changed by updates: y = x, then y[indices[i][0], indices[i][1], ...] = updates[i], or what
/// the reduction makes of the two; one after the other in row-major order. ONNX ScatterND.
///
/// Inputs: x; the indices, tuples along the last axis; the updates. A negative index counts from the end.
struct ScatterND {
  static constexpr std::string_view kType = "ScatterND";

  ScatterReduction reduction = ScatterReduction::none;

  static void attributes(auto& op, auto&& visit) { visit("reduction", op.reduction); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(3, 3);
    detail::require_tuples(inputs, 0);
    inputs.require_same_type(2);
    const auto indices = inputs.shape(1).extents();
    const auto tuple = static_cast<std::size_t>(indices.back());
    const Shape updates =
        reference::joined({indices.first(indices.size() - 1), inputs.shape(0).extents().subspan(tuple)});
    require(inputs.shape(2) == updates, "its input 2, the updates, has shape {} instead of {}",
            inputs.shape(2).to_string(), updates.to_string());
    return {inputs[0]};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& data = e.input().shape();
    const DataType type = e.input().type.type;
    std::memcpy(e.output().data, e.input().data, bytes(type, data.count()));
    if (e.input(2).count() == 0) return;
    const std::vector<Index> targets = detail::tuple_targets(e.input(1), data, 0);
    reference::scatter(reduction, type, targets, e.input(2).count() / static_cast<Index>(targets.size()),
                       e.input(2).data, e.output().data);
  }

  friend bool operator==(const ScatterND&, const ScatterND&) = default;
};

/// Vectors of `depth` elements along a new axis: the on value at the position of the index, the off value elsewhere.
/// ONNX OneHot, opset 11 and later.
///
/// Inputs: indices, numbers of any type, whose fraction does not count; the depth, one number; the values (off, on). A
/// negative index counts from the end; one outside [-depth, depth) gives off values only.
struct OneHot {
  static constexpr std::string_view kType = "OneHot";

  Index axis = -1;  ///< Of the result; a negative one counts from the back.

  static void attributes(auto& op, auto&& visit) { visit("axis", op.axis); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(3, 3);
    inputs.require_number(0);
    inputs.require_number(1);
    reference::require_one_element(inputs, 1);
    reference::require_whole_bytes(inputs, 2);
    require(inputs.shape(2) == Shape{2}, "its input 2, the values, has shape {} instead of (2)",
            inputs.shape(2).to_string());
    const Shape& indices = inputs.shape(0);
    const auto along = static_cast<std::size_t>(dynamic_shape(indices.rank() + 1).axis(axis));
    Index depth = kDynamic;
    if (const Tensor* known = inputs.known(1)) {
      depth = number(known->type(), known->raw(), 0);
      require(depth >= 0, "its input 1, the depth, is {}; the least is 0", depth);
    }
    const auto extents = indices.extents();
    return {{inputs.type(2), reference::joined({extents.first(along), {&depth, 1}, extents.subspan(along)})}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const OutputBuffer& y = e.output();
    const int along = y.shape().axis(axis);
    const Index depth = y.shape()[along];
    const Index inner = y.shape().count(along + 1, y.shape().rank());
    reference::with_word(e.input(2).type.type, [&]<class T>() {
      const T* values = reinterpret_cast<const T*>(e.input(2).data);
      T* to = reinterpret_cast<T*>(y.data);
      std::fill_n(to, y.count(), values[0]);
      for (Index i = 0; i < e.input().count(); ++i) {
        const Index index = number(e.input().type.type, e.input().data, i);
        if (index < -depth || index >= depth) continue;
        to[(i / inner * depth + (index < 0 ? index + depth : index)) * inner + i % inner] = values[1];
      }
    });
  }

  friend bool operator==(const OneHot&, const OneHot&) = default;

 private:
  static Index number(DataType type, const std::byte* data, Index i) {
    return reference::with_element_type(type, [&]<class T>() {
      const T x = reinterpret_cast<const T*>(data)[i];
      return Index{reference::cast_number<std::int64_t>(static_cast<reference::Computation<T>>(x))};
    });
  }
};

using IndexOperators = OperatorList<Gather, GatherElements, GatherND, OneHot, ScatterElements, ScatterND>;

}  // namespace condense::graph

#endif
