#ifndef CONDENSE_RUNTIME_DETAIL_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_PRODUCT_HPP

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "condense/runtime/detail/lowering.hpp"

namespace condense::runtime::detail {

/// Convolution, Gemm and MatMul seen as one thing: rows of activations, made of `taps` pieces of `depth` elements,
/// times columns of weights, in `groups` that each read their own channels.
struct Product {
  Index images = 1;
  Index rows = 0;  ///< Per image.
  Index groups = 1;
  Index columns = 0;  ///< Per group.
  Index taps = 1;
  Index depth = 0;                         ///< Channels of one group.
  Index image_elements = 0;                ///< From one image of the input to the next.
  std::vector<std::int32_t> offsets;       ///< (rows x taps), see `kernels::ActivationRows`; empty if rows lie in line.
  std::vector<Index> weight_order;         ///< Element of the weight constant for each (group, column, tap, depth).
                                           ///< kZeroWeight: none, a weight of zero.
  Layout layout = Layout::channels_first;  ///< Of input and output.

  static constexpr Index kZeroWeight = -1;

  Index channels() const noexcept { return groups * depth; }
  Index all_columns() const noexcept { return groups * columns; }
  Index column_elements() const noexcept { return taps * depth; }
  bool is_depthwise() const noexcept { return groups > 1 && depth == 1 && columns == 1; }
  std::int64_t multiply_accumulates() const noexcept {
    return std::int64_t{images} * rows * all_columns() * column_elements();
  }
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

/// Images of few channels with the padding written around them. The taps of a line of a window then lie in line and are
/// one piece of a row, where looking up pieces of 1 to 4 elements would cost more than multiplying them.
struct PaddedImages {
  Index height = 0;  ///< Of the image, and of the padded one.
  Index width = 0;
  Index padded_height = 0;
  Index padded_width = 0;
  Index top = 0;
  Index left = 0;
  Index channels = 0;
  Index tail = 0;  ///< Elements of padding after the last line.

  Index elements() const noexcept { return padded_height * padded_width * channels + tail; }
  bool are_the_input() const noexcept {
    return top == 0 && left == 0 && padded_height == height && padded_width == width && tail == 0;
  }

  /// Writes `images` images, of elements of `element_bytes` whose padding consists of bytes `fill`.
  void write(const std::byte* input, Index images, Index element_bytes, int fill, std::byte* output) const noexcept {
    const Index pixel = channels * element_bytes;
    const Index columns = std::clamp<Index>(padded_width - left, 0, width);
    const Index lines = columns == 0 ? 0 : std::clamp<Index>(padded_height - top, 0, height);
    for (Index image = 0; image < images; ++image, input += height * width * pixel) {
      Index written = 0;
      const auto fill_up_to = [&](Index end) {
        std::memset(output + written, fill, static_cast<std::size_t>(end - written));
        written = end;
      };
      for (Index y = 0; y < lines; ++y) {
        fill_up_to(((y + top) * padded_width + left) * pixel);
        std::memcpy(output + written, input + y * width * pixel, static_cast<std::size_t>(columns * pixel));
        written += columns * pixel;
      }
      fill_up_to(elements() * element_bytes);
      output += written;
    }
  }
};

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
  lowering.append({node.name, "pad", "-", "layout"}, {from}, {to}, [=](const Execution& e) {
    images.write(e.at<std::byte>(from), count, element_bytes, fill, e.at<std::byte>(to));
  });
  return to;
}

/// Most rows handed to a kernel at a time, so that threads share an image and its windows stay in cache.
inline constexpr Index kRowsPerTask = 96;

/// Rows that divide into whole tiles of any kernel; only the last block of an image has others.
inline constexpr Index kTileRows = 12;
static_assert(kRowsPerTask % kTileRows == 0);

/// Calls `body(image, first_row, rows)` for blocks of rows on the pool. An image with more blocks than threads has as
/// many for each of them, and blocks differ by a tile at most, so that threads end together.
template <class Body>
void for_row_blocks(const ThreadPool& pool, Index images, Index rows, Body&& body) {
  const auto divide_up = [](Index a, Index b) { return (a + b - 1) / b; };
  const Index tiles = divide_up(rows, kTileRows);
  const Index threads = pool.threads();
  Index blocks = divide_up(rows, kRowsPerTask);
  if (blocks > threads) blocks = divide_up(blocks, threads) * threads;
  parallel_for(pool, images * blocks, [&](Index task) {
    const auto first_of = [&](Index block) { return std::min(block * tiles / blocks * kTileRows, rows); };
    const Index first = first_of(task % blocks);
    body(task / blocks, first, first_of(task % blocks + 1) - first);
  });
}

/// The rows [first, first + count) of one image and group of a product.
inline kernels::ActivationRows rows_of(const Product& p, const std::byte* input, std::size_t element_bytes, Index image,
                                       Index group, Index first, Index count, const void* padding) {
  Index start = image * p.image_elements + group * p.depth;
  if (p.offsets.empty()) start += first * p.channels();
  return {.data = input + static_cast<std::size_t>(start) * element_bytes,
          .offsets = p.offsets.empty() ? nullptr : p.offsets.data() + first * p.taps,
          .padding = padding,
          .rows = count,
          .taps = p.taps,
          .depth = p.is_depthwise() ? p.channels() : p.depth,
          .row_stride = p.channels()};
}

}  // namespace condense::runtime::detail

#endif
