#ifndef CONDENSE_KERNELS_FLOAT_GEMM_DETAIL_WEIGHT_PANELS_HPP
#define CONDENSE_KERNELS_FLOAT_GEMM_DETAIL_WEIGHT_PANELS_HPP

#include <algorithm>
#include <cstring>

#include "condense/kernels/float_gemm/detail/copy_panel.hpp"
#include "condense/kernels/float_gemm/detail/weight_bits.hpp"

namespace condense::kernels::detail {

/// Elements of K that a unit of weights holds of one column, the first in the highest bits, and its bytes: 32 bits of
/// which a vector takes out one element after the other by shifting, but one of halves, which instructions widen.
constexpr Index unit_steps(WeightType type) noexcept { return bits(type) == 16 ? 1 : 32 / bits(type); }
constexpr Index unit_bytes(WeightType type) noexcept { return bits(type) == 16 ? 2 : 4; }

/// What a product is compiled for.
struct WeightCoding {
  WeightType type = WeightType::float32;
  bool has_zero_points = false;
};

/// How packed weights lie, for `TiledFloatGemm` and its `Micro`: in panels of kLanes vectors of columns, the last one
/// maybe of fewer. Runs, the elements of a piece that share a scale, begin with a unit, so that of 4 bits a run has a
/// multiple of 8 elements, the last ones unused. A panel is the units of its runs, those of all columns side by side;
/// behind them, of integers, for each group the scales of the columns and then, if there are, the zero points, a byte
/// each.
template <class Micro>
struct FloatWeightPanels {
  static std::size_t packed_bytes(const FloatWeightShape& shape) noexcept {
    return static_cast<std::size_t>(round_up(shape.columns, kLane) * column_bytes(shape));
  }

  static void pack(const FloatWeightShape& shape, const FloatWeightValues& values, std::byte* packed) noexcept {
    std::memset(packed, 0, packed_bytes(shape));
    const Index run = run_elements(shape);
    for (Index column = 0; column < shape.columns; ++column) {
      const Index first = column / kPanel * kPanel;
      const Index width = lanes_at(shape.columns, first) * kLane;
      std::byte* panel = packed + first * column_bytes(shape);
      for (Index tap = 0; tap < shape.taps; ++tap) {
        for (Index k = 0; k < shape.depth; ++k) {
          const std::uint32_t element = weight_bits(shape.type, values, (column * shape.taps + tap) * shape.depth + k);
          const Index place = unit_steps(shape.type) - 1 - k % run % unit_steps(shape.type);
          std::byte* unit = panel + (unit_of(shape, tap, k) * width + column - first) * unit_bytes(shape.type);
          std::uint32_t bits_of_unit = 0;
          std::memcpy(&bits_of_unit, unit, static_cast<std::size_t>(unit_bytes(shape.type)));
          bits_of_unit |= element << (place * bits(shape.type));
          std::memcpy(unit, &bits_of_unit, static_cast<std::size_t>(unit_bytes(shape.type)));
        }
      }
      if (!is_integer(shape.type)) continue;
      std::byte* terms = panel + width * code_bytes(shape);
      for (Index group = 0; group < shape.groups(); ++group, terms += width * term_bytes(shape)) {
        const Index slice = column * shape.groups() + group;
        std::memcpy(terms + (column - first) * 4, values.scales + slice, 4);
        if (shape.has_zero_points)
          terms[width * 4 + column - first] = static_cast<std::byte>(values.zero_points[slice]);
      }
    }
  }

  static void pack_matrix(const FloatWeightShape& shape, const FloatMatrix& matrix, std::byte* packed) noexcept {
    auto* panel = reinterpret_cast<float*>(packed);
    for (Index first = 0; first < shape.columns; first += kPanel) {
      const Index width = lanes_at(shape.columns, first) * kLane;
      copy_panel(matrix, shape.depth, first, std::min(width, shape.columns - first), width, panel);
      panel += shape.depth * width;
    }
  }

 protected:
  static constexpr Index kLane = Micro::kLane;
  static constexpr Index kPanel = Micro::kLanes * kLane;

  static constexpr Index round_up(Index value, Index multiple) noexcept {
    return (value + multiple - 1) / multiple * multiple;
  }
  static Index lanes_at(Index columns, Index column) noexcept {
    return std::min<Index>(Micro::kLanes, (columns - column + kLane - 1) / kLane);
  }

  /// Elements of a run: a group, or a piece.
  static Index run_elements(const FloatWeightShape& shape) noexcept {
    const bool grouped = is_integer(shape.type) && shape.group_size != 0;
    return std::max<Index>(1, grouped ? std::min(shape.group_size, shape.depth) : shape.depth);
  }
  static Index units_for(const FloatWeightShape& shape, Index elements) noexcept {
    return (elements + unit_steps(shape.type) - 1) / unit_steps(shape.type);
  }
  /// The unit of an element of a piece, counted from the panel's first.
  static Index unit_of(const FloatWeightShape& shape, Index tap, Index element) noexcept {
    const Index run = run_elements(shape);
    return tap * units_of_piece(shape) + element / run * units_for(shape, run) + element % run / unit_steps(shape.type);
  }
  static Index units_of_piece(const FloatWeightShape& shape) noexcept {
    const Index run = run_elements(shape);
    return shape.depth / run * units_for(shape, run) + units_for(shape, shape.depth % run);
  }

  /// Bytes of a column: of its units, of the terms of a group, and of all.
  static Index code_bytes(const FloatWeightShape& shape) noexcept {
    return shape.taps * units_of_piece(shape) * unit_bytes(shape.type);
  }
  static Index term_bytes(const FloatWeightShape& shape) noexcept { return shape.has_zero_points ? 5 : 4; }
  static Index column_bytes(const FloatWeightShape& shape) noexcept {
    return code_bytes(shape) + (is_integer(shape.type) ? shape.groups() * term_bytes(shape) : 0);
  }
};

}  // namespace condense::kernels::detail

#endif
