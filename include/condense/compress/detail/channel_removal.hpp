#ifndef CONDENSE_COMPRESS_DETAIL_CHANNEL_REMOVAL_HPP
#define CONDENSE_COMPRESS_DETAIL_CHANNEL_REMOVAL_HPP

#include <cstring>
#include <map>
#include <span>
#include <vector>

#include "condense/compress/channel_set.hpp"
#include "condense/compress/detail/moved_axes.hpp"
#include "condense/compress/detail/shape_entries.hpp"

namespace condense::compress::detail {

/// The slices of a tensor along an axis that are kept, in order.
inline Tensor kept_slices(const Tensor& tensor, int axis, std::span<const Index> kept) {
  const Shape& shape = tensor.shape();
  const std::size_t run = bytes(tensor.type(), shape.count(axis + 1, shape.rank()));
  Tensor result(tensor.type(), shape.with(axis, static_cast<Index>(kept.size())));
  std::byte* to = result.mutable_raw();
  for (Index outer = 0; outer < shape.count(0, axis); ++outer) {
    const std::byte* from = tensor.raw() + static_cast<std::size_t>(outer * shape[axis]) * run;
    for (const Index index : kept) {
      std::memcpy(to, from + static_cast<std::size_t>(index) * run, run);
      to += run;
    }
  }
  return result;
}

/// Removes units from a copy of a graph.
class ChannelRemoval {
 public:
  ChannelRemoval(const graph::Graph& graph, std::span<const ChannelGroup> groups)
      : before_(graph), graph_(graph), producers_(graph.producers()), consumers_(graph.consumers()) {
    for (const ChannelGroup& group : groups) {
      for (const ChannelUnit& unit : group) remove(unit);
    }
  }

  graph::Graph run() {
    for (const auto& [axis, removed] : removed_) {
      const Index left = extent(axis.value, axis.axis);
      require(left > 0, "axis {} of '{}' would lose all its {} indices; keep a channel", axis.axis,
              before_.name(axis.value), removed.size());
    }
    for (std::size_t n = 0; n < before_.nodes().size(); ++n) change(static_cast<int>(n));
    slice_constants();
    write_entries();
    graph_.sort();
    check();
    return std::move(graph_);
  }

 private:
  void remove(const ChannelUnit& unit) {
    require(unit.value.exists() && unit.value.index < before_.value_count(), "value {} is not one of the graph's {}",
            unit.value.index, before_.value_count());
    const Shape& shape = before_.type(unit.value).shape;
    require(unit.axis >= 0 && unit.axis < shape.rank() && unit.index >= 0 && unit.index < shape[unit.axis],
            "'{}' of shape {} has no index {} in axis {}", before_.name(unit.value), shape.to_string(), unit.index,
            unit.axis);
    std::vector<bool>& removed = removed_[{unit.value, unit.axis}];
    removed.resize(static_cast<std::size_t>(shape[unit.axis]), false);
    removed[static_cast<std::size_t>(unit.index)] = true;
  }

  bool loses(graph::Value value, int axis) const { return removed_.contains({value, axis}); }

  bool loses_anything(const graph::Node& node) const {
    const auto loses_some = [&](graph::Value value) {
      const auto first = removed_.lower_bound({value, 0});
      return first != removed_.end() && first->first.value == value;
    };
    return std::ranges::any_of(node.inputs, loses_some) || std::ranges::any_of(node.outputs, loses_some);
  }

  /// How many of the indices [0, end) of an axis are left.
  Index left(graph::Value value, int axis, Index end) const {
    const auto found = removed_.find({value, axis});
    if (found == removed_.end()) return end;
    return std::count(found->second.begin(), found->second.begin() + end, false);
  }
  Index extent(graph::Value value, int axis) const { return left(value, axis, before_.type(value).shape[axis]); }
  Shape shape(graph::Value value) const {
    Shape result = before_.type(value).shape;
    for (int axis = 0; axis < result.rank(); ++axis) result = result.with(axis, extent(value, axis));
    return result;
  }

  /// The share of an axis that is left, of a number of equal blocks.
  Index blocks_left(Index blocks, graph::Value value, int axis) const {
    const Index block = before_.type(value).shape[axis] / blocks;
    return extent(value, axis) / block;
  }

