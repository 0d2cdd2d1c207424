#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_QUANTIZED_ROWS_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_QUANTIZED_ROWS_HPP

#include <array>

#include "condense/graph/operators/dynamic_quantize_linear.hpp"
#include "condense/runtime/detail/steps/product.hpp"

namespace condense::runtime::detail {

/// Elements of floats that one task looks at or quantises.
inline constexpr Index kQuantizedPerTask = 32768;

/// The parameters by which DynamicQuantizeLinear quantises `count` floats.
inline quantize::Affine dynamic_parameters(const Execution& e, const float* x, Index count) {
  constexpr std::size_t kMost = 64;
  const Index parts = std::clamp<Index>(count / kQuantizedPerTask, 1, Index{kMost});
  std::array<kernels::Extent, kMost> extents;
  parallel_for(e.pool, parts, [&](Index part) {
    const Index begin = count * part / parts;
    extents[static_cast<std::size_t>(part)] = e.kernels.reduction.extent(x + begin, count * (part + 1) / parts - begin);
  });
  float min = 0;
  float max = 0;
  for (Index part = 0; part < parts; ++part) {
    const kernels::Extent& extent = extents[static_cast<std::size_t>(part)];
    if (extent.min != extent.min) return graph::reference::dynamic_parameters(x, count);  // which leaves NaNs out
    min = std::min(min, extent.min);
    max = std::max(max, extent.max);
  }
  return graph::reference::dynamic_parameters(min, max);
}

/// Floats as codes of DynamicQuantizeLinear.
inline void quantize_all(const Execution& e, const float* x, const quantize::Affine& affine, Index count,
                         std::uint8_t* codes) {
  parallel_for(e.pool, count, kQuantizedPerTask, [&](Index begin, Index end) {
    const kernels::CodeOutput to{codes + begin, kernels::ElementType::uint8, affine.zero_point, 0, 255};
    e.kernels.elementwise.quantize(x + begin, affine.scale, to, end - begin);
  });
}

/// Rows of floats that are quantised as a whole, in memory of a step: their codes, and for each row the scale and the
/// zero point, which are all the same, as `kernels::GemmEpilogue` wants them.
struct QuantizedRows {
  float* scales = nullptr;
  std::int32_t* zero_points = nullptr;
  std::uint8_t* codes = nullptr;
  Index depth = 0;

  static Index bytes(Index rows, Index depth) noexcept { return rows * (8 + depth); }

  /// Takes `bytes(rows, depth)` from `memory` on, which is aligned to 4.
  QuantizedRows(const Execution& e, const float* x, Index rows, Index row_depth, std::byte* memory)
      : scales(reinterpret_cast<float*>(memory)),
        zero_points(reinterpret_cast<std::int32_t*>(memory) + rows),
        codes(reinterpret_cast<std::uint8_t*>(memory) + 8 * rows),
        depth(row_depth) {
    const quantize::Affine affine = dynamic_parameters(e, x, rows * depth);
    std::fill_n(scales, rows, affine.scale);
    std::fill_n(zero_points, rows, affine.zero_point);
    quantize_all(e, x, affine, rows * depth, codes);
  }
};

}  // namespace condense::runtime::detail

#endif
