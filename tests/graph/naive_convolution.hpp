#ifndef CONDENSE_TESTS_GRAPH_NAIVE_CONVOLUTION_HPP
#define CONDENSE_TESTS_GRAPH_NAIVE_CONVOLUTION_HPP

#include <algorithm>
#include <array>

#include "condense/core/tensor.hpp"

namespace condense::graph {

/// A convolution as its definition says it, in double and without any of the library's window arithmetic.
struct NaiveConvolution {
  std::array<Index, 2> stride{1, 1};
  std::array<Index, 2> dilation{1, 1};
  std::array<Index, 4> pads{0, 0, 0, 0};  ///< top, left, bottom, right
  Index group = 1;

  template <class T>
  Tensor operator()(const Tensor& images, const Tensor& weights, const Tensor* bias) const {
    const Shape& x = images.shape();
    const Shape& w = weights.shape();
    const auto extent = [&](int axis) {
      const auto i = static_cast<std::size_t>(axis);
      return (x[axis + 2] + pads[i] + pads[i + 2] - dilation[i] * (w[axis + 2] - 1) - 1) / stride[i] + 1;
    };
    Tensor result(images.type(), Shape{x[0], w[0], extent(0), extent(1)});
    const Shape& y = result.shape();
    const auto pixels = images.view<T, 4>();
    const auto taps = weights.view<T, 4>();
    auto sums = result.mutable_view<T, 4>();
    const Index out_per_group = w[0] / group;
    for (Index n = 0; n < y[0]; ++n) {
      for (Index o = 0; o < y[1]; ++o) {
        for (Index i = 0; i < y[2]; ++i) {
          for (Index j = 0; j < y[3]; ++j) {
            double sum = bias != nullptr ? static_cast<double>(bias->data<T>()[o]) : 0.0;
            for (Index c = 0; c < w[1]; ++c) {
              for (Index a = 0; a < w[2]; ++a) {
                for (Index b = 0; b < w[3]; ++b) {
                  const Index row = i * stride[0] + a * dilation[0] - pads[0];
                  const Index column = j * stride[1] + b * dilation[1] - pads[1];
                  if (row < 0 || column < 0 || row >= x[2] || column >= x[3]) continue;
                  const Index channel = o / out_per_group * w[1] + c;
                  sum += static_cast<double>(pixels(n, channel, row, column)) * static_cast<double>(taps(o, c, a, b));
                }
              }
            }
            sums(n, o, i, j) = static_cast<T>(sum);
          }
        }
      }
    }
    return result;
  }
};

}  // namespace condense::graph

#endif