  /// Has entry `entry` of an input become `number`, where it is written down.
  void set_entry(int node, std::size_t input, Index entry, Index number) {
    const std::optional<ShapeEntries::Place> place = ShapeEntries(before_, producers_).origin(node, input, entry);
    if (place) entries_[{place->node, place->input}][place->element] = number;
  }

  void change(int n) {
    const graph::Node& node = before_.nodes()[static_cast<std::size_t>(n)];
    if (!loses_anything(node)) return;
    const graph::Value y = node.outputs[0];
    if (const auto* conv = node.op.get_if<graph::Conv>()) {
      graph::Conv changed = *conv;
      changed.group = groups_left(*conv, node, node.inputs[0]);
      graph_.set_operator(n, changed);
    } else if (const auto* transposed = node.op.get_if<graph::ConvTranspose>()) {
      graph::ConvTranspose changed = *transposed;
      changed.group = groups_left(*transposed, node, y);
      graph_.set_operator(n, changed);
    } else if (const auto* norm = node.op.get_if<graph::GroupNormalization>()) {
      graph::GroupNormalization changed = *norm;
      changed.num_groups = blocks_left(norm->num_groups, y, 1);
      graph_.set_operator(n, changed);
    } else if (const auto* attention = node.op.get_if<graph::Attention>()) {
      change_heads(n, *attention);
    } else if (node.op.is<graph::Reshape>()) {
      const auto wanted = graph::reference::integers(*before_.known(node.inputs[1]));
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        const int axis = static_cast<int>(i);
        const bool is_number = wanted[i] > 0;
        if (is_number && loses(y, axis)) set_entry(n, 1, static_cast<Index>(i), extent(y, axis));
      }
    } else if (node.op.is<graph::Expand>()) {
      const int entries = static_cast<int>(before_.type(node.inputs[1]).shape[0]);
      const int rank = before_.type(y).shape.rank();
      for (int i = 0; i < entries; ++i) {
        const int axis = rank - entries + i;
        const bool repeats = (*before_.known(node.inputs[1])).values<std::int64_t>()[static_cast<std::size_t>(i)] != 1;
        if (repeats && loses(y, axis)) set_entry(n, 1, i, extent(y, axis));
      }
    } else if (const auto* split = node.op.get_if<graph::Split>()) {
      change_split(n, *split);
    } else if (node.op.is<graph::Slice>()) {
      for (const SliceCut& cut : slice_cuts(before_, node)) {
        if (!loses(node.inputs[0], cut.axis) || cut.step != 1) continue;
        set_entry(n, 1, cut.entry, left(node.inputs[0], cut.axis, cut.begin));
        set_entry(n, 2, cut.entry, left(node.inputs[0], cut.axis, cut.end));
      }
    } else if (const auto* gather = node.op.get_if<graph::Gather>()) {
      change_indices(n, *gather);
    } else if (const auto* resize = node.op.get_if<graph::Resize>()) {
      change_sizes(n, *resize);
    }
  }

  /// `of_within` is the image whose channels the weights count within a group.
  template <class Convolution>
  Index groups_left(const Convolution& conv, const graph::Node& node, graph::Value of_within) const {
    if (conv.group == 1) return 1;
    return extent(of_within, 1) / extent(node.inputs[1], 1);
  }

  void change_heads(int n, const graph::Attention& attention) {
    const graph::Node& node = before_.nodes()[static_cast<std::size_t>(n)];
    if (!attention.q_num_heads) return;
    graph::Attention changed = attention;
    changed.q_num_heads = blocks_left(*attention.q_num_heads, node.inputs[0], 2);
    changed.kv_num_heads = blocks_left(*attention.kv_num_heads, node.inputs[1], 2);
    graph_.set_operator(n, changed);
  }

  void change_split(int n, const graph::Split& split) {
    const graph::Node& node = before_.nodes()[static_cast<std::size_t>(n)];
    const int along = before_.type(node.inputs[0]).shape.axis(split.axis);
    if (!loses(node.inputs[0], along)) return;
    std::vector<std::int64_t> sizes;
    for (const graph::Value part : node.outputs) sizes.push_back(extent(part, along));
    if (node.inputs.size() > 1 && node.inputs[1].exists()) {
      for (std::size_t i = 0; i < sizes.size(); ++i) set_entry(n, 1, static_cast<Index>(i), sizes[i]);
      return;
    }
    const graph::Value constant = graph_.constant(
        graph_.unused_value_name(node.name + ".split"),
        Tensor::of<std::int64_t>({static_cast<Index>(sizes.size())}, std::span<const std::int64_t>(sizes)));
    graph_.set_operator(n, graph::Split{.axis = split.axis}, {node.inputs[0], constant});
  }

