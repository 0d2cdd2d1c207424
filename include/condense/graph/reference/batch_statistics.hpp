#ifndef CONDENSE_GRAPH_REFERENCE_BATCH_STATISTICS_HPP
#define CONDENSE_GRAPH_REFERENCE_BATCH_STATISTICS_HPP

#include <Eigen/Core>

#include "condense/core/shape.hpp"

namespace condense::graph::reference {

/// Mean and population variance of one channel over the batch and all positions.
struct ChannelMoments {
  double mean = 0;
  double variance = 0;
};

/// The moments of `channel` of x (images, channels, plane). Two passes: the deviations are taken from the mean, so that
/// a large mean does not cancel. Planes are summed in the element type, their sums in double. At least one element.
template <class T>
ChannelMoments channel_moments(const T* x, Index images, Index channels, Index plane, Index channel) {
  using Plane = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;
  const auto plane_of = [&](Index image) { return Plane(x + (image * channels + channel) * plane, plane); };
  const auto count = static_cast<double>(images * plane);
  ChannelMoments moments;
  for (Index image = 0; image < images; ++image) moments.mean += static_cast<double>(plane_of(image).sum());
  moments.mean /= count;
  for (Index image = 0; image < images; ++image) {
    moments.variance += static_cast<double>((plane_of(image) - static_cast<T>(moments.mean)).square().sum());
  }
  moments.variance /= count;
  return moments;
}

}  // namespace condense::graph::reference

#endif
