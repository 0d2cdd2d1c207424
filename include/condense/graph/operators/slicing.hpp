#ifndef CONDENSE_GRAPH_OPERATORS_SLICING_HPP
#define CONDENSE_GRAPH_OPERATORS_SLICING_HPP

#include <limits>

#include "condense/core/enum_names.hpp"
#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/mapped_copy.hpp"
#include "condense/graph/reference/strided_copy.hpp"

namespace condense::graph {

/// The elements at starts, starts + steps, ... before ends along some axes, as NumPy slices. ONNX Slice, opset 10 and
/// later.
///
/// Inputs: the tensor; starts; ends; optional axes, absent for the first ones; optional steps, absent for 1. Negative
/// starts and ends count from the end of their axis, and those outside become its nearest end, a start its nearest
/// element where the step is negative; such steps go backwards.
struct Slice {
  static constexpr std::string_view kType = "Slice";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(3, 5);
    reference::require_whole_bytes(inputs, 0);
    for (std::size_t i = 1; i < 5; ++i) {
      reference::require_integer_vector(inputs, i);
      require(!inputs.has(i) || inputs.shape(i) == inputs.shape(1), "its input {} has {} entries, its input 1 has {}",
              i, inputs.has(i) ? inputs.shape(i)[0] : 0, inputs.shape(1)[0]);
    }
    const auto values = [&](std::size_t i, std::vector<Index> absent) {
      return inputs.has(i) && inputs.known(i) ? reference::integers(*inputs.known(i)) : std::move(absent);
    };
    const Shape& shape = inputs.shape(0);
    const Index count = inputs.shape(1)[0];
    require(count <= shape.rank(), "it slices {} axes, its input 0 has shape {}", count, shape.to_string());
    if (inputs.has(3) && inputs.known(3) == nullptr) return {{inputs.type(0), dynamic_shape(shape.rank())}};
    const std::vector<Index> axes = values(3, reference::all_axes(static_cast<int>(count)));
    const bool known = inputs.known(1) && inputs.known(2) && (!inputs.has(4) || inputs.known(4));
    Shape result = shape;
    if (!known) {
      for (const int axis : reference::distinct_axes(axes, shape.rank())) result = result.with(axis, kDynamic);
      return {{inputs.type(0), result}};
    }
    const auto cuts = cuts_of(shape, values(1, {}), values(2, {}), axes,
                              values(4, std::vector<Index>(static_cast<std::size_t>(count), 1)));
    for (int axis = 0; axis < shape.rank(); ++axis)
      result = result.with(axis, cuts[static_cast<std::size_t>(axis)].count);
    return {{inputs.type(0), result}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const std::vector<Index> starts = reference::integers(e.input(1));
    const auto cuts =
        cuts_of(shape, starts, reference::integers(e.input(2)),
                e.has(3) ? reference::integers(e.input(3)) : reference::all_axes(static_cast<int>(starts.size())),
                e.has(4) ? reference::integers(e.input(4)) : std::vector<Index>(starts.size(), 1));
    const auto from = reference::strides_of(shape);
    const auto to = reference::strides_of(e.output().shape());
    reference::StridedCopy copy;
    Index offset = 0;
    for (std::size_t axis = 0; axis < cuts.size(); ++axis) {
      copy.loop(cuts[axis].count, cuts[axis].step * from[axis], to[axis]);
      offset += cuts[axis].first * from[axis];
    }
    const DataType type = e.input().type.type;
    copy.run(type, e.input().data + offset * bits(type) / 8, e.output().data, e.pool);
  }

  friend bool operator==(const Slice&, const Slice&) = default;

 private:
  /// Positions first, first + step, ... of one axis.
  struct Cut {
    Index first = 0;
    Index count = 0;
    Index step = 1;
  };

  static std::vector<Cut> cuts_of(const Shape& shape, const std::vector<Index>& starts, const std::vector<Index>& ends,
                                  const std::vector<Index>& axes, const std::vector<Index>& steps) {
    std::vector<Cut> cuts;
    for (const Index extent : shape) cuts.push_back({0, extent, 1});
    const std::vector<int> where = reference::distinct_axes(axes, shape.rank());
    for (std::size_t i = 0; i < where.size(); ++i) {
      require(steps[i] != 0, "its input 4, the steps, holds 0 at {}", i);
      cuts[static_cast<std::size_t>(where[i])] = cut(shape[where[i]], starts[i], ends[i], steps[i]);
    }
    return cuts;
  }

