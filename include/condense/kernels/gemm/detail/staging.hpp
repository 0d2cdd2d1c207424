#ifndef CONDENSE_KERNELS_GEMM_DETAIL_STAGING_HPP
#define CONDENSE_KERNELS_GEMM_DETAIL_STAGING_HPP

#include <type_traits>

#include "condense/kernels/gemm/detail/weight_panels.hpp"

namespace condense::kernels::detail {

/// Copies bytes, few of them quickly: `memcpy` is a call, which takes longer than a window's piece of some channels.
inline void copy_bytes(const void* from, Index count, void* to) noexcept {
  const auto* in = static_cast<const std::byte*>(from);
  auto* out = static_cast<std::byte*>(to);
  const auto copy = [&](auto chunk, Index at) { std::memcpy(out + at, in + at, sizeof(chunk)); };
  struct Sixteen {
    std::uint64_t halves[2];
  };
  if (count >= 16) {
    for (Index i = 0; i + 16 < count; i += 16) copy(Sixteen{}, i);
    copy(Sixteen{}, count - 16);
  } else if (count >= 8) {
    copy(std::uint64_t{}, 0);
    copy(std::uint64_t{}, count - 8);
  } else if (count >= 4) {
    copy(std::uint32_t{}, 0);
    copy(std::uint32_t{}, count - 4);
  } else {
    for (Index i = 0; i < count; ++i) out[i] = in[i];
  }
}

/// Copies stretches of rows in line, for `TiledGemm`, where they cannot be read in place.
template <class Micro>
struct Staging : WeightPanels<Micro> {
 protected:
  using Panels = WeightPanels<Micro>;
  using Panels::kCopiedRow;
  using Panels::kCopiesAll;
  using Panels::kStep;
  using Panels::steps_of;
  using typename Panels::Activation;
  using typename Panels::Stretch;

  /// Copies the activations of a stretch: each group from a step on, zeros between (which meet weights of zero).
  static void stage(const GemmArguments& g, Index row, Index rows, const Stretch& stretch, Activation* out) noexcept {
    const bool whole = stretch.elements == g.input.taps * g.input.depth;
    if (whole && stretch.groups == 0 && g.input.offsets != nullptr && g.input.depth <= 4) {
      const bool is_signed = g.input_type == ElementType::int8 && kCopiesAll;
      return is_signed ? stage_windows<std::int8_t>(g.input, row, rows, out)
                       : stage_windows<std::uint8_t>(g.input, row, rows, out);
    }
    const Index padded = steps_of(stretch.group_elements) * kStep;
    const bool in_line = padded == stretch.group_elements;
    const Index copies = in_line ? 1 : std::max<Index>(stretch.groups, 1);
    const Index count = stretch.elements / copies;
    for (Index r = 0; r < rows; ++r, out += kCopiedRow) {
      for (Index copy = 0; copy < copies; ++copy) {
        Activation* to = out + copy * padded;
        if (g.input_type == ElementType::int8 && kCopiesAll) {
          copy_elements<std::int8_t>(g.input, row + r, stretch.first + copy * count, count, to);
        } else {
          copy_elements<std::uint8_t>(g.input, row + r, stretch.first + copy * count, count, to);
        }
        if (!in_line) std::fill(to + count, to + padded, Activation{0});
      }
    }
  }

 private:
  /// A code as it is copied: signed ones to bytes with the sign flipped.
  template <class Code>
  static Activation activation(Code code) noexcept {
    const bool flipped = std::is_signed_v<Code> && !std::is_signed_v<Activation>;
    return static_cast<Activation>(code + (flipped ? 128 : 0));
  }

  /// Copies whole rows whose pieces have 1 to 4 elements: the first layer of images, whose products take less time than
  /// a loop over such a piece.
  template <class Code>
  static void stage_windows(const ActivationRows& input, Index row, Index rows, Activation* out) noexcept {
    const auto copy = [&](auto depth) {
      const auto* data = static_cast<const Code*>(input.data);
      const auto* padding = static_cast<const Code*>(input.padding);
      const std::int32_t* offset = input.offsets + row * input.taps;
      const Index last = (steps_of(input.taps * depth.value) - 1) * kStep;
      for (Index r = 0; r < rows; ++r, out += kCopiedRow) {
        Activation* to = out;
        for (Index k = 0; k < kStep; ++k) to[last + k] = 0;
        for (Index tap = 0; tap < input.taps; ++tap, ++offset, to += depth.value) {
          const Code* from = *offset < 0 ? padding : data + *offset;
          for (int k = 0; k < depth.value; ++k) to[k] = activation(from[k]);
        }
      }
    };
    if (input.depth == 1) return copy(std::integral_constant<int, 1>{});
    if (input.depth == 2) return copy(std::integral_constant<int, 2>{});
    if (input.depth == 3) return copy(std::integral_constant<int, 3>{});
    copy(std::integral_constant<int, 4>{});
  }

  /// Copies elements [first, first + count) of a row, its pieces in line.
  template <class Code>
  static void copy_elements(const ActivationRows& input, Index row, Index first, Index count,
                            Activation* out) noexcept {
    const auto* data = static_cast<const Code*>(input.data);
    if (input.offsets == nullptr) {
      Micro::copy(data + row * input.row_stride + first, count, out);
      return;
    }
    const std::int32_t* offsets = input.offsets + row * input.taps;
    const auto piece = [&](Index tap) {
      return offsets[tap] < 0 ? static_cast<const Code*>(input.padding) : data + offsets[tap];
    };
    if (count == input.taps * input.depth) {
      for (Index tap = 0; tap < input.taps; ++tap, out += input.depth) Micro::copy(piece(tap), input.depth, out);
      return;
    }
    while (count > 0) {
      Index tap = first / input.depth;
      const Index within = first % input.depth;
      Index length = input.depth - within;
      const Code* from = piece(tap);
      // Neighbours in an image are copied at once.
      for (; offsets[tap] >= 0 && length < count && offsets[tap + 1] == offsets[tap] + input.depth; ++tap) {
        length += input.depth;
      }
      length = std::min(length, count);
      Micro::copy(from + within, length, out);
      out += length;
      first += length;
      count -= length;
    }
  }
};

}  // namespace condense::kernels::detail

#endif
