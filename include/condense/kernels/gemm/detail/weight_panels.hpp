#ifndef CONDENSE_KERNELS_GEMM_DETAIL_WEIGHT_PANELS_HPP
#define CONDENSE_KERNELS_GEMM_DETAIL_WEIGHT_PANELS_HPP

#include <algorithm>
#include <cstring>
#include <optional>

#include "condense/kernels/gemm/gemm.hpp"

namespace condense::kernels::detail {

/// How packed weights lie, for `TiledGemm` and its `Micro`.
///
/// In panels: for every kStep elements of K, those of all columns of the panel, each kLane * kStep bytes a vector. Of 4
/// and 2 bits, 2 and 4 vectors share the bytes of one: the first has the lowest bits. A panel begins with what its sums
/// start from and, with groups, are multiplied by.
template <class Micro>
struct WeightPanels {
  static std::size_t packed_bytes(const WeightShape& shape) noexcept {
    return static_cast<std::size_t>(round_up(shape.columns, kLane) * column_bytes(shape));
  }

  static void pack(const WeightShape& shape, const WeightValues& weights, std::byte* packed) noexcept {
    std::memset(packed, 0, packed_bytes(shape));
    for_panels(shape, 0, shape.columns, [&](Index column, Index lanes) {
      std::byte* panel = packed + column * column_bytes(shape);
      const Index width = lanes * kLane;
      for (Index c = column; c < std::min(column + width, shape.columns); ++c) {
        pack_terms(shape, weights, c, panel + (c - column) * 4, width * 4);
        for_stretches(shape, [&](const Stretch& stretch) {
          pack_codes(shape, weights.codes + c * shape.taps * shape.depth, c - column, width, stretch,
                     panel + width * (term_bytes(shape) + code_bytes(shape, stretch.step)));
        });
      }
    });
  }

 protected:
  using Activation = typename Micro::Activation;
  static constexpr Index kLane = Micro::kLane;
  static constexpr Index kStep = Micro::kStep;
  static constexpr bool kFlips = Micro::kFlipped.has_value();

  static constexpr Index kStretch = 256;  ///< Most elements of K that are staged at a time.
  static constexpr Index kTaps = 64;      ///< Most pieces of a row that are multiplied at a time.
  static_assert(kStretch % (4 * kStep) == 0);

  static constexpr Index round_up(Index value, Index multiple) noexcept {
    return (value + multiple - 1) / multiple * multiple;
  }

  /// Whether rows have to be copied. Pieces of few elements are: looking them up costs more than they do.
  static bool is_staged(const WeightShape& shape) noexcept {
    return sizeof(Activation) != 1 || shape.depth % kStep != 0 || (shape.taps > 1 && shape.depth < 4 * kStep) ||
           (shape.group_size < shape.depth && shape.group_size % kStep != 0);
  }

  /// Whether K is taken in stretches that go through the cache.
  static bool in_stretches(const WeightShape& shape) noexcept {
    return shape.bits < 8 || shape.group_size != 0 || shape.taps > kTaps || is_staged(shape);
  }
  static bool is_flipped(const GemmArguments& g) noexcept { return Micro::kFlipped == g.input_type; }

  /// Calls `body(first column, lanes)` for the panels of columns [first, end): full ones, then halves of the last.
  template <class Body>
  static void for_panels(const WeightShape& shape, Index first, Index end, Body&& body) noexcept {
    end = std::min(end, shape.columns);
    for (Index lanes = Micro::kPanel / kLane; first < end; first += lanes * kLane) {
      while (lanes > (end - first + kLane - 1) / kLane) lanes /= 2;
      body(first, lanes);
    }
  }

  // ---- K

  /// Elements of K that are packed and multiplied together: with groups some whole ones, or a part of a long one.
  struct Stretch {
    Index first = 0;  ///< Element of a row, its pieces in line.
    Index elements = 0;
    Index step = 0;  ///< Where it lies among the packed steps of its column.
    Index steps = 0;
    Index group = 0;  ///< With groups: the first one, how many, and elements of each in the stretch.
    Index groups = 0;
    Index group_elements = 0;
    bool begins = true;  ///< The sums; false for a later part of a column or group.
    bool ends = true;
  };

