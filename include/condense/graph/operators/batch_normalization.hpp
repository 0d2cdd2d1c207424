#ifndef CONDENSE_GRAPH_OPERATORS_BATCH_NORMALIZATION_HPP
#define CONDENSE_GRAPH_OPERATORS_BATCH_NORMALIZATION_HPP

#include <cmath>

#include "condense/graph/operator.hpp"
#include "condense/graph/reference/batch_statistics.hpp"
#include "condense/graph/reference/halves.hpp"
#include "condense/graph/reference/normalize.hpp"

namespace condense::graph {

/// y = (x - mean) / sqrt(variance + epsilon) * scale + bias for each channel. ONNX BatchNormalization, opset 15
/// (Ioffe and Szegedy, "Batch normalization", ICML 2015).
///
/// Inputs: x (n, channels, ...); scale, bias, mean, variance, each (channels). Floats; where x is float16 or bfloat16
/// the others may be float32, and it is computed in float. In training mode the mean and the population variance are
/// those of the batch, and two more outputs hold the running statistics, input * momentum + batch * (1 - momentum).
struct BatchNormalization {
  static constexpr std::string_view kType = "BatchNormalization";

  float epsilon = 1e-5F;
  float momentum = 0.9F;
  bool training_mode = false;

  static void attributes(auto& op, auto&& visit) {
    visit("epsilon", op.epsilon);
    visit("momentum", op.momentum);
    visit("training_mode", op.training_mode);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(5, 5);
    reference::require_any_float(inputs, 0);
    for (std::size_t i = 1; i < 5; ++i) {
      reference::require_same_precision(inputs, i);
      reference::require_one_per_channel(inputs, i);
    }
    require(epsilon >= 0, "its attribute epsilon is {}, the least is 0", epsilon);
    if (!training_mode) return {inputs[0]};
    const Shape& x = inputs.shape(0);
    require(x.count() > 0 || x[1] == 0, "its input 0 of shape {} has no elements to take statistics of", x.to_string());
    return {inputs[0], inputs[3], inputs[4]};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) { normalize<T>(floats); });
  }

  friend bool operator==(const BatchNormalization&, const BatchNormalization&) = default;

 private:
  template <class T>
  void normalize(const Evaluation& e) const {
    const Shape& shape = e.input().shape();
    const Index images = shape[0];
    const Index channels = shape[1];
    const Index plane = shape.count(2, shape.rank());
    const T* x = e.input().as<T>();
    T* y = e.output().as<T>();
    parallel_for(e.pool, channels, [&](Index c) {
      auto mean = static_cast<double>(e.input(3).as<T>()[c]);
      auto variance = static_cast<double>(e.input(4).as<T>()[c]);
      if (training_mode) {
        const reference::ChannelMoments batch = reference::channel_moments(x, images, channels, plane, c);
        const auto kept = static_cast<double>(momentum);
        e.output(1).as<T>()[c] = static_cast<T>(mean * kept + batch.mean * (1 - kept));
        e.output(2).as<T>()[c] = static_cast<T>(variance * kept + batch.variance * (1 - kept));
        mean = batch.mean;
        variance = batch.variance;
      }
      const double scale =
          static_cast<double>(e.input(1).as<T>()[c]) / std::sqrt(variance + static_cast<double>(epsilon));
      const auto factor = static_cast<T>(scale);
      const auto shift = static_cast<T>(mean);
      const T bias = e.input(2).as<T>()[c];
      for (Index image = 0; image < images; ++image) {
        const Index first = (image * channels + c) * plane;
        for (Index i = first; i < first + plane; ++i) y[i] = (x[i] - shift) * factor + bias;
      }
    });
  }
};

}  // namespace condense::graph

#endif
