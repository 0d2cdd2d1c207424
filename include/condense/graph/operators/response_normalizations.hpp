#ifndef CONDENSE_GRAPH_OPERATORS_RESPONSE_NORMALIZATIONS_HPP
#define CONDENSE_GRAPH_OPERATORS_RESPONSE_NORMALIZATIONS_HPP

#include <cmath>

#include "condense/graph/reference/along_axis.hpp"
#include "condense/graph/reference/broadcast.hpp"
#include "condense/graph/reference/halves.hpp"

namespace condense::graph {

/// y[c] = x[c] / (bias + alpha / size * sum of x^2 over `size` channels around c)^beta: from floor((size - 1) / 2)
/// channels before it to ceil((size - 1) / 2) after it, as far as they exist. ONNX LRN (Krizhevsky, Sutskever, Hinton,
/// "ImageNet classification with deep convolutional neural networks", NeurIPS 2012, section 3.3).
///
/// Takes x (n, channels, ...), floats; halves are computed in float.
struct Lrn {
  static constexpr std::string_view kType = "LRN";

  float alpha = 1e-4F;
  float beta = 0.75F;
  float bias = 1;
  Index size = 1;  ///< >= 1.

  static void attributes(auto& op, auto&& visit) {
    visit("alpha", op.alpha);
    visit("beta", op.beta);
    visit("bias", op.bias);
    visit("size", op.size);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    reference::require_any_float(inputs, 0);
    require(inputs.shape(0).rank() >= 2, "its input 0 is (n x channels x ...), this one has shape {}",
            inputs.shape(0).to_string());
    require(size >= 1, "its attribute size is {}, the least is 1", size);
    return {inputs[0]};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const Index channels = shape[1];
    const Index plane = shape.count(2, shape.rank());
    reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
      using Plane = Eigen::Array<T, Eigen::Dynamic, 1>;
      const T* x = floats.input().template as<T>();
      parallel_for(floats.pool, shape[0] * channels, [&](Index i) {
        const Index c = i % channels;
        const Index first = c - std::min(c, (size - 1) / 2);
        const Index last = c + std::min(channels - 1 - c, size / 2);
        Eigen::Map<Plane> y(floats.output().template as<T>() + i * plane, plane);
        y.setZero();
        for (Index k = first; k <= last; ++k) {
          y += Eigen::Map<const Plane>(x + (i - c + k) * plane, plane).square();
        }
        const T factor = static_cast<T>(alpha) / static_cast<T>(size);
        for (Index k = 0; k < plane; ++k) {
          y[k] = x[i * plane + k] / std::pow(static_cast<T>(bias) + factor * y[k], static_cast<T>(beta));
        }
      });
    });
  }

  friend bool operator==(const Lrn&, const Lrn&) = default;
};

/// y = x / (sum of |x|^p)^(1/p) of each vector along an axis; a vector of zeros stays. ONNX LpNormalization.
struct LpNormalization {
  static constexpr std::string_view kType = "LpNormalization";

  Index axis = -1;
  Index p = 2;  ///< 1 or 2.

  static void attributes(auto& op, auto&& visit) {
    visit("axis", op.axis);
    visit("p", op.p);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    require(p == 1 || p == 2, "its attribute p is 1 or 2, not {}", p);
    return reference::infer_along(inputs, axis);
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_along(e, axis, [this]<class T>(const T* x, T* y, Index extent, Index stride) {
      T sum = 0;
      for (Index i = 0; i < extent; ++i) sum += p == 1 ? std::abs(x[i * stride]) : x[i * stride] * x[i * stride];
      const T norm = p == 1 ? sum : std::sqrt(sum);
      for (Index i = 0; i < extent; ++i) y[i * stride] = norm == 0 ? T{0} : x[i * stride] / norm;
    });
  }

  friend bool operator==(const LpNormalization&, const LpNormalization&) = default;
};

/// y = (x - mean) / (standard deviation + 1e-9), with the population's moments over `axes`. ONNX
/// MeanVarianceNormalization.
struct MeanVarianceNormalization {
  static constexpr std::string_view kType = "MeanVarianceNormalization";

  std::vector<Index> axes = {0, 2, 3};  ///< Negative ones count from the back.

  static void attributes(auto& op, auto&& visit) { visit("axes", op.axes); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, 1);
    reference::require_any_float(inputs, 0);
    static_cast<void>(groups(inputs.shape(0)));
    return {inputs[0]};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const Shape kept = groups(shape);
    if (shape.count() == 0) return;
    const reference::Broadcast layout(shape, kept, shape);
    const auto count = static_cast<double>(shape.count() / kept.count());
    reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
      const T* x = floats.input().template as<T>();
      T* y = floats.output().template as<T>();
      const auto for_each = [&](auto&& body) {
        layout.for_each_run(0, shape.count(), [&](Index first, Index, Index group, Index length, Index, Index stride) {
          for (Index i = 0; i < length; ++i) body(first + i, static_cast<std::size_t>(group + i * stride));
        });
      };
      std::vector<double> mean(static_cast<std::size_t>(kept.count()));
      std::vector<double> deviation(mean.size());
      for_each([&](Index i, std::size_t group) { mean[group] += static_cast<double>(x[i]); });
      for (double& sum : mean) sum /= count;
      for_each([&](Index i, std::size_t group) {
        const double difference = static_cast<double>(x[i]) - mean[group];
        deviation[group] += difference * difference;
      });
      for (double& sum : deviation) sum = std::sqrt(sum / count) + 1e-9;
      for_each([&](Index i, std::size_t group) {
        y[i] = static_cast<T>((static_cast<double>(x[i]) - mean[group]) / deviation[group]);
      });
    });
  }

  friend bool operator==(const MeanVarianceNormalization&, const MeanVarianceNormalization&) = default;

 private:
  /// The shape with an extent of 1 along the axes that are reduced.
  Shape groups(const Shape& shape) const {
    Shape kept = shape;
    for (const Index axis : axes) kept = kept.with(shape.axis(axis), 1);
    return kept;
  }
};

}  // namespace condense::graph

#endif
