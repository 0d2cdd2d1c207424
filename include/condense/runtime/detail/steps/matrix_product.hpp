#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_MATRIX_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_MATRIX_PRODUCT_HPP

#include <limits>

#include "condense/core/rounding.hpp"
#include "condense/runtime/detail/steps/elementwise.hpp"
#include "condense/runtime/detail/steps/product.hpp"

namespace condense::runtime::detail {

/// The first elements of the factors of one matrix of a stack.
struct MatrixPair {
  std::int64_t a = 0;
  std::int64_t b = 0;
};

/// Products of two stacks of matrices of codes, a (rows x depth) and b (depth x columns).
///
/// The kernel multiplies by signed weights b', which are codes less half of the range of unsigned ones: the sum of
/// (a - z_a)(b - z_b) is sum a b' - z_a sum b' + depth z_a z_b' - z_b' sum a, of which the second and third term are
/// the bias of a column and the last one belongs to a row. All of it is exact in int32.
struct MatrixProductStep {
  static constexpr std::string_view kKind = "matrix product";

  /// Up to this depth all four terms fit int32 together, whatever the zero points are.
  static constexpr Index kDeepest = std::numeric_limits<std::int32_t>::max() / (4 * 128 * 255);

  Reads a{};
  Reads b{};
  Reads pairs{};    ///< `MatrixPair`, one for each matrix of the result.
  Writes codes{};   ///< b' in the order of the kernel, for all matrices.
  Writes bias{};    ///< int32 (columns) for each matrix.
  Writes packed{};  ///< `packed_bytes` for each matrix.
  Writes sums{};    ///< int32, of the whole result.
  Writes output{};
  Index matrices = 0;
  Index rows = 0;
  Index columns = 0;
  Index depth = 0;
  bool b_transposed = false;  ///< b lies as (columns x depth).
  kernels::ElementType a_type = kernels::ElementType::uint8;
  std::int32_t a_zero_point = 0;
  std::int32_t half = 0;          ///< 128 for unsigned b.
  std::int32_t b_zero_point = 0;  ///< Less `half`.
  float multiplier = 1;
  float low = 0;
  float high = 0;
  std::optional<kernels::CodeOutput> form{};  ///< Absent for floats.
  Index packed_bytes = 0;                     ///< Of one b, a multiple of 64.

  static void fields(auto& s, auto&& visit) {
    visit(s.a, s.b, s.pairs, s.codes, s.bias, s.packed, s.sums, s.output, s.matrices, s.rows, s.columns, s.depth,
          s.b_transposed, s.a_type, s.a_zero_point, s.half, s.b_zero_point, s.multiplier, s.low, s.high, s.form,
          s.packed_bytes);
  }

  kernels::WeightShape weight_shape() const noexcept { return {.columns = columns, .depth = depth}; }
  std::size_t output_bytes() const noexcept { return form ? 1 : sizeof(float); }

  void check(const BufferSizes& buffers) const {
    require_codes({a_type});
    if (form) require_codes(*form);
    checked_product({matrices, rows, columns, depth});
    require(depth <= kDeepest, "sums of {} products could overflow int32", depth);
    require((half == 0 || half == 128) && a_zero_point >= -128 && a_zero_point <= 255 && b_zero_point >= -128 &&
                b_zero_point <= 127,
            "zero points of {}, and of {} of codes from {} on, are none of 8 bits", a_zero_point, b_zero_point, half);
    for (const MatrixPair& pair : buffers.constant<MatrixPair>(pairs, matrices)) {
      require(pair.a >= 0 && pair.b >= 0, "a matrix starts at element {}", std::min(pair.a, pair.b));
      buffers.require_readable(a, pair.a + rows * depth, 1);
      buffers.require_readable(b, pair.b + depth * columns, 1);
    }
    require(packed_bytes % 64 == 0 &&
                packed_bytes >= static_cast<Index>(buffers.kernels().gemm.packed_bytes(weight_shape())),
            "packed matrices have {} bytes, more are needed", packed_bytes);
    buffers.require_writable(codes, matrices * columns * depth, 1);
    buffers.require_writable(bias, matrices * columns, sizeof(std::int32_t));
    buffers.require_writable(packed, checked_product({matrices, packed_bytes}), 1);
    buffers.require_writable(sums, matrices * rows * columns, sizeof(std::int32_t));
    buffers.require_writable(output, matrices * rows * columns, output_bytes());
  }

