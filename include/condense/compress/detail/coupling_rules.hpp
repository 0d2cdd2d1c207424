#ifndef CONDENSE_COMPRESS_DETAIL_COUPLING_RULES_HPP
#define CONDENSE_COMPRESS_DETAIL_COUPLING_RULES_HPP

#include <map>
#include <string>
#include <vector>

#include "condense/compress/detail/moved_axes.hpp"
#include "condense/compress/detail/operator_kinds.hpp"
#include "condense/compress/detail/shape_entries.hpp"
#include "condense/compress/detail/unit_sets.hpp"

namespace condense::compress::detail {

/// Couples the units of a graph, node by node, by what the operators do.
class CouplingRules {
 public:
  /// A node some or all of whose axes stay, and why.
  struct Kept {
    std::string node;
    std::string reason;
  };

  CouplingRules(const graph::Graph& graph, bool allow_renormalization, UnitSets& sets)
      : graph_(graph), producers_(graph.producers()), allow_renormalization_(allow_renormalization), sets_(sets) {}

  /// Couples everything and returns the nodes that keep channels.
  std::vector<Kept> apply() {
    for (const graph::Value value : graph_.inputs()) sets_.protect(graph_, value);
    for (const graph::Value value : graph_.outputs()) sets_.protect(graph_, value);
    for (const graph::Node& node : graph_.nodes()) couple(node);
    protect_counted();
    choose_axes();
    return std::move(kept_);
  }

 private:
  /// The axes of a value, each with a label; equal labels are one index. -1 for an axis that stays.
  struct Labelled {
    graph::Value value;
    std::vector<int> labels;
  };

  /// The axes of one side of a move that share an axis of the other side: one of them can be chosen to be pruned.
  struct Choice {
    ValueAxis shared;
    std::vector<const AxisLink*> links;
  };

  const Shape& shape(graph::Value value) const { return graph_.type(value).shape; }

  void keep(const graph::Node& node, const std::string& reason) {
    for (const graph::Value value : node.inputs) sets_.protect(graph_, value);
    for (const graph::Value value : node.outputs) sets_.protect(graph_, value);
    kept_.push_back({node.name, reason});
  }

  void couple_labels(const std::vector<Labelled>& operands) {
    std::map<int, ValueAxis> first;
    for (const Labelled& operand : operands) {
      if (!operand.value.exists()) continue;
      for (std::size_t i = 0; i < operand.labels.size(); ++i) {
        const ValueAxis axis{operand.value, static_cast<int>(i)};
        if (operand.labels[i] < 0) {
          sets_.protect(axis);
        } else if (sets_.extent(axis) > 1) {
          const auto [found, is_new] = first.try_emplace(operand.labels[i], axis);
          if (!is_new) sets_.couple(found->second, axis);
        }
      }
    }
  }

  /// Labels 0, 1, ... from the last axis on, as operands broadcast.
  std::vector<int> from_the_back(graph::Value value) const {
    std::vector<int> labels;
    for (int axis = shape(value).rank() - 1; axis >= 0; --axis) labels.push_back(axis);
    return labels;
  }

  void couple_broadcast(const graph::Node& node) {
    std::vector<Labelled> operands;
    for (const graph::Value value : node.outputs) operands.push_back({value, from_the_back(value)});
    for (const graph::Value value : node.inputs) {
      if (value.exists()) operands.push_back({value, from_the_back(value)});
    }
    couple_labels(operands);
  }

  /// Equal axes of the first input and all outputs, but for those that stay.
  template <class Stays>
  void couple_alike(const graph::Node& node, Stays&& stays) {
    const int rank = shape(node.inputs[0]).rank();
    std::vector<int> labels;
    for (int axis = 0; axis < rank; ++axis) labels.push_back(stays(axis) ? -1 : axis);
    std::vector<Labelled> operands{{node.inputs[0], labels}};
    for (const graph::Value value : node.outputs) {
      if (shape(value).rank() == rank) {
        operands.push_back({value, labels});
      } else {
        sets_.protect(graph_, value);
      }
    }
    couple_labels(operands);
  }

