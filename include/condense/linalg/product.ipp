#ifndef CONDENSE_LINALG_PRODUCT_IPP
#define CONDENSE_LINALG_PRODUCT_IPP

#include <Eigen/Core>
#include <algorithm>
#include <limits>
#include <vector>

#include "condense/core/inline.hpp"
#include "condense/kernels/float_gemm/avx2.hpp"
#include "condense/kernels/float_gemm/avx512_vnni.hpp"
#include "condense/kernels/float_gemm/neon.hpp"
#include "condense/kernels/float_gemm/scalar.hpp"
#include "condense/linalg/product.hpp"
#include "condense/simd/resolver.hpp"

namespace condense::linalg {

namespace detail {

/// Below as many rows, packing the right factor costs more than the faster product gains.
inline constexpr Index kFewestPackedRows = 4;

inline const kernels::FloatGemmKernel& float_gemm() {
  return simd::resolve<kernels::FloatGemm, kernels::FloatGemmKernel>();
}

inline kernels::FloatWeightShape weight_shape(const Factor<float>& right) noexcept {
  return {.columns = right.columns, .depth = right.rows};
}

template <class T, class Visit>
void with_factor(const Factor<T>& factor, Visit&& visit) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Stored = Eigen::Map<const Matrix, 0, Eigen::OuterStride<>>;
  const Eigen::OuterStride<> stride(factor.stride);
  if (factor.transposed) {
    visit(Stored(factor.data, factor.columns, factor.rows, stride).transpose());
  } else {
    visit(Stored(factor.data, factor.rows, factor.columns, stride));
  }
}

template <class T>
void add_product_of_eigen(T alpha, const Factor<T>& a, const Factor<T>& b, T* y, Index stride) {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::Map<Matrix, 0, Eigen::OuterStride<>> result(y, a.rows, b.columns, Eigen::OuterStride<>(stride));
  with_factor(a, [&](const auto& left) {
    with_factor(b, [&](const auto& right) { result.noalias() += (alpha * left) * right; });
  });
}

/// Rows [first, first + count) of a factor that is stored transposed, row-major.
inline void transpose_rows(const Factor<float>& a, Index first, Index count, float* rows) noexcept {
  constexpr Index kBlock = 16;  // of a cache line each way
  for (Index k = 0; k < a.columns; k += kBlock) {
    const Index end = std::min(a.columns, k + kBlock);
    for (Index r = 0; r < count; ++r) {
      for (Index i = k; i < end; ++i) rows[r * a.columns + i] = a.data[i * a.stride + first + r];
    }
  }
}

/// y = a * b, or with `alpha` y += alpha * a * b, for a packed right factor.
inline void multiply_packed(const float* alpha, const Factor<float>& a, const RightFactor<float>& b, float* y,
                            Index stride) {
  constexpr Index kBlockRows = 32;  // what is copied stays in a cache
  const Index columns = b.factor().columns;
  const Index block = std::min(a.rows, kBlockRows);
  const std::vector<float> zeros(static_cast<std::size_t>(columns), 0.0F);
  std::vector<float> rows(static_cast<std::size_t>(a.transposed ? block * a.columns : 0));
  std::vector<float> sums(static_cast<std::size_t>(alpha != nullptr ? block * columns : 0));
  const bool copies = a.transposed || alpha != nullptr;
  for (Index first = 0; first < a.rows; first += copies ? block : a.rows) {
    const Index count = copies ? std::min(block, a.rows - first) : a.rows;
    if (a.transposed) transpose_rows(a, first, count, rows.data());
    float* const output = alpha != nullptr ? sums.data() : y + first * stride;
    float_gemm().run({.input = {.data = a.transposed ? rows.data() : a.data + first * a.stride,
                                .rows = count,
                                .depth = a.columns,
                                .row_stride = a.transposed ? a.columns : a.stride},
                      .weights = weight_shape(b.factor()),
                      .packed_weights = b.packed(),
                      .bias = zeros.data(),
                      .low = -std::numeric_limits<float>::infinity(),
                      .high = std::numeric_limits<float>::infinity(),
                      .output = output,
                      .output_stride = alpha != nullptr ? columns : stride});
    if (alpha == nullptr) continue;
    for (Index r = 0; r < count; ++r) {
      float* const row = y + (first + r) * stride;
      for (Index c = 0; c < columns; ++c) row[c] += *alpha * sums[static_cast<std::size_t>(r * columns + c)];
    }
  }
}

template <class T>
bool is_empty(const Factor<T>& a, const Factor<T>& b) noexcept {
  return a.rows == 0 || a.columns == 0 || b.columns == 0;
}

template <class T>
void clear(Index rows, Index columns, T* y, Index stride) noexcept {
  for (Index row = 0; row < rows; ++row) std::fill_n(y + row * stride, columns, T{0});
}

}  // namespace detail

template <>
CONDENSE_INLINE RightFactor<float>::RightFactor(const Factor<float>& factor, Index rows) : factor_(factor) {
  if (rows < detail::kFewestPackedRows || factor.rows == 0 || factor.columns == 0) return;
  const kernels::FloatWeightShape shape = detail::weight_shape(factor);
  packed_ = AlignedBytes(detail::float_gemm().packed_bytes(shape));
  detail::float_gemm().pack_matrix(shape,
                                   {.values = factor.data,
                                    .depth_stride = factor.transposed ? 1 : factor.stride,
                                    .column_stride = factor.transposed ? factor.stride : 1},
                                   packed_.data());
}
template <>
CONDENSE_INLINE RightFactor<double>::RightFactor(const Factor<double>& factor, Index) : factor_(factor) {}

CONDENSE_INLINE void add_product(float alpha, const Factor<float>& a, const RightFactor<float>& b, float* y,
                                 Index stride) {
  if (detail::is_empty(a, b.factor())) return;
  if (b.is_packed()) {
    detail::multiply_packed(&alpha, a, b, y, stride);
  } else {
    detail::add_product_of_eigen(alpha, a, b.factor(), y, stride);
  }
}
CONDENSE_INLINE void add_product(double alpha, const Factor<double>& a, const RightFactor<double>& b, double* y,
                                 Index stride) {
  if (!detail::is_empty(a, b.factor())) detail::add_product_of_eigen(alpha, a, b.factor(), y, stride);
}
CONDENSE_INLINE void multiply(const Factor<float>& a, const Factor<float>& b, float* y, Index stride) {
  const RightFactor<float> right(b, a.rows);
  if (right.is_packed()) {
    detail::multiply_packed(nullptr, a, right, y, stride);
  } else {
    detail::clear(a.rows, b.columns, y, stride);
    add_product(1.0F, a, right, y, stride);
  }
}
CONDENSE_INLINE void multiply(const Factor<double>& a, const Factor<double>& b, double* y, Index stride) {
  detail::clear(a.rows, b.columns, y, stride);
  add_product(1.0, a, b, y, stride);
}

}  // namespace condense::linalg

#endif
