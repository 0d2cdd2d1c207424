#ifndef CONDENSE_TRAIN_OPTIMIZER_HPP
#define CONDENSE_TRAIN_OPTIMIZER_HPP

#include <Eigen/Core>
#include <cmath>
#include <concepts>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "condense/core/parallel.hpp"
#include "condense/core/tensor.hpp"

namespace condense::train {

/// What an update depends on beside the gradient.
struct UpdateContext {
  double learning_rate = 0;
  Index step = 1;      ///< Number of this update, from 1.
  bool decays = true;  ///< Whether weight decay applies to this parameter.
};

/// A rule of optimisation: a value with its settings as public fields. It keeps nothing: what it remembers of a
/// parameter is `kSlots` tensors of the parameter's shape, zeros at first, which the caller owns. So the state of a
/// training run is plain data.
///
/// `update` works on each element by itself: on entry i of `slots` at the same place, and on nothing else.
template <class T>
concept OptimizerType =
    requires {
      { T::kSlots } -> std::convertible_to<int>;  // first: it keeps `Optimizer` itself out of the questions below
    } && std::copy_constructible<T> &&
    requires(const T& rule, std::span<float> weights, std::span<const float> gradient,
             std::span<const std::span<float>> slots, const UpdateContext& context) {
      { rule.validate() } -> std::same_as<void>;
      { rule.update(weights, gradient, slots, context) } -> std::same_as<void>;
    };

namespace detail {

/// As Eigen's expressions, which use the vectors of the baseline whatever the compiler's settings are.
template <class T>
auto array(std::span<T> values) {
  using Array = Eigen::Array<std::remove_const_t<T>, Eigen::Dynamic, 1>;
  using Elements = std::conditional_t<std::is_const_v<T>, const Array, Array>;
  return Eigen::Map<Elements>(values.data(), static_cast<Eigen::Index>(values.size()));
}

}  // namespace detail

/// Stochastic gradient descent with momentum: g = gradient + weight_decay * w, v = momentum * v + g, and w -= rate * v,
/// or rate * (g + momentum * v) after Nesterov (Sutskever et al., "On the importance of initialization and momentum in
/// deep learning", ICML 2013, in the form that adds the gradient undamped).
struct Sgd {
  static constexpr int kSlots = 1;

  double momentum = 0.9;
  double weight_decay = 0;
  bool nesterov = false;

  void validate() const {
    require(momentum >= 0 && momentum < 1, "momentum is in [0, 1), not {}", momentum);
    require(weight_decay >= 0, "weight decay is 0 or more, not {}", weight_decay);
    require(!nesterov || momentum > 0, "Nesterov's rule needs momentum above 0, it is {}", momentum);
  }

  void update(std::span<float> weights, std::span<const float> gradient, std::span<const std::span<float>> slots,
              const UpdateContext& context) const {
    const auto rate = static_cast<float>(context.learning_rate);
    const auto decay = static_cast<float>(context.decays ? weight_decay : 0);
    const auto keep = static_cast<float>(momentum);
    float* velocity = slots[0].data();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const float slope = gradient[i] + decay * weights[i];
      velocity[i] = keep * velocity[i] + slope;
      weights[i] -= rate * (nesterov ? slope + keep * velocity[i] : velocity[i]);
    }
  }
};

/// Adam with decoupled weight decay (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019,
/// algorithm 2): m and v are moving averages of the gradient and its square, corrected for their start at zero;
/// w -= rate * (m / (sqrt(v) + epsilon) + weight_decay * w).
struct AdamW {
  static constexpr int kSlots = 2;

  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 1e-2;

  void validate() const {
    require(beta1 >= 0 && beta1 < 1, "beta1 is in [0, 1), not {}", beta1);
    require(beta2 >= 0 && beta2 < 1, "beta2 is in [0, 1), not {}", beta2);
    require(epsilon > 0, "epsilon is above 0, not {}", epsilon);
    require(weight_decay >= 0, "weight decay is 0 or more, not {}", weight_decay);
  }

  void update(std::span<float> weights, std::span<const float> gradient, std::span<const std::span<float>> slots,
              const UpdateContext& context) const {
    const auto step = static_cast<double>(context.step);
    const auto first = static_cast<float>(beta1);
    const auto second = static_cast<float>(beta2);
    const auto rate = static_cast<float>(context.learning_rate / (1 - std::pow(beta1, step)));
    const auto correction = static_cast<float>(1 / std::sqrt(1 - std::pow(beta2, step)));
    const auto least = static_cast<float>(epsilon);
    const auto keep = static_cast<float>(1 - context.learning_rate * (context.decays ? weight_decay : 0));
    const auto slope = detail::array(gradient);
    auto mean = detail::array(slots[0]);
    auto square = detail::array(slots[1]);
    auto weight = detail::array(weights);
    mean = first * mean + (1 - first) * slope;
    square = second * square + (1 - second) * slope * slope;
    weight = keep * weight - rate * mean / (square.sqrt() * correction + least);
  }
};