  /// Images (n, c, ...): the spatial axes stay.
  void couple_images(const graph::Node& node) {
    couple_alike(node, [](int axis) { return axis >= 2; });
  }

  static std::vector<int> with_spatial(std::vector<int> labels, int rank) {
    labels.resize(static_cast<std::size_t>(rank), -1);
    return labels;
  }

  /// Inputs from `first` on hold shapes, sizes and positions, which are rewritten and not pruned.
  void protect_settings(const graph::Node& node, std::size_t first = 1) {
    for (std::size_t i = first; i < node.inputs.size(); ++i) sets_.protect(graph_, node.inputs[i]);
  }

  graph::Value input(const graph::Node& node, std::size_t i) const {
    return i < node.inputs.size() ? node.inputs[i] : graph::kNoValue;
  }

  /// Couples the indices [first, first + count) of an axis with one another and with unit `to`.
  void couple_block(const ValueAxis& axis, Index first, Index count, const ValueAxis& to, Index index) {
    for (Index i = first; i < first + count; ++i) sets_.couple(axis, i, to, index);
  }

  void couple_convolution(const graph::Node& node, Index groups, int out_axis, int in_axis) {
    const ValueAxis x{node.inputs[0], 1};
    const ValueAxis y{node.outputs[0], 1};
    const graph::Value weights = node.inputs[1];
    const graph::Value bias = input(node, 2);
    const int rank = shape(weights).rank();
    constexpr int kImage = 0;
    constexpr int kIn = 1;
    constexpr int kOut = 2;
    if (groups == 1) {
      std::vector<int> labels(2);
      labels[static_cast<std::size_t>(out_axis)] = kOut;
      labels[static_cast<std::size_t>(in_axis)] = kIn;
      couple_labels({{x.value, with_spatial({kImage, kIn}, rank)},
                     {weights, with_spatial(labels, rank)},
                     {bias, {kOut}},
                     {y.value, with_spatial({kImage, kOut}, rank)}});
      return;
    }
    couple_labels({{x.value, with_spatial({kImage, kIn}, rank)}, {y.value, with_spatial({kImage, kOut}, rank)}});
    for (int axis = 2; axis < rank; ++axis) sets_.protect(ValueAxis{weights, axis});
    if (bias.exists()) sets_.couple({bias, 0}, y);
    // One side of the weights has an index for each channel, the other one for each channel of a group.
    const bool is_transposed = out_axis == 1;
    const ValueAxis whole{weights, 0};
    const ValueAxis within{weights, 1};
    const ValueAxis& of_whole = is_transposed ? x : y;
    const ValueAxis& of_within = is_transposed ? y : x;
    const Index whole_size = sets_.extent(whole) / groups;
    const Index within_size = sets_.extent(within);
    sets_.couple(whole, of_whole);
    if (groups >= within_size) {  // whole groups go
      sets_.protect(within);
      for (Index g = 0; g < groups; ++g) {
        couple_block(whole, g * whole_size, whole_size, whole, g * whole_size);
        couple_block(of_within, g * within_size, within_size, whole, g * whole_size);
      }
      return;
    }
    for (Index g = 0; g < groups; ++g) {  // the same place of every group
      for (Index i = 0; i < whole_size; ++i) sets_.couple(whole, g * whole_size + i, whole, i);
      for (Index i = 0; i < within_size; ++i) sets_.couple(of_within, g * within_size + i, within, i);
    }
  }

  void couple_gemm(const graph::Node& node, const graph::Gemm& gemm) {
    constexpr int kRow = 1;
    constexpr int kColumn = 0;
    constexpr int kDepth = 2;
    std::vector<Labelled> operands{
        {node.outputs[0], {kRow, kColumn}},
        {node.inputs[0], gemm.trans_a ? std::vector{kDepth, kRow} : std::vector{kRow, kDepth}},
        {node.inputs[1], gemm.trans_b ? std::vector{kColumn, kDepth} : std::vector{kDepth, kColumn}}};
    const graph::Value c = input(node, 2);
    if (c.exists()) operands.push_back({c, from_the_back(c)});
    couple_labels(operands);
  }

