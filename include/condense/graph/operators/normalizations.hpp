#ifndef CONDENSE_GRAPH_OPERATORS_NORMALIZATIONS_HPP
#define CONDENSE_GRAPH_OPERATORS_NORMALIZATIONS_HPP

#include "condense/graph/operator_list.hpp"
#include "condense/graph/operators/dropout.hpp"
#include "condense/graph/operators/response_normalizations.hpp"
#include "condense/graph/reference/normalize.hpp"

namespace condense::graph {

namespace detail {

/// y = standardised x, in groups of consecutive channels of each image, times the scale (input 1) and plus the bias
/// (input 2) of each channel.
inline void normalize_channel_groups(const Evaluation& e, Index groups, float epsilon) {
  reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
    const Shape& shape = floats.input().shape();
    const Index channels = shape[1];
    const Index plane = shape.count(2, shape.rank());
    T* y = floats.output().template as<T>();
    reference::standardize_rows({shape[0] * groups, channels / groups * plane}, static_cast<double>(epsilon),
                                floats.input().template as<T>(), y, floats.pool, [](Index, double, double) {});
    const T* scale = floats.input(1).template as<T>();
    const T* bias = floats.input(2).template as<T>();
    parallel_for(floats.pool, shape[0] * channels, [&](Index i) {
      const Index c = i % channels;
      for (Index k = i * plane; k < (i + 1) * plane; ++k) y[k] = y[k] * scale[c] + bias[c];
    });
  });
}

inline void require_epsilon(float epsilon) {
  require(epsilon >= 0, "its attribute epsilon is {}, the least is 0", epsilon);
}

}  // namespace detail

/// y = (x - mean) / sqrt(variance + epsilon) * scale + bias, with the moments of every channel of every image. ONNX
/// InstanceNormalization (Ulyanov, Vedaldi, Lempitsky, "Instance normalization", 2016).
///
/// Inputs: x (n, channels, ...), floats; scale and bias, each (channels). Halves are computed in float.
struct InstanceNormalization {
  static constexpr std::string_view kType = "InstanceNormalization";

  float epsilon = 1e-5F;

  static void attributes(auto& op, auto&& visit) { visit("epsilon", op.epsilon); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(3, 3);
    reference::require_any_float(inputs, 0);
    for (const std::size_t i : {1U, 2U}) {
      inputs.require_same_type(i);
      reference::require_one_per_channel(inputs, i);
    }
    detail::require_epsilon(epsilon);
    return {inputs[0]};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Index channels = e.input().shape()[1];
    if (channels > 0) detail::normalize_channel_groups(e, channels, epsilon);
  }

  friend bool operator==(const InstanceNormalization&, const InstanceNormalization&) = default;
};

/// y = (x - mean) / sqrt(variance + epsilon) * scale + bias, with the moments of `num_groups` groups of consecutive
/// channels of every image. ONNX GroupNormalization, opset 21 (Wu and He, "Group normalization", ECCV 2018).
///
/// Inputs: x (n, channels, ...), floats; scale and bias, each (channels). It is computed in float, or double for
/// float64.
struct GroupNormalization {
  static constexpr std::string_view kType = "GroupNormalization";

  Index num_groups = 1;
  float epsilon = 1e-5F;
  DataType stash_type = DataType::float32;  ///< Least precision asked for; no more is done for it.

  static void attributes(auto& op, auto&& visit) {
    visit("num_groups", op.num_groups);
    visit("epsilon", op.epsilon);
    visit("stash_type", op.stash_type);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(3, 3);
    reference::require_any_float(inputs, 0);
    for (const std::size_t i : {1U, 2U}) {
      inputs.require_same_type(i);
      reference::require_one_per_channel(inputs, i);
    }
    const Index channels = inputs.shape(0)[1];
    require(num_groups >= 1 && channels % num_groups == 0,
            "its attribute num_groups is {}, which does not divide the {} channels of its input 0", num_groups,
            channels);
    detail::require_epsilon(epsilon);
    return {inputs[0]};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    detail::normalize_channel_groups(e, num_groups, epsilon);
  }

  friend bool operator==(const GroupNormalization&, const GroupNormalization&) = default;
};

/// y = (x - mean) / sqrt(variance + epsilon) * scale + bias, with the moments over the axes from `axis` on. ONNX
/// LayerNormalization (Ba, Kiros, Hinton, "Layer normalization", 2016).
///
/// Inputs: x, floats; scale; optional bias, both broadcast to x. It is computed in float, or double for float64. Two
/// more outputs hold the mean and 1 / sqrt(variance + epsilon), of type `stash_type` and with extents of 1 from `axis`
/// on.
struct LayerNormalization {
  static constexpr std::string_view kType = "LayerNormalization";

