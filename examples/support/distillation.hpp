#ifndef CONDENSE_EXAMPLES_SUPPORT_DISTILLATION_HPP
#define CONDENSE_EXAMPLES_SUPPORT_DISTILLATION_HPP

#include <algorithm>
#include <cmath>
#include <vector>

#include "condense/train/trainer.hpp"

namespace examples {

/// The loss by which a network learns from what another one says to the same samples (Hinton, Vinyals, Dean,
/// "Distilling the knowledge in a neural network", 2015, section 2): (1 - share) of the cross-entropy with the label
/// and share T^2 of that with softmax(teacher / T), where its own outputs are divided by T, too. The teacher sees the
/// same images, augmented or not.
inline condense::train::Objective distillation(const condense::graph::Graph& network,
                                               const condense::graph::Graph& teacher, double temperature = 4,
                                               double share = 0.9) {
  const auto softmax = [](const float* x, condense::Index classes, double t, std::vector<double>& y) {
    const double largest = static_cast<double>(*std::max_element(x, x + classes));
    y.assign(static_cast<std::size_t>(classes), 0.0);
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] = std::exp((static_cast<double>(x[i]) - largest) / t);
    for (double& probability : y) probability /= sum;
  };
  return [=, output = network.outputs()[0]](const condense::train::ForwardPass& pass,
                                            const condense::train::Batch& batch) {
    const condense::train::ForwardPass teaching(teacher, {&batch.inputs, 1}, {}, {});
    const condense::Tensor& taught = teaching.value(teacher.outputs()[0]);
    const condense::Tensor& outputs = pass.value(output);
    const condense::Index classes = outputs.shape()[1];
    const condense::Index rows = outputs.shape()[0];
    condense::Tensor gradient(condense::DataType::float32, outputs.shape());
    float* slope = gradient.mutable_data<float>();
    std::vector<double> hard;
    std::vector<double> soft;
    std::vector<double> wanted;
    double loss = 0;
    for (condense::Index row = 0; row < rows; ++row) {
      const float* x = outputs.data<float>() + row * classes;
      softmax(x, classes, 1, hard);
      softmax(x, classes, temperature, soft);
      softmax(taught.data<float>() + row * classes, classes, temperature, wanted);
      const auto label = static_cast<std::size_t>(batch.targets.data<std::int64_t>()[row]);
      constexpr double kLeast = 1e-30;
      loss -= (1 - share) * std::log(hard[label] + kLeast);
      for (std::size_t i = 0; i < soft.size(); ++i) {
        loss -= share * temperature * temperature * wanted[i] * std::log(soft[i] + kLeast);
        const double of_label = hard[i] - (i == label ? 1.0 : 0.0);
        *slope++ = static_cast<float>(((1 - share) * of_label + share * temperature * (soft[i] - wanted[i])) /
                                      static_cast<double>(rows));
      }
    }
    return condense::train::ObjectiveValue{loss / static_cast<double>(rows), {{output, std::move(gradient)}}};
  };
}

}  // namespace examples

#endif
