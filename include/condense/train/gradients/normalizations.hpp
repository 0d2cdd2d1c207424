#ifndef CONDENSE_TRAIN_GRADIENTS_NORMALIZATIONS_HPP
#define CONDENSE_TRAIN_GRADIENTS_NORMALIZATIONS_HPP

#include <cmath>

#include "condense/graph/operators/normalizations.hpp"
#include "condense/graph/reference/along_axis.hpp"
#include "condense/train/detail/row_normalization.hpp"

namespace condense::train {

/// That of `detail::RowNormalization` with a row for each channel of each image.
template <>
struct Gradient<graph::InstanceNormalization> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::InstanceNormalization& op, const Backward& b) {
    return detail::RowNormalization::of_channels(b.input_shape(), b.input_shape()[1], op.epsilon).differentiate(b);
  }
};

/// That of `detail::RowNormalization` with a row for each group of channels of each image.
template <>
struct Gradient<graph::GroupNormalization> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::GroupNormalization& op, const Backward& b) {
    return detail::RowNormalization::of_channels(b.input_shape(), op.num_groups, op.epsilon).differentiate(b);
  }
};

/// That of `detail::RowNormalization` with the axes from `axis` on as rows. The moments, outputs 1 and 2, have no
/// gradient.
template <>
struct Gradient<graph::LayerNormalization> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::LayerNormalization& op, const Backward& b) {
    detail::refuse_output(b, 1, "the mean");
    detail::refuse_output(b, 2, "the inverse deviation");
    return detail::RowNormalization::of_axes(b.input_shape(), op.axis, op.epsilon, true).differentiate(b);
  }
};

/// That of `detail::RowNormalization` with the axes from `axis` on as rows, which are not centred.
template <>
struct Gradient<graph::RMSNormalization> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::RMSNormalization& op, const Backward& b) {
    return detail::RowNormalization::of_axes(b.input_shape(), op.axis, op.epsilon, false).differentiate(b);
  }
};

/// With s = bias + alpha / size * (sum of x^2 over the window) and y = x s^-beta: dx[c] = dy[c] s[c]^-beta
/// - 2 alpha beta / size * x[c] * (sum of dy x s^(-beta - 1) over the channels whose window has c).
template <>
struct Gradient<graph::Lrn> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Lrn& op, const Backward& b) {
    Tensor gradient = b.like_input();
    graph::with_float_type(gradient.type(), [&]<class T>() {
      using Plane = Eigen::Array<T, Eigen::Dynamic, 1>;
      const Shape& shape = b.input_shape();
      const Index channels = shape[1];
      const Index plane = shape.count(2, shape.rank());
      const Index before = (op.size - 1) / 2;
      const Index after = op.size / 2;
      const T factor = static_cast<T>(op.alpha) / static_cast<T>(op.size);
      const auto beta = static_cast<T>(op.beta);
      const T* all_x = b.input().data<T>();
      const T* all_dy = b.output_gradient().data<T>();
      T* all_dx = gradient.mutable_data<T>();
      parallel_for(b.pool, shape[0], [&](Index image) {
        const auto at = [&](const T* all, Index c) {
          return Eigen::Map<const Plane>(all + (image * channels + c) * plane, plane);
        };
        std::vector<Plane> sums;    // s
        std::vector<Plane> shares;  // dy x s^(-beta - 1)
        for (Index c = 0; c < channels; ++c) {
          Plane sum = Plane::Zero(plane);
          const Index last = c + std::min(channels - 1 - c, after);
          for (Index k = c - std::min(c, before); k <= last; ++k) sum += at(all_x, k).square();
          sums.push_back(static_cast<T>(op.bias) + factor * sum);
          shares.push_back(at(all_dy, c) * at(all_x, c) * sums.back().pow(-beta - T{1}));
        }
        for (Index c = 0; c < channels; ++c) {
          Plane sum = Plane::Zero(plane);
          const Index last = c + std::min(channels - 1 - c, before);
          for (Index k = c - std::min(c, after); k <= last; ++k) sum += shares[static_cast<std::size_t>(k)];
          Eigen::Map<Plane>(all_dx + (image * channels + c) * plane, plane) =
              at(all_dy, c) * sums[static_cast<std::size_t>(c)].pow(-beta) - T{2} * factor * beta * at(all_x, c) * sum;
        }
      });
    });
    return {gradient};
  }
};

