#ifndef CONDENSE_GRAPH_REFERENCE_SCALE_INPUT_HPP
#define CONDENSE_GRAPH_REFERENCE_SCALE_INPUT_HPP

#include "condense/graph/reference/elementwise.hpp"
#include "condense/quantize/granularity.hpp"

namespace condense::graph::reference {

/// Which scale each element of x has, as ONNX reads it from the shape of the scales: a scalar or one element is per
/// tensor, a vector is along `axis`, and with a `block_size` above 0 they are blocks along `axis`. Input i is the
/// scales; throws unless their shape fits. Without heap storage.
inline quantize::ScaleLayout scale_layout(const Shape& x, const Shape& scale, std::size_t i, Index axis,
                                          Index block_size) {
  require(block_size >= 0, "its attribute block_size is {}, the least is 0", block_size);
  const auto granularity = [&] {
    if (block_size > 0) return quantize::Granularity::per_group(x.axis(axis), block_size);
    if (scale.rank() == 0 || (scale.rank() == 1 && scale[0] == 1)) return quantize::Granularity::per_tensor();
    return quantize::Granularity::per_channel(x.axis(axis));
  }();
  const quantize::ScaleLayout layout(x, granularity);
  if (granularity != quantize::Granularity::per_tensor() && layout.scale_shape() != scale) [[unlikely]] {
    throw InvalidArgument(fmt::format("its input {}, the scale, has shape {}; {} its input 0 of shape {} needs {}", i,
                                      scale.to_string(), granularity.name(), x.to_string(),
                                      layout.scale_shape().to_string()));
  }
  return layout;
}

/// Checks input i, the scales of the elements of input 0.
inline void check_scale(const InputTypes& inputs, std::size_t i, Index axis, Index block_size) {
  require(inputs.type(i) == DataType::float32, "its input {}, the scale, is float32, this one is {}", i,
          name(inputs.type(i)));
  static_cast<void>(scale_layout(inputs.shape(0), inputs.shape(i), i, axis, block_size));
}

/// Checks input 2, the optional zero points that belong to the scales in input 1.
inline void check_zero_point(const InputTypes& inputs) {
  if (!inputs.has(2)) return;
  require(inputs.shape(2) == inputs.shape(1),
          "its input 2, the zero point, has shape {}, its scale {}; they must agree", inputs.shape(2).to_string(),
          inputs.shape(1).to_string());
}

/// Calls `body(element, scale)` for every element with the index of its scale, in ascending order on each thread. No
/// two threads write to one byte of a packed tensor.
template <class Body>
void for_each_element(const quantize::ScaleLayout& layout, Index count, const ThreadPool& pool, Body&& body) {
  if (layout.scale_count() != 1) return layout.for_each(body);
  static_assert(kElementwiseGrain % 8 == 0);
  parallel_for(pool, count, kElementwiseGrain, [&](Index begin, Index end) {
    for (Index element = begin; element < end; ++element) body(element, Index{0});
  });
}

}  // namespace condense::graph::reference

#endif
