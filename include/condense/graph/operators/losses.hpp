#ifndef CONDENSE_GRAPH_OPERATORS_LOSSES_HPP
#define CONDENSE_GRAPH_OPERATORS_LOSSES_HPP

#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/along_axis.hpp"
#include "condense/graph/reference/class_loss.hpp"

namespace condense::graph {

/// loss = -weight[label] * x[label] for each position, where x are log-probabilities; the loss is 0 where the label is
/// `ignore_index`. ONNX NegativeLogLikelihoodLoss.
///
/// Inputs: x, floats (n, classes, ...); labels, int32 or int64 (n, ...), in [0, classes) or `ignore_index`; optional
/// weights (classes), of the type of x, 1 if absent. The result is (n, ...), or with a reduction a scalar: the sum, or
/// the sum over that of the weights, which is NaN if everything is ignored. Sums are computed as doubles in row-major
/// order.
struct NegativeLogLikelihoodLoss {
  static constexpr std::string_view kType = "NegativeLogLikelihoodLoss";

  LossReduction reduction = LossReduction::mean;
  std::optional<Index> ignore_index = {};

  static void attributes(auto& op, auto&& visit) {
    visit("reduction", op.reduction);
    visit("ignore_index", op.ignore_index);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    return {reference::infer_class_loss(inputs, reduction)};
  }
  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
      reference::class_loss<T>(floats, floats.input().template as<T>(), {reduction, ignore_index});
    });
  }

  friend bool operator==(const NegativeLogLikelihoodLoss&, const NegativeLogLikelihoodLoss&) = default;
};

/// The loss of NegativeLogLikelihoodLoss for the log-probabilities log_softmax(x) along axis 1, which are the second
/// output if there is one. ONNX SoftmaxCrossEntropyLoss.
///
/// Inputs: x, floats (n, classes, ...), scores; labels and optional weights as there.
struct SoftmaxCrossEntropyLoss {
  static constexpr std::string_view kType = "SoftmaxCrossEntropyLoss";

  LossReduction reduction = LossReduction::mean;
  std::optional<Index> ignore_index = {};
  OutputCount outputs = {};

  static void attributes(auto& op, auto&& visit) {
    visit("reduction", op.reduction);
    visit("ignore_index", op.ignore_index);
    visit("outputs", op.outputs);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    require(outputs.count == 1 || outputs.count == 2, "it has 1 or 2 outputs, {} are asked for", outputs.count);
    std::vector<TensorType> types{reference::infer_class_loss(inputs, reduction)};
    if (outputs.count == 2) types.push_back(inputs[0]);
    return types;
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
      const InputBuffer& x = floats.input();
      std::vector<T> memory(outputs.count == 2 ? 0 : static_cast<std::size_t>(x.count()));
      T* logarithms = outputs.count == 2 ? floats.output(1).template as<T>() : memory.data();
      reference::for_each_vector(x.shape(), 1, e.pool, [&](Index first, Index classes, Index positions) {
        reference::log_softmax(x.template as<T>() + first, logarithms + first, classes, positions);
      });
      reference::class_loss<T>(floats, logarithms, {reduction, ignore_index});
    });
  }

  friend bool operator==(const SoftmaxCrossEntropyLoss&, const SoftmaxCrossEntropyLoss&) = default;
};

using Losses = OperatorList<NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss>;

}  // namespace condense::graph

#endif