/// What an optimiser remembers between steps: plain data that can be kept and restored.
struct OptimizerState {
  Index step = 0;                               ///< Updates made.
  std::vector<std::vector<Tensor>> slots = {};  ///< Of each parameter.
};

/// Any optimiser: an immutable value that is cheap to copy.
class Optimizer {
 public:
  template <OptimizerType T>
  Optimizer(T rule) : model_(std::make_shared<Model<T>>(std::move(rule))) {
    model_->validate();
  }

  int slots() const noexcept { return model_->slots(); }

  void update(std::span<float> weights, std::span<const float> gradient, std::span<const std::span<float>> slots,
              const UpdateContext& context) const {
    model_->update(weights, gradient, slots, context);
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual int slots() const noexcept = 0;
    virtual void validate() const = 0;
    virtual void update(std::span<float> weights, std::span<const float> gradient,
                        std::span<const std::span<float>> slots, const UpdateContext& context) const = 0;
  };

  template <OptimizerType T>
  struct Model final : Base {
    explicit Model(T value) : rule(std::move(value)) {}
    int slots() const noexcept override { return T::kSlots; }
    void validate() const override { rule.validate(); }
    void update(std::span<float> weights, std::span<const float> gradient, std::span<const std::span<float>> slots,
                const UpdateContext& context) const override {
      rule.update(weights, gradient, slots, context);
    }
    const T rule;
  };

  std::shared_ptr<const Base> model_;
};

/// Weight decay is for weights (rank 2 and more), not for biases and the scales of batch normalisation, which it would
/// only hold back (He et al., "Bag of tricks for image classification", CVPR 2019, section 3.1).
inline bool decays_by_default(const Tensor& parameter) { return parameter.shape().rank() >= 2; }

/// One step: moves every parameter by its gradient and advances the state, which may be new.
inline void apply(const Optimizer& optimizer, double learning_rate, std::span<Tensor> parameters,
                  std::span<const Tensor> gradients, OptimizerState& state, const ThreadPool& pool = {}) {
  constexpr Index kGrain = 16384;
  require(parameters.size() == gradients.size(), "there are {} parameters and {} gradients", parameters.size(),
          gradients.size());
  if (state.slots.empty()) {
    for (const Tensor& parameter : parameters) {
      state.slots.emplace_back(static_cast<std::size_t>(optimizer.slots()),
                               Tensor(DataType::float32, parameter.shape()));
    }
  }
  require(state.slots.size() == parameters.size(), "the optimiser's state is of {} parameters, there are {}",
          state.slots.size(), parameters.size());
  ++state.step;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    require(gradients[i].shape() == parameters[i].shape(), "parameter {} has shape {}, its gradient {}", i,
            parameters[i].shape().to_string(), gradients[i].shape().to_string());
    require(static_cast<int>(state.slots[i].size()) == optimizer.slots(),
            "the optimiser's state has {} tensors of parameter {}, the optimiser keeps {}", state.slots[i].size(), i,
            optimizer.slots());
    std::vector<std::span<float>> slots;
    for (Tensor& slot : state.slots[i]) {
      require(slot.shape() == parameters[i].shape(), "parameter {} has shape {}, the optimiser's state of it {}", i,
              parameters[i].shape().to_string(), slot.shape().to_string());
      slots.push_back(slot.mutable_values<float>());
    }
    const std::span<float> weights = parameters[i].mutable_values<float>();
    const std::span<const float> gradient = gradients[i].values<float>();
    const UpdateContext context{learning_rate, state.step, decays_by_default(parameters[i])};
    parallel_for(pool, parameters[i].count(), kGrain, [&](Index begin, Index end) {
      const auto first = static_cast<std::size_t>(begin), count = static_cast<std::size_t>(end - begin);
      std::vector<std::span<float>> parts;
      for (const std::span<float> slot : slots) parts.push_back(slot.subspan(first, count));
      optimizer.update(weights.subspan(first, count), gradient.subspan(first, count), parts, context);
    });
  }
}

}  // namespace condense::train

#endif
