#ifndef CONDENSE_PRUNE_CHANNEL_SCORES_HPP
#define CONDENSE_PRUNE_CHANNEL_SCORES_HPP

#include <vector>

#include "condense/prune/scores.hpp"

namespace condense::prune {

namespace detail {

/// A tensor (outer, channels, inner), where a channel is an index along an axis.
struct ChannelExtents {
  Index outer = 1;
  Index channels = 1;
  Index inner = 1;

  ChannelExtents(const Shape& shape, int axis)
      : outer(shape.count(0, shape.axis(axis))),
        channels(shape[shape.axis(axis)]),
        inner(shape.count(shape.axis(axis) + 1, shape.rank())) {}

  /// Calls `body(element)` for every element of a channel.
  template <class Body>
  void for_each(Index channel, Body&& body) const {
    for (Index o = 0; o < outer; ++o) {
      const Index first = (o * channels + channel) * inner;
      for (Index i = 0; i < inner; ++i) body(first + i);
    }
  }
};

/// finish(sum over a channel's elements of term(element)) for every channel.
template <class Term, class Finish>
Tensor channel_sums(const Shape& shape, int axis, Term&& term, Finish&& finish) {
  const ChannelExtents extents(shape, axis);
  Tensor scores(DataType::float32, {extents.channels});
  for (Index channel = 0; channel < extents.channels; ++channel) {
    double sum = 0;
    extents.for_each(channel, [&](Index element) { sum += term(element); });
    scores.mutable_data<float>()[channel] = static_cast<float>(finish(sum));
  }
  return scores;
}

}  // namespace detail

/// Sum of |w| over each index along an axis (Li et al., "Pruning filters for efficient convnets", ICLR 2017, section
/// 3.1).
inline Tensor channel_l1_scores(TensorRef<const float> weights, int axis = 0) {
  detail::require_finite(weights, "weights");
  return detail::channel_sums(
      weights.shape(), axis, [&](Index i) { return std::abs(static_cast<double>(weights.data()[i])); },
      [](double sum) { return sum; });
}

/// Euclidean norm of each index along an axis.
inline Tensor channel_l2_scores(TensorRef<const float> weights, int axis = 0) {
  detail::require_finite(weights, "weights");
  const auto square = [&](Index i) {
    const double w = weights.data()[i];
    return w * w;
  };
  return detail::channel_sums(weights.shape(), axis, square, [](double sum) { return std::sqrt(sum); });
}

/// Sum of the Euclidean distances of each channel to all others: one near the geometric median of all can be replaced
/// by the rest (He et al., "Filter pruning via geometric median for deep neural networks acceleration" (FPGM), CVPR
/// 2019, section 3.3). Cost: channels * elements.
inline Tensor channel_geometric_median_scores(TensorRef<const float> weights, int axis = 0) {
  detail::require_finite(weights, "weights");
  const detail::ChannelExtents extents(weights.shape(), axis);
  std::vector<double> sums(static_cast<std::size_t>(extents.channels), 0.0);
  for (Index a = 0; a < extents.channels; ++a) {
    for (Index b = a + 1; b < extents.channels; ++b) {
      double squares = 0;
      extents.for_each(a, [&](Index i) {
        const double difference =
            static_cast<double>(weights.data()[i]) - static_cast<double>(weights.data()[i + (b - a) * extents.inner]);
        squares += difference * difference;
      });
      sums[static_cast<std::size_t>(a)] += std::sqrt(squares);
      sums[static_cast<std::size_t>(b)] += std::sqrt(squares);
    }
  }
  Tensor scores(DataType::float32, {extents.channels});
  std::ranges::transform(sums, scores.mutable_data<float>(), [](double sum) { return static_cast<float>(sum); });
  return scores;
}

/// How the elements of a channel make up its Taylor score (Molchanov et al. 2019, section 3.1).
enum class TaylorSum {
  of_squares,  ///< Sum of (g w)^2: the elements are taken to be independent.
  squared,     ///< (Sum of g w)^2: all of them go at once, as a gate on the channel would have it.
};

/// First-order Taylor scores of each index along an axis. Average over batches.
inline Tensor channel_taylor_scores(TensorRef<const float> weights, TensorRef<const float> gradient, int axis = 0,
                                    TaylorSum sum = TaylorSum::of_squares) {
  detail::require_gradient(weights, gradient);
  const auto change = [&](Index i) {
    return static_cast<double>(weights.data()[i]) * static_cast<double>(gradient.data()[i]);
  };
  const auto same = [](double x) { return x; };
  const auto square = [](double x) { return x * x; };
  if (sum == TaylorSum::squared) return detail::channel_sums(weights.shape(), axis, change, square);
  return detail::channel_sums(
      weights.shape(), axis, [&](Index i) { return square(change(i)); }, same);
}

/// |scale| of a batch normalisation (Liu et al., "Learning efficient convolutional networks through network slimming",
/// ICCV 2017, section 3).
inline Tensor batch_norm_scores(TensorRef<const float> scale) {
  require(scale.shape().rank() == 1, "the scale of a batch normalisation is (channels), this one has shape {}",
          scale.shape().to_string());
  return magnitude_scores(scale);
}

}  // namespace condense::prune

#endif
