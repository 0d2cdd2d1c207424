#ifndef CONDENSE_GRAPH_OPERATORS_MAT_MUL_HPP
#define CONDENSE_GRAPH_OPERATORS_MAT_MUL_HPP

#include "condense/graph/reference/matrix_stack.hpp"

namespace condense::graph {

/// Products of matrices as NumPy's `matmul`: the last two axes are multiplied, those before them broadcast, and a
/// vector is a row on the left and a column on the right. ONNX MatMul.
struct MatMul {
  static constexpr std::string_view kType = "MatMul";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    inputs.require_float(0);
    inputs.require_same_type(1);
    return {{inputs.type(0), reference::MatrixStacks(inputs.shape(0), inputs.shape(1), 1).result}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    with_float_type(e.input().type.type, [&]<class T>() { multiply<T>(e); });
  }

  friend bool operator==(const MatMul&, const MatMul&) = default;

 private:
  template <class T>
  static void multiply(const Evaluation& e) {
    const Shape& a = e.input(0).shape();
    const Shape& b = e.input(1).shape();
    const reference::MatrixStacks stacks(a, b, 1);
    reference::ProductSizes sizes = stacks.sizes;
    T* y = e.output().as<T>();
    std::fill_n(y, e.output().count(), T{0});
    if (b.rank() <= 2) {  // all of a is one tall matrix
      sizes.rows = a.count(0, a.rank() - 1);
      reference::add_product<T>(sizes, T{1}, {e.input(0).as<T>()}, {e.input(1).as<T>()}, y, e.pool);
      return;
    }
    stacks.for_each(e.pool, [&](Index i, Index a_first, Index b_first) {
      reference::add_product<T>(sizes, T{1}, {e.input(0).as<T>() + a_first}, {e.input(1).as<T>() + b_first},
                                y + i * sizes.rows * sizes.columns, e.pool);
    });
  }
};

}  // namespace condense::graph

#endif
