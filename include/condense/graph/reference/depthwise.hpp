#ifndef CONDENSE_GRAPH_REFERENCE_DEPTHWISE_HPP
#define CONDENSE_GRAPH_REFERENCE_DEPTHWISE_HPP

#include <Eigen/Core>

#include <algorithm>
#include <vector>

#include "condense/graph/window.hpp"

namespace condense::graph::reference {

/// Convolves single planes with a planar window, as depthwise convolution does for each channel.
///
/// The plane is copied with its padding into one contiguous piece for each phase of the stride (pixels whose row and
/// column agree modulo the stride). Within a piece consecutive positions read consecutive pixels whatever stride and
/// dilation are, so the sum over the taps is a sum of shifted vectors without a bounds check.
template <class T>
class PlaneConvolution {
 public:
  explicit PlaneConvolution(const Window& window) : window_(window) {
    const WindowAxis& height = window.height;
    const WindowAxis& width = window.width;
    phase_rows_reach_ = (height.kernel - 1) * height.dilation / height.stride;
    phase_width_ = width.output + (width.kernel - 1) * width.dilation / width.stride;
    block_rows_ = std::clamp<Index>(
        kBlockPixels / std::max<Index>(1, phase_width_ * height.stride * width.stride) - phase_rows_reach_, 1,
        std::max<Index>(1, height.output));
    phase_size_ = (block_rows_ + phase_rows_reach_) * phase_width_;
    phases_.resize(static_cast<std::size_t>(height.stride * width.stride * phase_size_));
    sums_.resize(static_cast<std::size_t>(block_rows_ * phase_width_));
    for (Index y = 0; y < height.kernel; ++y) {
      for (Index x = 0; x < width.kernel; ++x) {
        const Index row = y * height.dilation;
        const Index column = x * width.dilation;
        const Index phase = row % height.stride * width.stride + column % width.stride;
        taps_.push_back(phases_.data() + phase * phase_size_ + row / height.stride * phase_width_ +
                        column / width.stride);
      }
    }
  }

  PlaneConvolution(const PlaneConvolution&) = delete;
  PlaneConvolution& operator=(const PlaneConvolution&) = delete;

  /// For each of the `filters` (filters x taps) one result plane (filters x positions): bias + sum of the taps. `bias`
  /// may be null.
  void operator()(const T* plane, const T* filters, const T* bias, Index filter_count, T* results) {
    const Index width = window_.width.output;
    for (Index first = 0; first < window_.height.output; first += block_rows_) {
      const Index rows = std::min(block_rows_, window_.height.output - first);
      load(plane, first, rows);
      for (Index f = 0; f < filter_count; ++f) {
        const T start = bias != nullptr ? bias[f] : T{0};
        const T* weights = filters + f * window_.taps();
        T* result = results + f * window_.positions() + first * width;
        if (phase_width_ == width) {
          sum_taps(weights, start, 0, rows * width, result);
        } else if (width >= kWideRow) {
          for (Index row = 0; row < rows; ++row)
            sum_taps(weights, start, row * phase_width_, width, result + row * width);
        } else {  // short rows are cheaper in one run that also computes what lies between them
          sum_taps(weights, start, 0, (rows - 1) * phase_width_ + width, sums_.data());
          for (Index row = 0; row < rows; ++row) {
            std::copy_n(sums_.data() + row * phase_width_, width, result + row * width);
          }
        }
      }
    }
  }

 private:
  static constexpr Index kBlockPixels = 4096;  // 16 KiB of float32: half of a usual first-level cache
  static constexpr Index kWideRow = 24;

  using Vector = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;

  /// Fills the pieces with the pixels that the output rows [first, first + rows) see.
  void load(const T* plane, Index first, Index rows) {
    const WindowAxis& height = window_.height;
    const WindowAxis& width = window_.width;
    for (Index vertical = 0; vertical < height.stride; ++vertical) {
      for (Index row = 0; row < rows + phase_rows_reach_; ++row) {
        const Index source_row = (first + row) * height.stride + vertical - height.pad_begin;
        for (Index horizontal = 0; horizontal < width.stride; ++horizontal) {
          T* target = phases_.data() + (vertical * width.stride + horizontal) * phase_size_ + row * phase_width_;
          if (source_row < 0 || source_row >= height.input) {
            std::fill_n(target, phase_width_, T{0});
          } else {
            load_row(plane + source_row * width.input, horizontal - width.pad_begin, target);
          }
        }
      }
    }
  }

  /// target[j] = source[offset + j * stride], 0 outside the row.
  void load_row(const T* source, Index offset, T* target) const {
    const Index stride = window_.width.stride;
    const Index begin = std::min(offset >= 0 ? 0 : (-offset + stride - 1) / stride, phase_width_);
    const Index inside = offset >= window_.width.input ? 0 : (window_.width.input - 1 - offset) / stride + 1;
    const Index end = std::clamp(inside, begin, phase_width_);
    std::fill(target, target + begin, T{0});
    source += offset + begin * stride;
    if (stride == 1) {
      std::copy_n(source, end - begin, target + begin);
    } else if (stride == 2) {
      for (Index j = begin; j < end; ++j) target[j] = source[2 * (j - begin)];
    } else {
      for (Index j = begin; j < end; ++j) target[j] = source[stride * (j - begin)];
    }
    std::fill(target + end, target + phase_width_, T{0});
  }

  /// result[i] = start + sum over the taps of weight * piece[offset + i], nine taps to one pass over the result.
  void sum_taps(const T* weights, T start, Index offset, Index count, T* result) const {
    Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>> sum(result, count);
    const auto term = [&](std::size_t tap) { return weights[tap] * Vector(taps_[tap] + offset, count); };
    const std::size_t taps = taps_.size();
    std::size_t t = 0;
    if (taps >= 9) {
      sum = start + term(0) + term(1) + term(2) + term(3) + term(4) + term(5) + term(6) + term(7) + term(8);
      t = 9;
    } else if (taps >= 3) {
      sum = start + term(0) + term(1) + term(2);
      t = 3;
    } else {
      sum.setConstant(start);
    }
    for (; t + 8 <= taps; t += 8) {
      sum += term(t) + term(t + 1) + term(t + 2) + term(t + 3) + term(t + 4) + term(t + 5) + term(t + 6) + term(t + 7);
    }
    for (; t < taps; ++t) sum += term(t);
  }

  Window window_;
  Index phase_rows_reach_ = 0;
  Index phase_width_ = 0;
  Index block_rows_ = 1;
  Index phase_size_ = 0;
  std::vector<T> phases_;  ///< (vertical phase, horizontal phase, block rows + reach, phase width).
  std::vector<T> sums_;
  std::vector<const T*> taps_;  ///< Where each tap of the first position is.
};

}  // namespace condense::graph::reference

#endif