  void couple_product(const graph::Node& node) {
    constexpr int kDepth = 100;
    constexpr int kRow = 101;
    constexpr int kColumn = 102;
    const auto labels = [&](graph::Value value, int last, int before) {
      const int rank = shape(value).rank();
      std::vector<int> result;
      for (int axis = rank - 1; axis >= 2; --axis) result.push_back(axis);
      if (rank >= 2) result.push_back(before);
      result.push_back(last);
      return result;
    };
    const graph::Value a = node.inputs[0];
    const graph::Value b = node.inputs[1];
    std::vector<int> y;
    for (int axis = std::max({shape(a).rank(), shape(b).rank(), 2}) - 1; axis >= 2; --axis) y.push_back(axis);
    if (shape(a).rank() >= 2) y.push_back(kRow);
    if (shape(b).rank() >= 2) y.push_back(kColumn);
    couple_labels({{a, labels(a, kDepth, kRow)},
                   {b, shape(b).rank() == 1 ? std::vector{kDepth} : labels(b, kColumn, kDepth)},
                   {node.outputs[0], y}});
    if (graph_.is_constant(a) || graph_.is_constant(b)) return;
    for (int axis = 0; axis + 2 < shape(a).rank(); ++axis) sets_.mark_heads({a, axis});
    for (int axis = 0; axis + 2 < shape(b).rank(); ++axis) sets_.mark_heads({b, axis});
  }

  void couple_einsum(const graph::Node& node, const graph::Einsum& einsum) {
    std::vector<Shape> shapes;
    for (const graph::Value value : node.inputs) shapes.push_back(shape(value));
    const graph::reference::EinsumEquation equation = graph::reference::parse_einsum(einsum.equation, shapes);
    const auto labels = [](const std::vector<graph::reference::Label>& from) {
      return std::vector<int>(from.begin(), from.end());
    };
    std::vector<Labelled> operands{{node.outputs[0], labels(equation.output)}};
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      operands.push_back({node.inputs[i], labels(equation.operands[i])});
    }
    couple_labels(operands);
  }

  /// Heads go as a whole, with all query heads that read a head of keys and values.
  void couple_attention(const graph::Node& node, const graph::Attention& attention) {
    const graph::Value q = node.inputs[0];
    const graph::Value k = node.inputs[1];
    const graph::Value v = node.inputs[2];
    const graph::Value y = node.outputs[0];
    const bool is_packed = shape(q).rank() == 3;
    const Index heads = is_packed ? *attention.q_num_heads : shape(q)[1];
    const Index key_heads = is_packed ? *attention.kv_num_heads : shape(k)[1];
    const int axis = is_packed ? 2 : 1;
    for (const graph::Value value : {q, k, v, y}) {
      for (int other = 1; other < shape(value).rank(); ++other) {
        if (other != axis) sets_.protect(ValueAxis{value, other});
      }
    }
    for (const graph::Value value : {k, v, y}) sets_.couple({q, 0}, {value, 0});
    const graph::Value mask = input(node, 3);
    if (mask.exists()) {
      const int rank = shape(mask).rank();
      for (int i = 0; i < rank; ++i) {
        if (i != rank - 3 || is_packed || heads != key_heads) {
          sets_.protect(ValueAxis{mask, i});
        } else {
          sets_.couple({mask, i}, {q, 1});
        }
      }
      if (rank >= 3 && sets_.extent({mask, rank - 3}) > 1 && (is_packed || heads != key_heads)) {
        for (const graph::Value value : {q, k, v, y}) sets_.protect(ValueAxis{value, axis});
      }
    }
    if (key_heads < 1) return;
    const auto couple_head = [&](graph::Value value, Index of, Index head) {
      const Index size = shape(value)[axis] / of;
      couple_block({value, axis}, head * size, size, {k, axis},
                   (head / (of / key_heads)) * (shape(k)[axis] / key_heads));
    };
    for (Index head = 0; head < heads; ++head) couple_head(q, heads, head);
    for (Index head = 0; head < heads; ++head) couple_head(y, heads, head);
    for (Index head = 0; head < key_heads; ++head) couple_head(k, key_heads, head);
    for (Index head = 0; head < key_heads; ++head) couple_head(v, key_heads, head);
    for (const graph::Value value : {q, k, v}) sets_.mark_heads({value, axis});
  }

