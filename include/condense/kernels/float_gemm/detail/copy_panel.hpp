#ifndef CONDENSE_KERNELS_FLOAT_GEMM_DETAIL_COPY_PANEL_HPP
#define CONDENSE_KERNELS_FLOAT_GEMM_DETAIL_COPY_PANEL_HPP

#include <algorithm>
#include <cstring>

#include "condense/kernels/float_gemm/float_gemm.hpp"

namespace condense::kernels::detail {

/// Copies columns [first, first + columns) of a matrix to a panel (depth x width), zeros behind the last column.
inline void copy_panel(const FloatMatrix& matrix, Index depth, Index first, Index columns, Index width,
                       float* panel) noexcept {
  const float* from = matrix.values + first * matrix.column_stride;
  for (Index k = 0; k < depth; ++k, from += matrix.depth_stride, panel += width) {
    if (matrix.column_stride == 1) {
      std::memcpy(panel, from, static_cast<std::size_t>(columns) * sizeof(float));
    } else {
      for (Index c = 0; c < columns; ++c) panel[c] = from[c * matrix.column_stride];
    }
    std::fill(panel + columns, panel + width, 0.0F);
  }
}

}  // namespace condense::kernels::detail

#endif
