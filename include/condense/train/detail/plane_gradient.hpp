#ifndef CONDENSE_TRAIN_DETAIL_PLANE_GRADIENT_HPP
#define CONDENSE_TRAIN_DETAIL_PLANE_GRADIENT_HPP

#include <Eigen/Core>

#include <algorithm>
#include <vector>

#include "condense/graph/window.hpp"

namespace condense::train::detail {

/// Gradients of the convolution of single planes with a planar window, as depthwise convolution needs them for each
/// channel.
///
/// Planes are split into one piece for each phase of the stride, all with the row length of the results plus the reach
/// of the kernel, and the results' gradient is laid out with the same row length and zeros between. Then the gradient
/// of a weight is one long dot product, and the gradient of a piece a sum of shifted vectors, without a bounds check.
template <class T>
class PlaneGradient {
 public:
  explicit PlaneGradient(const graph::Window& window) : window_(window) {
    const graph::WindowAxis& height = window.height;
    const graph::WindowAxis& width = window.width;
    pitch_ = width.output + (width.kernel - 1) * width.dilation / width.stride;
    rows_ = height.output + (height.kernel - 1) * height.dilation / height.stride;
    taps_of_.resize(static_cast<std::size_t>(height.stride * width.stride));
    for (Index y = 0; y < height.kernel; ++y) {
      for (Index x = 0; x < width.kernel; ++x) {
        const Index row = y * height.dilation;
        const Index column = x * width.dilation;
        const Index phase = row % height.stride * width.stride + column % width.stride;
        const Index offset = row / height.stride * pitch_ + column / width.stride;
        taps_of_[static_cast<std::size_t>(phase)].push_back({y * width.kernel + x, offset});
        margin_ = std::max(margin_, offset);
      }
    }
    const Index used = window.positions() == 0 ? 0 : (height.output - 1) * pitch_ + width.output;
    length_ = (used + kVector - 1) / kVector * kVector;
    piece_.assign(static_cast<std::size_t>(rows_ * pitch_ + kVector), T{0});
    result_gradient_.assign(static_cast<std::size_t>(margin_ + rows_ * pitch_ + kVector), T{0});
  }

  /// The gradient (height.output, width.output) of one result plane, which the other functions work on.
  void load(const T* result_gradient) {
    const Index width = window_.width.output;
    for (Index row = 0; row < window_.height.output; ++row) {
      copy_row(result_gradient + row * width, width, result_gradient_.data() + margin_ + row * pitch_);
    }
  }

  /// gradient (taps) += the gradient of the filter that made the result from `plane`.
  void add_filter_gradient(const T* plane, T* gradient) {
    const Vector result(result_gradient_.data() + margin_, length_);
    for_each_phase([&](Index vertical, Index horizontal, const std::vector<Tap>& taps) {
      for_each_row(vertical, horizontal, plane, [this](Index row, Index begin, Index end, const T* source) {
        T* target = piece_.data() + row * pitch_;
        const Index stride = window_.width.stride;
        for (Index j = 0; j < begin; ++j) target[j] = T{0};
        if (stride == 1) {
          copy_row(source, end - begin, target + begin);
        } else {
          for (Index j = begin; j < end; ++j, source += stride) target[j] = *source;
        }
        for (Index j = end; j < pitch_; ++j) target[j] = T{0};
      });
      for (const Tap& tap : taps) gradient[tap.index] += Vector(piece_.data() + tap.offset, length_).dot(result);
    });
  }

  /// gradient (height.input, width.input) += the gradient of the plane that `filter` made the result from.
  void add_plane_gradient(const T* filter, T* gradient) {
    for_each_phase([&](Index vertical, Index horizontal, const std::vector<Tap>& taps) {
      if (taps.empty()) return;  // with such a stride the kernel misses these pixels
      sum_shifted(filter, taps);
      for_each_row(vertical, horizontal, gradient, [this](Index row, Index begin, Index end, T* target) {
        const T* source = piece_.data() + row * pitch_;
        const Index stride = window_.width.stride;
        if (stride == 1) {
          MutableVector(target, end - begin) += Vector(source + begin, end - begin);
        } else {
          for (Index j = begin; j < end; ++j, target += stride) *target += source[j];
        }
      });
    });
  }

