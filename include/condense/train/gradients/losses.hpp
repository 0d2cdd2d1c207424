#ifndef CONDENSE_TRAIN_GRADIENTS_LOSSES_HPP
#define CONDENSE_TRAIN_GRADIENTS_LOSSES_HPP

#include "condense/graph/operators/losses.hpp"
#include "condense/train/gradients/activation.hpp"

namespace condense::train {

namespace detail {

/// The gradients of a loss of log-probabilities: where the label is l, that of x[l] is -weight[l] dy, and that of
/// weight[l] is -x[l] dy; with the mean, which has the sum of the weights as its divisor, -weight[l] dy / sum and
/// (-x[l] - loss) dy / sum.
struct ClassLossGradient {
  const Backward& b;
  graph::reference::ClassLossAttributes attributes;
  const Tensor& logarithms;

  /// Those of the log-probabilities and of the weights, input 2, each computed unless it is null and added to. The loss
  /// depends on output 0.
  template <class T>
  void add_to(T* logarithm_gradient, T* weight_gradient) const {
    using graph::LossReduction;
    const Shape& shape = logarithms.shape();
    const Index classes = shape[1];
    const Index positions = shape.count(2, shape.rank());
    const std::vector<Index> labels = graph::reference::integers(b.input(1));
    const T* x = logarithms.data<T>();
    const T* dy = b.output_gradient().data<T>();
    const auto weight = [&](Index label) { return b.has(2) ? b.input(2).data<T>()[label] : T{1}; };
    T divisor = 1;
    T loss = 0;
    if (attributes.reduction == LossReduction::mean) {
      double sum = 0;
      for (const Index label : labels) {
        if (label != attributes.ignore_index) sum += static_cast<double>(weight(label));
      }
      divisor = static_cast<T>(sum);
      loss = *b.output().data<T>();
    }
    for (std::size_t k = 0; k < labels.size(); ++k) {
      if (labels[k] == attributes.ignore_index) continue;
      const auto i = static_cast<Index>(k);
      const T factor = (attributes.reduction == LossReduction::none ? dy[i] : *dy) / divisor;
      const Index place = (i / positions * classes + labels[k]) * positions + i % positions;
      if (logarithm_gradient != nullptr) logarithm_gradient[place] -= weight(labels[k]) * factor;
      if (weight_gradient != nullptr) weight_gradient[labels[k]] -= (x[place] + loss) * factor;
    }
  }

  /// Those of inputs 0 and 2, where input 0 has the log-probabilities or leads to them.
  std::vector<Tensor> differentiate() const {
    refuse(b, 1, "the labels");
    const DataType type = gradient_type(b);
    std::vector<Tensor> gradients(3);
    gradients[0] = zeros(b, type, b.input_shape());
    if (b.wants(2)) gradients[2] = zeros(b, type, b.input_shape(2));
    if (b.output_gradients[0] == nullptr) return gradients;
    graph::with_float_type(type, [&]<class T>() {
      add_to<T>(gradients[0].mutable_data<T>(), b.wants(2) ? gradients[2].mutable_data<T>() : nullptr);
    });
    return gradients;
  }
};

}  // namespace detail

/// That of `detail::ClassLossGradient`.
template <>
struct Gradient<graph::NegativeLogLikelihoodLoss> {
  static constexpr Reads kReads = Reads::everything;

  static std::vector<Tensor> backward(const graph::NegativeLogLikelihoodLoss& op, const Backward& b) {
    return detail::ClassLossGradient{b, {op.reduction, op.ignore_index}, b.input()}.differentiate();
  }
};

/// That of `detail::ClassLossGradient`, and through the log-probabilities, which may have a gradient of their own, that
/// of LogSoftmax.
template <>
struct Gradient<graph::SoftmaxCrossEntropyLoss> {
  static constexpr Reads kReads = Reads::everything;

  static std::vector<Tensor> backward(const graph::SoftmaxCrossEntropyLoss& op, const Backward& b) {
    const graph::LogSoftmax softmax{1};
    const Tensor logarithms = detail::evaluate(b, softmax, {&b.input()});
    std::vector<Tensor> gradients =
        detail::ClassLossGradient{b, {op.reduction, op.ignore_index}, logarithms}.differentiate();
    if (!b.wants(0)) return gradients;
    Tensor& gradient = gradients[0];
    if (b.output_gradients.size() > 1 && b.output_gradients[1] != nullptr) {
      graph::with_float_type(gradient.type(), [&]<class T>() {
        const T* more = b.output_gradients[1]->data<T>();
        for (T& value : gradient.mutable_values<T>()) value += *more++;
      });
    }
    gradient = Gradient<graph::LogSoftmax>::differentiate(b, 1, logarithms, gradient);
    return gradients;
  }
};

}  // namespace condense::train

#endif