  static Cut cut(Index extent, Index start, Index end, Index step) {
    if (extent == 0) return {};
    step = std::max(step, -std::numeric_limits<Index>::max());  // so that it can be negated
    if (start < 0) start += extent;
    if (end < 0) end += extent;
    start = step > 0 ? std::clamp<Index>(start, 0, extent) : std::clamp<Index>(start, 0, extent - 1);
    end = step > 0 ? std::clamp<Index>(end, 0, extent) : std::clamp<Index>(end, -1, extent - 1);
    const Index span = step > 0 ? end - start : start - end;
    if (span <= 0) return {};
    const Index count = (span - 1) / (step > 0 ? step : -step) + 1;
    return {start, count, count > 1 ? step : 1};
  }
};

/// The tensor in parts along an axis, one output for each. ONNX Split, opset 18 and later.
///
/// Inputs: the tensor; optional extents of the parts, which sum to that of the axis. Without them there are
/// `num_outputs` equal parts, but for a smaller last one if they have to be.
struct Split {
  static constexpr std::string_view kType = "Split";

  Index axis = 0;                         ///< A negative one counts from the back.
  std::optional<Index> num_outputs = {};  ///< Needed without input 1.

  static void attributes(auto& op, auto&& visit) {
    visit("axis", op.axis);
    visit("num_outputs", op.num_outputs);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 2);
    reference::require_whole_bytes(inputs, 0);
    reference::require_integer_vector(inputs, 1);
    const Shape& shape = inputs.shape(0);
    const int along = shape.axis(axis);
    require(inputs.has(1) || num_outputs,
            "it needs its input 1, the extents of the parts, or the attribute num_outputs");
    const Index parts = inputs.has(1) ? inputs.shape(1)[0] : *num_outputs;
    require(num_outputs.value_or(parts) == parts, "its input 1 has {} extents for {} outputs", parts,
            num_outputs.value_or(parts));
    require(parts >= 1 && parts <= kMostParts, "it makes {} parts, outside [1, {}]", parts, kMostParts);
    std::vector<Index> extents(static_cast<std::size_t>(parts), kDynamic);
    if (!inputs.has(1)) {
      const Index part = (shape[along] - 1) / parts + 1;
      const Index last = shape[along] - part * (parts - 1);
      require(shape[along] == 0 || last >= 0, "its axis {} of extent {} makes no {} parts of {}", along, shape[along],
              parts, part);
      std::ranges::fill(extents, shape[along] == 0 ? 0 : part);
      extents.back() = shape[along] == 0 ? 0 : last;
    } else if (inputs.known(1)) {
      extents = reference::integers(*inputs.known(1));
      Index rest = shape[along];
      for (std::size_t i = 0; i < extents.size(); ++i) {
        require(extents[i] >= 0 && extents[i] <= rest, "its input 1 has a part of {} at {}, where {} of {} are left",
                extents[i], i, rest, shape[along]);
        rest -= extents[i];
      }
      require(rest == 0, "the parts of its input 1 leave {} of the {} of axis {}", rest, shape[along], along);
    }
    std::vector<TensorType> types;
    for (const Index extent : extents) types.push_back({inputs.type(0), shape.with(along, extent)});
    return types;
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const DataType type = e.input().type.type;
    const int along = shape.axis(axis);
    const Index outer = shape.count(0, along);
    const Index inner = shape.count(along + 1, shape.rank());
    Index first = 0;
    for (const OutputBuffer& output : e.outputs) {
      const Index run = output.shape()[along] * inner;
      reference::StridedCopy copy;
      copy.loop(outer, shape[along] * inner, run);
      copy.loop(run, 1, 1);
      copy.run(type, e.input().data + bytes(type, first), output.data, e.pool);
      first += run;
    }
  }

  friend bool operator==(const Split&, const Split&) = default;

