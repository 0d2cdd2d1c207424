#ifndef CONDENSE_GRAPH_PASSES_USE_MAT_MUL_N_BITS_HPP
#define CONDENSE_GRAPH_PASSES_USE_MAT_MUL_N_BITS_HPP

#include <bit>

#include "condense/graph/detail/rewrite.hpp"
#include "condense/graph/operators/dequantize_linear.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "condense/graph/operators/mat_mul_n_bits.hpp"
#include "condense/graph/passes/remove_dead_nodes.hpp"
#include "condense/graph/reference/codes.hpp"

namespace condense::graph {

namespace detail {

/// Weights in blocks as MatMulNBits stores them, from codes (N, K) or (K, N) of 2, 4 or 8 bits.
struct NBitsWeights {
  Index n = 0;
  Index k = 0;
  Index bits = 4;
  Index block_size = 32;
  Tensor codes;
  Tensor scales;
  Tensor zero_points;

  /// `rows_first` says that the codes are (N, K). Zero points may be null.
  static NBitsWeights of(const Tensor& codes, const Tensor& scales, const Tensor* zero_points, Index block_size,
                         bool rows_first) {
    const int width = condense::bits(codes.type());
    const Index n = codes.shape()[rows_first ? 0 : 1];
    const Index k = codes.shape()[rows_first ? 1 : 0];
    const Index blocks = (k + block_size - 1) / block_size;
    const int offset = is_signed(codes.type()) ? 1 << (width - 1) : 0;  // codes of the operator are unsigned
    const auto at = [&](Index row, Index column, Index columns, Index rows) {
      return rows_first ? row * columns + column : column * rows + row;
    };
    const Index zero_bytes = (blocks * width + 7) / 8;
    NBitsWeights w{n,
                   k,
                   width,
                   block_size,
                   Tensor(DataType::uint8, {n, blocks, block_size * width / 8}),
                   Tensor(DataType::float32, {n, blocks}),
                   Tensor(DataType::uint8, {n, zero_bytes})};
    auto* packed = w.codes.mutable_data<std::uint8_t>();
    auto* packed_zeros = w.zero_points.mutable_data<std::uint8_t>();
    reference::with_codes(codes.type(), [&]<class Code>() {
      const auto put = [&](std::uint8_t* row, Index i, std::int32_t code) {
        const Index bit = i * width;
        row[bit / 8] = static_cast<std::uint8_t>(row[bit / 8] | (code + offset) << (bit % 8));
      };
      for (Index row = 0; row < n; ++row) {
        for (Index block = 0; block < blocks; ++block) {
          const Index scale = at(row, block, blocks, n);
          const std::int32_t zero = zero_points == nullptr ? 0 : Code::load(zero_points->raw(), scale);
          w.scales.mutable_data<float>()[row * blocks + block] = scales.data<float>()[scale];
          put(packed_zeros + row * zero_bytes, block, zero);
          for (Index i = 0; i < block_size; ++i) {
            const Index column = block * block_size + i;
            const std::int32_t code = column < k ? Code::load(codes.raw(), at(row, column, k, n)) : zero;
            put(packed + (row * blocks + block) * (block_size * width / 8), i, code);
          }
        }
      }
    });
    return w;
  }
};

}  // namespace detail

/// Puts MatMulNBits (com.microsoft) in the place of MatMul and Gemm whose weights are constants of 2, 4 or 8 bits in
/// blocks along K of a power of two, 16 or more, and whose activations are float: the form in which ONNX Runtime
/// multiplies weights of few bits. Results are those of the dequantised weights up to the order of the sums.
inline void use_mat_mul_n_bits(Graph& graph) {
  const std::vector<int> producers = graph.producers();
  const std::size_t count = graph.nodes().size();
  for (std::size_t n = 0; n < count; ++n) {
    const Node node = graph.nodes()[n];
    const auto* gemm = node.op.get_if<Gemm>();
    if (gemm == nullptr && !node.op.is<MatMul>()) continue;
    const bool has_bias = node.inputs.size() > 2 && node.inputs[2].exists();
    if (gemm != nullptr && (gemm->trans_a || gemm->alpha != 1 || (has_bias && gemm->beta != 1))) continue;
    const int producer = producers[static_cast<std::size_t>(node.inputs[1].index)];
    if (producer < 0 || graph.is_constant(node.inputs[0])) continue;
    const Node stored = graph.nodes()[static_cast<std::size_t>(producer)];
    const auto* dequantize = stored.op.get_if<DequantizeLinear>();
    if (dequantize == nullptr || !graph.is_constant(stored.inputs[0]) || !graph.is_constant(stored.inputs[1])) continue;
    const Tensor codes = graph.constant(stored.inputs[0]);
    const bool rows_first = gemm != nullptr && gemm->trans_b;
    const Index block = dequantize->block_size;
    const bool is_power = block >= 16 && std::has_single_bit(static_cast<std::size_t>(block));
    if (codes.shape().rank() != 2 || !is_power || codes.shape().axis(dequantize->axis) != (rows_first ? 1 : 0))
      continue;
    const bool has_zero_points = stored.inputs.size() > 2 && stored.inputs[2].exists();
    if (has_zero_points && !graph.is_constant(stored.inputs[2])) continue;
    const Index outputs = codes.shape()[rows_first ? 0 : 1];
    if (has_bias && graph.type(node.inputs[2]).shape != Shape{outputs}) continue;

    const Tensor* zero_points = has_zero_points ? &graph.constant(stored.inputs[2]) : nullptr;
    detail::NBitsWeights w =
        detail::NBitsWeights::of(codes, graph.constant(stored.inputs[1]), zero_points, block, rows_first);
    const auto constant = [&](const char* what, Tensor tensor) {
      const std::string name = fmt::format("{}.{}", graph.name(stored.inputs[0]), what);
      return graph.constant(graph.unused_value_name(name), std::move(tensor));
    };
    std::vector<Value> inputs{node.inputs[0], constant("blocks", std::move(w.codes)),
                              constant("scales", std::move(w.scales))};
    const bool is_default = !has_zero_points && is_signed(codes.type());  // 2^(bits - 1), which a signed zero becomes
    if (!is_default) inputs.push_back(constant("zero_points", std::move(w.zero_points)));
    if (has_bias) {
      inputs.resize(5, kNoValue);
      inputs.push_back(node.inputs[2]);
    }
    const Value result =
        graph.add(MatMulNBits{.k = w.k, .n = w.n, .bits = w.bits, .block_size = block}, inputs, node.name + ".n_bits");
    detail::replace_value(graph, node.outputs[0], result);
  }
  graph.sort();
  remove_dead_nodes(graph);
}

}  // namespace condense::graph

#endif
