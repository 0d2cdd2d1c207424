#ifndef CONDENSE_GRAPH_REFERENCE_NORMALIZE_HPP
#define CONDENSE_GRAPH_REFERENCE_NORMALIZE_HPP

#include <cmath>

#include "condense/graph/reference/batch_statistics.hpp"
#include "condense/graph/reference/broadcast.hpp"
#include "condense/graph/reference/halves.hpp"

namespace condense::graph::reference {

/// Rows of a tensor, one after the other, of `extent` elements each.
struct Rows {
  Index count = 0;
  Index extent = 0;

  /// Rows that make up a task which outweighs handing it over.
  Index grain() const noexcept { return std::max<Index>(1, kElementwiseGrain / std::max<Index>(1, extent)); }
};

/// y = (x - mean) / sqrt(variance + epsilon) in each row, where the variance is the population's. Calls
/// `tell(row, mean, 1 / sqrt(variance + epsilon))` for each, in any order.
template <class T, class Tell>
void standardize_rows(const Rows& rows, double epsilon, const T* x, T* y, const ThreadPool& pool, Tell&& tell) {
  if (rows.extent == 0) return;
  parallel_for(pool, rows.count, rows.grain(), [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const T* from = x + row * rows.extent;
      T* to = y + row * rows.extent;
      const ChannelMoments moments = channel_moments(from, 1, 1, rows.extent, 0);
      const double inverse = 1 / std::sqrt(moments.variance + epsilon);
      const auto shift = static_cast<T>(moments.mean);
      const auto factor = static_cast<T>(inverse);
      for (Index i = 0; i < rows.extent; ++i) to[i] = (from[i] - shift) * factor;
      tell(row, moments.mean, inverse);
    }
  });
}

/// y = function(y, operand), the operand broadcast to y.
template <class T, class Function>
void combine_with(const InputBuffer& operand, const OutputBuffer& y, const ThreadPool& pool, Function&& function) {
  const Broadcast broadcast(y.shape(), operand.shape(), y.shape());
  T* values = y.as<T>();
  const T* others = operand.as<T>();
  parallel_for(pool, y.count(), kElementwiseGrain, [&](Index begin, Index end) {
    broadcast.for_each_run(begin, end, [&](Index first, Index, Index other, Index length, Index, Index stride) {
      for (Index i = 0; i < length; ++i) values[first + i] = function(values[first + i], others[other + i * stride]);
    });
  });
}

/// Throws unless input i, if present, broadcasts to input 0.
inline void require_broadcasts_to_first(const InputTypes& inputs, std::size_t i) {
  if (!inputs.has(i)) return;
  require(broadcasts_to(inputs.shape(i), inputs.shape(0)),
          "its input {} of shape {} cannot be broadcast to its input 0 of shape {}", i, inputs.shape(i).to_string(),
          inputs.shape(0).to_string());
}

/// Throws unless input i has one element for each channel of input 0 (n, channels, ...).
inline void require_one_per_channel(const InputTypes& inputs, std::size_t i) {
  const Shape& x = inputs.shape(0);
  require(x.rank() >= 2, "its input 0 is (n x channels x ...), this one has shape {}", x.to_string());
  require(inputs.shape(i) == Shape{x[1]}, "its input {} has shape {}, the {} channels of its input 0 need ({})", i,
          inputs.shape(i).to_string(), x[1], x[1]);
}

}  // namespace condense::graph::reference

#endif