/// With the norm n of a vector: dx = (dy - y (sum of dy y)) / n for p = 2, and (dy - sign(x) (sum of dy y)) / n for
/// p = 1; 0 for a vector of zeros.
template <>
struct Gradient<graph::LpNormalization> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::LpNormalization& op, const Backward& b) {
    Tensor gradient = b.like_input();
    graph::with_float_type(gradient.type(), [&]<class T>() {
      const T* x = b.input().data<T>();
      const T* dy = b.output_gradient().data<T>();
      T* dx = gradient.mutable_data<T>();
      graph::reference::for_each_vector(b.input_shape(), op.axis, b.pool, [&](Index first, Index extent, Index stride) {
        const Index last = first + extent * stride;
        T sum = 0;
        T product = 0;
        for (Index k = first; k < last; k += stride) {
          sum += op.p == 1 ? std::abs(x[k]) : x[k] * x[k];
          product += dy[k] * x[k];
        }
        const T norm = op.p == 1 ? sum : std::sqrt(sum);
        for (Index k = first; k < last; k += stride) {
          const T slope = op.p == 2 ? x[k] / norm : x[k] > 0 ? T{1} : x[k] < 0 ? T{-1} : T{0};
          dx[k] = norm == 0 ? T{0} : (dy[k] - slope * (product / norm)) / norm;
        }
      });
    });
    return {gradient};
  }
};

/// With the deviation s of the elements that share a mean, d = s + 1e-9 and y = (x - mean) / d: dx = (dy - mean of dy)
/// / d - y (mean of dy y) / s.
template <>
struct Gradient<graph::MeanVarianceNormalization> {
  static constexpr Reads kReads = Reads::everything;

  static std::vector<Tensor> backward(const graph::MeanVarianceNormalization& op, const Backward& b) {
    const Shape& shape = b.input_shape();
    Shape kept = shape;
    for (const Index axis : op.axes) kept = kept.with(shape.axis(axis), 1);
    Tensor gradient = b.like_input();
    if (shape.count() == 0) return {gradient};
    const graph::reference::Broadcast layout(shape, kept, shape);
    const auto count = static_cast<double>(shape.count() / kept.count());
    graph::with_float_type(gradient.type(), [&]<class T>() {
      const T* x = b.input().data<T>();
      const T* y = b.output().data<T>();
      const T* dy = b.output_gradient().data<T>();
      T* dx = gradient.mutable_data<T>();
      const auto for_each = [&](auto&& body) {
        layout.for_each_run(0, shape.count(), [&](Index first, Index, Index group, Index length, Index, Index stride) {
          for (Index i = 0; i < length; ++i) body(first + i, static_cast<std::size_t>(group + i * stride));
        });
      };
      struct Means {
        double x = 0, squared_deviation = 0, dy = 0, dy_y = 0;
      };
      std::vector<Means> means(static_cast<std::size_t>(kept.count()));
      for_each([&](Index i, std::size_t group) {
        means[group].x += static_cast<double>(x[i]) / count;
        means[group].dy += static_cast<double>(dy[i]) / count;
        means[group].dy_y += static_cast<double>(dy[i]) * static_cast<double>(y[i]) / count;
      });
      for_each([&](Index i, std::size_t group) {
        const double difference = static_cast<double>(x[i]) - means[group].x;
        means[group].squared_deviation += difference * difference / count;
      });
      for_each([&](Index i, std::size_t group) {
        const Means& mean = means[group];
        const double deviation = std::sqrt(mean.squared_deviation);
        const double tilt = deviation == 0 ? 0 : static_cast<double>(y[i]) * mean.dy_y / deviation;
        dx[i] = static_cast<T>((static_cast<double>(dy[i]) - mean.dy) / (deviation + 1e-9) - tilt);
      });
    });
    return {gradient};
  }
};

}  // namespace condense::train

#endif