  /// Parameters (c) of an operator on (n, c, ...).
  void couple_channel_parameters(const graph::Node& node) {
    couple_alike(node, [](int) { return false; });
    for (std::size_t i = 1; i < node.inputs.size(); ++i) sets_.couple({node.inputs[i], 0}, {node.inputs[0], 1});
    for (std::size_t i = 1; i < node.outputs.size(); ++i) sets_.couple({node.outputs[i], 0}, {node.inputs[0], 1});
  }

  /// Normalised over the axes from `axis` on: without some of their indices the others change.
  void couple_normalization(const graph::Node& node, Index axis) {
    const int first = shape(node.inputs[0]).axis(axis);
    couple_broadcast(node);
    if (allow_renormalization_) return;
    kept_.push_back({node.name, "it normalises over channels; allow_renormalization lets some of them go"});
    for (int i = first; i < shape(node.inputs[0]).rank(); ++i) sets_.protect(ValueAxis{node.inputs[0], i});
  }

  void couple_group_normalization(const graph::Node& node, Index groups) {
    couple_channel_parameters(node);
    couple_alike(node, [](int axis) { return axis >= 2; });
    const ValueAxis x{node.inputs[0], 1};
    const Index size = sets_.extent(x) / groups;
    for (Index g = 0; g < groups; ++g) couple_block(x, g * size, size, x, g * size);
  }

  void couple_reduction(const graph::Node& node, bool keeps_axes, bool without_axes_none, bool is_sum) {
    protect_settings(node);
    const graph::Value x = node.inputs[0];
    const int rank = shape(x).rank();
    const graph::Value given = input(node, 1);
    const Tensor* axes = given.exists() ? graph_.known(given) : nullptr;
    if (given.exists() && axes == nullptr) return keep(node, "the axes that it reduces are not known");
    std::vector<bool> reduced(static_cast<std::size_t>(rank), false);
    if (axes != nullptr && axes->count() > 0) {
      for (const Index axis : graph::reference::integers(*axes)) {
        reduced[static_cast<std::size_t>(shape(x).axis(axis))] = true;
      }
    } else if (!without_axes_none) {
      reduced.assign(reduced.size(), true);
    }
    int to = 0;
    for (int axis = 0; axis < rank; ++axis) {
      const bool is_reduced = reduced[static_cast<std::size_t>(axis)];
      if (!is_reduced) {
        sets_.couple({x, axis}, {node.outputs[0], to});
      } else if (!is_sum) {
        sets_.protect(ValueAxis{x, axis});
      }
      if (!is_reduced || keeps_axes) ++to;
    }
  }

  template <class Op>
  bool couple_if_reduction(const graph::Node& node, bool is_sum) {
    const auto* op = node.op.get_if<Op>();
    if (op == nullptr) return false;
    couple_reduction(node, op->keepdims, op->noop_with_empty_axes, is_sum);
    return true;
  }

  /// The axes that an operator works along stay.
  template <class Op>
  bool couple_if_along(const graph::Node& node) {
    const auto* op = node.op.get_if<Op>();
    if (op == nullptr) return false;
    const int along = shape(node.inputs[0]).axis(op->axis);
    couple_alike(node, [along](int axis) { return axis == along; });
    return true;
  }

  /// The table of an embedding: its rows stay.
  void couple_table(const graph::Node& node, const graph::Gather& gather) {
    const int along = shape(node.inputs[0]).axis(gather.axis);
    const int indices = shape(node.inputs[1]).rank();
    std::vector<int> y;
    std::vector<int> x;
    std::vector<int> i;
    for (int axis = 0; axis < shape(node.inputs[0]).rank(); ++axis) {
      x.push_back(axis == along ? -1 : axis);
      if (axis != along) {
        y.push_back(axis);
        continue;
      }
      for (int k = 0; k < indices; ++k) {
        i.push_back(100 + k);
        y.push_back(100 + k);
      }
    }
    couple_labels({{node.inputs[0], x}, {node.inputs[1], i}, {node.outputs[0], y}});
  }