  /// Calls `body` with all stretches in order.
  template <class Body>
  static void for_stretches(const WeightShape& shape, Body&& body) noexcept {
    const Index whole = shape.taps * shape.depth;
    const Index in_bytes = 8 / shape.bits;  // vectors of few bits come in whole bytes
    Stretch s;
    const auto emit = [&](Index groups, Index elements) {
      s.elements = groups == 0 ? elements : groups * elements;
      s.groups = groups;
      s.group_elements = elements;
      s.steps = round_up(std::max<Index>(groups, 1) * steps_of(elements), in_bytes);
      body(static_cast<const Stretch&>(s));
      s.first += s.elements;
      s.step += s.steps;
      if (s.ends) s.group += groups;
    };
    const auto emit_part = [&](Index groups, Index done, Index size, Index whole_size) {
      s.begins = done == 0;
      s.ends = done + size == whole_size;
      emit(groups, size);
    };
    if (shape.group_size == 0) {
      for (Index first = 0; first < whole;) {
        Index most = whole;
        if (is_staged(shape)) {
          most = kStretch;
        } else if (in_stretches(shape)) {  // whole pieces, or a part of one
          most = shape.depth <= kStretch ? kStretch / shape.depth * shape.depth
                                         : std::min(kStretch, shape.depth - first % shape.depth);
        }
        most = std::min(most, whole - first);
        emit_part(0, first, most, whole);
        first += most;
      }
      return;
    }
    for (Index tap = 0; tap < shape.taps; ++tap) {
      for (Index left = shape.depth; left > 0;) {
        const Index size = std::min(shape.group_size, left);
        const Index room = kStretch / round_up(size, kStep);
        const Index groups = std::clamp<Index>(room, 1, left / size);
        for (Index part = 0; part < (room == 0 ? size : 1); part += kStretch) {
          emit_part(groups, part, room == 0 ? std::min(kStretch, size - part) : size, size);
        }
        left -= groups * size;
      }
    }
  }

  static Index steps_of(Index elements) noexcept { return (elements + kStep - 1) / kStep; }

  // ---- Packed weights

  /// Bytes of a column: what its sums start from and are multiplied by, and its codes up to a step.
  static Index term_bytes(const WeightShape& shape) noexcept {
    return shape.group_size == 0 ? (kFlips ? 4 : 0) : shape.groups() * (kFlips ? 12 : 8);
  }
  static Index code_bytes(const WeightShape& shape, Index steps) noexcept { return steps * kStep * shape.bits / 8; }
  static Index column_bytes(const WeightShape& shape) noexcept {
    Index steps = 0;
    for_stretches(shape, [&](const Stretch& stretch) { steps = stretch.step + stretch.steps; });
    return term_bytes(shape) + code_bytes(shape, steps);
  }

  /// The terms of a panel, (groups, columns of the panel): multipliers, what sums of codes start from, and what sums of
  /// flipped codes start from.
  struct Terms {
    const float* multipliers = nullptr;
    const std::int32_t* starts = nullptr;
  };
  static Terms terms_of(const GemmArguments& g, const std::byte* panel, Index width) noexcept {
    const bool flipped = is_flipped(g);
    if (g.weights.group_size == 0) return {nullptr, flipped ? reinterpret_cast<const std::int32_t*>(panel) : nullptr};
    const Index slice = g.weights.groups() * width;
    const auto* terms = reinterpret_cast<const std::int32_t*>(panel);
    return {reinterpret_cast<const float*>(panel), terms + (flipped ? 2 : 1) * slice};
  }

  /// Writes the terms of a column: one word each, a row of the panel apart.
  static void pack_terms(const WeightShape& shape, const WeightValues& weights, Index column, std::byte* out,
                         Index row_bytes) noexcept {
    const auto put = [&](Index row, auto word) { std::memcpy(out + row * row_bytes, &word, sizeof(word)); };
    const Index groups = shape.groups();
    const Index whole = shape.taps * shape.depth;
    const std::int8_t* codes = weights.codes + column * whole;
    const std::int32_t flip = Micro::kFlipped == ElementType::int8 ? -128 : 128;
    for (Index group = 0; group < groups; ++group) {
      Index count = whole;
      if (shape.group_size != 0) {
        count = std::min(shape.group_size, shape.depth - group % shape.groups_per_tap() * shape.group_size);
      }
      std::int32_t sum = 0;
      for (Index k = 0; k < count; ++k) sum += codes[k];
      codes += count;
      if (shape.group_size == 0) {
        if (kFlips) put(0, flip * sum);
        continue;
      }
      const Index slice = column * groups + group;
      const std::int32_t correction = weights.corrections != nullptr ? weights.corrections[slice] : 0;
      put(group, weights.multipliers[slice]);
      put(groups + group, correction);
      if (kFlips) put(2 * groups + group, correction + flip * sum);
    }
  }

  /// Writes a column's codes of one stretch into the panel's, `column` counted from the panel's first.
  static void pack_codes(const WeightShape& shape, const std::int8_t* codes, Index column, Index width,
                         const Stretch& stretch, std::byte* out) noexcept {
    const Index planes = 8 / shape.bits;
    const auto mask = static_cast<std::uint8_t>((1U << shape.bits) - 1);
    for (Index e = 0; e < stretch.elements; ++e) {
      const Index group = e / stretch.group_elements;
      const Index within = e % stretch.group_elements;
      const Index step = group * steps_of(stretch.group_elements) + within / kStep;
      const Index vector = step * (width / kLane) + column / kLane;
      const Index byte = vector / planes * kLane * kStep + column % kLane * kStep + within % kStep;
      const auto code = static_cast<std::uint8_t>(static_cast<std::uint8_t>(codes[stretch.first + e]) & mask);
      out[byte] |= static_cast<std::byte>(code << (static_cast<int>(vector % planes) * shape.bits));
    }
  }
};

}  // namespace condense::kernels::detail

#endif
