#ifndef CONDENSE_GRAPH_OPERATORS_SELECTION_HPP
#define CONDENSE_GRAPH_OPERATORS_SELECTION_HPP

#include <cmath>
#include <cstring>
#include <numeric>

#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/computation.hpp"
#include "condense/graph/reference/gather.hpp"
#include "condense/graph/reference/strided_copy.hpp"

namespace condense::graph {

namespace detail {

/// a < b in an order of all numbers: NaN comes behind the others and equals itself.
template <class C>
bool before(C a, C b) noexcept {
  if constexpr (std::floating_point<C>) {
    if (std::isnan(a) || std::isnan(b)) return !std::isnan(a);
  }
  return a < b;
}

}  // namespace detail

/// The slices along an axis, or the elements in row-major order if there is none, for which a condition holds. ONNX
/// Compress.
///
/// Inputs: the tensor; the conditions, booleans, at most one for each; those that are missing do not hold.
struct Compress {
  static constexpr std::string_view kType = "Compress";

  std::optional<Index> axis = {};  ///< A negative one counts from the back.

  static void attributes(auto& op, auto&& visit) { visit("axis", op.axis); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    reference::require_whole_bytes(inputs, 0);
    inputs.require_rank(1, 1);
    require(inputs.type(1) == DataType::boolean, "its input 1, the conditions, is boolean; this one is {}",
            name(inputs.type(1)));
    const Shape& shape = inputs.shape(0);
    if (!axis) return {{inputs.type(0), dynamic_shape(1)}};
    return {{inputs.type(0), shape.with(shape.axis(*axis), kDynamic)}};
  }

  template <class = void>
  std::vector<Tensor> compute(std::span<const Tensor* const> inputs, const ThreadPool& pool) const {
    const Shape shape = axis ? inputs[0]->shape() : Shape{inputs[0]->count()};
    const int along = shape.axis(axis.value_or(0));
    const auto holds = inputs[1]->values<bool>();
    require(static_cast<Index>(holds.size()) <= shape[along],
            "its input 1 holds {} conditions, its input 0 of shape {} has {} to choose from", holds.size(),
            inputs[0]->shape().to_string(), shape[along]);
    std::vector<Index> chosen;
    for (std::size_t i = 0; i < holds.size(); ++i) {
      if (holds[i]) chosen.push_back(static_cast<Index>(i));
    }
    Tensor result(inputs[0]->type(), shape.with(along, static_cast<Index>(chosen.size())));
    reference::gather_slices(result.type(), shape, along, inputs[0]->raw(), chosen, result.mutable_raw(), pool);
    return {result};
  }

  friend bool operator==(const Compress&, const Compress&) = default;
};

/// Where a tensor is not 0: int64 (rank, n), the index of each such element in a column, in row-major order. ONNX
/// NonZero.
struct NonZero {
  static constexpr std::string_view kType = "NonZero";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    reference::require_whole_bytes(inputs, 0);
    return {{DataType::int64, Shape{inputs.shape(0).rank(), kDynamic}}};
  }

  template <class = void>
  std::vector<Tensor> compute(std::span<const Tensor* const> inputs, const ThreadPool&) const {
    const Tensor& x = *inputs[0];
    std::vector<Index> found;
    reference::with_computation_type(x.type(), [&]<class C>() {
      C converted[reference::kChunk];
      for (Index first = 0; first < x.count(); first += reference::kChunk) {
        const Index length = std::min(reference::kChunk, x.count() - first);
        const C* from = reference::read_elements<C>(x.type(), x.raw(), first, length, converted);
        for (Index i = 0; i < length; ++i) {
          if (from[i] != C{0}) found.push_back(first + i);
        }
      }
    });
    const auto count = static_cast<Index>(found.size());
    Tensor result(DataType::int64, Shape{x.shape().rank(), count});
    std::int64_t* to = result.mutable_data<std::int64_t>();
    for (int axis = x.shape().rank() - 1; axis >= 0; --axis) {
      const Index extent = x.shape()[axis];
      for (std::size_t i = 0; i < found.size(); ++i) {
        to[axis * count + static_cast<Index>(i)] = found[i] % extent;
        found[i] /= extent;
      }
    }
    return {result};
  }

