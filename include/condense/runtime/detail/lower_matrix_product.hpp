#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_MATRIX_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_MATRIX_PRODUCT_HPP

#include "condense/core/rounding.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "condense/runtime/detail/lowering.hpp"
#include "condense/runtime/detail/product.hpp"

namespace condense::runtime::detail {

/// Products of two stacks of matrices of codes, a (rows x depth) and b (depth x columns).
///
/// The kernel multiplies by signed weights b', which are codes less half of the range of unsigned ones: the sum of
/// (a - z_a)(b - z_b) is sum a b' - z_a sum b' + depth z_a z_b' - z_b' sum a, of which the second and third term are
/// the bias of a column and the last one belongs to a row. All of it is exact in int32.
struct MatrixProduct {
  struct Pair {
    Index a = 0;
    Index b = 0;
  };
  std::vector<Pair> pairs;  ///< The first elements of the factors of each matrix of the result.
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
  std::optional<kernels::CodeOutput> output;  ///< Absent for floats.
  std::size_t packed_bytes = 0;               ///< Of one b, a multiple of 64.

  kernels::WeightShape weight_shape() const noexcept { return {.columns = columns, .depth = depth}; }

  /// Packs the b of a matrix of the result. `codes` has columns * depth elements, `bias` one for each column.
  void pack(const kernels::GemmKernel& gemm, const std::uint8_t* b, std::int8_t* codes, std::int32_t* bias,
            std::byte* packed) const noexcept {
    for (Index column = 0; column < columns; ++column) {
      std::int32_t sum = 0;
      for (Index k = 0; k < depth; ++k) {
        const std::uint8_t code = b_transposed ? b[column * depth + k] : b[k * columns + column];
        const auto weight = static_cast<std::int8_t>(half == 0 ? static_cast<std::int8_t>(code) : code - half);
        codes[column * depth + k] = weight;
        sum += weight;
      }
      bias[column] = a_zero_point * (static_cast<std::int32_t>(depth) * b_zero_point - sum);
    }
    gemm.pack(weight_shape(), {.codes = codes}, packed);
  }