  void couple_move(const graph::Node& node) {
    const auto* gather = node.op.get_if<graph::Gather>();
    if (gather != nullptr && !graph_.is_constant(node.inputs[1])) return couple_table(node, *gather);
    std::optional<std::vector<AxisLink>> links = axis_links(graph_, node);
    if (!links) return keep(node, "where its elements go is not known");
    if (node.op.is<graph::Slice>()) protect_slices(node);
    const bool has_indices = gather != nullptr && shape(node.inputs[1]).rank() == 1;
    // An index vector is as long as the axis that it makes.
    if (has_indices) {
      sets_.couple({node.inputs[1], 0}, {node.outputs[0], shape(node.inputs[0]).axis(gather->axis)});
    }
    links_.push_back(std::move(*links));
    const std::vector<AxisLink>& kept_links = links_.back();
    std::map<ValueAxis, Choice> choices;
    std::vector<ValueAxis> sources;
    std::vector<ValueAxis> results;
    for (const AxisLink& link : kept_links) {
      sources.push_back(link.source);
      results.push_back(link.result);
      if (link.has_sources() && link.has_results()) {
        couple(link);
      } else {
        const ValueAxis& shared = link.has_sources() ? link.result : link.source;
        choices.try_emplace(shared, Choice{shared, {}}).first->second.links.push_back(&link);
      }
    }
    const std::size_t data_inputs = node.op.is<graph::Concat>() ? node.inputs.size() : 1;
    protect_settings(node, has_indices ? 2 : data_inputs);
    for (std::size_t i = 0; i < data_inputs; ++i) protect_without(node.inputs[i], sources);
    // What is repeated can be repeated less often, if the operator is told so.
    for (const graph::Value value : node.outputs) {
      if (!node.op.is<graph::Expand>()) protect_without(value, results);
    }
    if (node.op.is<graph::Expand>() && !graph_.is_constant(node.inputs[1])) protect_without(node.outputs[0], results);
    for (auto& [shared, choice] : choices) choices_.push_back(std::move(choice));
  }

  /// Protects the axes of a value that are not among those given.
  void protect_without(graph::Value value, const std::vector<ValueAxis>& linked) {
    for (int axis = 0; axis < shape(value).rank(); ++axis) {
      const ValueAxis which{value, axis};
      if (std::ranges::find(linked, which) == linked.end()) sets_.protect(which);
    }
  }

  /// Axes that a Slice cuts stay if it steps over indices, or if where it cuts is computed.
  void protect_slices(const graph::Node& node) {
    const ShapeEntries entries(graph_, producers_);
    for (const SliceCut& cut : slice_cuts(graph_, node)) {
      const bool is_whole = cut.begin == 0 && cut.end == shape(node.inputs[0])[cut.axis] && cut.step == 1;
      if (is_whole) continue;
      const bool can_change = cut.step == 1 && entries.origin(node, 1, cut.entry) && entries.origin(node, 2, cut.entry);
      if (!can_change) sets_.protect(ValueAxis{node.inputs[0], cut.axis});
      if (!can_change) sets_.protect(ValueAxis{node.outputs[0], cut.axis});
    }
  }

  void couple(const AxisLink& link) {
    for (std::size_t j = 0; j < link.sources.size(); ++j) {
      if (link.sources[j] >= 0) sets_.couple(link.source, link.sources[j], link.result, static_cast<Index>(j));
    }
    for (std::size_t i = 0; i < link.results.size(); ++i) {
      if (link.results[i] >= 0) sets_.couple(link.source, static_cast<Index>(i), link.result, link.results[i]);
    }
  }

