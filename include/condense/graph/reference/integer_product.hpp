#ifndef CONDENSE_GRAPH_REFERENCE_INTEGER_PRODUCT_HPP
#define CONDENSE_GRAPH_REFERENCE_INTEGER_PRODUCT_HPP

#include <limits>
#include <vector>

#include "condense/core/rounding.hpp"
#include "condense/graph/reference/broadcast.hpp"
#include "condense/graph/reference/codes.hpp"
#include "condense/graph/reference/convolution.hpp"
#include "condense/graph/reference/product.hpp"

namespace condense::graph::reference {

/// Codes of 8 bits less their zero point, in [-255, 255].
using Centred = std::int16_t;

/// Throws unless input i, if present, holds int8 or uint8.
inline void require_code(const InputTypes& inputs, std::size_t i) {
  require(!inputs.has(i) || inputs.type(i) == DataType::int8 || inputs.type(i) == DataType::uint8,
          "its input {} is int8 or uint8, this one is {}", i, inputs.has(i) ? name(inputs.type(i)) : "absent");
}

/// Throws unless sums of `depth` products of centred codes fit int32, so that they are exact.
inline void require_exact_sums(Index depth) {
  constexpr Index kDeepest = std::numeric_limits<std::int32_t>::max() / (255 * 255);
  require(depth <= kDeepest, "it sums {} products of 8-bit codes, {} are the most that int32 holds exactly", depth,
          kDeepest);
}

/// Throws unless a shape broadcasts to another; input i has it.
inline void require_broadcasts_to(const Shape& shape, const Shape& target, std::size_t i) {
  require(broadcasts_to(shape, target),
          "its input {} is a scalar or has the extents that broadcast to {}, this one is {}", i, target.to_string(),
          shape.to_string());
}

/// Calls `body(element, parameter)` for every element of a tensor with the parameter that broadcasts to it.
template <class Body>
void for_each_parameter(const Shape& tensor, const Shape& parameters, Body&& body) {
  const Broadcast broadcast(tensor, parameters, tensor);
  broadcast.for_each_run(0, tensor.count(), [&](Index first, Index, Index parameter, Index length, Index, Index step) {
    for (Index i = 0; i < length; ++i) body(first + i, parameter + i * step);
  });
}

/// The codes of an input less its zero points, an input that may be absent, whose shape is taken as
/// `zero_point_shape` and broadcasts to the codes.
inline std::vector<Centred> centred(const Evaluation& e, std::size_t codes, std::size_t zero_points,
                                    const Shape& zero_point_shape) {
  const InputBuffer& x = e.input(codes);
  std::vector<Centred> result(static_cast<std::size_t>(x.count()));
  with_codes(x.type.type, [&]<class Code>() {
    for (Index i = 0; i < x.count(); ++i) {
      result[static_cast<std::size_t>(i)] = static_cast<Centred>(Code::load(x.data, i));
    }
  });
  if (!e.has(zero_points)) return result;
  const InputBuffer& zero_point = e.input(zero_points);
  with_codes(zero_point.type.type, [&]<class Code>() {
    for_each_parameter(x.shape(), zero_point_shape, [&](Index element, Index parameter) {
      Centred& value = result[static_cast<std::size_t>(element)];
      value = static_cast<Centred>(value - Code::load(zero_point.data, parameter));
    });
  });
  return result;
}

/// y (rows x columns, `stride` apart) += a (rows x depth) * b (depth x columns), row-major and exact.
inline void add_integer_product(const ProductSizes& sizes, const Centred* a, const Centred* b, std::int32_t* y,
                                Index stride) noexcept {
  for (Index row = 0; row < sizes.rows; ++row) {
    std::int32_t* sums = y + row * stride;
    for (Index k = 0; k < sizes.depth; ++k) {
      const std::int32_t factor = a[row * sizes.depth + k];
      const Centred* from = b + k * sizes.columns;
      for (Index column = 0; column < sizes.columns; ++column) sums[column] += factor * from[column];
    }
  }
}

/// The sums of a convolution of centred images with centred weights; see `convolve`.
inline void convolve_integers(const ConvolutionSizes& sizes, const Window& window, const Centred* images,
                              const Centred* weights, std::int32_t* results, const ThreadPool& pool) {
  const Index depth = sizes.in * window.taps();
  const Index block = rows_per_block(window, depth);
  parallel_for(pool, sizes.images * sizes.groups, [&](Index task) {
    const Centred* filters = weights + task % sizes.groups * sizes.out * depth;
    std::int32_t* result = results + task * sizes.out * window.positions();
    std::fill_n(result, sizes.out * window.positions(), 0);
    std::vector<Centred> unfolded(
        static_cast<std::size_t>(depth * std::min(block, window.rows()) * window.width.output));
    for (Index first_row = 0; first_row < window.rows(); first_row += block) {
      const Index rows = std::min(block, window.rows() - first_row);
      im2col(images + task * sizes.in * window.pixels(), sizes.in, window, first_row, rows, unfolded.data());
      add_integer_product({sizes.out, rows * window.width.output, depth}, filters, unfolded.data(),
                          result + first_row * window.width.output, window.positions());
    }
  });
}

/// Throws unless input i holds float32 or halves.
inline void require_scale(const InputTypes& inputs, std::size_t i) {
  require(is_float(inputs.type(i)) && inputs.type(i) != DataType::float64,
          "its input {}, a scale, is float32, float16 or bfloat16, this one is {}", i, name(inputs.type(i)));
}

}  // namespace condense::graph::reference

#endif
