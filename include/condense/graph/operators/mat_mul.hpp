#ifndef CONDENSE_GRAPH_OPERATORS_MAT_MUL_HPP
#define CONDENSE_GRAPH_OPERATORS_MAT_MUL_HPP

#include "condense/graph/reference/broadcast.hpp"
#include "condense/graph/reference/product.hpp"

namespace condense::graph {

/// Products of matrices as NumPy's `matmul`: the last two axes are multiplied, those before them broadcast, and a
/// vector is a row on the left and a column on the right. ONNX MatMul.
struct MatMul {
  static constexpr std::string_view kType = "MatMul";

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(2, 2);
    inputs.require_float(0);
    inputs.require_same_type(1);
    const Shape& a = inputs.shape(0);
    const Shape& b = inputs.shape(1);
    require(a.rank() >= 1 && b.rank() >= 1, "its inputs 0 and 1 are vectors or matrices, they have shapes {} and {}",
            a.to_string(), b.to_string());
    const Index depth = a[a.rank() - 1];
    const Index b_depth = b[std::max(0, b.rank() - 2)];
    require(depth == b_depth,
            "its inputs 0 and 1 of shapes {} and {} cannot be multiplied: the inner extents are {} and {}",
            a.to_string(), b.to_string(), depth, b_depth);
    const Shape outer = reference::broadcast_shape(batch_axes(a), batch_axes(b));
    std::vector<Index> extents(outer.begin(), outer.end());
    if (a.rank() >= 2) extents.push_back(a[a.rank() - 2]);
    if (b.rank() >= 2) extents.push_back(b[b.rank() - 1]);
    return {{inputs.type(0), Shape(std::span<const Index>(extents))}};
  }

  void evaluate(const Evaluation& e) const {
    with_float_type(e.input().type.type, [&]<class T>() { multiply<T>(e); });
  }

  friend bool operator==(const MatMul&, const MatMul&) = default;

 private:
  static Shape batch_axes(const Shape& shape) {
    return Shape(shape.extents().first(static_cast<std::size_t>(std::max(0, shape.rank() - 2))));
  }

  template <class T>
  static void multiply(const Evaluation& e) {
    const Shape& a = e.input(0).shape();
    const Shape& b = e.input(1).shape();
    reference::ProductSizes sizes{.rows = a.rank() >= 2 ? a[a.rank() - 2] : 1,
                                  .columns = b.rank() >= 2 ? b[b.rank() - 1] : 1,
                                  .depth = a[a.rank() - 1]};
    T* y = e.output().as<T>();
    std::fill_n(y, e.output().count(), T{0});
    if (b.rank() <= 2) {  // all of a is one tall matrix
      sizes.rows = a.count(0, a.rank() - 1);
      reference::add_product<T>(sizes, T{1}, {e.input(0).as<T>()}, {e.input(1).as<T>()}, y, e.pool);
      return;
    }
    const Shape outer = reference::broadcast_shape(batch_axes(a), batch_axes(b));
    const reference::Broadcast batches(batch_axes(a), batch_axes(b), outer);
    parallel_for(e.pool, outer.count(), [&](Index batch) {
      batches.for_each_run(batch, batch + 1, [&](Index, Index a_batch, Index b_batch, Index, Index, Index) {
        reference::add_product<T>(sizes, T{1}, {e.input(0).as<T>() + a_batch * sizes.rows * sizes.depth},
                                  {e.input(1).as<T>() + b_batch * sizes.depth * sizes.columns},
                                  y + batch * sizes.rows * sizes.columns, e.pool);
      });
    });
  }
};

}  // namespace condense::graph

#endif
