#ifndef CONDENSE_GRAPH_OPERATORS_ACTIVATIONS_HPP
#define CONDENSE_GRAPH_OPERATORS_ACTIVATIONS_HPP

#include <cmath>
#include <numbers>

#include "condense/core/enum_names.hpp"
#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/activation_functions.hpp"
#include "condense/graph/reference/along_axis.hpp"
#include "condense/graph/reference/broadcast.hpp"
#include "condense/graph/reference/cast.hpp"

namespace condense::graph {

/// How a Gelu computes the normal distribution.
enum class GeluApproximation { none, tanh };

}  // namespace condense::graph

template <>
inline constexpr std::pair<condense::graph::GeluApproximation, std::string_view>
    condense::enum_names<condense::graph::GeluApproximation>[] = {{graph::GeluApproximation::none, "none"},
                                                                  {graph::GeluApproximation::tanh, "tanh"}};

namespace condense::graph {

/// y = max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0) (Barron, "Continuously differentiable exponential linear
/// units", 2017). ONNX Celu.
struct Celu {
  static constexpr std::string_view kType = "Celu";

  float alpha = 1.0F;

  static void attributes(auto& op, auto&& visit) { visit("alpha", op.alpha); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    require(alpha != 0, "its attribute alpha is 0, by which it divides");
    return reference::infer_unary(inputs);
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary(e, [this]<class T>(T x) {
      const auto scale = static_cast<T>(alpha);
      const T curve = scale * std::expm1(x / scale);
      return (x < 0 ? T{0} : x) + (curve > 0 ? T{0} : curve);
    });
  }

  friend bool operator==(const Celu&, const Celu&) = default;
};

/// y = x for x >= 0, otherwise alpha * (exp(x) - 1) (Clevert et al., "Fast and accurate deep network learning by
/// exponential linear units", ICLR 2016). ONNX Elu.
struct Elu {
  static constexpr std::string_view kType = "Elu";

  float alpha = 1.0F;

  static void attributes(auto& op, auto&& visit) { visit("alpha", op.alpha); }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_unary(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary(e, [this]<class T>(T x) { return x < 0 ? static_cast<T>(alpha) * std::expm1(x) : x; });
  }

  friend bool operator==(const Elu&, const Elu&) = default;
};

/// y = x * P(X <= x) for a standard normal X (Hendrycks and Gimpel, "Gaussian error linear units", 2016), or its
/// approximation x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))). ONNX Gelu.
struct Gelu {
  static constexpr std::string_view kType = "Gelu";

  GeluApproximation approximate = GeluApproximation::none;

  static void attributes(auto& op, auto&& visit) { visit("approximate", op.approximate); }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_unary(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary(e, [exact = approximate == GeluApproximation::none]<class T>(T x) {
      using std::numbers::inv_sqrtpi_v;
      using std::numbers::sqrt2_v;
      if (exact) return x / T{2} * std::erfc(-x / sqrt2_v<T>);  // without cancellation where x is far below 0
      return x / T{2} * (T{1} + std::tanh(sqrt2_v<T> * inv_sqrtpi_v<T> * (x + static_cast<T>(0.044715) * x * x * x)));
    });
  }

  friend bool operator==(const Gelu&, const Gelu&) = default;
};

/// y = min(max(alpha * x + beta, 0), 1). ONNX HardSigmoid.
struct HardSigmoid {
  static constexpr std::string_view kType = "HardSigmoid";

  float alpha = 0.2F;
  float beta = 0.5F;

  static void attributes(auto& op, auto&& visit) {
    visit("alpha", op.alpha);
    visit("beta", op.beta);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_unary(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary(e, [this]<class T>(T x) {
      const T line = static_cast<T>(alpha) * x + static_cast<T>(beta);
      return line < 0 ? T{0} : line > 1 ? T{1} : line;
    });
  }

  friend bool operator==(const HardSigmoid&, const HardSigmoid&) = default;
};

/// 1 where the largest element along one axis is first met, otherwise 0. ONNX Hardmax, opset 13 and later.
struct Hardmax {
  static constexpr std::string_view kType = "Hardmax";

  Index axis = -1;

  static void attributes(auto& op, auto&& visit) { visit("axis", op.axis); }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_along(inputs, axis); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_along(e, axis, []<class T>(const T* x, T* y, Index extent, Index stride) {
      Index best = 0;
      for (Index i = 1; i < extent; ++i) best = x[i * stride] > x[best * stride] ? i : best;
      for (Index i = 0; i < extent; ++i) y[i * stride] = i == best ? T{1} : T{0};
    });
  }

  friend bool operator==(const Hardmax&, const Hardmax&) = default;
};

/// y = x - log(sum of exp(x)) along one axis, computed from differences to the maximum so that nothing overflows. ONNX
/// LogSoftmax, opset 13 and later.
struct LogSoftmax {
  static constexpr std::string_view kType = "LogSoftmax";

  Index axis = -1;

  static void attributes(auto& op, auto&& visit) { visit("axis", op.axis); }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_along(inputs, axis); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_along(e, axis, []<class T>(const T* x, T* y, Index extent, Index stride) {
      reference::log_softmax(x, y, extent, stride);
    });
  }

