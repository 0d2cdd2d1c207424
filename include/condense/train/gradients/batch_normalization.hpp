#ifndef CONDENSE_TRAIN_GRADIENTS_BATCH_NORMALIZATION_HPP
#define CONDENSE_TRAIN_GRADIENTS_BATCH_NORMALIZATION_HPP

#include <Eigen/Core>

#include <cmath>

#include "condense/graph/operators/batch_normalization.hpp"
#include "condense/train/gradient.hpp"

namespace condense::train {

/// With n = (x - mean) / sqrt(variance + epsilon) and y = scale * n + bias for each channel, over its m elements:
/// dbias = sum dy, dscale = sum dy n, and
///
/// - in training mode, where mean and variance are those of the batch, dx = scale / sqrt(variance + epsilon) *
///   (dy - dbias / m - n dscale / m) (Ioffe and Szegedy 2015, section 3); the running statistics, inputs and outputs,
///   have no part in y and get zeros;
/// - in inference mode dx = scale / sqrt(variance + epsilon) * dy, dmean = -scale / sqrt(variance + epsilon) * dbias,
///   dvariance = -scale / (2 (variance + epsilon)) * dscale.
template <>
struct Gradient<graph::BatchNormalization> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::BatchNormalization& op, const Backward& b) {
    for (std::size_t i = 1; i < b.output_gradients.size(); ++i) {
      if (b.output_gradients[i] != nullptr) {
        throw Unsupported("the running statistics, its outputs 1 and 2, have no gradient; leave them out of the loss");
      }
    }
    std::vector<Tensor> gradients(5);
    for (std::size_t i = 0; i < 5; ++i) {
      if (b.wants(i)) gradients[i] = b.like_input(i);
    }
    graph::with_float_type(b.output_gradient().type(), [&]<class T>() {
      T* targets[5] = {};
      for (std::size_t i = 0; i < 5; ++i) targets[i] = b.wants(i) ? gradients[i].mutable_data<T>() : nullptr;
      parallel_for(b.pool, b.input_shape()[1], [&](Index channel) { differentiate<T>(op, b, channel, targets); });
    });
    return gradients;
  }

 private:
  /// The gradients of one channel. Its planes are read several times, but stay in a second-level cache.
  template <class T>
  static void differentiate(const graph::BatchNormalization& op, const Backward& b, Index channel,
                            T* const (&targets)[5]) {
    using Plane = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;
    const Shape& shape = b.input_shape();
    const Index images = shape[0], channels = shape[1], plane = shape.count(2, shape.rank());
    const T* x = b.input().data<T>();
    const T* dy = b.output_gradient().data<T>();
    graph::reference::ChannelMoments moments;
    if (op.training_mode) {
      moments = graph::reference::channel_moments(x, images, channels, plane, channel);
    } else {
      moments.mean = static_cast<double>(b.input(3).data<T>()[channel]);
      moments.variance = static_cast<double>(b.input(4).data<T>()[channel]);
    }
    const double deviation = std::sqrt(moments.variance + static_cast<double>(op.epsilon));
    const auto mean = static_cast<T>(moments.mean);
    double sum = 0;           // of dy
    double sum_centered = 0;  // of dy (x - mean)
    for (Index image = 0; image < images; ++image) {
      const Index first = (image * channels + channel) * plane;
      const Plane gradient(dy + first, plane);
      sum += static_cast<double>(gradient.sum());
      sum_centered += static_cast<double>((gradient * (Plane(x + first, plane) - mean)).sum());
    }
    const double factor = static_cast<double>(b.input(1).data<T>()[channel]) / deviation;
    const double scale_gradient = sum_centered / deviation;
    if (targets[1] != nullptr) targets[1][channel] = static_cast<T>(scale_gradient);
    if (targets[2] != nullptr) targets[2][channel] = static_cast<T>(sum);
    if (targets[3] != nullptr) targets[3][channel] = op.training_mode ? T{0} : static_cast<T>(-factor * sum);
    if (targets[4] != nullptr) {
      targets[4][channel] = op.training_mode ? T{0} : static_cast<T>(-factor / (2 * deviation) * scale_gradient);
    }
    if (targets[0] == nullptr) return;
    const auto count = static_cast<double>(images * plane);
    const auto slope = static_cast<T>(factor);
    const auto shift = op.training_mode ? static_cast<T>(factor * sum / count) : T{0};
    const auto tilt = op.training_mode ? static_cast<T>(factor * scale_gradient / (deviation * count)) : T{0};
    for (Index image = 0; image < images; ++image) {
      const Index first = (image * channels + channel) * plane;
      const T* from = x + first;
      const T* gradient = dy + first;
      T* to = targets[0] + first;
      for (Index i = 0; i < plane; ++i) to[i] = slope * gradient[i] - shift - tilt * (from[i] - mean);
    }
  }
};

}  // namespace condense::train

#endif