  /// Where several axes became one, or one became several, an index of the one can go with one of the several only. It
  /// is one that can be pruned at all; of these the heads of attention; else that with the most indices; else the
  /// first. The others stay.
  void choose_axes() {
    while (!choices_.empty()) {
      const auto decided = [&](Choice& choice) {
        std::erase_if(choice.links, [&](const AxisLink* link) { return sets_.is_protected(other(choice, *link)); });
        return choice.links.size() <= 1 || sets_.is_protected(choice.shared);
      };
      const auto settled = std::ranges::find_if(choices_, decided);
      const auto next = settled == choices_.end() ? choices_.begin() : settled;
      const Choice choice = *next;
      choices_.erase(next);
      if (choice.links.empty()) {
        sets_.protect(choice.shared);
        continue;
      }
      const auto rank = [&](const AxisLink* link) {
        const ValueAxis axis = other(choice, *link);
        return std::pair(sets_.has_heads(axis), sets_.extent(axis));
      };
      const AxisLink* best = choice.links.front();
      for (const AxisLink* link : choice.links) {
        if (rank(link) > rank(best)) best = link;
      }
      for (const AxisLink* link : choice.links) {
        if (link == best) {
          couple(*link);
        } else {
          sets_.protect(other(choice, *link));
        }
      }
    }
  }

  static const ValueAxis& other(const Choice& choice, const AxisLink& link) {
    return link.source == choice.shared ? link.result : link.source;
  }

