#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_FLOAT_MATRIX_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_FLOAT_MATRIX_PRODUCT_HPP

#include "condense/runtime/detail/steps/product.hpp"

namespace condense::runtime::detail {

/// The factors of one matrix of a stack: the first element of a, and which b.
struct FloatMatrixPair {
  std::int64_t a = 0;
  std::int64_t b = 0;
};

/// Products of two stacks of float matrices, a (rows x depth) and b (depth x columns). Each b is packed before it is
/// used, unless all are constant and were packed before.
struct FloatMatrixProductStep {
  static constexpr std::string_view kKind = "float matrix product";

  Reads a{};
  Reads b{};          ///< None if `constants` are there.
  Reads starts{};     ///< int64 (factors): the first element of each b; none as b.
  Reads pairs{};      ///< `FloatMatrixPair` (matrices)
  Reads bias{};       ///< (columns)
  Reads constants{};  ///< `packed_bytes` for each b.
  Writes packed{};    ///< The same.
  Writes output{};
  Index matrices = 0;
  Index factors = 0;  ///< How many b there are.
  Index rows = 0;
  Index columns = 0;
  Index depth = 0;
  bool b_transposed = false;  ///< b lies as (columns x depth).
  Index packed_bytes = 0;     ///< Of one b, a multiple of 64.
  float low = 0;
  float high = 0;

  static void fields(auto& s, auto&& visit) {
    visit(s.a, s.b, s.starts, s.pairs, s.bias, s.constants, s.packed, s.output, s.matrices, s.factors, s.rows,
          s.columns, s.depth, s.b_transposed, s.packed_bytes, s.low, s.high);
  }

  kernels::FloatWeightShape weights() const noexcept { return {.columns = columns, .depth = depth}; }

  void check(const BufferSizes& buffers) const {
    checked_product({matrices, rows, columns});
    checked_product({matrices, rows, depth});
    checked_product({factors, depth, columns});
    const auto least = static_cast<Index>(buffers.kernels().float_gemm.packed_bytes(weights()));
    require(packed_bytes % 64 == 0 && packed_bytes >= least, "packed matrices have {} bytes, {} are needed",
            packed_bytes, least);
    for (const FloatMatrixPair& pair : buffers.constant<FloatMatrixPair>(pairs, matrices)) {
      require(pair.a >= 0 && pair.b >= 0 && pair.b < factors, "a matrix of {} factors is of elements from {} and of {}",
              factors, pair.a, pair.b);
      buffers.require_readable(a, pair.a + rows * depth, sizeof(float));
    }
    const Index bytes = checked_product({factors, packed_bytes});
    if (constants.exists()) {
      buffers.require_readable(constants, bytes, 1);
    } else {
      for (const std::int64_t start : buffers.constant<std::int64_t>(starts, factors)) {
        require(start >= 0, "a matrix starts at element {}", start);
        buffers.require_readable(b, start + depth * columns, sizeof(float));
      }
      buffers.require_writable(packed, bytes, 1);
    }
    buffers.require_readable(bias, columns, sizeof(float));
    buffers.require_writable(output, matrices * rows * columns, sizeof(float));
  }

  void run(const Execution& e) const {
    if (rows == 0 || columns == 0) return;
    if (!constants.exists()) {
      parallel_for(e.pool, factors, [&](Index i) {
        const float* values = e.at<float>(b) + e.at<std::int64_t>(starts)[i];
        const kernels::FloatMatrix matrix =
            b_transposed ? kernels::FloatMatrix{values, 1, depth} : kernels::FloatMatrix{values, columns, 1};
        e.kernels.float_gemm.pack_matrix(weights(), matrix, e.at<std::byte>(packed) + i * packed_bytes);
      });
    }
    const std::byte* all = constants.exists() ? e.at<std::byte>(constants) : e.at<std::byte>(packed);
    for_row_blocks(e.pool, matrices, rows, [&](Index i, Index first, Index count) {
      const FloatMatrixPair& pair = e.at<FloatMatrixPair>(pairs)[i];
      e.kernels.float_gemm.run({.input = {.data = e.at<float>(a) + pair.a + first * depth,
                                          .rows = count,
                                          .depth = depth,
                                          .row_stride = depth},
                                .weights = weights(),
                                .packed_weights = all + pair.b * packed_bytes,
                                .bias = e.at<float>(bias),
                                .low = low,
                                .high = high,
                                .output = e.at<float>(output) + (i * rows + first) * columns,
                                .output_stride = columns});
    });
  }
};

}  // namespace condense::runtime::detail

#endif
