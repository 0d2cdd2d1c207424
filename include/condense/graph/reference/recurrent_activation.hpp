#ifndef CONDENSE_GRAPH_REFERENCE_RECURRENT_ACTIVATION_HPP
#define CONDENSE_GRAPH_REFERENCE_RECURRENT_ACTIVATION_HPP

#include <cmath>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "condense/core/enum_names.hpp"
#include "condense/graph/reference/activation_functions.hpp"

namespace condense::graph::reference {

/// The functions that a recurrent cell can be made of.
enum class RecurrentFunction {
  relu,
  tanh,
  sigmoid,
  affine,
  leaky_relu,
  thresholded_relu,
  scaled_tanh,
  hard_sigmoid,
  elu,
  softsign,
  softplus,
};

}  // namespace condense::graph::reference

template <>
inline constexpr std::pair<condense::graph::reference::RecurrentFunction, std::string_view>
    condense::enum_names<condense::graph::reference::RecurrentFunction>[] = {
        {graph::reference::RecurrentFunction::relu, "Relu"},
        {graph::reference::RecurrentFunction::tanh, "Tanh"},
        {graph::reference::RecurrentFunction::sigmoid, "Sigmoid"},
        {graph::reference::RecurrentFunction::affine, "Affine"},
        {graph::reference::RecurrentFunction::leaky_relu, "LeakyRelu"},
        {graph::reference::RecurrentFunction::thresholded_relu, "ThresholdedRelu"},
        {graph::reference::RecurrentFunction::scaled_tanh, "ScaledTanh"},
        {graph::reference::RecurrentFunction::hard_sigmoid, "HardSigmoid"},
        {graph::reference::RecurrentFunction::elu, "Elu"},
        {graph::reference::RecurrentFunction::softsign, "Softsign"},
        {graph::reference::RecurrentFunction::softplus, "Softplus"}};

namespace condense::graph::reference {

/// A function of a recurrent cell with its parameters, applied to clipped arguments.
struct RecurrentActivation {
  RecurrentFunction function = RecurrentFunction::tanh;
  float alpha = 0;
  float beta = 0;
  std::optional<float> clip = {};  ///< Arguments are clamped to [-clip, clip].

  /// x = function(x) for `count` values.
  template <class T>
  void apply(T* x, Index count) const {
    if (clip) {
      const auto limit = static_cast<T>(*clip);
      for (Index i = 0; i < count; ++i) x[i] = std::clamp(x[i], -limit, limit);
    }
    const auto a = static_cast<T>(alpha);
    const auto b = static_cast<T>(beta);
    const auto each = [&](auto&& f) {
      for (Index i = 0; i < count; ++i) x[i] = f(x[i]);
    };
    switch (function) {
      case RecurrentFunction::relu: return each([](T v) { return v > 0 ? v : T{0}; });
      case RecurrentFunction::tanh: return each([](T v) { return std::tanh(v); });
      case RecurrentFunction::sigmoid: return each([](T v) { return sigmoid(v); });
      case RecurrentFunction::affine: return each([&](T v) { return a * v + b; });
      case RecurrentFunction::leaky_relu: return each([&](T v) { return v < 0 ? a * v : v; });
      case RecurrentFunction::thresholded_relu: return each([&](T v) { return v > a ? v : T{0}; });
      case RecurrentFunction::scaled_tanh: return each([&](T v) { return a * std::tanh(b * v); });
      case RecurrentFunction::hard_sigmoid: return each([&](T v) { return std::clamp(a * v + b, T{0}, T{1}); });
      case RecurrentFunction::elu: return each([&](T v) { return v < 0 ? a * std::expm1(v) : v; });
      case RecurrentFunction::softsign: return each([](T v) { return v / (1 + std::abs(v)); });
      case RecurrentFunction::softplus: return each([](T v) { return softplus(v); });
    }
  }
};

/// The function with ONNX's default alpha and beta.
inline RecurrentActivation with_default_parameters(RecurrentFunction function) {
  switch (function) {
    case RecurrentFunction::affine: return {function, 1, 0};
    case RecurrentFunction::leaky_relu: return {function, 0.01F, 0};
    case RecurrentFunction::thresholded_relu: return {function, 1, 0};
    case RecurrentFunction::scaled_tanh: return {function, 1, 1};
    case RecurrentFunction::hard_sigmoid: return {function, 0.2F, 0.5F};
    case RecurrentFunction::elu: return {function, 1, 0};
    default: return {function, 0, 0};
  }
}

/// The attributes that say which functions a recurrent operator is made of.
struct RecurrentActivations {
  const std::vector<std::string>& names;  ///< Those of each direction; empty for the defaults.
  const std::vector<float>& alphas;       ///< In the order of the functions that take one; then defaults.
  const std::vector<float>& betas;
  std::optional<float> clip;

  /// As many as `defaults` for each direction. Throws unless the lists fit.
  std::vector<RecurrentActivation> read(std::span<const RecurrentFunction> defaults, Index directions) const {
    const std::size_t count = defaults.size() * static_cast<std::size_t>(directions);
    require(names.empty() || names.size() == count, "its attribute activations has {} entries instead of {}",
            names.size(), count);
    require(!clip || *clip >= 0, "its attribute clip is {}, the least is 0", clip.value_or(0));
    std::vector<RecurrentActivation> result;
    std::size_t alpha = 0;
    std::size_t beta = 0;
    for (std::size_t i = 0; i < count; ++i) {
      using enum RecurrentFunction;
      const RecurrentFunction f = names.empty() ? defaults[i % defaults.size()] : value_of<RecurrentFunction>(names[i]);
      RecurrentActivation activation = with_default_parameters(f);
      const bool takes_beta = f == affine || f == scaled_tanh || f == hard_sigmoid;
      const bool takes_alpha = takes_beta || f == leaky_relu || f == thresholded_relu || f == elu;
      if (takes_alpha && alpha < alphas.size()) activation.alpha = alphas[alpha++];
      if (takes_beta && beta < betas.size()) activation.beta = betas[beta++];
      activation.clip = clip;
      result.push_back(activation);
    }
    require(alpha == alphas.size(), "its attribute activation_alpha has {} entries, its activations take {}",
            alphas.size(), alpha);
    require(beta == betas.size(), "its attribute activation_beta has {} entries, its activations take {}", betas.size(),
            beta);
    return result;
  }
};

}  // namespace condense::graph::reference

#endif
