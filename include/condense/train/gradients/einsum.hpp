#ifndef CONDENSE_TRAIN_GRADIENTS_EINSUM_HPP
#define CONDENSE_TRAIN_GRADIENTS_EINSUM_HPP

#include <algorithm>
#include <map>

#include "condense/graph/operators/einsum.hpp"
#include "condense/train/detail/backward.hpp"

namespace condense::train {

/// The gradient of an operand is the sum of products of dy with the other operands over all labels that the operand
/// does not have, again an Einsum. Along a label that nothing else has it is constant, and where an operand has a label
/// twice it lies on the diagonal.
template <>
struct Gradient<graph::Einsum> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Einsum& op, const Backward& b) {
    std::vector<Shape> shapes;
    for (std::size_t i = 0; i < b.inputs.size(); ++i) shapes.push_back(b.input_shape(i));
    const graph::reference::EinsumEquation terms = graph::reference::parse_einsum(op.equation, shapes);
    std::vector<Tensor> gradients(b.inputs.size());
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (b.wants(i)) gradients[i] = differentiate(b, terms, i);
    }
    return gradients;
  }

 private:
  using Label = graph::reference::Label;

  /// Writes terms with letters for labels, those of an ellipsis too.
  class Letters {
   public:
    std::string term(const std::vector<Label>& labels) {
      constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
      std::string text;
      for (const Label label : labels) {
        const auto index = letters_.emplace(label, letters_.size()).first->second;
        if (index >= kLetters.size())
          throw Unsupported("its equation has more than 52 labels, too many for a gradient");
        text += kLetters[index];
      }
      return text;
    }

   private:
    std::map<Label, std::size_t> letters_;
  };

  static bool has(const std::vector<Label>& labels, Label label) {
    return std::ranges::find(labels, label) != labels.end();
  }

  /// The labels of axes that do not repeat an extent of 1, each once.
  static std::vector<Label> labels_of(const std::vector<Label>& term, const Shape& shape) {
    std::vector<Label> labels;
    for (std::size_t axis = 0; axis < term.size(); ++axis) {
      if (shape[static_cast<int>(axis)] != 1 && !has(labels, term[axis])) labels.push_back(term[axis]);
    }
    return labels;
  }

  static Tensor differentiate(const Backward& b, const graph::reference::EinsumEquation& terms, std::size_t i) {
    Letters letters;
    std::vector<const Tensor*> factors{&b.output_gradient()};
    std::vector<Label> known = labels_of(terms.output, b.output_gradient().shape());
    std::string equation = letters.term(terms.output);
    for (std::size_t k = 0; k < b.inputs.size(); ++k) {
      if (k == i) continue;
      factors.push_back(&b.input(k));
      equation += ',';
      equation += letters.term(terms.operands[k]);
      for (const Label label : labels_of(terms.operands[k], b.input_shape(k))) known.push_back(label);
    }
    const std::vector<Label> own = labels_of(terms.operands[i], b.input_shape(i));
    std::vector<Label> kept;
    for (const Label label : own) {
      if (has(known, label)) kept.push_back(label);
    }
    const graph::Einsum product{equation + "->" + letters.term(kept)};
    return spread(b, detail::evaluate(b, product, factors).front(), kept, terms.operands[i], b.input_shape(i));
  }

  /// The tensor with the labels `kept`, repeated along others and laid on the diagonal of labels that come twice.
  static Tensor spread(const Backward& b, const Tensor& tensor, const std::vector<Label>& kept,
                       const std::vector<Label>& term, const Shape& shape) {
    Tensor result = detail::zeros(b, tensor.type(), shape);
    const auto from = graph::reference::strides_of(tensor.shape());
    const auto to = graph::reference::strides_of(shape);
    graph::reference::StridedCopy copy;
    for (const Label label : labels_of(term, shape)) {
      Index extent = 1;
      Index step = 0;
      for (std::size_t axis = 0; axis < term.size(); ++axis) {
        if (term[axis] != label || shape[static_cast<int>(axis)] == 1) continue;
        extent = shape[static_cast<int>(axis)];
        step += to[axis];
      }
      const auto place = std::ranges::find(kept, label);
      copy.loop(extent, place == kept.end() ? 0 : from[static_cast<std::size_t>(place - kept.begin())], step);
    }
    copy.run(tensor.type(), tensor.raw(), result.mutable_raw(), b.pool);
    return result;
  }
};

}  // namespace condense::train

#endif
