#ifndef CONDENSE_PRUNE_KEEP_HPP
#define CONDENSE_PRUNE_KEEP_HPP

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "condense/prune/mask.hpp"
#include "condense/prune/schedule.hpp"

namespace condense::prune {

// Masks that keep what has the highest scores: always exactly as many as are asked for, of equal scores those of the
// lowest index, whatever the platform. A score that is NaN is refused by its index; infinite ones are in order.

/// How many of `count` things a sparsity keeps: all but sparsity * count of them, rounded to the nearest number, halves
/// away from zero. `sparsity` is in [0, 1).
inline Index kept_count(Index count, double sparsity) {
  return count - static_cast<Index>(std::llround(checked_sparsity(sparsity) * static_cast<double>(count)));
}

namespace detail {

inline void require_scores(std::span<const float> scores) {
  const auto found = std::ranges::find_if(scores, [](float score) { return std::isnan(score); });
  require(found == scores.end(), "score {} of {} is not a number", found - scores.begin(), scores.size());
}

/// Which scores are kept by a threshold: those above it, and the first `ties` that are equal to it.
struct Threshold {
  float score = 0;
  Index ties = 0;

  bool keeps(float other) noexcept { return other > score || (other == score && ties-- > 0); }
};

/// The threshold that keeps `kept` of the scores, 0 <= kept <= scores.size(); it changes their order. Linear time.
inline Threshold threshold(std::span<float> scores, Index kept) {
  if (kept == 0) return {std::numeric_limits<float>::infinity(), 0};
  const auto last = scores.begin() + (kept - 1);
  std::ranges::nth_element(scores, last, std::greater<>{});
  const float score = *last;
  return {score, kept - std::count_if(scores.begin(), last, [score](float other) { return other > score; })};
}

}  // namespace detail

/// The indices of the `kept` highest scores, ascending: the channels to keep, for instance.
inline std::vector<Index> highest(std::span<const float> scores, Index kept) {
  const auto count = static_cast<Index>(scores.size());
  require(kept >= 0 && kept <= count, "{} of {} scores cannot be kept", kept, count);
  detail::require_scores(scores);
  std::vector<float> order(scores.begin(), scores.end());
  detail::Threshold threshold = detail::threshold(order, kept);
  std::vector<Index> result;
  for (Index i = 0; i < count; ++i) {
    if (threshold.keeps(scores[static_cast<std::size_t>(i)])) result.push_back(i);
  }
  return result;
}

/// Keeps the highest scores of several tensors by one threshold over all of them; of equal ones those of the first
/// tensors.
inline std::vector<Mask> keep_highest_of_all(std::span<const Tensor> scores, double sparsity) {
  std::vector<float> all;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const std::span<const float> values = scores[i].values<float>();
    const auto found = std::ranges::find_if(values, [](float score) { return std::isnan(score); });
    require(found == values.end(), "score {} of tensor {} is not a number", found - values.begin(), i);
    all.insert(all.end(), values.begin(), values.end());
  }
  detail::Threshold threshold = detail::threshold(all, kept_count(static_cast<Index>(all.size()), sparsity));
  std::vector<Mask> masks;
  for (const Tensor& tensor : scores) {
    Mask& mask = masks.emplace_back(tensor.shape());
    for (Index i = 0; i < mask.count(); ++i) mask.set(i, threshold.keeps(tensor.data<float>()[i]));
  }
  return masks;
}

/// Keeps the highest scores of a tensor.
inline Mask keep_highest(TensorRef<const float> scores, double sparsity) {
  Mask mask(scores.shape(), false);
  for (const Index i : highest(scores.values(), kept_count(scores.count(), sparsity))) mask.set(i, true);
  return mask;
}

/// Keeps the highest scores of each row (first axis) by itself: every row gets the same sparsity.
inline Mask keep_highest_of_rows(TensorRef<const float> scores, double sparsity) {
  const Shape& shape = scores.shape();
  require(shape.rank() >= 1, "scores of rank 0 have no rows");
  detail::require_scores(scores.values());
  const Index length = shape.count(1, shape.rank());
  const Index kept = kept_count(length, sparsity);
  Mask mask(shape, false);
  for (Index row = 0; row < shape[0]; ++row) {
    const auto of_row =
        scores.values().subspan(static_cast<std::size_t>(row * length), static_cast<std::size_t>(length));
    for (const Index i : highest(of_row, kept)) mask.set(row * length + i, true);
  }
  return mask;
}