  friend bool operator==(const NonZero&, const NonZero&) = default;
};

/// The distinct slices along an axis, or the distinct elements if there is none. ONNX Unique.
///
/// Outputs: the distinct ones; where each occurs first; for every slice its index among the distinct ones; how often
/// each occurs; the last three int64. Sorted, slices are in lexicographic order with NaN behind the other numbers,
/// otherwise in the order in which they occur. All NaN are the same, as are -0 and 0.
struct Unique {
  static constexpr std::string_view kType = "Unique";

  std::optional<Index> axis = {};  ///< A negative one counts from the back.
  bool sorted = true;

  static void attributes(auto& op, auto&& visit) {
    visit("axis", op.axis);
    visit("sorted", op.sorted);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    reference::require_whole_bytes(inputs, 0);
    const Shape& shape = inputs.shape(0);
    const Shape distinct = axis ? shape.with(shape.axis(*axis), kDynamic) : dynamic_shape(1);
    const Index slices = axis ? shape[shape.axis(*axis)] : shape.count();
    const TensorType counted{DataType::int64, dynamic_shape(1)};
    return {{inputs.type(0), distinct}, counted, {DataType::int64, Shape{slices}}, counted};
  }

  template <class = void>
  std::vector<Tensor> compute(std::span<const Tensor* const> inputs, const ThreadPool& pool) const {
    const Tensor& x = *inputs[0];
    const Shape shape = axis ? x.shape() : Shape{x.count()};
    const int along = shape.axis(axis.value_or(0));
    Groups groups =
        reference::with_computation_type(x.type(), [&]<class C>() { return group<C>(x, shape, along, pool); });
    if (!sorted) groups = in_order_of_occurrence(groups);
    const auto count = static_cast<Index>(groups.first.size());
    Tensor distinct(x.type(), shape.with(along, count));
    reference::gather_slices(x.type(), shape, along, x.raw(), groups.first, distinct.mutable_raw(), pool);
    std::vector<Index> occurrences(groups.first.size(), 0);
    for (const Index i : groups.of_slice) ++occurrences[static_cast<std::size_t>(i)];
    return {distinct, tensor_of(groups.first), tensor_of(groups.of_slice), tensor_of(occurrences)};
  }

  friend bool operator==(const Unique&, const Unique&) = default;

 private:
  /// Slices that are equal.
  struct Groups {
    std::vector<Index> first;     ///< The first slice of each group.
    std::vector<Index> of_slice;  ///< The group of each slice.
  };

  static Tensor tensor_of(const std::vector<Index>& values) {
    Tensor result(DataType::int64, Shape{static_cast<Index>(values.size())});
    std::ranges::copy(values, result.mutable_data<std::int64_t>());
    return result;
  }

  template <class C>
  static Groups group(const Tensor& x, const Shape& shape, int along, const ThreadPool& pool) {
    const Index outer = shape.count(0, along);
    const Index slices = shape[along];
    const Index inner = shape.count(along + 1, shape.rank());
    const Index width = outer * inner;
    Tensor by_slice(x.type(), Shape{slices, width});
    reference::StridedCopy copy;
    copy.loop(slices, inner, width);
    copy.loop(outer, slices * inner, inner);
    copy.loop(inner, 1, 1);
    copy.run(x.type(), x.raw(), by_slice.mutable_raw(), pool);
    const std::vector<C> values = reference::elements_as<C>(x.type(), by_slice.raw(), by_slice.count());
    const auto is_before = [&](Index a, Index b) {
      const C* left = values.data() + a * width;
      const C* right = values.data() + b * width;
      return std::lexicographical_compare(left, left + width, right, right + width, detail::before<C>);
    };
    std::vector<Index> order(static_cast<std::size_t>(slices));
    std::iota(order.begin(), order.end(), Index{0});
    std::ranges::stable_sort(order, is_before);
    Groups groups;
    groups.of_slice.resize(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i == 0 || is_before(order[i - 1], order[i])) groups.first.push_back(order[i]);
      groups.of_slice[static_cast<std::size_t>(order[i])] = static_cast<Index>(groups.first.size()) - 1;
    }
    return groups;
  }

  static Groups in_order_of_occurrence(const Groups& groups) {
    Groups result;
    std::vector<Index> renamed(groups.first.size(), -1);
    for (std::size_t i = 0; i < groups.of_slice.size(); ++i) {
      Index& group = renamed[static_cast<std::size_t>(groups.of_slice[i])];
      if (group < 0) {
        group = static_cast<Index>(result.first.size());
        result.first.push_back(static_cast<Index>(i));
      }
      result.of_slice.push_back(group);
    }
    return result;
  }
};