  void run(const Execution& e) const {
    if (rows == 0 || columns == 0) return;
    const auto* pair = e.at<MatrixPair>(pairs);
    parallel_for(e.pool, matrices, [&](Index i) {
      pack(e.kernels.gemm, e.at<std::uint8_t>(b) + pair[i].b, e.at<std::int8_t>(codes) + i * columns * depth,
           e.at<std::int32_t>(bias) + i * columns, e.at<std::byte>(packed) + i * packed_bytes);
    });
    for_row_blocks(e.pool, matrices, rows, std::int64_t{columns} * depth, [&](Index i, Index first, Index count) {
      const std::uint8_t* a_rows = e.at<std::uint8_t>(a) + pair[i].a + first * depth;
      const Index start = (i * rows + first) * columns;
      e.kernels.gemm.run({.input = {.data = a_rows, .rows = count, .depth = depth, .row_stride = depth},
                          .input_type = a_type,
                          .weights = weight_shape(),
                          .packed_weights = e.at<std::byte>(packed) + i * packed_bytes,
                          .epilogue = {.bias = e.at<std::int32_t>(bias) + i * columns},
                          .output = e.at<std::int32_t>(sums) + start,
                          .output_type = kernels::ElementType::int32,
                          .output_stride = columns});
      finish(a_rows, e.at<std::int32_t>(sums) + start, count,
             e.at<std::byte>(output) + static_cast<std::size_t>(start) * output_bytes());
    });
  }

 private:
  /// Packs one matrix b; `ordered` has columns * depth elements, `terms` one for each column.
  void pack(const kernels::GemmKernel& gemm, const std::uint8_t* matrix, std::int8_t* ordered, std::int32_t* terms,
            std::byte* target) const noexcept {
    for (Index column = 0; column < columns; ++column) {
      std::int32_t sum = 0;
      for (Index k = 0; k < depth; ++k) {
        const std::uint8_t code = b_transposed ? matrix[column * depth + k] : matrix[k * columns + column];
        const auto weight = static_cast<std::int8_t>(half == 0 ? static_cast<std::int8_t>(code) : code - half);
        ordered[column * depth + k] = weight;
        sum += weight;
      }
      terms[column] = a_zero_point * (static_cast<std::int32_t>(depth) * b_zero_point - sum);
    }
    gemm.pack(weight_shape(), {.codes = ordered}, target);
  }

  /// Rows [first, first + count) of one matrix of the result, from the sums of their products.
  void finish(const std::uint8_t* a_rows, const std::int32_t* products, Index count, void* result) const noexcept {
    for (Index row = 0; row < count; ++row) {
      std::int32_t a_sum = 0;
      if (b_zero_point != 0) {
        for (Index k = 0; k < depth; ++k) {
          const std::uint8_t code = a_rows[row * depth + k];
          a_sum += a_type == kernels::ElementType::int8 ? static_cast<std::int8_t>(code) : std::int32_t{code};
        }
      }
      const std::int32_t term = b_zero_point * a_sum;
      for (Index i = row * columns; i < (row + 1) * columns; ++i) {
        const float real = static_cast<float>(products[i] - term) * multiplier;
        if (form) {
          const std::int32_t code = round_to_code(real, form->zero_point, form->lowest, form->highest);
          static_cast<std::uint8_t*>(result)[i] = static_cast<std::uint8_t>(code);
        } else {
          static_cast<float*>(result)[i] = std::min(std::max(real, low), high);
        }
      }
    }
  }
};

}  // namespace condense::runtime::detail

#endif
