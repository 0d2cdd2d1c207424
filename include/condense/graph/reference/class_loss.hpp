#ifndef CONDENSE_GRAPH_REFERENCE_CLASS_LOSS_HPP
#define CONDENSE_GRAPH_REFERENCE_CLASS_LOSS_HPP

#include "condense/core/enum_names.hpp"
#include "condense/graph/reference/activation_functions.hpp"
#include "condense/graph/reference/halves.hpp"
#include "condense/graph/reference/integers.hpp"

namespace condense::graph {

/// What becomes of the losses of single positions.
enum class LossReduction { none, sum, mean };

}  // namespace condense::graph

template <>
inline constexpr std::pair<condense::graph::LossReduction, std::string_view>
    condense::enum_names<condense::graph::LossReduction>[] = {
        {graph::LossReduction::none, "none"}, {graph::LossReduction::sum, "sum"}, {graph::LossReduction::mean, "mean"}};

namespace condense::graph::reference {

/// The type of a loss of log-probabilities (n, classes, ...) for labels (n, ...) and optional weights (classes).
inline TensorType infer_class_loss(const InputTypes& inputs, LossReduction reduction) {
  inputs.require_count(2, 3);
  require_any_float(inputs, 0);
  require_integers(inputs, 1);
  const Shape& shape = inputs.shape(0);
  require(shape.rank() >= 2, "its input 0 is (n x classes x ...), this one has shape {}", shape.to_string());
  std::vector<Index> extents(shape.begin(), shape.end());
  extents.erase(extents.begin() + 1);
  const Shape positions{std::span<const Index>(extents)};
  require(inputs.shape(1) == positions, "its input 1, the labels, has shape {}, its input 0 of shape {} needs {}",
          inputs.shape(1).to_string(), shape.to_string(), positions.to_string());
  if (inputs.has(2)) {
    inputs.require_same_type(2);
    require(inputs.shape(2) == Shape{shape[1]}, "its input 2, the weights, has shape {}, {} classes need ({})",
            inputs.shape(2).to_string(), shape[1], shape[1]);
  }
  return {inputs.type(0), reduction == LossReduction::none ? positions : Shape{}};
}

struct ClassLossAttributes {
  LossReduction reduction = LossReduction::mean;
  std::optional<Index> ignore_index = {};
};

/// Output 0 = the loss of log-probabilities in the shape of input 0. Throws `InvalidArgument` naming a label that is
/// none of the classes.
template <class T>
void class_loss(const Evaluation& e, const T* logarithms, const ClassLossAttributes& attributes) {
  const Shape& shape = e.input(0).shape();
  const Index classes = shape[1];
  const Index positions = shape.count(2, shape.rank());
  const std::vector<Index> labels = integers(e.input(1));
  T* loss = e.output().as<T>();
  double sum = 0;
  double weights = 0;
  for (Index i = 0; i < e.input(1).count(); ++i) {
    const Index label = labels[static_cast<std::size_t>(i)];
    const bool ignored = label == attributes.ignore_index;
    require(ignored || (label >= 0 && label < classes), "its input 1, the labels, holds {} at {}; there are {} classes",
            label, i, classes);
    const T weight = ignored ? T{0} : e.has(2) ? e.input(2).as<T>()[label] : T{1};
    const T value =
        ignored ? T{0} : -logarithms[(i / positions * classes + label) * positions + i % positions] * weight;
    if (attributes.reduction == LossReduction::none) loss[i] = value;
    sum += static_cast<double>(value);
    weights += static_cast<double>(weight);
  }
  if (attributes.reduction == LossReduction::sum) *loss = static_cast<T>(sum);
  if (attributes.reduction == LossReduction::mean) *loss = static_cast<T>(sum / weights);
}

}  // namespace condense::graph::reference

#endif