/// The k largest elements along an axis, or the smallest, and where they are. ONNX TopK, opset 11 and later.
///
/// Inputs: x, numbers; k, one int64. Outputs: the values in order, the largest (or smallest) first, whether or not
/// `sorted` asks for that; their indices, int64. Of equal ones the one with the lower index comes first; NaN is larger
/// than every number.
struct TopK {
  static constexpr std::string_view kType = "TopK";

  Index axis = -1;
  bool largest = true;
  bool sorted = true;

  static void attributes(auto& op, auto&& visit) {
    visit("axis", op.axis);
    visit("largest", op.largest);
    visit("sorted", op.sorted);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    inputs.require_number(0);
    reference::require_integers(inputs, 1);
    reference::require_one_element(inputs, 1);
    const Shape& shape = inputs.shape(0);
    const int along = shape.axis(axis);
    Index k = kDynamic;
    if (const Tensor* known = inputs.known(1)) {
      k = reference::integers(*known).front();
      require(k >= 0 && k <= shape[along], "its input 1 asks for the first {} of {} along axis {}", k, shape[along],
              along);
    }
    const Shape result = shape.with(along, k);
    return {{inputs.type(0), result}, {DataType::int64, result}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::with_computation_type(e.input().type.type, [&]<class C>() { select<C>(e); });
  }

  friend bool operator==(const TopK&, const TopK&) = default;

 private:
  template <class C>
  void select(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const int along = shape.axis(axis);
    const Index extent = shape[along];
    const Index inner = shape.count(along + 1, shape.rank());
    const Index k = e.output().shape()[along];
    const DataType type = e.input().type.type;
    const std::size_t element = bytes(type, 1);
    const std::vector<C> x = reference::elements_as<C>(e.input());
    const Index grain = std::max<Index>(1, reference::kElementwiseGrain / std::max<Index>(1, extent));
    parallel_for(e.pool, shape.count(0, along) * inner, grain, [&](Index begin, Index end) {
      std::vector<Index> order(static_cast<std::size_t>(extent));
      for (Index i = begin; i < end; ++i) {
        const Index outer = i / inner;
        const C* from = x.data() + outer * extent * inner + i % inner;
        std::iota(order.begin(), order.end(), Index{0});
        std::ranges::partial_sort(order, order.begin() + k, [&](Index a, Index b) {
          const C left = from[a * inner];
          const C right = from[b * inner];
          if (largest ? detail::before(right, left) : detail::before(left, right)) return true;
          if (largest ? detail::before(left, right) : detail::before(right, left)) return false;
          return a < b;
        });
        for (Index rank = 0; rank < k; ++rank) {
          const Index index = order[static_cast<std::size_t>(rank)];
          const Index to = (outer * k + rank) * inner + i % inner;
          const Index source = (outer * extent + index) * inner + i % inner;
          std::memcpy(e.output(0).data + static_cast<std::size_t>(to) * element,
                      e.input().data + static_cast<std::size_t>(source) * element, element);
          e.output(1).as<std::int64_t>()[to] = index;
        }
      }
    });
  }
};

using SelectionOperators = OperatorList<Compress, NonZero, TopK, Unique>;

}  // namespace condense::graph

#endif
