#ifndef CONDENSE_KERNELS_FLOAT_GEMM_SCALAR_HPP
#define CONDENSE_KERNELS_FLOAT_GEMM_SCALAR_HPP

#include <algorithm>
#include <cstring>

#include "condense/core/packing.hpp"
#include "condense/kernels/float_gemm/detail/copy_panel.hpp"
#include "condense/kernels/float_gemm/detail/weight_bits.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// Panels of 16 columns, so that the inner loop runs over neighbouring weights and a compiler can vectorise it. The
/// bits of 16 weights are whole bytes; those of integers follow the scales and zero points of all groups.
template <>
struct FloatGemm<simd::Scalar> {
  static std::size_t packed_bytes(const FloatWeightShape& shape) noexcept {
    return static_cast<std::size_t>((shape.columns + kPanel - 1) / kPanel * panel_bytes(shape));
  }

  static void pack(const FloatWeightShape& shape, const FloatWeightValues& values, std::byte* packed) noexcept {
    std::memset(packed, 0, packed_bytes(shape));
    const Index k = shape.taps * shape.depth;
    for (Index panel = 0; panel < shape.columns; panel += kPanel, packed += panel_bytes(shape)) {
      for (Index c = 0; c < std::min(kPanel, shape.columns - panel); ++c) {
        for (Index group = 0; is_integer(shape.type) && group < shape.groups(); ++group) {
          const Index slice = (panel + c) * shape.groups() + group;
          std::byte* terms = packed + group * term_bytes(shape);
          std::memcpy(terms + c * 4, values.scales + slice, 4);
          if (shape.has_zero_points) terms[kPanel * 4 + c] = static_cast<std::byte>(values.zero_points[slice]);
        }
        for (Index i = 0; i < k; ++i) {
          const std::uint32_t element = detail::weight_bits(shape.type, values, (panel + c) * k + i);
          const Index first_bit = c * bits(shape.type);
          std::byte* to = packed + all_term_bytes(shape) + i * row_bytes(shape.type) + first_bit / 8;
          if (bits(shape.type) < 8) {
            *to |= static_cast<std::byte>(element << (first_bit % 8));
          } else {
            std::memcpy(to, &element, static_cast<std::size_t>(bits(shape.type) / 8));
          }
        }
      }
    }
  }

  static void pack_matrix(const FloatWeightShape& shape, const FloatMatrix& matrix, std::byte* packed) noexcept {
    auto* panel = reinterpret_cast<float*>(packed);
    for (Index first = 0; first < shape.columns; first += kPanel, panel += shape.depth * kPanel) {
      detail::copy_panel(matrix, shape.depth, first, std::min(kPanel, shape.columns - first), kPanel, panel);
    }
  }

  static void run(const FloatGemmArguments& g) noexcept {
    switch (g.weights.type) {
      case WeightType::float32: return run_for<WeightType::float32>(g);
      case WeightType::float16: return run_for<WeightType::float16>(g);
      case WeightType::bfloat16: return run_for<WeightType::bfloat16>(g);
      case WeightType::int8: return run_for<WeightType::int8>(g);
      case WeightType::int4: return run_for<WeightType::int4>(g);
      case WeightType::int2: return run_for<WeightType::int2>(g);
    }
  }

 private:
  static constexpr Index kTileRows = 2;
  static constexpr Index kPanel = 16;

  /// Bytes of the terms of a group, and of all, of one element of K, and of everything, each for the columns of a
  /// panel.
  static Index term_bytes(const FloatWeightShape& shape) noexcept { return kPanel * (shape.has_zero_points ? 5 : 4); }
  static Index all_term_bytes(const FloatWeightShape& shape) noexcept {
    return is_integer(shape.type) ? shape.groups() * term_bytes(shape) : 0;
  }
  static constexpr Index row_bytes(WeightType type) noexcept { return kPanel * bits(type) / 8; }
  static Index panel_bytes(const FloatWeightShape& shape) noexcept {
    return all_term_bytes(shape) + shape.taps * shape.depth * row_bytes(shape.type);
  }

