#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_INTEGER_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_INTEGER_PRODUCT_HPP

#include "condense/runtime/detail/steps/elementwise.hpp"
#include "condense/runtime/detail/steps/float_elementwise.hpp"
#include "condense/runtime/detail/steps/product.hpp"

namespace condense::runtime::detail {

/// A product of codes with its bias, clamp and requantisation, and with what follows: of codes a sum, then a table; of
/// floats a `FloatTail`.
struct IntegerProductStep {
  static constexpr std::string_view kKind = "integer product";
  static constexpr std::size_t kInputBytes = 1;

  ProductExtents product{};
  ProductInput input{};
  Reads packed{};       ///< The weights of all groups.
  Reads bias{};         ///< int32 (columns of all groups); without groups of weights, as the multipliers.
  Reads multipliers{};  ///< float32
  Reads float_bias{};   ///< float32, with groups of weights.
  Reads residual{};     ///< Codes that are added to the result.
  Reads table{};        ///< 256 codes, by which those of the result, or the sum, are replaced.
  Writes output{};
  kernels::WeightShape weights{};  ///< Of one group of the product.
  Index packed_stride = 0;         ///< Bytes from one group to the next.
  bool is_sparse = false;          ///< Whether weights of zero are left out of the packed ones.
  kernels::ElementType input_type = kernels::ElementType::uint8;
  kernels::ElementType output_type = kernels::ElementType::float32;
  kernels::GemmEpilogue epilogue{};
  std::optional<kernels::AddArguments> sum{};  ///< With a residual: how it is added to the codes.
  FloatTail tail{};                            ///< Of an output of floats.

  static void fields(auto& s, auto&& visit) {
    visit(s.product, s.input, s.packed, s.bias, s.multipliers, s.float_bias, s.residual, s.table, s.output, s.weights,
          s.packed_stride, s.is_sparse, s.input_type, s.output_type, s.epilogue, s.sum, s.tail);
  }

  std::size_t output_bytes() const noexcept { return kernels::is_code(output_type) ? 1 : 4; }
  bool has_weight_groups() const noexcept { return weights.group_size > 0; }

  void check(const BufferSizes& buffers) const {
    input.check(buffers, product, kInputBytes);
    check_weights(buffers);
    check_output(buffers);
  }

  void check_weights(const BufferSizes& buffers) const {
    const ProductExtents& p = product;
    require_codes({input_type});
    require(kernels::is_code(output_type) || output_type == kernels::ElementType::int32 ||
                output_type == kernels::ElementType::float32,
            "the output of a product has no type {}", static_cast<int>(output_type));
    require(is_code(epilogue.input_zero_point), "a zero point of {} is none of 8 bits", epilogue.input_zero_point);
    if (output_type == kernels::ElementType::uint8 || output_type == kernels::ElementType::int8) {
      require_codes(kernels::CodeOutput{nullptr, output_type, epilogue.zero_point, epilogue.lowest, epilogue.highest});
    }
    if (p.is_depthwise()) {
      buffers.require_readable(packed,
                               static_cast<Index>(buffers.kernels().depthwise.packed_bytes(p.channels(), p.taps)), 1);
    } else {
      require(weights.columns == p.columns && weights.taps == p.taps && weights.depth == p.depth,
              "the weights of a product do not fit it");
      is_sparse ? buffers.require_sparse(packed, weights, p.groups, packed_stride)
                : buffers.require_packed(packed, weights, p.groups, packed_stride);
    }
    if (has_weight_groups()) {
      require(!p.is_depthwise(), "depthwise products have no groups of weights");
      buffers.require_readable(float_bias, p.all_columns(), sizeof(float));
    } else {
      buffers.require_readable(bias, p.all_columns(), sizeof(std::int32_t));
      buffers.require_readable(multipliers, p.all_columns(), sizeof(float));
    }
  }

  void check_output(const BufferSizes& buffers) const {
    const Index count = checked_product({product.images, product.rows, product.groups, product.columns});
    buffers.require_writable(output, count, output_bytes());
    if (sum) {
      require_codes({output_type});
      require_codes(*sum);
      buffers.require_readable(residual, count, 1);
    }
    if (table.exists()) {
      require_codes({output_type});
      buffers.require_readable(table, 256, 1);
    }
    if (tail.exists()) {
      require(output_type == kernels::ElementType::float32, "a function of floats follows outputs of type {}",
              static_cast<int>(output_type));
      tail.check(buffers, count);
    }
  }

  kernels::GemmEpilogue epilogue_of(const Execution& e, Index group) const noexcept {
    kernels::GemmEpilogue result = epilogue;
    const Index column = group * product.columns;
    if (has_weight_groups()) {
      result.float_bias = e.at<float>(float_bias) + column;
    } else {
      result.bias = e.at<std::int32_t>(bias) + column;
      result.multipliers = e.at<float>(multipliers) + column;
    }
    return result;
  }

  void run(const Execution& e) const { run_product(*this, e); }

  /// Rows that lie somewhere, times the weights of one group; all groups of a depthwise product are one.
  void multiply_group(const Execution& e, const kernels::ActivationRows& rows, Index group, std::byte* out,
                      Index stride) const noexcept {
    if (product.is_depthwise()) {
      e.kernels.depthwise.run({.input = rows,
                               .input_type = input_type,
                               .packed_weights = e.at<std::byte>(packed),
                               .epilogue = epilogue_of(e, 0),
                               .output = out,
                               .output_type = output_type,
                               .output_stride = stride});
      return;
    }
    const auto run = is_sparse ? e.kernels.sparse_gemm.run : e.kernels.gemm.run;
    run({.input = rows,
         .input_type = input_type,
         .weights = weights,
         .packed_weights = e.at<std::byte>(packed) + group * packed_stride,
         .epilogue = epilogue_of(e, group),
         .output = out,
         .output_type = output_type,
         .output_stride = stride});
  }

  /// What follows the product, on elements [start, start + count) of the result, which lie at `out`.
  void finish(const Execution& e, std::byte* out, Index start, Index count) const noexcept {
    if (sum) {
      kernels::AddArguments add = *sum;
      add.a.data = out;
      add.b.data = e.at<std::byte>(residual) + start;
      add.output.data = out;
      add.count = count;
      e.kernels.elementwise.add(add);
    }
    if (table.exists()) {
      auto* codes = reinterpret_cast<std::uint8_t*>(out);
      e.kernels.elementwise.lookup(codes, e.at<std::uint8_t>(table), count, codes);
    }
    if (tail.exists()) tail.run(e, reinterpret_cast<float*>(out), start, count);
  }
};

}  // namespace condense::runtime::detail

#endif
