#ifndef CONDENSE_GRAPH_OPERATORS_MAT_MUL_N_BITS_HPP
#define CONDENSE_GRAPH_OPERATORS_MAT_MUL_N_BITS_HPP

#include <bit>

#include "condense/core/packing.hpp"
#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/halves.hpp"
#include "condense/linalg/product.hpp"

namespace condense::graph {

/// y = a * w^T + bias with weights in blocks: w[n, k] = (code - zero_point) * scale, where every `block_size` elements
/// of a row share scale and zero point. MatMulNBits of the domain com.microsoft.
///
/// Inputs: a (..., K), float32, float16 or bfloat16; codes, uint8 (N, blocks, block_size * bits / 8), the first code in
/// the lowest bits, where blocks = ceil(K / block_size); scales (N, blocks), of the type of a; optional zero points,
/// either packed like the codes, uint8 with a whole number of bytes for each row, or (N, blocks) of the type of a,
/// 2^(bits - 1) if absent; no input 4, an order of the columns, which throws `Unsupported`; optional bias (N) as
/// input 5. Shapes of codes, scales and zero points may be flattened. Halves are computed in float.
struct MatMulNBits {
  static constexpr std::string_view kType = "MatMulNBits";
  static constexpr std::string_view kDomain = "com.microsoft";

  Index k = 0;  ///< Columns of the weights.
  Index n = 0;  ///< Rows of the weights.
  Index bits = 4;
  Index block_size = 32;     ///< A power of two, 16 or more.
  Index accuracy_level = 0;  ///< Precision that is enough; it is computed in float whatever it is.

  static void attributes(auto& op, auto&& visit) {
    visit("K", op.k);
    visit("N", op.n);
    visit("bits", op.bits);
    visit("block_size", op.block_size);
    visit("accuracy_level", op.accuracy_level);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(3, 6);
    const DataType type = inputs.type(0);
    require(is_float(type) && type != DataType::float64, "its input 0 is float32, float16 or bfloat16, this one is {}",
            name(type));
    require(bits == 2 || bits == 4 || bits == 8, "its attribute bits is 2, 4 or 8, not {}", bits);
    require(block_size >= 16 && std::has_single_bit(static_cast<std::size_t>(block_size)),
            "its attribute block_size is a power of two of 16 or more, not {}", block_size);
    require(k >= 1 && n >= 1, "its attributes K and N are {} and {}, the least is 1", k, n);
    if (inputs.has(4)) {
      throw Unsupported("its input 4, g_idx, gives its columns another order; export the model without act_order");
    }
    const Shape& a = inputs.shape(0);
    require(a.rank() >= 1 && a[a.rank() - 1] == k, "its input 0 of shape {} has rows of other than K = {} elements",
            a.to_string(), k);
    const Index stored = Shape{n, blocks(), block_size}.count() / (8 / bits);
    require(inputs.type(1) == DataType::uint8 && inputs.shape(1).count() == stored,
            "its input 1, the codes, is uint8 with {} elements, this one is {} of shape {}", stored,
            name(inputs.type(1)), inputs.shape(1).to_string());
    inputs.require_same_type(2);
    require(inputs.shape(2).count() == n * blocks(), "its input 2, the scales, has {} elements, this one has shape {}",
            n * blocks(), inputs.shape(2).to_string());
    if (inputs.has(3)) {
      const bool packed = inputs.type(3) == DataType::uint8;
      if (!packed) inputs.require_same_type(3);
      const Index wanted = n * (packed ? zero_point_bytes() : blocks());
      require(inputs.shape(3).count() == wanted, "its input 3, the zero points, has {} elements, this one has shape {}",
              wanted, inputs.shape(3).to_string());
    }
    inputs.require_same_type(5);
    require(!inputs.has(5) || inputs.shape(5) == Shape{n}, "its input 5, the bias, has shape {} instead of ({})",
            inputs.has(5) ? inputs.shape(5).to_string() : "", n);
    return {{type, a.with(a.rank() - 1, n)}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    reference::with_widened_halves(e, [&](const Evaluation& floats) { multiply(floats); });
  }

  friend bool operator==(const MatMulNBits&, const MatMulNBits&) = default;

 private:
  Index blocks() const noexcept { return k / block_size + (k % block_size > 0 ? 1 : 0); }
  Index zero_point_bytes() const noexcept { return (blocks() * bits + 7) / 8; }

  void multiply(const Evaluation& e) const {
    constexpr Index kRows = 64;  // of the weights, unpacked at a time
    const Index rows = e.input().count() / k;
    float* y = e.output().as<float>();
    parallel_for(e.pool, n, kRows, [&](Index begin, Index end) {
      std::vector<float> weights(static_cast<std::size_t>((end - begin) * k));
      for (Index row = begin; row < end; ++row) unpack(e, row, weights.data() + (row - begin) * k);
      for (Index row = 0; row < rows; ++row) {
        for (Index column = begin; column < end; ++column) {
          y[row * n + column] = e.has(5) ? e.input(5).as<float>()[column] : 0;
        }
      }
      linalg::add_product(1.0F, {e.input().as<float>(), rows, k, k}, {weights.data(), k, end - begin, k, true},
                          y + begin, n);
    });
  }

  /// Writes a row of the weights.
  void unpack(const Evaluation& e, Index row, float* weights) const {
    const int width = static_cast<int>(bits);
    for (Index block = 0; block < blocks(); ++block) {
      const std::byte* codes = e.input(1).data + (row * blocks() + block) * (block_size * bits / 8);
      const float scale = e.input(2).as<float>()[row * blocks() + block];
      const float zero_point = this->zero_point(e, row, block);
      const Index count = std::min(block_size, k - block * block_size);
      for (Index i = 0; i < count; ++i) {
        const auto code = static_cast<float>(packed_code(codes, static_cast<std::size_t>(i), width));
        *weights++ = (code - zero_point) * scale;
      }
    }
  }

  float zero_point(const Evaluation& e, Index row, Index block) const {
    if (!e.has(3)) return static_cast<float>(Index{1} << (bits - 1));
    const InputBuffer& input = e.input(3);
    if (input.type.type != DataType::uint8) return input.as<float>()[row * blocks() + block];
    const std::byte* packed = input.data + row * zero_point_bytes();
    return static_cast<float>(packed_code(packed, static_cast<std::size_t>(block), static_cast<int>(bits)));
  }
};

using NBitsOperators = OperatorList<MatMulNBits>;

}  // namespace condense::graph

#endif