  friend bool operator==(const LogSoftmax&, const LogSoftmax&) = default;
};

/// y = x * tanh(log(1 + exp(x))) (Misra, "Mish: a self regularized non-monotonic activation function", 2019). ONNX
/// Mish.
struct Mish {
  static constexpr std::string_view kType = "Mish";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_unary(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary(e, [](auto x) { return x * std::tanh(reference::softplus(x)); });
  }

  friend bool operator==(const Mish&, const Mish&) = default;
};

/// y = x for x >= 0, otherwise slope * x (He et al., "Delving deep into rectifiers", ICCV 2015). ONNX PRelu.
///
/// Inputs: x, numbers of any type; slope, of the same type, which broadcasts to the shape of x. Integers wrap.
struct PRelu {
  static constexpr std::string_view kType = "PRelu";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    const Shape shape = reference::infer_binary(inputs).front().shape;
    require(shape == inputs.shape(0),
            "its input 1, the slope, has shape {}, which does not broadcast to its input 0, {}",
            inputs.shape(1).to_string(), inputs.shape(0).to_string());
    return {inputs[0]};
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    const auto times = reference::wrapping([](auto a, auto b) { return a * b; });
    reference::evaluate_binary(e, [times]<class C>(C x, C slope) { return x < C{0} ? times(x, slope) : x; });
  }

  friend bool operator==(const PRelu&, const PRelu&) = default;
};

/// y = gamma * x for x > 0, otherwise gamma * alpha * (exp(x) - 1) (Klambauer et al., "Self-normalizing neural
/// networks", NeurIPS 2017). ONNX Selu.
struct Selu {
  static constexpr std::string_view kType = "Selu";

  float alpha = 1.67326319F;
  float gamma = 1.05070102F;

  static void attributes(auto& op, auto&& visit) {
    visit("alpha", op.alpha);
    visit("gamma", op.gamma);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_unary(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary(e, [this]<class T>(T x) {
      return static_cast<T>(gamma) * (x > 0 ? x : static_cast<T>(alpha) * std::expm1(x));
    });
  }

  friend bool operator==(const Selu&, const Selu&) = default;
};

/// y = x + bias for x < -lambd, x - bias for x > lambd, otherwise 0, for numbers of any type. ONNX Shrink.
///
/// Integers are computed as doubles, and the fraction of the result is dropped.
struct Shrink {
  static constexpr std::string_view kType = "Shrink";

  float bias = 0.0F;
  float lambd = 0.5F;

  static void attributes(auto& op, auto&& visit) {
    visit("bias", op.bias);
    visit("lambd", op.lambd);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_unary_number(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary_number(e, [this]<class C>(C x) {
      using T = std::conditional_t<std::floating_point<C>, C, double>;
      const auto value = static_cast<T>(x);
      if (value < static_cast<T>(-lambd)) return reference::cast_number<C>(value + static_cast<T>(bias));
      if (value > static_cast<T>(lambd)) return reference::cast_number<C>(value - static_cast<T>(bias));
      return C{0};
    });
  }

  friend bool operator==(const Shrink&, const Shrink&) = default;
};

/// y = log(1 + exp(x)), without overflow for any x. ONNX Softplus.
struct Softplus {
  static constexpr std::string_view kType = "Softplus";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_unary(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary(e, [](auto x) { return reference::softplus(x); });
  }

  friend bool operator==(const Softplus&, const Softplus&) = default;
};

/// y = x / (1 + |x|). ONNX Softsign.
struct Softsign {
  static constexpr std::string_view kType = "Softsign";

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_unary(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary(e, []<class T>(T x) { return x / (T{1} + std::abs(x)); });
  }

  friend bool operator==(const Softsign&, const Softsign&) = default;
};

/// y = x / (1 + exp(-alpha * x)) (Ramachandran et al., "Searching for activation functions", 2017). ONNX Swish.
struct Swish {
  static constexpr std::string_view kType = "Swish";

  float alpha = 1.0F;

  static void attributes(auto& op, auto&& visit) { visit("alpha", op.alpha); }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_unary(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary(e, [this]<class T>(T x) { return x * reference::sigmoid(static_cast<T>(alpha) * x); });
  }

  friend bool operator==(const Swish&, const Swish&) = default;
};

/// y = x for x > alpha, otherwise 0. ONNX ThresholdedRelu.
struct ThresholdedRelu {
  static constexpr std::string_view kType = "ThresholdedRelu";

  float alpha = 1.0F;

  static void attributes(auto& op, auto&& visit) { visit("alpha", op.alpha); }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return reference::infer_unary(inputs); }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_unary(e, [this]<class T>(T x) { return x <= static_cast<T>(alpha) ? T{0} : x; });
  }

  friend bool operator==(const ThresholdedRelu&, const ThresholdedRelu&) = default;
};

using Activations = OperatorList<Celu, Elu, Gelu, HardSigmoid, Hardmax, LogSoftmax, Mish, PRelu, Selu, Shrink, Softplus,
                                 Softsign, Swish, ThresholdedRelu>;

}  // namespace condense::graph

#endif
