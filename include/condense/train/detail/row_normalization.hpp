#ifndef CONDENSE_TRAIN_DETAIL_ROW_NORMALIZATION_HPP
#define CONDENSE_TRAIN_DETAIL_ROW_NORMALIZATION_HPP

#include <cmath>

#include "condense/graph/reference/normalize.hpp"
#include "condense/train/detail/backward.hpp"
#include "condense/train/detail/reduce.hpp"

namespace condense::train::detail {

/// y = scale * n + bias, where n = (x - mean) / sqrt(variance + epsilon) with the moments of each row, or, if rows are
/// not centred, n = x / sqrt(mean of x^2 + epsilon). Inputs are x, scale and optionally bias.
///
/// With g = dy * scale and means over a row, dx = (g - mean(g) - n mean(g n)) / sqrt(variance + epsilon), without
/// mean(g) if rows are not centred; dscale = the sum of dy n and dbias = the sum of dy over what each stands for (Ba,
/// Kiros, Hinton, "Layer normalization", 2016; Zhang and Sennrich 2019, section 4).
struct RowNormalization {
  graph::reference::Rows rows;
  Shape shape;             ///< Of x, as scale and bias broadcast to it.
  Shape scale_shape = {};  ///< Of both, if not their own.
  bool has_own_shapes = true;
  bool is_centred = true;
  double epsilon = 0;

  /// Rows of `groups` groups of the channels of each image (n, channels, ...).
  static RowNormalization of_channels(const Shape& x, Index groups, float epsilon) {
    const Index plane = x.count(2, x.rank());
    return {.rows = {x[0] * groups, groups == 0 ? 0 : x[1] / groups * plane},
            .shape = {x[0], x[1], plane},
            .scale_shape = {x[1], 1},
            .has_own_shapes = false,
            .epsilon = static_cast<double>(epsilon)};
  }

  /// Rows of all elements along the axes from `axis` on.
  static RowNormalization of_axes(const Shape& x, Index axis, float epsilon, bool is_centred) {
    const int first = x.axis(axis);
    return {.rows = {x.count(0, first), x.count(first, x.rank())},
            .shape = x,
            .is_centred = is_centred,
            .epsilon = static_cast<double>(epsilon)};
  }

  std::vector<Tensor> differentiate(const Backward& b) const {
    std::vector<Tensor> gradients(b.inputs.size());
    graph::with_float_type(b.output_gradient().type(), [&]<class T>() {
      const Tensor dy = b.output_gradient().reshaped(shape);
      std::vector<double> inverse(static_cast<std::size_t>(rows.count));
      Tensor normalized = normalize<T>(b, inverse);
      if (b.wants(0)) gradients[0] = input_gradient<T>(b, dy, normalized, inverse);
      if (b.wants(1)) {
        T* terms = normalized.mutable_data<T>();
        for (Index i = 0; i < dy.count(); ++i) terms[i] *= dy.data<T>()[i];
        gradients[1] = sum_to_shape(normalized, parameter_shape(b, 1), b.memory).reshaped(b.input_shape(1));
      }
      if (b.wants(2)) {
        gradients[2] = sum_to_shape(dy, parameter_shape(b, 2), b.memory).reshaped(b.input_shape(2));
      }
    });
    return gradients;
  }

 private:
  template <class T>
  using Row = Eigen::Array<T, Eigen::Dynamic, 1>;

  Shape parameter_shape(const Backward& b, std::size_t i) const {
    return has_own_shapes ? b.input_shape(i) : scale_shape;
  }

  /// n, and the factor of each row.
  template <class T>
  Tensor normalize(const Backward& b, std::vector<double>& inverse) const {
    Tensor normalized = b.memory.make(data_type_of<T>, shape);
    const T* x = b.input().data<T>();
    T* n = normalized.mutable_data<T>();
    if (is_centred) {
      graph::reference::standardize_rows(rows, epsilon, x, n, b.pool, [&](Index row, double, double factor) {
        inverse[static_cast<std::size_t>(row)] = factor;
      });
      return normalized;
    }
    parallel_for(b.pool, rows.count, rows.grain(), [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const Eigen::Map<const Row<T>> from(x + row * rows.extent, rows.extent);
        const double mean = static_cast<double>(from.square().sum()) / static_cast<double>(rows.extent);
        const double factor = 1 / std::sqrt(mean + epsilon);
        inverse[static_cast<std::size_t>(row)] = factor;
        Eigen::Map<Row<T>>(n + row * rows.extent, rows.extent) = from * static_cast<T>(factor);
      }
    });
    return normalized;
  }

  template <class T>
  Tensor input_gradient(const Backward& b, const Tensor& dy, const Tensor& normalized,
                        const std::vector<double>& inverse) const {
    Tensor gradient = b.memory.make(data_type_of<T>, shape);
    T* dx = gradient.mutable_data<T>();
    std::copy_n(dy.data<T>(), dy.count(), dx);
    const graph::InputBuffer scale{{data_type_of<T>, parameter_shape(b, 1)}, b.input(1).raw()};
    graph::reference::combine_with<T>(scale, {{data_type_of<T>, shape}, gradient.mutable_raw()}, b.pool,
                                      [](T g, T s) { return g * s; });
    const T* n = normalized.data<T>();
    const auto extent = static_cast<double>(rows.extent);
    parallel_for(b.pool, rows.count, rows.grain(), [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const Eigen::Map<const Row<T>> from(n + row * rows.extent, rows.extent);
        Eigen::Map<Row<T>> g(dx + row * rows.extent, rows.extent);
        const double mean = is_centred ? static_cast<double>(g.sum()) / extent : 0;
        const double tilt = static_cast<double>((g * from).sum()) / extent;
        const auto factor = static_cast<T>(inverse[static_cast<std::size_t>(row)]);
        g = factor * (g - static_cast<T>(mean) - from * static_cast<T>(tilt));
      }
    });
    return gradient.reshaped(b.input_shape());
  }
};

}  // namespace condense::train::detail

#endif