 private:
  static constexpr Index kMostParts = 65536;
};

/// What stands around a padded tensor: a constant; its mirror image without the edge; its edge; itself again.
enum class PadMode { constant, reflect, edge, wrap };

}  // namespace condense::graph

template <>
inline constexpr std::pair<condense::graph::PadMode, std::string_view>
    condense::enum_names<condense::graph::PadMode>[] = {{graph::PadMode::constant, "constant"},
                                                        {graph::PadMode::reflect, "reflect"},
                                                        {graph::PadMode::edge, "edge"},
                                                        {graph::PadMode::wrap, "wrap"}};

namespace condense::graph {

/// The tensor with more elements before and behind some axes. ONNX Pad, opset 19 and later.
///
/// Inputs: the tensor; the pads, begins of all axes and then their ends; an optional constant of the tensor's type,
/// absent for 0; optional axes, absent for all. A negative pad removes elements, before the others add any. Reflecting
/// and wrapping go on beyond one length of the axis.
struct Pad {
  static constexpr std::string_view kType = "Pad";

  PadMode mode = PadMode::constant;

  static void attributes(auto& op, auto&& visit) { visit("mode", op.mode); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 4);
    reference::require_whole_bytes(inputs, 0);
    reference::require_integer_vector(inputs, 1);
    inputs.require_same_type(2);
    reference::require_one_element(inputs, 2);
    reference::require_integer_vector(inputs, 3);
    const Shape& shape = inputs.shape(0);
    const Index count = inputs.has(3) ? inputs.shape(3)[0] : shape.rank();
    require(inputs.shape(1)[0] == 2 * count, "its input 1 has {} pads, {} axes need {}", inputs.shape(1)[0], count,
            2 * count);
    if (inputs.known(1) == nullptr || (inputs.has(3) && inputs.known(3) == nullptr)) {
      return {{inputs.type(0), dynamic_shape(shape.rank())}};
    }
    Shape result = shape;
    const std::vector<Pads> pads =
        pads_of(shape.rank(), reference::integers(*inputs.known(1)),
                inputs.has(3) ? reference::integers(*inputs.known(3)) : reference::all_axes(shape.rank()));
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const auto [begin, end] = pads[static_cast<std::size_t>(axis)];
      const Index kept = shape[axis] + std::min<Index>(begin, 0) + std::min<Index>(end, 0);
      require(kept >= 0, "its input 1 removes {} and {} elements of axis {}, which has {}", -std::min<Index>(begin, 0),
              -std::min<Index>(end, 0), axis, shape[axis]);
      require(kept > 0 || mode == PadMode::constant || (begin <= 0 && end <= 0),
              "its attribute mode {} needs an element to continue, axis {} has none", name_of(mode), axis);
      result = result.with(axis, shape[axis] + begin + end);
    }
    return {{inputs.type(0), result}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    if (e.output().count() == 0) return;
    const Shape& shape = e.input().shape();
    const std::vector<Pads> pads =
        pads_of(shape.rank(), reference::integers(e.input(1)),
                e.has(3) ? reference::integers(e.input(3)) : reference::all_axes(shape.rank()));
    reference::AxisMaps maps;
    for (std::size_t axis = 0; axis < pads.size(); ++axis)
      maps.push_back(map(shape[static_cast<int>(axis)], pads[axis]));
    const std::byte zeros[8] = {};
    reference::mapped_copy(e.input().type.type, shape, e.input().data, maps, e.has(2) ? e.input(2).data : zeros,
                           e.output().data, e.pool);
  }

  friend bool operator==(const Pad&, const Pad&) = default;

 private:
  struct Pads {
    Index begin = 0;
    Index end = 0;
  };

  static std::vector<Pads> pads_of(int rank, const std::vector<Index>& pads, const std::vector<Index>& axes) {
    std::vector<Pads> result(static_cast<std::size_t>(rank));
    for (std::size_t i = 0; i < pads.size(); ++i) {
      constexpr Index kMost = Shape::kMaximumCount;
      require(pads[i] >= -kMost && pads[i] <= kMost, "its input 1, the pads, holds {} at {}", pads[i], i);
    }
    const std::vector<int> where = reference::distinct_axes(axes, rank);
    for (std::size_t i = 0; i < where.size(); ++i) {
      result[static_cast<std::size_t>(where[i])] = {pads[i], pads[i + where.size()]};
    }
    return result;
  }

