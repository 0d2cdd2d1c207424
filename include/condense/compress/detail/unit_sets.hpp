#ifndef CONDENSE_COMPRESS_DETAIL_UNIT_SETS_HPP
#define CONDENSE_COMPRESS_DETAIL_UNIT_SETS_HPP

#include <numeric>
#include <vector>

#include "condense/graph/graph.hpp"

namespace condense::compress::detail {

/// The axis of a value.
struct ValueAxis {
  graph::Value value;
  int axis = 0;

  friend auto operator<=>(const ValueAxis&, const ValueAxis&) = default;
};

/// The units of a graph, each index of each axis of each value, in disjoint sets of those that must go together
/// (union-find; Tarjan, "Efficiency of a good but not linear set union algorithm", JACM 1975). A set may be protected:
/// it stays. The only index of an axis of extent 1 is, because a tensor without elements is no network.
class UnitSets {
 public:
  explicit UnitSets(const graph::Graph& graph) {
    int next = 0;
    for (int v = 0; v < graph.value_count(); ++v) {
      first_.push_back(static_cast<int>(axes_.size()));
      for (const Index extent : graph.type(graph::Value{v}).shape) {
        axes_.push_back({next, extent});
        next += static_cast<int>(extent);
      }
    }
    parents_.resize(static_cast<std::size_t>(next));
    std::iota(parents_.begin(), parents_.end(), 0);
    protected_.assign(parents_.size(), false);
    is_head_.assign(parents_.size(), false);
    for (const Axis& axis : axes_) {
      if (axis.extent == 1) protected_[static_cast<std::size_t>(axis.first)] = true;
    }
  }

  Index extent(const ValueAxis& a) const { return axis(a).extent; }

  /// The number of the set of a unit; equal for those that are coupled.
  int set_of(const ValueAxis& a, Index index) const { return root(axis(a).first + static_cast<int>(index)); }

  void couple(const ValueAxis& a, Index i, const ValueAxis& b, Index j) {
    const int x = set_of(a, i);
    const int y = set_of(b, j);
    if (x == y) return;
    const auto from = static_cast<std::size_t>(std::max(x, y));
    const auto to = static_cast<std::size_t>(std::min(x, y));
    parents_[from] = static_cast<int>(to);
    if (protected_[from]) protected_[to] = true;
    if (is_head_[from]) is_head_[to] = true;
  }

  /// Couples equal indices of two axes, if they have the same extent: one of 1 broadcasts and says nothing.
  void couple(const ValueAxis& a, const ValueAxis& b) {
    if (extent(a) != extent(b)) return;
    for (Index i = 0; i < extent(a); ++i) couple(a, i, b, i);
  }

  void protect(const ValueAxis& a, Index index) { protected_[static_cast<std::size_t>(set_of(a, index))] = true; }
  void protect(const ValueAxis& a) {
    for (Index i = 0; i < extent(a); ++i) protect(a, i);
  }
  void protect(const graph::Graph& graph, graph::Value value) {
    if (!value.exists()) return;
    for (int axis = 0; axis < graph.type(value).shape.rank(); ++axis) protect(ValueAxis{value, axis});
  }

  bool is_protected(const ValueAxis& a, Index index) const {
    return protected_[static_cast<std::size_t>(set_of(a, index))];
  }
  bool is_protected(const ValueAxis& a) const {
    for (Index i = 0; i < extent(a); ++i) {
      if (!is_protected(a, i)) return false;
    }
    return true;
  }

  /// Marks the indices of an axis as heads of attention, which are removed as a whole.
  void mark_heads(const ValueAxis& a) {
    for (Index i = 0; i < extent(a); ++i) is_head_[static_cast<std::size_t>(set_of(a, i))] = true;
  }
  bool has_heads(const ValueAxis& a) const {
    for (Index i = 0; i < extent(a); ++i) {
      if (is_head_[static_cast<std::size_t>(set_of(a, i))]) return true;
    }
    return false;
  }

 private:
  struct Axis {
    int first = 0;  ///< Number of its unit 0.
    Index extent = 0;
  };

  const Axis& axis(const ValueAxis& a) const {
    return axes_[static_cast<std::size_t>(first_[static_cast<std::size_t>(a.value.index)] + a.axis)];
  }

  int root(int unit) const {
    while (parents_[static_cast<std::size_t>(unit)] != unit) {
      int& parent = parents_[static_cast<std::size_t>(unit)];
      parent = parents_[static_cast<std::size_t>(parent)];
      unit = parent;
    }
    return unit;
  }

  std::vector<int> first_;  ///< Of each value, in axes_.
  std::vector<Axis> axes_;
  mutable std::vector<int> parents_;
  std::vector<bool> protected_;
  std::vector<bool> is_head_;
};

}  // namespace condense::compress::detail

#endif
