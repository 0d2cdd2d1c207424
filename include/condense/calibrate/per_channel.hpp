#ifndef CONDENSE_CALIBRATE_PER_CHANNEL_HPP
#define CONDENSE_CALIBRATE_PER_CHANNEL_HPP

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "condense/calibrate/observer.hpp"
#include "condense/core/error.hpp"
#include "condense/core/tensor.hpp"

namespace condense::calibrate {

/// One observer for each channel along an axis. All are copies of one, so they have its settings.
///
/// Memory: that of one observer for each channel; a histogram observer's is 32 KiB unless it is given fewer bins.
template <Observer ChannelObserver>
class PerChannel {
 public:
  /// `channels` >= 1; a negative axis counts from the back of every tensor observed.
  PerChannel(Index channels, int axis, const ChannelObserver& prototype = ChannelObserver{}) : axis_(axis) {
    require(channels >= 1, "there are {} channels; calibrate one or more", channels);
    observers_.assign(static_cast<std::size_t>(channels), prototype);
  }

  /// One batch; the extent of the axis is the number of channels. Each channel sees its values as one batch, in
  /// row-major order. Throws if a value is not finite, naming its index in the tensor, and is then unchanged. Allocates
  /// one channel's values unless they are contiguous.
  void observe(TensorRef<const float> values) {
    const Shape& shape = values.shape();
    const int axis = shape.axis(axis_);
    require(shape[axis] == channels(), "axis {} of a tensor of shape {} has {} channels, the observer has {}", axis,
            shape.to_string(), shape[axis], channels());
    if (values.count() == 0) return;
    detail::finite_extent(values.values());
    const Index outer = shape.count(0, axis);
    const Index inner = shape.count(axis + 1, shape.rank());
    std::vector<float> gathered(static_cast<std::size_t>(outer > 1 ? outer * inner : 0));
    for (Index channel = 0; channel < channels(); ++channel) {
      const float* const first = values.data() + channel * inner;
      if (outer == 1) {
        observer(channel).observe({first, static_cast<std::size_t>(inner)});
        continue;
      }
      for (Index i = 0; i < outer; ++i) {
        std::copy_n(first + i * channels() * inner, inner, gathered.begin() + i * inner);
      }
      observer(channel).observe(gathered);
    }
  }

  /// One range a channel. Throws if nothing was observed.
  std::vector<quantize::Range> ranges() const {
    std::vector<quantize::Range> result;
    result.reserve(observers_.size());
    for (const ChannelObserver& observer : observers_) result.push_back(observer.range());
    return result;
  }

  /// Adds what `other` has seen, channel by channel. Throws unless it has the same channels and axis.
  void merge(const PerChannel& other)
    requires MergeableObserver<ChannelObserver>
  {
    require(channels() == other.channels() && axis_ == other.axis_,
            "an observer of {} channels along axis {} cannot be merged with one of {} along axis {}", channels(), axis_,
            other.channels(), other.axis_);
    for (std::size_t i = 0; i < observers_.size(); ++i) observers_[i].merge(other.observers_[i]);
  }

  Index channels() const noexcept { return static_cast<Index>(observers_.size()); }
  int axis() const noexcept { return axis_; }
  const ChannelObserver& operator[](Index channel) const noexcept {
    return observers_[static_cast<std::size_t>(channel)];
  }

  std::size_t bytes() const noexcept {
    std::size_t total = sizeof(*this);
    for (const ChannelObserver& observer : observers_) total += observer.bytes();
    return total;
  }

  friend bool operator==(const PerChannel&, const PerChannel&) = default;

 private:
  ChannelObserver& observer(Index channel) noexcept { return observers_[static_cast<std::size_t>(channel)]; }

  std::vector<ChannelObserver> observers_;
  int axis_;
};

}  // namespace condense::calibrate

#endif