/// Keeps the n highest scores of every m consecutive ones along an axis, counted from the axis's start: N:M sparsity
/// (Mishra et al., "Accelerating sparse deep neural networks", 2021, for 2:4). A rest of fewer than m keeps n of them,
/// or all if there are no more than n, as if it were filled up with zeros.
inline Mask keep_n_of_m(TensorRef<const float> scores, Index n, Index m, int axis = -1) {
  require(n >= 1 && n <= m, "n of m consecutive elements are kept with 1 <= n <= m, not {} of {}", n, m);
  const Shape& shape = scores.shape();
  detail::require_scores(scores.values());
  const int along = shape.axis(axis);
  const Index outer = shape.count(0, along);
  const Index extent = shape[along];
  const Index inner = shape.count(along + 1, shape.rank());
  Mask mask(shape, false);
  std::vector<float> group;
  for (Index o = 0; o < outer; ++o) {
    for (Index i = 0; i < inner; ++i) {
      for (Index first = 0; first < extent; first += m) {
        group.clear();
        for (Index k = first; k < std::min(first + m, extent); ++k) {
          group.push_back(scores.data()[(o * extent + k) * inner + i]);
        }
        const Index kept = std::min(n, static_cast<Index>(group.size()));
        for (const Index k : highest(group, kept)) mask.set((o * extent + first + k) * inner + i, true);
      }
    }
  }
  return mask;
}

/// Keeps or drops whole blocks of a given shape, of the tensor's rank and counted from its origin, by the mean score of
/// their elements; those at the far borders may be smaller. The sparsity is that of the blocks.
inline Mask keep_blocks(TensorRef<const float> scores, const Shape& block, double sparsity) {
  const Shape& shape = scores.shape();
  require(block.rank() == shape.rank(), "a block of shape {} has another rank than the scores {}", block.to_string(),
          shape.to_string());
  detail::require_scores(scores.values());
  std::vector<Index> extents;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    require(block[axis] >= 1, "a block has 1 element or more along each axis, not {}", block.to_string());
    extents.push_back((shape[axis] + block[axis] - 1) / block[axis]);
  }
  const Shape blocks{std::span<const Index>(extents)};
  std::vector<Index> block_of(static_cast<std::size_t>(shape.count()));
  for (Index element = 0; element < shape.count(); ++element) {
    Index index = 0;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const Index position = element / shape.count(axis + 1, shape.rank()) % shape[axis];
      index = index * blocks[axis] + position / block[axis];
    }
    block_of[static_cast<std::size_t>(element)] = index;
  }
  std::vector<double> sums(static_cast<std::size_t>(blocks.count()), 0.0);
  std::vector<Index> sizes(sums.size(), 0);
  for (std::size_t i = 0; i < block_of.size(); ++i) {
    sums[static_cast<std::size_t>(block_of[i])] += static_cast<double>(scores.data()[i]);
    ++sizes[static_cast<std::size_t>(block_of[i])];
  }
  std::vector<float> means;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    means.push_back(static_cast<float>(sums[i] / static_cast<double>(sizes[i])));
  }
  std::vector<bool> keeps(sums.size(), false);
  for (const Index i : highest(means, kept_count(blocks.count(), sparsity))) keeps[static_cast<std::size_t>(i)] = true;
  Mask mask(shape, false);
  for (std::size_t i = 0; i < block_of.size(); ++i) {
    mask.set(static_cast<Index>(i), keeps[static_cast<std::size_t>(block_of[i])]);
  }
  return mask;
}

/// Keeps the given indices along an axis and nothing else.
inline Mask keep_channels(const Shape& shape, int axis, std::span<const Index> kept) {
  const int along = shape.axis(axis);
  const Index inner = shape.count(along + 1, shape.rank());
  Mask mask(shape, false);
  for (const Index channel : kept) {
    require(channel >= 0 && channel < shape[along], "channel {} does not exist along axis {} of {}", channel, along,
            shape.to_string());
    for (Index o = 0; o < shape.count(0, along); ++o) {
      for (Index i = 0; i < inner; ++i) mask.set((o * shape[along] + channel) * inner + i, true);
    }
  }
  return mask;
}

}  // namespace condense::prune

#endif
