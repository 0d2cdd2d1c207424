#ifndef CONDENSE_TRAIN_LOSS_HPP
#define CONDENSE_TRAIN_LOSS_HPP

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>

#include "condense/graph/operator.hpp"

namespace condense::train {

/// A loss over a batch, and its derivative with respect to the network's output, of the output's shape and type.
struct LossValue {
  double value = 0;
  Tensor gradient;
};

/// A loss: called with the output of the network and the targets, both with the batch as their first axis. The value is
/// a mean over the batch, so that a learning rate does not depend on the batch's size.
template <class T>
concept LossType = std::copy_constructible<T> && requires(const T& loss, const Tensor& output, const Tensor& targets) {
  { loss(output, targets) } -> std::same_as<LossValue>;
};

/// Cross-entropy between labels and the softmax of logits (n x classes):
/// -sum over the classes of t log softmax(logits), t = (1 - smoothing) [class is the label] + smoothing / classes.
///
/// Takes labels of int64 (n), or as targets distributions (n x classes) of the logits' type, which are smoothed alike.
/// The maximum is subtracted before exp, so logits of any size are safe. Label smoothing: Szegedy et al., "Rethinking
/// the Inception architecture for computer vision", CVPR 2016, section 7. Throws for a label outside [0, classes).
struct SoftmaxCrossEntropy {
  float label_smoothing = 0;  ///< In [0, 1).

  LossValue operator()(const Tensor& logits, const Tensor& targets) const {
    require(label_smoothing >= 0 && label_smoothing < 1, "label smoothing is in [0, 1), not {}", label_smoothing);
    require(logits.shape().rank() == 2 && logits.count() > 0,
            "cross-entropy takes logits (n x classes), these have shape {}", logits.shape().to_string());
    const bool labels = targets.type() == DataType::int64;
    require(labels ? targets.shape() == Shape{logits.shape()[0]} : targets.shape() == logits.shape(),
            "logits {} need int64 labels ({}) or targets of their shape, these are {} {}", logits.shape().to_string(),
            logits.shape()[0], name(targets.type()), targets.shape().to_string());
    return graph::with_float_type(logits.type(), [&]<class T>() {
      return labels ? evaluate<T>(logits, LabelOf{targets.data<std::int64_t>(), logits.shape()[1]})
                    : evaluate<T>(logits, DistributionOf<T>{targets.data<T>(), logits.shape()[1]});
    });
  }

 private:
  /// Targets as probabilities, before smoothing.
  struct LabelOf {
    const std::int64_t* labels;
    Index classes;
    void check(Index row) const {
      require(labels[row] >= 0 && labels[row] < classes,
              "label {} of the batch is {}; the network has {} classes, 0 to {}", row, labels[row], classes,
              classes - 1);
    }
    double operator()(Index row, Index column) const { return labels[row] == column ? 1.0 : 0.0; }
  };
  template <class T>
  struct DistributionOf {
    const T* targets;
    Index classes;
    void check(Index) const {}
    double operator()(Index row, Index column) const { return static_cast<double>(targets[row * classes + column]); }
  };

  template <class T, class Target>
  LossValue evaluate(const Tensor& logits, const Target& target) const {
    const Index rows = logits.shape()[0], classes = logits.shape()[1];
    const auto smoothing = static_cast<double>(label_smoothing);
    LossValue loss{0, Tensor(logits.type(), logits.shape())};
    T* gradient = loss.gradient.mutable_data<T>();
    for (Index row = 0; row < rows; ++row, gradient += classes) {
      target.check(row);
      const T* x = logits.data<T>() + row * classes;
      const auto highest = static_cast<double>(*std::max_element(x, x + classes));
      double sum = 0;
      for (Index c = 0; c < classes; ++c) sum += std::exp(static_cast<double>(x[c]) - highest);
      const double log_sum = std::log(sum) + highest;
      double mass = 0;
      const auto smooth = [&](Index c) {
        return (1 - smoothing) * target(row, c) + smoothing / static_cast<double>(classes);
      };
      for (Index c = 0; c < classes; ++c) {
        const double wanted = smooth(c);
        mass += wanted;
        loss.value -= wanted * (static_cast<double>(x[c]) - log_sum);
      }
      for (Index c = 0; c < classes; ++c) {
        const double probability = std::exp(static_cast<double>(x[c]) - log_sum);
        gradient[c] = static_cast<T>((mass * probability - smooth(c)) / static_cast<double>(rows));
      }
    }
    loss.value /= static_cast<double>(rows);
    return loss;
  }
};

/// The mean over all elements of (output - target)^2; targets have the output's shape and type.
struct MeanSquaredError {
  LossValue operator()(const Tensor& output, const Tensor& targets) const {
    require(output.shape() == targets.shape() && output.type() == targets.type() && output.count() > 0,
            "the network's output is {} {}, the targets are {} {}; they must agree", name(output.type()),
            output.shape().to_string(), name(targets.type()), targets.shape().to_string());
    return graph::with_float_type(output.type(), [&]<class T>() {
      LossValue loss{0, Tensor(output.type(), output.shape())};
      const T* x = output.data<T>();
      const T* wanted = targets.data<T>();
      T* gradient = loss.gradient.mutable_data<T>();
      const auto count = static_cast<double>(output.count());
      for (Index i = 0; i < output.count(); ++i) {
        const double difference = static_cast<double>(x[i]) - static_cast<double>(wanted[i]);
        loss.value += difference * difference / count;
        gradient[i] = static_cast<T>(2 * difference / count);
      }
      return loss;
    });
  }
};

}  // namespace condense::train

#endif
