#ifndef CONDENSE_KERNELS_LAYOUT_SCALAR_HPP
#define CONDENSE_KERNELS_LAYOUT_SCALAR_HPP

#include "condense/kernels/layout/detail/matrices.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// The definition of the changes of layout.
template <>
struct Layout<simd::Scalar> {
  static void transpose(const TransposeArguments& t) noexcept {
    detail::for_each_matrix(t, [&]<class Element>(const detail::Transposed<Element>& m) { transpose_matrix(m); });
  }

  template <class Element>
  static void transpose_matrix(const detail::Transposed<Element>& m) noexcept {
    for (Index row = 0; row < m.rows; ++row) {
      for (Index column = 0; column < m.columns; ++column) {
        m.out[column * m.out_stride + row] = m.in[row * m.in_stride + column];
      }
    }
  }
};

}  // namespace condense::kernels

#endif
