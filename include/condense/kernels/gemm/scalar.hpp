#ifndef CONDENSE_KERNELS_GEMM_SCALAR_HPP
#define CONDENSE_KERNELS_GEMM_SCALAR_HPP

#include <algorithm>
#include <cmath>
#include <cstring>

#include "condense/core/packing.hpp"
#include "condense/core/rounding.hpp"
#include "condense/kernels/gemm/gemm.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// The definition of the integer product. Plain loops; weights row-major, codes below 8 bits packed low bits first with
/// every piece starting on a byte.
template <>
struct Gemm<simd::Scalar> {
  static constexpr Index kTileRows = 4;

  static std::size_t packed_bytes(const WeightShape& shape) noexcept {
    return static_cast<std::size_t>(shape.columns * shape.taps) * piece_bytes(shape);
  }

  static void pack(const WeightShape& shape, const std::int8_t* weights, std::byte* packed) noexcept {
    std::memset(packed, 0, packed_bytes(shape));
    const auto mask = static_cast<std::uint8_t>((1U << shape.bits) - 1);
    const Index codes_per_byte = 8 / shape.bits;
    for (Index piece = 0; piece < shape.columns * shape.taps; ++piece) {
      for (Index k = 0; k < shape.depth; ++k) {
        const auto code = static_cast<std::uint8_t>(static_cast<std::uint8_t>(weights[piece * shape.depth + k]) & mask);
        const auto shift = static_cast<int>(k % codes_per_byte) * shape.bits;
        packed[k / codes_per_byte] |= static_cast<std::byte>(code << shift);
      }
      packed += piece_bytes(shape);
    }
  }

  static void run(const GemmArguments& arguments) noexcept {
    if (arguments.input_type == ElementType::int8) {
      run_for<std::int8_t>(arguments);
    } else {
      run_for<std::uint8_t>(arguments);
    }
  }

 private:
  static constexpr Index kBlock = 128;  ///< Weights unpacked at a time, for all rows of a tile.

  static std::size_t piece_bytes(const WeightShape& shape) noexcept {
    return condense::packed_bytes(static_cast<std::size_t>(shape.depth), shape.bits);
  }

  template <class Activation>
  static std::int32_t dot(const Activation* a, const std::int8_t* w, Index count) noexcept {
    std::int32_t sum = 0;
    for (Index k = 0; k < count; ++k) sum += std::int32_t{a[k]} * std::int32_t{w[k]};
    return sum;
  }

  /// Codes [first, first + count) of a piece, as bytes; into `buffer` if they are packed.
  static const std::int8_t* unpack(const std::byte* piece, Index first, Index count, int bits,
                                   std::int8_t* buffer) noexcept {
    if (bits == 8) return reinterpret_cast<const std::int8_t*>(piece) + first;
    for (Index k = 0; k < count; ++k) {
      buffer[k] = sign_extend(packed_code(piece, static_cast<std::size_t>(first + k), bits), bits);
    }
    return buffer;
  }

  template <class Activation>
  static const Activation* piece_of(const ActivationRows& input, Index row, Index tap) noexcept {
    const auto* data = static_cast<const Activation*>(input.data);
    if (input.offsets == nullptr) return data + row * input.row_stride;
    const std::int32_t offset = input.offsets[row * input.taps + tap];
    return offset < 0 ? static_cast<const Activation*>(input.padding) : data + offset;
  }