  /// Indices into an axis that loses some count anew; those of what goes, go with it as the slices of a constant.
  void change_indices(int n, const graph::Gather& gather) {
    const graph::Node& node = before_.nodes()[static_cast<std::size_t>(n)];
    const Shape& from = before_.type(node.inputs[0]).shape;
    const int along = from.axis(gather.axis);
    const Tensor* indices = before_.constant_if(node.inputs[1]);
    if (indices == nullptr || !loses(node.inputs[0], along)) return;
    const std::vector<Index> positions = graph::reference::integers(*indices);
    for (std::size_t i = 0; i < positions.size(); ++i) {
      const Index position = positions[i] < 0 ? positions[i] + from[along] : positions[i];
      set_entry(n, 1, static_cast<Index>(i), left(node.inputs[0], along, position));
    }
  }

  void change_sizes(int n, const graph::Resize& resize) {
    const graph::Node& node = before_.nodes()[static_cast<std::size_t>(n)];
    const graph::Value y = node.outputs[0];
    if (node.inputs.size() < 4 || !node.inputs[3].exists()) return;
    const int rank = before_.type(y).shape.rank();
    const std::vector<Index> axes = resize.axes.empty() ? graph::reference::all_axes(rank) : resize.axes;
    for (std::size_t i = 0; i < axes.size(); ++i) {
      const int axis = before_.type(y).shape.axis(axes[i]);
      if (loses(y, axis)) set_entry(n, 3, static_cast<Index>(i), extent(y, axis));
    }
  }

  std::vector<Index> kept(const ValueAxis& axis) const {
    const std::vector<bool>& removed = removed_.at(axis);
    std::vector<Index> result;
    for (std::size_t i = 0; i < removed.size(); ++i) {
      if (!removed[i]) result.push_back(static_cast<Index>(i));
    }
    return result;
  }

  void slice_constants() {
    for (const auto& [axis, removed] : removed_) {
      if (!before_.is_constant(axis.value)) continue;
      graph_.replace_constant(axis.value, kept_slices(graph_.constant(axis.value), axis.axis, kept(axis)));
    }
  }

  /// Writes the changed entries into the constants, or into copies where other nodes read them, too.
  void write_entries() {
    for (const auto& [place, numbers] : entries_) {
      const auto& [n, input] = place;
      const graph::Value value = before_.nodes()[static_cast<std::size_t>(n)].inputs[input];
      Tensor tensor = before_.constant(value);
      for (const auto& [element, number] : numbers) {
        if (tensor.type() == DataType::int32) {
          tensor.mutable_data<std::int32_t>()[element] = static_cast<std::int32_t>(number);
        } else {
          tensor.mutable_data<std::int64_t>()[element] = number;
        }
      }
      if (loses(value, 0)) tensor = kept_slices(tensor, 0, kept({value, 0}));
      const bool is_shared = consumers_[static_cast<std::size_t>(value.index)].size() > 1 || before_.is_output(value);
      if (is_shared) {
        graph_.set_input(n, input, graph_.constant(graph_.unused_value_name(before_.name(value)), std::move(tensor)));
      } else {
        graph_.replace_constant(value, std::move(tensor));
      }
    }
  }

  void check() const {
    for (const graph::Node& node : graph_.nodes()) {
      for (const graph::Value value : node.outputs) {
        const Shape expected = shape(value);
        if (graph_.type(value).shape == expected) continue;
        throw Unsupported(fmt::format("node '{}' ({}): without some channels it makes {} instead of {}; protect it",
                                      node.name, node.op.type(), graph_.type(value).shape.to_string(),
                                      expected.to_string()));
      }
    }
  }

  const graph::Graph& before_;
  graph::Graph graph_;
  std::vector<int> producers_;
  std::vector<std::vector<int>> consumers_;
  std::map<ValueAxis, std::vector<bool>> removed_;
  std::map<std::pair<int, std::size_t>, std::map<Index, Index>> entries_;  ///< By the node and input that reads them.
};

}  // namespace condense::compress::detail

#endif