  Index axis = -1;
  float epsilon = 1e-5F;
  DataType stash_type = DataType::float32;
  OutputCount outputs = {};  ///< 1 to 3.

  static void attributes(auto& op, auto&& visit) {
    visit("axis", op.axis);
    visit("epsilon", op.epsilon);
    visit("stash_type", op.stash_type);
    visit("outputs", op.outputs);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 3);
    reference::require_any_float(inputs, 0);
    for (const std::size_t i : {1U, 2U}) {
      inputs.require_same_type(i);
      reference::require_broadcasts_to_first(inputs, i);
    }
    detail::require_epsilon(epsilon);
    require(is_float(stash_type), "its attribute stash_type is a float type, not {}", name(stash_type));
    require(outputs.count >= 1 && outputs.count <= 3, "it has 1 to 3 outputs, not {}", outputs.count);
    Shape moments = inputs.shape(0);
    for (int i = moments.axis(axis); i < moments.rank(); ++i) moments = moments.with(i, 1);
    std::vector<TensorType> types(static_cast<std::size_t>(outputs.count), {stash_type, moments});
    types[0] = inputs[0];
    return types;
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const int first = shape.axis(axis);
    const reference::Rows rows{shape.count(0, first), shape.count(first, shape.rank())};
    reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
      const auto store = [&](std::size_t output, Index row, double value) {
        if (floats.outputs.size() <= output) return;
        const OutputBuffer& target = floats.output(output);
        if (target.type.type == DataType::float64) {
          target.as<double>()[row] = value;
        } else {
          target.as<float>()[row] = static_cast<float>(value);
        }
      };
      const OutputBuffer& y = floats.output();
      reference::standardize_rows(rows, static_cast<double>(epsilon), floats.input().template as<T>(),
                                  y.template as<T>(), floats.pool, [&](Index row, double mean, double inverse) {
                                    store(1, row, mean);
                                    store(2, row, inverse);
                                  });
      reference::combine_with<T>(floats.input(1), y, floats.pool, [](T a, T b) { return a * b; });
      if (!floats.has(2)) return;
      reference::combine_with<T>(floats.input(2), y, floats.pool, [](T a, T b) { return a + b; });
    });
  }

  friend bool operator==(const LayerNormalization&, const LayerNormalization&) = default;
};

/// y = x / sqrt(mean of x^2 + epsilon) * scale, with the mean over the axes from `axis` on. ONNX RMSNormalization,
/// opset 23 (Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019).
///
/// Inputs: x, floats; scale, floats that are float64 exactly if x is, broadcast to x; the result has its type. It is
/// computed in float, or double for float64.
struct RMSNormalization {
  static constexpr std::string_view kType = "RMSNormalization";

  Index axis = -1;
  float epsilon = 1e-5F;
  DataType stash_type = DataType::float32;  ///< Least precision asked for; no more is done for it.

  static void attributes(auto& op, auto&& visit) {
    visit("axis", op.axis);
    visit("epsilon", op.epsilon);
    visit("stash_type", op.stash_type);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    reference::require_any_float(inputs, 0);
    reference::require_same_precision(inputs, 1);
    reference::require_broadcasts_to_first(inputs, 1);
    static_cast<void>(inputs.shape(0).axis(axis));
    detail::require_epsilon(epsilon);
    return {{inputs.type(1), inputs.shape(0)}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const int first = shape.axis(axis);
    const reference::Rows rows{shape.count(0, first), shape.count(first, shape.rank())};
    reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
      using Row = Eigen::Array<T, Eigen::Dynamic, 1>;
      parallel_for(floats.pool, rows.count, rows.grain(), [&](Index begin, Index end) {
        for (Index row = begin; row < end; ++row) {
          const Eigen::Map<const Row> x(floats.input().template as<T>() + row * rows.extent, rows.extent);
          Eigen::Map<Row> y(floats.output().template as<T>() + row * rows.extent, rows.extent);
          const double mean = static_cast<double>(x.square().sum()) / static_cast<double>(rows.extent);
          y = x * static_cast<T>(1 / std::sqrt(mean + static_cast<double>(epsilon)));
        }
      });
      reference::combine_with<T>(floats.input(1), floats.output(), floats.pool, [](T a, T b) { return a * b; });
    });
  }

  friend bool operator==(const RMSNormalization&, const RMSNormalization&) = default;
};

using Normalizations = OperatorList<Dropout, GroupNormalization, InstanceNormalization, LayerNormalization, Lrn,
                                    LpNormalization, MeanVarianceNormalization, RMSNormalization>;

}  // namespace condense::graph

#endif
