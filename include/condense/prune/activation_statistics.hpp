#ifndef CONDENSE_PRUNE_ACTIVATION_STATISTICS_HPP
#define CONDENSE_PRUNE_ACTIVATION_STATISTICS_HPP

#include <vector>

#include "condense/prune/channel_scores.hpp"

namespace condense::prune {

/// What activations do in every channel, from any number of batches in bounded memory. Sums are of double: merged
/// statistics are those of both streams up to its rounding, and the counts exactly.
class ActivationStatistics {
 public:
  explicit ActivationStatistics(Index channels) {
    require(channels >= 1, "activations have 1 channel or more, not {}", channels);
    const auto count = static_cast<std::size_t>(channels);
    magnitudes_.assign(count, 0.0);
    squares_.assign(count, 0.0);
    zeros_.assign(count, 0);
  }

  Index channels() const noexcept { return static_cast<Index>(magnitudes_.size()); }

  /// Adds activations (n, channels, ...), or with the channels along another axis. Throws, and changes nothing, if one
  /// is not finite.
  void observe(TensorRef<const float> activations, int axis = 1) {
    const detail::ChannelExtents extents(activations.shape(), axis);
    require(extents.channels == channels(), "activations of shape {} have {} channels along axis {}, not {}",
            activations.shape().to_string(), extents.channels, axis, channels());
    detail::require_finite(activations, "activations");
    for (Index channel = 0; channel < extents.channels; ++channel) {
      const auto c = static_cast<std::size_t>(channel);
      extents.for_each(channel, [&](Index i) {
        const double x = activations.data()[i];
        magnitudes_[c] += std::abs(x);
        squares_[c] += x * x;
        zeros_[c] += x == 0 ? 1 : 0;
      });
    }
    seen_ += extents.outer * extents.inner;
  }

  void merge(const ActivationStatistics& other) {
    require(other.channels() == channels(), "statistics of {} and {} channels cannot be merged", channels(),
            other.channels());
    for (std::size_t c = 0; c < magnitudes_.size(); ++c) {
      magnitudes_[c] += other.magnitudes_[c];
      squares_[c] += other.squares_[c];
      zeros_[c] += other.zeros_[c];
    }
    seen_ += other.seen_;
  }

  /// Mean of |x| of every channel: its mean activation, as activations that are pruned by are those of a Relu
  /// (Molchanov et al., "Pruning convolutional neural networks for resource efficient inference", ICLR 2017, section
  /// 2.2).
  Tensor mean_magnitudes() const { return shares(magnitudes_); }

  /// One minus the average percentage of zeros (APoZ; Hu et al., "Network trimming: a data-driven neuron pruning
  /// approach towards efficient deep architectures", 2016, equation 1): the share of activations that are not zero.
  Tensor nonzero_shares() const {
    std::vector<double> nonzeros;
    for (const Index zeros : zeros_) nonzeros.push_back(static_cast<double>(seen_ - zeros));
    return shares(nonzeros);
  }

  /// Euclidean norm of every channel over all samples: the norms of `wanda_scores`.
  Tensor norms() const {
    Tensor result(DataType::float32, {channels()});
    std::ranges::transform(squares_, result.mutable_data<float>(),
                           [](double sum) { return static_cast<float>(std::sqrt(sum)); });
    return result;
  }

 private:
  Tensor shares(const std::vector<double>& sums) const {
    require(seen_ > 0, "nothing was observed (0 values), so channels have no score; show some batches first");
    Tensor result(DataType::float32, {channels()});
    std::ranges::transform(sums, result.mutable_data<float>(),
                           [&](double sum) { return static_cast<float>(sum / static_cast<double>(seen_)); });
    return result;
  }

  std::vector<double> magnitudes_;
  std::vector<double> squares_;
  std::vector<Index> zeros_;
  Index seen_ = 0;  ///< Values in each channel.
};

}  // namespace condense::prune

#endif
