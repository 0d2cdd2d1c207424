#ifndef CONDENSE_GRAPH_OPERATORS_GEMM_HPP
#define CONDENSE_GRAPH_OPERATORS_GEMM_HPP

#include "condense/graph/operator.hpp"
#include "condense/graph/reference/broadcast.hpp"
#include "condense/graph/reference/product.hpp"

namespace condense::graph {

/// y = alpha * a' * b' + beta * c, where a' (m x k) and b' (k x n) are the inputs, transposed if asked for. ONNX Gemm.
///
/// Inputs: a; b; optional c, which is broadcast to (m x n): (m x n), (1 x n), (m x 1), (n), (1) or a scalar.
struct Gemm {
  static constexpr std::string_view kType = "Gemm";

  float alpha = 1;
  float beta = 1;
  bool trans_a = false;
  bool trans_b = false;

  static void attributes(auto& op, auto&& visit) {
    visit("alpha", op.alpha);
    visit("beta", op.beta);
    visit("transA", op.trans_a);
    visit("transB", op.trans_b);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 3);
    inputs.require_float(0);
    inputs.require_same_type(1);
    inputs.require_same_type(2);
    inputs.require_rank(0, 2);
    inputs.require_rank(1, 2);
    const Shape& a = inputs.shape(0);
    const Shape& b = inputs.shape(1);
    require(a[trans_a ? 0 : 1] == b[trans_b ? 1 : 0],
            "its input 0 {}{} and its input 1 {}{} cannot be multiplied: the inner extents are {} and {}",
            a.to_string(), trans_a ? " transposed" : "", b.to_string(), trans_b ? " transposed" : "",
            a[trans_a ? 0 : 1], b[trans_b ? 1 : 0]);
    const Shape result{a[trans_a ? 1 : 0], b[trans_b ? 0 : 1]};
    if (inputs.has(2)) {
      require(reference::broadcasts_to(inputs.shape(2), result),
              "its input 2 of shape {} cannot be broadcast to the result {}", inputs.shape(2).to_string(),
              result.to_string());
    }
    return {{inputs.type(0), result}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    with_float_type(e.input().type.type, [&]<class T>() {
      const Shape& result = e.output().shape();
      const Index depth = e.input(0).shape()[trans_a ? 0 : 1];
      T* y = e.output().as<T>();
      start_with_c<T>(e, y);
      reference::add_product<T>({result[0], result[1], depth}, static_cast<T>(alpha), {e.input(0).as<T>(), trans_a},
                                {e.input(1).as<T>(), trans_b}, y, e.pool);
    });
  }

  friend bool operator==(const Gemm&, const Gemm&) = default;

 private:
  /// y = beta * c, or 0.
  template <class T>
  void start_with_c(const Evaluation& e, T* y) const {
    const Shape& result = e.output().shape();
    if (!e.has(2)) {
      std::fill_n(y, result.count(), T{0});
      return;
    }
    const T* c = e.input(2).as<T>();
    const Shape& shape = e.input(2).shape();
    const Index column_step = shape.rank() >= 1 && shape[shape.rank() - 1] > 1 ? 1 : 0;
    const Index row_step = shape.rank() == 2 && shape[0] > 1 ? shape[1] : 0;
    for (Index row = 0; row < result[0]; ++row) {
      for (Index column = 0; column < result[1]; ++column) {
        *y++ = static_cast<T>(beta) * c[row * row_step + column * column_step];
      }
    }
  }
};

}  // namespace condense::graph

#endif