  /// Rows [first, first + count) of one matrix of the result, from sums of these rows.
  void finish(const std::uint8_t* a, const std::int32_t* sums, Index count, void* result) const noexcept {
    for (Index row = 0; row < count; ++row) {
      std::int32_t a_sum = 0;
      if (b_zero_point != 0) {
        for (Index k = 0; k < depth; ++k) {
          const std::uint8_t code = a[row * depth + k];
          a_sum += a_type == kernels::ElementType::int8 ? static_cast<std::int8_t>(code) : std::int32_t{code};
        }
      }
      const std::int32_t term = b_zero_point * a_sum;
      for (Index i = row * columns; i < (row + 1) * columns; ++i) {
        const float real = static_cast<float>(sums[i] - term) * multiplier;
        if (output) {
          const std::int32_t code = round_to_code(real, output->zero_point, output->lowest, output->highest);
          static_cast<std::uint8_t*>(result)[i] = static_cast<std::uint8_t>(code);
        } else {
          static_cast<float*>(result)[i] = std::min(std::max(real, low), high);
        }
      }
    }
  }
};

/// The extents and orders of a MatMul, or of a Gemm without bias, of two activations. Empty if the node is none.
inline std::optional<MatrixProduct> matrix_product_of(const Lowering& lowering, const graph::Node& node) {
  constexpr Index kDeepest = std::numeric_limits<std::int32_t>::max() / (4 * 128 * 255);
  const auto* gemm = node.op.get_if<graph::Gemm>();
  if (gemm == nullptr && !node.op.is<graph::MatMul>()) return {};
  const Shape& a = lowering.shape(node.inputs[0]);
  const Shape& b = lowering.shape(node.inputs[1]);
  if (a.rank() < 2 || b.rank() < 2) return {};
  MatrixProduct result;
  if (gemm != nullptr) {
    if (gemm->trans_a || gemm->alpha != 1 || (node.inputs.size() > 2 && node.inputs[2].exists())) return {};
    result.rows = a[0];
    result.depth = a[1];
    result.columns = b[gemm->trans_b ? 0 : 1];
    result.b_transposed = gemm->trans_b;
    result.pairs.emplace_back();
  } else {
    const graph::reference::MatrixStacks stacks(a, b, 1);
    result.rows = stacks.sizes.rows;
    result.depth = stacks.sizes.depth;
    result.columns = stacks.sizes.columns;
    result.pairs.resize(static_cast<std::size_t>(stacks.stack.count()));
    stacks.for_each({}, [&](Index i, Index a_first, Index b_first) {
      result.pairs[static_cast<std::size_t>(i)] = {a_first, b_first};
    });
  }
  const bool is_empty = result.rows == 0 || result.columns == 0 || result.depth == 0 || result.pairs.empty();
  return is_empty || result.depth > kDeepest ? std::nullopt : std::optional(std::move(result));
}

/// A product of two quantised activations, with clamp and requantisation. False if the node is not one.
inline bool lower_matrix_product(Lowering& lowering, const graph::Node& node) {
  std::optional<MatrixProduct> product = matrix_product_of(lowering, node);
  if (!product) return false;
  const auto a = lowering.source(node.inputs[0]);
  const auto b = lowering.source(node.inputs[1]);
  if (!a || !b || bits(a->type) != 8 || bits(b->type) != 8) return false;
  const Tail tail = lowering.tail(node, true);
  auto work = std::make_shared<MatrixProduct>(std::move(*product));
  work->a_type = a->element();
  work->a_zero_point = a->affine.zero_point;
  work->half = is_signed(b->type) ? 0 : 128;
  work->b_zero_point = b->affine.zero_point - work->half;
  work->multiplier = a->affine.scale * b->affine.scale / (tail.quantized ? tail.quantized->affine.scale : 1.0F);
  work->low = tail.low;
  work->high = tail.high;
  if (tail.quantized) {
    work->output = kernels::CodeOutput{.type = tail.quantized->element(),
                                       .zero_point = tail.quantized->affine.zero_point,
                                       .lowest = tail.lowest(),
                                       .highest = tail.highest()};
  }
  const kernels::GemmKernel gemm = lowering.kernels().gemm;
  work->packed_bytes = (gemm.packed_bytes(work->weight_shape()) + 63) / 64 * 64;

  lowering.cover(tail);
  const auto matrices = static_cast<Index>(work->pairs.size());
  const auto bytes = [&](Index elements) { return static_cast<std::size_t>(matrices * elements); };
  const int from_a = lowering.request(a->codes, Layout::channels_first);
  const int from_b = lowering.request(b->codes, Layout::channels_first);
  const int codes = lowering.scratch(bytes(work->columns * work->depth));
  const int bias = lowering.scratch(bytes(work->columns) * sizeof(std::int32_t));
  const int packed = lowering.scratch(bytes(1) * work->packed_bytes);
  const int sums = lowering.scratch(bytes(work->rows * work->columns) * sizeof(std::int32_t));
  const int to = lowering.produce(tail.result, Layout::channels_first);
  const std::int64_t work_amount = std::int64_t{matrices} * work->rows * work->columns * work->depth;
  lowering.append({node.name, tail.operation, "int8", "gemm", work_amount}, {from_a, from_b},
                  {codes, bias, packed, sums, to},
                  [work = std::shared_ptr<const MatrixProduct>(std::move(work)), gemm, from_a, from_b, codes, bias,
                   packed, sums, to, matrices](const Execution& e) {
                    const MatrixProduct& p = *work;
                    const auto packed_at = [&](Index i) {
                      return e.at<std::byte>(packed) + static_cast<std::size_t>(i) * p.packed_bytes;
                    };
                    parallel_for(e.pool, matrices, [&](Index i) {
                      p.pack(gemm, e.at<const std::uint8_t>(from_b) + p.pairs[static_cast<std::size_t>(i)].b,
                             e.at<std::int8_t>(codes) + i * p.columns * p.depth,
                             e.at<std::int32_t>(bias) + i * p.columns, packed_at(i));
                    });
                    for_row_blocks(e.pool, matrices, p.rows, [&](Index i, Index first, Index count) {
                      const std::uint8_t* a_rows =
                          e.at<const std::uint8_t>(from_a) + p.pairs[static_cast<std::size_t>(i)].a + first * p.depth;
                      const Index start = (i * p.rows + first) * p.columns;
                      gemm.run({.input = {.data = a_rows, .rows = count, .depth = p.depth, .row_stride = p.depth},
                                .input_type = p.a_type,
                                .weights = p.weight_shape(),
                                .packed_weights = packed_at(i),
                                .epilogue = {.bias = e.at<std::int32_t>(bias) + i * p.columns},
                                .output = e.at<std::int32_t>(sums) + start,
                                .output_type = kernels::ElementType::int32,
                                .output_stride = p.columns});
                      const std::size_t element = p.output ? 1 : sizeof(float);
                      p.finish(a_rows, e.at<std::int32_t>(sums) + start, count,
                               e.at<std::byte>(to) + static_cast<std::size_t>(start) * element);
                    });
                  });
  return true;
}

}  // namespace condense::runtime::detail

#endif