 private:
  struct Tap {
    Index index = 0;   ///< In the filter.
    Index offset = 0;  ///< In its piece.
  };

  using Vector = Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, 1>>;
  using MutableVector = Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, 1>>;

  /// Elements that the longest vector registers hold at least. Sums run over a multiple of it, the surplus being zeros:
  /// the planes of late layers are so small that a remainder would cost as much as the rest.
  static constexpr Index kVector = 16;

  /// Rows are short: a call of memmove costs more than the copy.
  static void copy_row(const T* source, Index count, T* target) {
    MutableVector(target, count) = Vector(source, count);
  }

  template <class Body>
  void for_each_phase(Body&& body) {
    for (Index vertical = 0; vertical < window_.height.stride; ++vertical) {
      for (Index horizontal = 0; horizontal < window_.width.stride; ++horizontal) {
        body(vertical, horizontal, taps_of_[static_cast<std::size_t>(vertical * window_.width.stride + horizontal)]);
      }
    }
  }

  /// Calls `body(row, begin, end, pixel)` for every row of a piece: its entries [begin, end) are the pixels from
  /// `pixel` on, a stride apart, and the others are padding.
  template <class Pixel, class Body>
  void for_each_row(Index vertical, Index horizontal, Pixel* plane, Body&& body) const {
    const graph::WindowAxis& height = window_.height;
    const graph::WindowAxis& width = window_.width;
    const Index offset = horizontal - width.pad_begin;
    const Index begin = std::min(offset >= 0 ? 0 : (-offset + width.stride - 1) / width.stride, pitch_);
    const Index inside = offset >= width.input ? 0 : (width.input - 1 - offset) / width.stride + 1;
    const Index end = std::clamp(inside, begin, pitch_);
    for (Index row = 0; row < rows_; ++row) {
      const Index y = row * height.stride + vertical - height.pad_begin;
      if (y < 0 || y >= height.input || begin == end) {
        body(row, 0, 0, plane);
      } else {
        body(row, begin, end, plane + y * width.input + offset + begin * width.stride);
      }
    }
  }

  /// piece[i] = sum over the taps of weight * result_gradient[i - offset].
  void sum_shifted(const T* filter, const std::vector<Tap>& taps) {
    Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>> sum(piece_.data(), rows_ * pitch_);
    const auto term = [&](std::size_t t) {
      return filter[taps[t].index] * Vector(result_gradient_.data() + margin_ - taps[t].offset, rows_ * pitch_).array();
    };
    std::size_t t = 0;
    if (taps.size() >= 9) {
      sum = term(0) + term(1) + term(2) + term(3) + term(4) + term(5) + term(6) + term(7) + term(8);
      t = 9;
    } else if (taps.size() >= 4) {
      sum = term(0) + term(1) + term(2) + term(3);
      t = 4;
    } else {
      sum = term(0);
      t = 1;
    }
    for (; t + 4 <= taps.size(); t += 4) sum += term(t) + term(t + 1) + term(t + 2) + term(t + 3);
    for (; t < taps.size(); ++t) sum += term(t);
  }

  graph::Window window_;
  Index pitch_ = 0;
  Index rows_ = 0;
  Index length_ = 0;  ///< Of a result with the gaps between its rows, rounded up.
  Index margin_ = 0;  ///< Zeros before the result's gradient, as many as the largest offset.
  std::vector<std::vector<Tap>> taps_of_;
  std::vector<T> piece_;
  std::vector<T> result_gradient_;
};

}  // namespace condense::train::detail

#endif
