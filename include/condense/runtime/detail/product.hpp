#ifndef CONDENSE_RUNTIME_DETAIL_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_PRODUCT_HPP

#include <cmath>
#include <cstdlib>

#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "condense/runtime/detail/lowering.hpp"
#include "condense/runtime/detail/steps/move.hpp"
#include "condense/runtime/detail/steps/product.hpp"

namespace condense::runtime::detail {

/// A product as the graph states it.
struct Product : ProductExtents {
  std::vector<std::int32_t> offsets;       ///< (rows x taps), see `kernels::ActivationRows`; empty if rows lie in line.
  std::vector<Index> weight_order;         ///< Element of the weight constant for each (group, column, tap, depth).
                                           ///< kZeroWeight: none, a weight of zero.
  Layout layout = Layout::channels_first;  ///< Of input and output.

  static constexpr Index kZeroWeight = -1;
};

/// Where the pieces of every window, a planar one, begin in channels-last images of `channels` channels; -1 in the
/// padding.
inline std::vector<std::int32_t> window_offsets(const graph::Window& window, Index channels) {
  const auto& [depth, height, width] = window;
  require(height.input * width.input * channels <= std::numeric_limits<std::int32_t>::max(),
          "one image of {} x {} x {} elements is more than the runtime can index", channels, height.input, width.input);
  std::vector<std::int32_t> offsets;
  offsets.reserve(static_cast<std::size_t>(window.positions() * window.taps()));
  for (Index y = 0; y < height.output; ++y) {
    for (Index x = 0; x < width.output; ++x) {
      for (Index i = 0; i < height.kernel; ++i) {
        for (Index j = 0; j < width.kernel; ++j) {
          const Index row = height.source(y, i);
          const Index column = width.source(x, j);
          const bool inside = row >= 0 && row < height.input && column >= 0 && column < width.input;
          offsets.push_back(inside ? static_cast<std::int32_t>((row * width.input + column) * channels) : -1);
        }
      }
    }
  }
  return offsets;
}

/// Makes the lines of a convolution's windows pieces, if it has few channels; what its input is to be turned into then.
inline std::optional<PaddedImages> join_lines(Product& p, const graph::Window& window) {
  const auto& [depth, height, width] = window;
  if (p.groups != 1 || p.depth > 4 || width.kernel == 1 || width.dilation != 1) return {};
  const auto padded = [](const graph::WindowAxis& axis) {
    return (axis.output - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1;
  };
  const PaddedImages images{.height = height.input,
                            .width = width.input,
                            .padded_height = padded(height),
                            .padded_width = padded(width),
                            .top = height.pad_begin,
                            .left = width.pad_begin,
                            .channels = p.depth};
  p.offsets.clear();
  for (Index y = 0; y < height.output; ++y) {
    for (Index x = 0; x < width.output; ++x) {
      for (Index i = 0; i < height.kernel; ++i) {
        const Index line = y * height.stride + i * height.dilation;
        p.offsets.push_back(
            static_cast<std::int32_t>((line * images.padded_width + x * width.stride) * images.channels));
      }
    }
  }
  p.taps = height.kernel;
  p.depth *= width.kernel;
  p.image_elements = images.elements();
  return images;
}

/// Fills the pieces that `join_lines` made up to `depth` elements with weights of zero. They meet whatever follows a
/// piece in memory.
inline void fill_pieces(Product& p, PaddedImages& images, Index depth) {
  std::vector<Index> order;
  for (auto piece = p.weight_order.cbegin(); piece != p.weight_order.cend(); piece += p.depth) {
    order.insert(order.end(), piece, piece + p.depth);
    order.insert(order.end(), static_cast<std::size_t>(depth - p.depth), Product::kZeroWeight);
  }
  p.weight_order = std::move(order);
  images.tail = depth - p.depth;
  p.depth = depth;
  p.image_elements = images.elements();
}

inline Product convolution_product(const graph::Conv& conv, const Shape& images, const Shape& weights) {
  const graph::Window window = conv.window(images, weights);
  Product p;
  p.images = images[0];
  p.rows = window.positions();
  p.groups = conv.group;
  p.columns = weights[0] / conv.group;
  p.taps = window.taps();
  p.depth = weights[1];
  p.image_elements = images.count(1, images.rank());
  p.layout = Layout::channels_last;
  const bool pointwise = p.taps == 1 && window.height.stride == 1 && window.width.stride == 1 &&
                         window.positions() == window.height.input * window.width.input;
  if (!pointwise || p.is_depthwise()) p.offsets = window_offsets(window, p.channels());
  for (Index column = 0; column < p.all_columns(); ++column) {
    for (Index tap = 0; tap < p.taps; ++tap) {
      for (Index k = 0; k < p.depth; ++k) p.weight_order.push_back((column * p.depth + k) * p.taps + tap);
    }
  }
  return p;
}

inline Product matrix_product(Index rows, const Shape& weights, bool transposed) {
  Product p;
  p.rows = rows;
  p.columns = weights[transposed ? 0 : 1];
  p.depth = weights[transposed ? 1 : 0];
  p.image_elements = rows * p.depth;
  for (Index column = 0; column < p.columns; ++column) {
    for (Index k = 0; k < p.depth; ++k)
      p.weight_order.push_back(transposed ? column * p.depth + k : k * p.columns + column);
  }
  return p;
}

/// The product that a node computes; empty if it is not one, or one whose form the kernels do not have.
inline std::optional<Product> product_of(const Lowering& lowering, const graph::Node& node) {
  const auto shape = [&](std::size_t i) { return lowering.shape(node.inputs[i]); };
  const bool has_bias = node.inputs.size() > 2 && node.inputs[2].exists();
  if (const auto* conv = node.op.get_if<graph::Conv>()) {
    if (shape(0).rank() > 4) return {};  // a volume
    return convolution_product(*conv, shape(0), shape(1));
  }
  if (const auto* gemm = node.op.get_if<graph::Gemm>()) {
    if (gemm->trans_a || gemm->alpha != 1 || (has_bias && gemm->beta != 1)) return {};
    Product p = matrix_product(shape(0)[0], shape(1), gemm->trans_b);
    if (has_bias && (shape(2).count() != p.columns || shape(2).count(0, shape(2).rank() - 1) != 1)) return {};
    return p;
  }
  if (node.op.is<graph::MatMul>() && shape(1).rank() == 2 && shape(0).rank() >= 2) {
    return matrix_product(shape(0).count(0, shape(0).rank() - 1), shape(1), false);
  }
  return {};
}

/// The Add that gives a MatMul its bias, a constant for each column, if nothing else reads what is before it; null if
/// there is none.
inline const graph::Node* bias_sum(const Lowering& lowering, const graph::Node& node) {
  if (!node.op.is<graph::MatMul>()) return nullptr;
  const graph::Node* next = lowering.only_consumer(node.outputs[0]);
  if (next == nullptr || !next->op.is<graph::Add>()) return nullptr;
  const auto bias = lowering.float_constant(next->inputs[next->inputs[0] == node.outputs[0] ? 1 : 0]);
  const Shape& shape = lowering.shape(node.outputs[0]);
  const Index columns = shape[shape.rank() - 1];
  const bool fits = bias && bias->shape().rank() >= 1 && bias->count() == columns &&
                    bias->shape()[bias->shape().rank() - 1] == columns && bias->shape().rank() <= shape.rank();
  return fits ? next : nullptr;
}

/// What follows a product, and can be computed with it: a bias, a clamp and the quantisation.
inline Tail product_tail(const Lowering& lowering, const graph::Node& node, bool with_quantization) {
  const graph::Node* sum = bias_sum(lowering, node);
  if (sum == nullptr) return lowering.tail(node, with_quantization);
  Tail tail = lowering.tail(*sum, with_quantization);
  tail.operation = "MatMul + " + tail.operation;
  tail.nodes.insert(tail.nodes.begin(), &node);
  return tail;
}

/// The bias of a product, its third input or what the next node adds; kNoValue if it has none.
inline graph::Value bias_value(const Lowering& lowering, const graph::Node& node) {
  if (const graph::Node* sum = bias_sum(lowering, node)) return sum->inputs[sum->inputs[0] == node.outputs[0] ? 1 : 0];
  return node.inputs.size() < 3 ? graph::kNoValue : node.inputs[2];
}

/// Real bias of each column, zeros if the node has none; empty if it is not a constant.
inline std::optional<std::vector<float>> bias_of(const Lowering& lowering, const graph::Node& node, Index columns) {
  const graph::Value value = bias_value(lowering, node);
  if (!value.exists()) return std::vector<float>(static_cast<std::size_t>(columns), 0.0F);
  const std::optional<Tensor> constant = lowering.float_constant(value);
  if (!constant) return {};
  return std::vector<float>(constant->values<float>().begin(), constant->values<float>().end());
}

/// `join_lines` for a node, if it is a convolution.
inline std::optional<PaddedImages> join_lines(const Lowering& lowering, const graph::Node& node, Product& product) {
  const auto* conv = node.op.get_if<graph::Conv>();
  if (conv == nullptr) return {};
  return join_lines(product, conv->window(lowering.shape(node.inputs[0]), lowering.shape(node.inputs[1])));
}

/// Appends the step that pads the images of a buffer, if they have to be; the buffer that holds them then.
inline int pad(Lowering& lowering, const graph::Node& node, const PaddedImages& images, Index count,
               Index element_bytes, int fill, int from) {
  if (images.are_the_input()) return from;
  const int to = lowering.scratch(static_cast<std::size_t>(count * images.elements() * element_bytes));
  lowering.append({node.name, "pad", "-", "layout"}, PadStep{.input = {from},
                                                             .output = {to},
                                                             .images = count,
                                                             .element_bytes = element_bytes,
                                                             .fill = fill,
                                                             .form = images});
  return to;
}

/// What a product reads: a buffer, and the tables that say where its pieces lie. `padding` is one
/// element of it.
template <class T>
ProductInput product_input(Lowering& lowering, const Product& p, int from, T padding) {
  if (p.offsets.empty()) return {.values = {from}};
  return {.values = {from},
          .offsets = {lowering.table_buffer(p.offsets)},
          .padding = {lowering.constant_buffer(std::vector<T>(static_cast<std::size_t>(p.channels()), padding))}};
}

}  // namespace condense::runtime::detail

#endif
