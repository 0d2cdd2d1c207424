#ifndef CONDENSE_GRAPH_OPERATORS_EINSUM_HPP
#define CONDENSE_GRAPH_OPERATORS_EINSUM_HPP

#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/contraction.hpp"

namespace condense::graph {

/// Sums of products in Einstein notation, such as "bij,bjk->bik"; see `reference::parse_einsum` for the equation. ONNX
/// Einsum.
///
/// Inputs: one or more, of one type of numbers of 8 bits or more. The operands are contracted from left to right, each
/// two as a batch of products of matrices; a label that no later operand and not the result has is summed as early as
/// possible. Integers wrap; halves are computed in float.
struct Einsum {
  static constexpr std::string_view kType = "Einsum";
  static constexpr bool kTakesAnyTime = true;

  std::string equation = {};

  static void attributes(auto& op, auto&& visit) { visit("equation", op.equation); }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(1, std::max<std::size_t>(1, inputs.size()));
    inputs.require_number(0);
    std::vector<Shape> shapes;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      shapes.push_back(inputs.shape(i));
      inputs.require_same_type(i);
    }
    return {{inputs.type(0), reference::parse_einsum(equation, shapes).output_shape()}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    std::vector<Shape> shapes;
    for (const InputBuffer& input : e.inputs) shapes.push_back(input.shape());
    const reference::EinsumEquation terms = reference::parse_einsum(equation, shapes);
    reference::with_computation_type(e.input().type.type, [&]<class C>() { contract<C>(e, terms); });
  }

  friend bool operator==(const Einsum&, const Einsum&) = default;

 private:
  /// The type that sums have: integers are unsigned, so that they wrap.
  template <class C>
  using Sum = std::conditional_t<std::integral<C>, std::uint64_t, C>;

  template <class C>
  static void contract(const Evaluation& e, const reference::EinsumEquation& terms) {
    using Contraction = reference::Contraction<Sum<C>>;
    const Contraction contraction(terms.extents, e.pool);
    reference::LabelledTensor<Sum<C>> result;
    for (std::size_t i = 0; i < e.inputs.size(); ++i) {
      const auto is_needed = [&](reference::Label label) {
        bool needed = Contraction::has(terms.output, label);
        for (std::size_t k = i + 1; k < terms.operands.size(); ++k) {
          needed = needed || Contraction::has(terms.operands[k], label);
        }
        return needed;
      };
      reference::LabelledTensor<Sum<C>> operand = load<C>(e.input(i), terms, i, e.pool);
      operand = contraction.summed(std::move(operand), [&](reference::Label label) {
        return is_needed(label) || Contraction::has(result.labels, label);
      });
      if (i == 0) {
        result = std::move(operand);
        continue;
      }
      // A label whose last operand repeats along it, with an extent of 1, is left over from those before.
      result = contraction.summed(std::move(result), [&](reference::Label label) {
        return is_needed(label) || Contraction::has(operand.labels, label);
      });
      result = contraction.product(std::move(result), std::move(operand), is_needed);
    }
    std::vector<reference::Label> order;
    for (const reference::Label label : terms.output) {
      if (Contraction::has(result.labels, label)) order.push_back(label);  // the others have an extent of 1
    }
    store<C>(contraction.ordered(std::move(result), order).values, e.output(), e.pool);
  }

  /// An operand without its axes of extent 1, which repeat, and with the diagonal of axes that have the same label.
  template <class C>
  static reference::LabelledTensor<Sum<C>> load(const InputBuffer& input, const reference::EinsumEquation& terms,
                                                std::size_t i, const ThreadPool& pool) {
    const std::vector<reference::Label>& labels = terms.operands[i];
    const Shape& shape = input.shape();
    reference::LabelledTensor<Sum<C>> result;
    std::vector<Index> strides;
    std::vector<Index> extents;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] == 1) continue;
      const reference::Label label = labels[static_cast<std::size_t>(axis)];
      const auto found = std::ranges::find(result.labels, label);
      if (found == result.labels.end()) {
        result.labels.push_back(label);
        strides.push_back(shape.count(axis + 1, shape.rank()));
        extents.push_back(shape[axis]);
      } else {
        strides[static_cast<std::size_t>(found - result.labels.begin())] += shape.count(axis + 1, shape.rank());
      }
    }
    const Shape kept{std::span<const Index>(extents)};
    Tensor diagonal(input.type.type, kept);
    reference::StridedCopy copy;
    for (int axis = 0; axis < kept.rank(); ++axis) {
      copy.loop(kept[axis], strides[static_cast<std::size_t>(axis)], kept.count(axis + 1, kept.rank()));
    }
    copy.run(input.type.type, input.data, diagonal.mutable_raw(), pool);
    result.values = reference::elements_as<C, Sum<C>>(input.type.type, diagonal.raw(), kept.count());
    return result;
  }

  template <class C>
  static void store(const std::vector<Sum<C>>& values, const OutputBuffer& output, const ThreadPool& pool) {
    parallel_for(pool, output.count(), reference::kChunk, [&](Index begin, Index end) {
      reference::write_elements<C>(output.type.type, output.data, begin, end - begin, [&](C* to) {
        for (Index k = begin; k < end; ++k) to[k - begin] = static_cast<C>(values[static_cast<std::size_t>(k)]);
      });
    });
  }
};

using EinsumOperators = OperatorList<Einsum>;

}  // namespace condense::graph

#endif