  /// The floats or codes of an element of K.
  template <WeightType kType>
  static void decode(const std::byte* packed, float (&values)[kPanel]) noexcept {
    constexpr int kBits = bits(kType);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(packed);
    for (Index c = 0; c < kPanel; ++c) {
      if constexpr (kType == WeightType::float32) {
        std::memcpy(&values[c], bytes + 4 * c, 4);
      } else if constexpr (is_integer(kType)) {
        const auto code = static_cast<std::uint8_t>(bytes[c * kBits / 8] >> (c * kBits % 8));
        values[c] = static_cast<float>(sign_extend(static_cast<std::uint8_t>(code & ((1U << kBits) - 1)), kBits));
      } else {
        const std::uint32_t half = bytes[2 * c] | std::uint32_t{bytes[2 * c + 1]} << 8;
        values[c] = kType == WeightType::float16 ? detail::float16_value(half) : std::bit_cast<float>(half << 16);
      }
    }
  }

  template <WeightType kType>
  static void run_for(const FloatGemmArguments& g) noexcept {
    for (Index row = 0; row < g.input.rows; row += kTileRows) {
      for (Index panel = 0; panel < g.weights.columns; panel += kPanel) {
        run_tile<kType>(g, row, std::min(kTileRows, g.input.rows - row), panel);
      }
    }
  }

  template <WeightType kType>
  static void run_tile(const FloatGemmArguments& g, Index row, Index rows, Index panel) noexcept {
    const FloatWeightShape& shape = g.weights;
    const Index group_size = shape.group_size == 0 ? shape.depth : shape.group_size;
    const std::byte* terms = g.packed_weights + panel / kPanel * panel_bytes(shape);
    const std::byte* packed = terms + all_term_bytes(shape);
    float scales[kPanel];
    float zero_points[kPanel] = {};
    float sums[kTileRows][kPanel] = {};
    for (Index tap = 0; tap < shape.taps; ++tap) {
      // A row beyond the last repeats the last one, so that the loop below has a fixed number of rows.
      const float* a[kTileRows];
      for (Index r = 0; r < kTileRows; ++r) a[r] = piece_of(g.input, row + std::min(r, rows - 1), tap);
      for (Index i = 0; i < shape.depth; ++i, packed += row_bytes(kType)) {
        float w[kPanel];
        decode<kType>(packed, w);
        if constexpr (is_integer(kType)) {
          if (i % group_size == 0 && (shape.group_size != 0 || tap == 0)) {
            std::memcpy(scales, terms, sizeof(scales));
            for (Index c = 0; c < kPanel && shape.has_zero_points; ++c) {
              zero_points[c] = static_cast<float>(static_cast<std::int8_t>(terms[kPanel * 4 + c]));
            }
            terms += term_bytes(shape);
          }
          for (Index c = 0; c < kPanel; ++c) w[c] = (w[c] - zero_points[c]) * scales[c];
        }
        for (Index r = 0; r < kTileRows; ++r) {
          for (Index c = 0; c < kPanel; ++c) sums[r][c] += a[r][i] * w[c];
        }
      }
    }
    const Index columns = std::min(kPanel, shape.columns - panel);
    for (Index r = 0; r < rows; ++r) {
      float* out = g.output + (row + r) * g.output_stride + panel;
      for (Index c = 0; c < columns; ++c) out[c] = std::min(std::max(sums[r][c] + g.bias[panel + c], g.low), g.high);
    }
  }

  static const float* piece_of(const ActivationRows& input, Index row, Index tap) noexcept {
    const auto* data = static_cast<const float*>(input.data);
    if (input.offsets == nullptr) return data + row * input.row_stride;
    const std::int32_t offset = input.offsets[row * input.taps + tap];
    return offset < 0 ? static_cast<const float*>(input.padding) : data + offset;
  }
};

}  // namespace condense::kernels

#endif