  /// Protects what a network counts the extents of to compute with them, such as a mean that it takes by a sum: without
  /// some indices the count would be another one. Extents that only make shapes do not matter.
  void protect_counted() {
    std::map<graph::Value, std::vector<graph::Value>> counted;  // the values whose extents a value holds
    for (const graph::Node& node : graph_.nodes()) {
      std::vector<graph::Value> sources;
      if (node.op.is<graph::ShapeOf>() || node.op.is<graph::Size>()) sources.push_back(node.inputs[0]);
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        const auto found = counted.find(node.inputs[i]);
        const bool is_data = i == 0 || node.op.is<graph::Concat>() || !is_move(node.op);
        if (found == counted.end() || !is_data) continue;
        if (node.op.is<graph::Resize>() || node.op.is<graph::Pad>() || node.op.is<graph::ConstantOfShape>()) continue;
        sources.insert(sources.end(), found->second.begin(), found->second.end());
      }
      if (sources.empty()) continue;
      for (const graph::Value value : node.outputs) {
        if (!is_float(graph_.type(value).type)) {
          counted[value] = sources;
        } else {
          for (const graph::Value source : sources) sets_.protect(graph_, source);
        }
      }
    }
  }

  void couple_resize(const graph::Node& node, const graph::Resize& resize) {
    if (resize.coordinate_transformation_mode == graph::CoordinateTransformation::tf_crop_and_resize) {
      return keep(node, "it crops a region");
    }
    protect_settings(node);
    const Shape& from = shape(node.inputs[0]);
    std::vector<bool> resized(static_cast<std::size_t>(from.rank()), false);
    for (int axis = 0; axis < from.rank(); ++axis) {
      resized[static_cast<std::size_t>(axis)] = axis >= 2 || shape(node.outputs[0])[axis] != from[axis];
    }
    const graph::Value given = input(node, 2);
    if (given.exists() && shape(given).count() > 0) {  // a scale of 1.1 can leave the extent as it is
      const Tensor* scales = graph_.known(given);
      if (scales == nullptr) return keep(node, "its scales are not known");
      const std::vector<Index> axes = resize.axes.empty() ? graph::reference::all_axes(from.rank()) : resize.axes;
      for (std::size_t i = 0; i < axes.size(); ++i) {
        if (scales->data<float>()[i] != 1) resized[static_cast<std::size_t>(from.axis(axes[i]))] = true;
      }
    }
    couple_alike(node, [&](int axis) { return resized[static_cast<std::size_t>(axis)]; });
  }

  void couple_pad(const graph::Node& node) {
    protect_settings(node);
    const Shape& to = shape(node.outputs[0]);
    const Tensor* pads = graph_.known(node.inputs[1]);
    if (pads == nullptr || (input(node, 3).exists() && graph_.known(node.inputs[3]) == nullptr)) {
      return keep(node, "its pads are not known");
    }
    std::vector<bool> padded(static_cast<std::size_t>(to.rank()), false);
    const std::vector<Index> values = graph::reference::integers(*pads);
    const std::vector<Index> axes = input(node, 3).exists() ? graph::reference::integers(*graph_.known(node.inputs[3]))
                                                            : graph::reference::all_axes(to.rank());
    for (std::size_t i = 0; i < axes.size(); ++i) {
      padded[static_cast<std::size_t>(to.axis(axes[i]))] = values[i] != 0 || values[i + axes.size()] != 0;
    }
    couple_alike(node, [&](int axis) { return padded[static_cast<std::size_t>(axis)]; });
  }

  void couple(const graph::Node& node) {
    using graph::detail::Contains;
    using Maps = graph::JoinedOperators<
        graph::detail::ElementMaps, graph::detail::PairMaps, graph::Comparisons,
        graph::OperatorList<graph::BitShift, graph::BitwiseAnd, graph::BitwiseNot, graph::BitwiseOr, graph::BitwiseXor,
                            graph::Cast, graph::Identity, graph::IsInf, graph::IsNaN, graph::Mean, graph::Mod,
                            graph::Not, graph::Sum>>;
    using ImagePools = graph::OperatorList<graph::AveragePool, graph::GlobalAveragePool, graph::GlobalLpPool,
                                           graph::GlobalMaxPool, graph::LpPool>;
    const graph::Operator& op = node.op;
    if (Contains<Maps>::any(op)) return couple_broadcast(node);
    if (op.is<graph::CastLike>() || op.is<graph::Dropout>()) return couple_alike(node, [](int) { return false; });
    if (is_move(op)) return couple_move(node);
    if (const auto* conv = op.get_if<graph::Conv>()) return couple_convolution(node, conv->group, 0, 1);
    if (const auto* conv = op.get_if<graph::ConvTranspose>()) return couple_convolution(node, conv->group, 1, 0);
    if (const auto* gemm = op.get_if<graph::Gemm>()) return couple_gemm(node, *gemm);
    if (op.is<graph::MatMul>()) return couple_product(node);
    if (const auto* einsum = op.get_if<graph::Einsum>()) return couple_einsum(node, *einsum);
    if (const auto* attention = op.get_if<graph::Attention>()) return couple_attention(node, *attention);
    if (op.is<graph::BatchNormalization>()) return couple_channel_parameters(node);
    if (op.is<graph::InstanceNormalization>()) return couple_group_normalization(node, shape(node.inputs[0])[1]);
    if (const auto* norm = op.get_if<graph::GroupNormalization>()) {
      return couple_group_normalization(node, norm->num_groups);
    }
    if (const auto* norm = op.get_if<graph::LayerNormalization>()) return couple_normalization(node, norm->axis);
    if (const auto* norm = op.get_if<graph::RMSNormalization>()) return couple_normalization(node, norm->axis);
    if (op.is<graph::MaxPool>() && node.outputs.size() == 1) return couple_images(node);
    if (Contains<ImagePools>::any(op)) return couple_images(node);
    if (const auto* resize = op.get_if<graph::Resize>()) return couple_resize(node, *resize);
    if (op.is<graph::Pad>()) return couple_pad(node);
    if (couple_if_along<graph::Softmax>(node) || couple_if_along<graph::LogSoftmax>(node) ||
        couple_if_along<graph::Hardmax>(node)) {
      return;
    }
    if (couple_if_reduction<graph::ReduceSum>(node, true) || couple_if_reduction<graph::ReduceL1>(node, true) ||
        couple_if_reduction<graph::ReduceL2>(node, true) || couple_if_reduction<graph::ReduceSumSquare>(node, true) ||
        couple_if_reduction<graph::ReduceMean>(node, allow_renormalization_) ||
        couple_if_reduction<graph::ReduceMax>(node, false) || couple_if_reduction<graph::ReduceMin>(node, false)) {
      return;
    }
    if (op.reads_types_only()) {  // the shape of a value, not the value
      for (const graph::Value value : node.outputs) sets_.protect(graph_, value);
      return;
    }
    keep(node, fmt::format("channel pruning does not know what {} does with channels", op.type()));
  }

  const graph::Graph& graph_;
  std::vector<int> producers_;
  bool allow_renormalization_;
  UnitSets& sets_;
  std::vector<std::vector<AxisLink>> links_;  ///< Of the moves.
  std::vector<Choice> choices_;
  std::vector<Kept> kept_;
};

}  // namespace condense::compress::detail

#endif
