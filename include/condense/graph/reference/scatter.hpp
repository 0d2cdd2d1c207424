#ifndef CONDENSE_GRAPH_REFERENCE_SCATTER_HPP
#define CONDENSE_GRAPH_REFERENCE_SCATTER_HPP

#include <cstring>

#include "condense/core/enum_names.hpp"
#include "condense/graph/reference/computation.hpp"
#include "condense/graph/reference/integers.hpp"

namespace condense::graph {

/// How an update meets the element that it goes to.
enum class ScatterReduction { none, add, mul, max, min };

}  // namespace condense::graph

template <>
inline constexpr std::pair<condense::graph::ScatterReduction, std::string_view>
    condense::enum_names<condense::graph::ScatterReduction>[] = {{graph::ScatterReduction::none, "none"},
                                                                 {graph::ScatterReduction::add, "add"},
                                                                 {graph::ScatterReduction::mul, "mul"},
                                                                 {graph::ScatterReduction::max, "max"},
                                                                 {graph::ScatterReduction::min, "min"}};

namespace condense::graph::reference {

/// y[targets[i] + k] becomes updates[i * run + k], or what the reduction makes of the two, for every i in ascending
/// order and every k < run. Elements are of an unpacked type; integers wrap, booleans add as `or` and multiply as
/// `and`, and of a NaN and a number NaN is both the maximum and the minimum.
inline void scatter(ScatterReduction reduction, DataType type, std::span<const Index> targets, Index run,
                    const std::byte* updates, std::byte* y) {
  if (reduction == ScatterReduction::none) {
    for (std::size_t i = 0; i < targets.size(); ++i) {
      std::memcpy(y + bytes(type, targets[i]), updates + i * bytes(type, run), bytes(type, run));
    }
    return;
  }
  with_element_type(type, [&]<class T>() {
    const auto combine = [&](auto function) {
      const T* from = reinterpret_cast<const T*>(updates);
      for (const Index target : targets) {
        T* to = reinterpret_cast<T*>(y) + target;
        for (Index k = 0; k < run; ++k) {
          to[k] = static_cast<T>(function(static_cast<Computation<T>>(to[k]), static_cast<Computation<T>>(*from++)));
        }
      }
    };
    switch (reduction) {
      case ScatterReduction::add: return combine(wrapping([](auto a, auto b) { return a + b; }));
      case ScatterReduction::mul: return combine(wrapping([](auto a, auto b) { return a * b; }));
      case ScatterReduction::max: return combine([](auto a, auto b) { return a >= b || a != a ? a : b; });
      default: return combine([](auto a, auto b) { return a <= b || a != a ? a : b; });
    }
  });
}

}  // namespace condense::graph::reference

#endif