  /// Where the positions of a padded axis come from.
  std::vector<Index> map(Index extent, const Pads& pads) const {
    const Index first = std::max<Index>(0, -pads.begin);
    const Index count = extent - first - std::max<Index>(0, -pads.end);
    std::vector<Index> result(static_cast<std::size_t>(extent + pads.begin + pads.end));
    for (std::size_t i = 0; i < result.size(); ++i) {
      const Index position = source(static_cast<Index>(i) - std::max<Index>(0, pads.begin), count);
      result[i] = position == reference::kFill ? position : first + position;
    }
    return result;
  }

  Index source(Index position, Index count) const {
    if (position >= 0 && position < count) return position;
    const auto modulo = [](Index value, Index period) { return (value % period + period) % period; };
    switch (mode) {
      case PadMode::edge: return position < 0 ? 0 : count - 1;
      case PadMode::wrap: return modulo(position, count);
      case PadMode::reflect: {
        if (count == 1) return 0;
        const Index within = modulo(position, 2 * (count - 1));
        return within < count ? within : 2 * (count - 1) - within;
      }
      default: return reference::kFill;
    }
  }
};

/// Each entry of a batch with its first sequence_lens elements along the time axis in reverse order. ONNX
/// ReverseSequence.
///
/// Inputs: the tensor; the lengths, int64, one for each entry of the batch. The batch and the time are axes 0 and 1, in
/// either order.
struct ReverseSequence {
  static constexpr std::string_view kType = "ReverseSequence";

  Index batch_axis = 1;
  Index time_axis = 0;

  static void attributes(auto& op, auto&& visit) {
    visit("batch_axis", op.batch_axis);
    visit("time_axis", op.time_axis);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    reference::require_whole_bytes(inputs, 0);
    reference::require_integer_vector(inputs, 1);
    const Shape& shape = inputs.shape(0);
    require(shape.rank() >= 2, "its input 0 has 2 dimensions or more, this one has shape {}", shape.to_string());
    require(batch_axis + time_axis == 1 && batch_axis * time_axis == 0,
            "its attributes batch_axis and time_axis are 0 and 1 in either order, not {} and {}", batch_axis,
            time_axis);
    const Index batch = shape[static_cast<int>(batch_axis)];
    require(inputs.shape(1)[0] == batch, "its input 1 has {} lengths for a batch of {}", inputs.shape(1)[0], batch);
    return {inputs[0]};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const Index steps = shape[static_cast<int>(time_axis)];
    const std::vector<Index> lengths = reference::integers(e.input(1));
    for (std::size_t i = 0; i < lengths.size(); ++i) {
      require(lengths[i] >= 0 && lengths[i] <= steps, "its input 1 holds the length {} at {}, the time axis has {}",
              lengths[i], i, steps);
    }
    const Index inner = shape.count(2, shape.rank());
    const Index time_stride = time_axis == 0 ? shape[1] * inner : inner;
    const Index batch_stride = time_axis == 0 ? inner : shape[1] * inner;
    const DataType type = e.input().type.type;
    const Index grain = std::max<Index>(1, reference::kElementwiseGrain / std::max<Index>(1, steps * inner));
    parallel_for(e.pool, static_cast<Index>(lengths.size()), grain, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        const Index length = lengths[static_cast<std::size_t>(i)];
        for (Index t = 0; t < steps; ++t) {
          const Index source = t < length ? length - 1 - t : t;
          std::memcpy(e.output().data + bytes(type, i * batch_stride + t * time_stride),
                      e.input().data + bytes(type, i * batch_stride + source * time_stride), bytes(type, inner));
        }
      }
    });
  }

  friend bool operator==(const ReverseSequence&, const ReverseSequence&) = default;
};

using SliceOperators = OperatorList<Pad, ReverseSequence, Slice, Split>;

}  // namespace condense::graph

#endif