  template <class Activation>
  static void run_for(const GemmArguments& g) noexcept {
    const WeightShape& shape = g.weights;
    const std::size_t stride = piece_bytes(shape);
    const Index group = shape.group_size == 0 ? shape.depth : shape.group_size;
    std::int8_t buffer[kBlock];
    for (Index row = 0; row < g.input.rows; row += kTileRows) {
      const Index rows = std::min(kTileRows, g.input.rows - row);
      const std::byte* piece = g.packed_weights;
      for (Index column = 0; column < shape.columns; ++column) {
        std::int32_t sums[kTileRows] = {};
        float values[kTileRows];
        if (shape.group_size != 0) std::fill_n(values, kTileRows, g.epilogue.float_bias[column]);
        Index index = column * shape.groups();
        for (Index tap = 0; tap < shape.taps; ++tap, piece += stride) {
          const Activation* a[kTileRows];
          for (Index r = 0; r < rows; ++r) a[r] = piece_of<Activation>(g.input, row + r, tap);
          for (Index first = 0; first < shape.depth; first += group) {
            const Index end = std::min(first + group, shape.depth);
            for (Index k = first; k < end; k += kBlock) {
              const Index count = std::min(kBlock, end - k);
              const std::int8_t* w = unpack(piece, k, count, shape.bits, buffer);
              for (Index r = 0; r < rows; ++r) sums[r] += dot(a[r] + k, w, count);
            }
            if (shape.group_size == 0) continue;
            for (Index r = 0; r < rows; ++r) {
              values[r] = std::fma(static_cast<float>(sums[r] + g.epilogue.corrections[index]),
                                   g.epilogue.multipliers[index], values[r]);
              sums[r] = 0;
            }
            ++index;
          }
        }
        for (Index r = 0; r < rows; ++r) {
          const float value = shape.group_size != 0
                                  ? values[r]
                                  : static_cast<float>(sums[r] + g.epilogue.bias[column]) *
                                        g.epilogue.multipliers[column];
          store(g, (row + r) * g.output_stride + column, value);
        }
      }
    }
  }

  static void store(const GemmArguments& g, Index index, float value) noexcept {
    const GemmEpilogue& e = g.epilogue;
    if (g.output_type == ElementType::float32) {
      static_cast<float*>(g.output)[index] = std::min(std::max(value, e.low), e.high);
    } else {
      const std::int32_t code = round_to_code(value, e.zero_point, e.lowest, e.highest);
      static_cast<std::uint8_t*>(g.output)[index] = static_cast<std::uint8_t>(code);
    }
  }
};

/// Panels of 16 columns, so that the inner loop runs over neighbouring weights and a compiler can vectorise it.
template <>
struct FloatGemm<simd::Scalar> {
  static constexpr Index kTileRows = 2;
  static constexpr Index kPanel = 16;

  static std::size_t packed_bytes(Index columns, Index k) noexcept {
    return static_cast<std::size_t>((columns + kPanel - 1) / kPanel * kPanel * k) * sizeof(float);
  }

  static void pack(Index columns, Index k, const float* weights, std::byte* packed) noexcept {
    auto* out = reinterpret_cast<float*>(packed);
    for (Index panel = 0; panel < columns; panel += kPanel) {
      for (Index i = 0; i < k; ++i) {
        for (Index c = panel; c < panel + kPanel; ++c) *out++ = c < columns ? weights[c * k + i] : 0.0F;
      }
    }
  }

  static void run(const FloatGemmArguments& g) noexcept {
    const ActivationRows& input = g.input;
    const Index k = input.taps * input.depth;
    for (Index row = 0; row < input.rows; row += kTileRows) {
      const Index rows = std::min(kTileRows, input.rows - row);
      for (Index panel = 0; panel < g.columns; panel += kPanel) {
        const float* w = reinterpret_cast<const float*>(g.packed_weights) + panel * k;
        float sums[kTileRows][kPanel] = {};
        for (Index tap = 0; tap < input.taps; ++tap) {
          // A row beyond the last repeats the last one, so that the loop below has a fixed number of rows.
          const float* a[kTileRows];
          for (Index r = 0; r < kTileRows; ++r) a[r] = piece_of(input, row + std::min(r, rows - 1), tap);
          for (Index i = 0; i < input.depth; ++i, w += kPanel) {
            for (Index r = 0; r < kTileRows; ++r) {
              for (Index c = 0; c < kPanel; ++c) sums[r][c] += a[r][i] * w[c];
            }
          }
        }
        const Index columns = std::min(kPanel, g.columns - panel);
        for (Index r = 0; r < rows; ++r) {
          float* out = g.output + (row + r) * g.output_stride + panel;
          for (Index c = 0; c < columns; ++c) {
            out[c] = std::min(std::max(sums[r][c] + g.bias[panel + c], g.low), g.high);
          }
        }
      }
    }
  }

 private:
  static const float* piece_of(const ActivationRows& input, Index row, Index tap) noexcept {
    const auto* data = static_cast<const float*>(input.data);
    if (input.offsets == nullptr) return data + row * input.row_stride;
    const std::int32_t offset = input.offsets[row * input.taps + tap];
    return offset < 0 ? static_cast<const float*>(input.padding) : data + offset;
  }
};

}  // namespace condense::kernels

#endif
