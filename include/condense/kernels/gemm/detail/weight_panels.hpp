#ifndef CONDENSE_KERNELS_GEMM_DETAIL_WEIGHT_PANELS_HPP
#define CONDENSE_KERNELS_GEMM_DETAIL_WEIGHT_PANELS_HPP

#include <algorithm>
#include <cstring>
#include <optional>

#include "condense/kernels/detail/pieces.hpp"
#include "condense/kernels/gemm/gemm.hpp"

namespace condense::kernels::detail {

/// How packed weights lie, for `TiledGemm` and its `Micro`.
///
/// In panels: for every kStep elements of K, those of all columns of the panel, each kLane * kStep bytes a vector. Of 4
/// and 2 bits, 2 and 4 vectors share the bytes of one: the first has the lowest bits. A panel begins with its terms:
/// rows of one word for each column, and of one byte for its zero points. Of a `Micro` that plans, the codes of a
/// stretch come after their plan; room for it is left whatever the weights are.
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
        pack_terms(shape, weights, c, c - column, width, panel);
        for_stretches(shape, [&](const Stretch& stretch) {
          pack_codes(shape, weights, c, c - column, width, stretch,
                     panel + width * (stretch_at(shape, stretch) + plan_bytes(shape)));
        });
      }
      if constexpr (kPlans) {
        if (!is_planned(shape)) return;
        for_stretches(shape, [&](const Stretch& stretch) {
          std::byte* plan = panel + width * stretch_at(shape, stretch);
          Micro::arrange(plan + width * plan_bytes(shape), stretch.steps, lanes, plan,
                         reinterpret_cast<std::int32_t*>(panel));
        });
      }
    });
  }

  /// Whether bytes may be run as packed weights of a shape: the plans among them stay within their stretches.
  static bool is_packed(const WeightShape& shape, [[maybe_unused]] const std::byte* packed) noexcept {
    bool fits = true;
    if constexpr (kPlans) {
      if (!is_planned(shape)) return true;
      for_panels(shape, 0, shape.columns, [&](Index column, Index lanes) {
        const std::byte* panel = packed + column * column_bytes(shape);
        for_stretches(shape, [&](const Stretch& stretch) {
          fits = fits && Micro::is_plan(panel + lanes * kLane * stretch_at(shape, stretch), stretch.steps, lanes);
        });
      });
    }
    return fits;
  }

  /// Whole steps, if rows are read in place then.
  static Index filled_depth(const WeightShape& shape) noexcept {
    WeightShape filled = shape;
    filled.depth = round_up(shape.depth, kStep);
    return is_staged(filled) ? shape.depth : filled.depth;
  }

 protected:
  using Activation = typename Micro::Activation;
  static constexpr Index kLane = Micro::kLane;
  static constexpr Index kStep = Micro::kStep;
  static constexpr bool kFlips = Micro::kFlipped.has_value();

  static constexpr Index kStretch = 256;  ///< Most elements of K that are staged at a time.
  static_assert(kStretch % (4 * kStep) == 0 && (sizeof(Activation) != 1 || kStretch / kStep <= kMostPieces));

  static constexpr Index round_up(Index value, Index multiple) noexcept {
    return (value + multiple - 1) / multiple * multiple;
  }

  /// Fewest steps of a piece that is read in place, where a row has several.
  static constexpr Index fewest_steps() noexcept {
    if constexpr (requires { Micro::kFewestSteps; }) return Micro::kFewestSteps;
    return 1;
  }

  /// Whether all rows are copied: to other activations than their codes.
  static constexpr bool kCopiesAll = [] {
    if constexpr (requires { Micro::kCopiesAll; }) return Micro::kCopiesAll;
    return sizeof(Activation) != 1;
  }();

  /// Whether weights are planned: arranged at packing as their values allow. Of one panel it would take longer to
  /// spread the activations than is gained.
  static constexpr bool kPlans = requires { Micro::kPlans; };
  static bool is_planned(const WeightShape& shape) noexcept {
    return kPlans && shape.group_size == 0 && shape.columns > Micro::kPanel;
  }

  /// Elements of a copied row: those of a stretch and, where weights are planned, what `Micro::spread` makes of them.
  static constexpr Index kCopiedRow = [] {
    if constexpr (kPlans) return kStretch + Micro::kSpread;
    return kStretch;
  }();

  /// Whether rows have to be copied.
  static bool is_staged(const WeightShape& shape) noexcept {
    return kCopiesAll || shape.depth % kStep != 0 || (shape.taps > 1 && shape.depth < fewest_steps() * kStep) ||
           (shape.group_size < shape.depth && shape.group_size % kStep != 0);
  }

  /// Whether K is taken in stretches that go through the cache.
  static bool in_stretches(const WeightShape& shape) noexcept {
    return shape.bits < 8 || shape.group_size != 0 || shape.taps > kMostPieces || is_staged(shape);
  }
  static bool is_flipped(const GemmArguments& g) noexcept {
    return Micro::kFlipped == g.input_type && (!kPlans || is_planned(g.weights));
  }

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

  /// Sums of weights are packed where a sum takes several stretches; otherwise it costs less to add up the codes at
  /// hand than to read one more word for each group.
  static bool has_weight_sums(const WeightShape& shape) noexcept { return shape.group_size > kStretch; }

  /// Bytes of a column: its terms, and its codes up to a step.
  static Index term_words(const WeightShape& shape) noexcept {
    if (shape.group_size == 0) return kFlips ? 1 : 0;
    return (has_weight_sums(shape) ? 2 : 1) * shape.groups();
  }
  static Index term_bytes(const WeightShape& shape) noexcept {
    return 4 * term_words(shape) + (shape.has_zero_points ? shape.groups() : 0);
  }
  static Index code_bytes(const WeightShape& shape, Index steps) noexcept { return steps * kStep * shape.bits / 8; }

  /// The plan before the codes of a stretch: for kLane columns a count, and an entry for each 4 elements of K.
  static Index plan_bytes(const WeightShape& shape) noexcept {
    if (!is_planned(shape)) return 0;
    return round_up(1 + std::min(kStretch, shape.taps * shape.depth) / 4, kLane) / kLane;
  }

  /// Where a stretch begins in a column, with its plan.
  static Index stretch_at(const WeightShape& shape, const Stretch& stretch) noexcept {
    const Index plans = is_planned(shape) ? stretch.first / kStretch : 0;
    return term_bytes(shape) + plans * plan_bytes(shape) + code_bytes(shape, stretch.step);
  }
  static Index column_bytes(const WeightShape& shape) noexcept {
    Index bytes = term_bytes(shape);
    for_stretches(shape, [&](const Stretch& stretch) {
      bytes = stretch_at(shape, stretch) + plan_bytes(shape) + code_bytes(shape, stretch.steps);
    });
    return bytes;
  }

  /// What the sums of flipped codes are short of, for a sum of weights of 1.
  static constexpr std::int32_t kFlip = Micro::kFlipped == ElementType::int8 ? -128 : 128;

  /// The terms of a panel, (groups, columns of the panel), null where there are none.
  struct Terms {
    const float* multipliers = nullptr;
    const std::int32_t* weight_sums = nullptr;     ///< Of long groups.
    const std::int32_t* flipped_starts = nullptr;  ///< Without: kFlip times the sums, or those of planned weights.
    const std::int8_t* zero_points = nullptr;
  };
  static Terms terms_of(const WeightShape& shape, const std::byte* panel, Index width) noexcept {
    const auto* words = reinterpret_cast<const std::int32_t*>(panel);
    Terms terms;
    if (shape.group_size != 0) {
      terms.multipliers = reinterpret_cast<const float*>(panel);
      if (has_weight_sums(shape)) terms.weight_sums = words + shape.groups() * width;
    } else if (kFlips) {
      terms.flipped_starts = words;
    }
    if (shape.has_zero_points) {
      terms.zero_points = reinterpret_cast<const std::int8_t*>(panel) + 4 * term_words(shape) * width;
    }
    return terms;
  }

  /// Writes the terms of a column, number `at` of its panel.
  static void pack_terms(const WeightShape& shape, const WeightValues& weights, Index column, Index at, Index width,
                         std::byte* panel) noexcept {
    const auto put = [&](Index row, auto word) { std::memcpy(panel + 4 * (row * width + at), &word, sizeof(word)); };
    std::byte* zero_points = panel + 4 * term_words(shape) * width + at;
    const Index groups = shape.groups();
    const Index whole = shape.taps * shape.depth;
    const std::int8_t* codes = weights.codes + column * whole;
    for (Index group = 0; group < groups; ++group) {
      const Index slice = column * groups + group;
      Index count = whole;
      if (shape.group_size != 0) {
        count = std::min(shape.group_size, shape.depth - group % shape.groups_per_tap() * shape.group_size);
        put(group, weights.multipliers[slice]);
      }
      std::int32_t sum = 0;
      for (Index k = 0; k < count; ++k) sum += codes[k];
      codes += count;
      if (shape.has_zero_points) {
        zero_points[group * width] = static_cast<std::byte>(weights.zero_points[slice]);
        sum -= weights.zero_points[slice] * static_cast<std::int32_t>(count);
      }
      if (has_weight_sums(shape)) {
        put(groups + group, sum);
      } else if (shape.group_size == 0 && kFlips && !kPlans) {
        put(0, kFlip * sum);
      }
    }
  }

  /// Writes a column's codes of one stretch, the column being number `at` of its panel. Steps are filled up with
  /// weights of zero.
  static void pack_codes(const WeightShape& shape, const WeightValues& weights, Index column, Index at, Index width,
                         const Stretch& stretch, std::byte* out) noexcept {
    const std::int8_t* codes = weights.codes + column * shape.taps * shape.depth + stretch.first;
    const Index planes = 8 / shape.bits;
    const auto mask = static_cast<std::uint8_t>((1U << shape.bits) - 1);
    const Index padded = steps_of(stretch.group_elements) * kStep;
    for (Index group = 0; group < std::max<Index>(stretch.groups, 1); ++group) {
      const std::int8_t zero_point =
          shape.has_zero_points ? weights.zero_points[column * shape.groups() + stretch.group + group] : std::int8_t{0};
      for (Index k = 0; k < padded; ++k) {
        const bool exists = k < stretch.group_elements;
        const std::int8_t value = exists ? codes[group * stretch.group_elements + k] : zero_point;
        const Index step = (group * padded + k) / kStep;
        const Index vector = step * (width / kLane) + at / kLane;
        const Index byte = vector / planes * kLane * kStep + at % kLane * kStep + k % kStep;
        const auto code = static_cast<std::uint8_t>(static_cast<std::uint8_t>(value) & mask);
        out[byte] |= static_cast<std::byte>(code << (static_cast<int>(vector % planes) * shape.bits));
      }
    }
  }
};

}  // namespace condense::kernels::detail

#endif
