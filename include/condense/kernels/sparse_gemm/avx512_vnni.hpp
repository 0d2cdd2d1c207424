#ifndef CONDENSE_KERNELS_SPARSE_GEMM_AVX512_VNNI_HPP
#define CONDENSE_KERNELS_SPARSE_GEMM_AVX512_VNNI_HPP

#if defined(__x86_64__)

#include "condense/kernels/gemm/detail/avx512_epilogue.hpp"
#include "condense/kernels/sparse_gemm/avx2.hpp"
#include "condense/kernels/sparse_gemm/detail/sparse_tiles.hpp"

// GCC 12 takes the undefined upper halves in its own AVX-512 headers for uninitialised variables.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

namespace condense::kernels {

namespace detail {

/// Tiles of up to 8 rows by 16 columns: two registers of activations for each row, from which VPERMI2B takes 4 for each
/// column, for one VPDPBUSD. A step of 8 rows has 18 instructions beside copies.
struct Avx512Sparse {
  using Panels = SparsePanels<16, 4, 64, true, true>;
  static constexpr Index kRows = 8;
  static constexpr Index kColumns = 16;
  static constexpr Index kLanes = 1;          // vectors of the epilogue
  static constexpr bool kFlipsSigned = true;  // VPDPBUSD: unsigned times signed

  static void multiply(const SparseTile<Panels>& tile) noexcept {
    switch (tile.indices) {
      case SparseIndices::each: return multiply_heights<SparseIndices::each>(tile);
      case SparseIndices::shared: return multiply_heights<SparseIndices::shared>(tile);
      case SparseIndices::two_of_four: return multiply_heights<SparseIndices::two_of_four>(tile);
      default: return multiply_heights<SparseIndices::one_of_four>(tile);
    }
  }

  static void finish(const GemmTile& tile) noexcept {
    const bool to_codes = is_code(tile.product->output_type) && tile.product->epilogue.row_scales == nullptr;
    to_codes ? Avx512Epilogue::finish_codes<1>(tile) : Avx512Epilogue::finish(tile);
  }

 private:
  template <SparseIndices kIndices>
  static void multiply_heights(const SparseTile<Panels>& tile) noexcept {
    tile.flip != 0 ? multiply_heights<kIndices, true>(tile) : multiply_heights<kIndices, false>(tile);
  }
  template <SparseIndices kIndices, bool kFlip>
  static void multiply_heights(const SparseTile<Panels>& tile) noexcept {
    if (tile.rows > 4) return multiply_tile<kIndices, kFlip, 8>(tile);
    if (tile.rows > 2) return multiply_tile<kIndices, kFlip, 4>(tile);
    if (tile.rows > 1) return multiply_tile<kIndices, kFlip, 2>(tile);
    multiply_tile<kIndices, kFlip, 1>(tile);
  }

  /// Which activations the weights of step number `step` of a block meet.
  template <SparseIndices kIndices>
  CONDENSE_TARGET_AVX512_VBMI __attribute__((always_inline)) static inline __m512i indices_of(
      const std::uint8_t* indices, Index step) noexcept {
    if constexpr (kIndices == SparseIndices::each) return _mm512_loadu_si512(indices);
    if constexpr (kIndices == SparseIndices::shared) {
      int four;
      std::memcpy(&four, indices, sizeof(four));
      return _mm512_set1_epi32(four);
    }
    constexpr bool kTwo = kIndices == SparseIndices::two_of_four;
    // Byte i of a lane takes its bits 2i and 2i + 1; the multishift looks at 64 bits, which are two lanes.
    const __m512i bytes = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(indices)));
    const __m512i spread = _mm512_multishift_epi64_epi8(_mm512_set1_epi64(0x2624222006040200), bytes);
    const __m512i first = _mm512_set1_epi32(static_cast<int>(kTwo ? 0x04040000U : 0x0C080400U));
    const __m512i of_step = _mm512_set1_epi8(static_cast<char>(step * (kTwo ? 8 : 16)));
    return _mm512_add_epi8(_mm512_and_si512(spread, _mm512_set1_epi8(3)), _mm512_add_epi8(first, of_step));
  }

  template <SparseIndices kIndices, bool kFlip, unsigned kHeight>
  CONDENSE_TARGET_AVX512_VBMI static void multiply_tile(const SparseTile<Panels>& t) noexcept {
    constexpr bool kOneBlock = kIndices == SparseIndices::two_of_four || kIndices == SparseIndices::one_of_four;
    constexpr unsigned kChains = kHeight <= 2 ? 2 : 1;  // a chain for even blocks, another for odd ones
    constexpr Index kIndexBytes = Panels::index_bytes(kIndices);
    const __m512i flip = _mm512_set1_epi8(-128);
    __m512i sums[kChains][kHeight];
    const __m512i start = t.start != nullptr ? _mm512_loadu_si512(t.start) : _mm512_setzero_si512();
#pragma GCC unroll 2
    for (unsigned c = 0; c < kChains; ++c) {
#pragma GCC unroll 8
      for (unsigned r = 0; r < kHeight; ++r) sums[c][r] = c == 0 ? start : _mm512_setzero_si512();
    }
    SparseBlocks<Panels, kHeight> blocks(t);
    const std::uint8_t* indices = t.panel.indices;
    const std::int8_t* weights = t.panel.weights;

    __m512i even[kHeight];
    __m512i odd[kHeight];
    const auto load = [&](__m512i(&block)[kHeight]) CONDENSE_TARGET_AVX512_VBMI __attribute__((always_inline)) {
      const Index elements = blocks.next();
      if (elements >= 64) {
#pragma GCC unroll 8
        for (unsigned r = 0; r < kHeight; ++r) {
          block[r] = _mm512_loadu_si512(blocks.rows[r] + blocks.first);
          if constexpr (kFlip) block[r] = _mm512_xor_si512(flip, block[r]);
        }
        return;
      }
      const __mmask64 mask = elements > 0 ? ~__mmask64{0} >> (64 - elements) : 0;
#pragma GCC unroll 8
      for (unsigned r = 0; r < kHeight; ++r) {
        block[r] = _mm512_maskz_loadu_epi8(mask, blocks.rows[r] + blocks.first);
        if constexpr (kFlip) block[r] = _mm512_xor_si512(flip, block[r]);
      }
    };
    const auto add = [&](Index steps, const __m512i(&alone)[kHeight], __m512i(&of)[kHeight]) CONDENSE_TARGET_AVX512_VBMI
        __attribute__((always_inline)) {
      for (Index step = 0; step < steps; ++step, indices += kIndexBytes, weights += 64) {
        const __m512i index = indices_of<kIndices>(indices, step);
        const __m512i w = _mm512_loadu_si512(weights);
#pragma GCC unroll 8
        for (unsigned r = 0; r < kHeight; ++r) {
          const __m512i a =
              kOneBlock ? _mm512_permutexvar_epi8(index, alone[r]) : _mm512_permutex2var_epi8(even[r], index, odd[r]);
          of[r] = _mm512_dpbusd_epi32(of[r], a, w);
        }
      }
    };
    load(even);
    const Index count = blocks.count();
    for (Index block = 0; block < count; block += 2) {
      load(odd);
      add(t.panel.steps[block], even, sums[0]);
      if (block + 1 == count) break;
      load(even);
      add(t.panel.steps[block + 1], odd, sums[kChains - 1]);
    }
#pragma GCC unroll 8
    for (unsigned r = 0; r < kHeight; ++r) {
      if (kChains == 2) sums[0][r] = _mm512_add_epi32(sums[0][r], sums[1][r]);
      _mm512_storeu_si512(t.sums + r * kColumns, sums[0][r]);
    }
  }
};

}  // namespace detail

/// Permutations of bytes out of two registers. The first processors with VNNI lack them and take the version for AVX2.
template <>
struct SparseGemm<simd::Avx512Vnni> {
  static std::size_t packed_bytes(const WeightShape& shape, const std::int8_t* codes) noexcept {
    return permutes() ? Tiled::packed_bytes(shape, codes) : Other::packed_bytes(shape, codes);
  }
  static void pack(const WeightShape& shape, const std::int8_t* codes, std::byte* packed) noexcept {
    permutes() ? Tiled::pack(shape, codes, packed) : Other::pack(shape, codes, packed);
  }
  static bool is_packed(const WeightShape& shape, const std::byte* packed, std::size_t bytes) noexcept {
    return permutes() ? Tiled::is_packed(shape, packed, bytes) : Other::is_packed(shape, packed, bytes);
  }
  static void run(const GemmArguments& arguments) noexcept {
    permutes() ? Tiled::run(arguments) : Other::run(arguments);
  }

 private:
  using Tiled = detail::TiledSparseGemm<detail::Avx512Sparse>;
  using Other = SparseGemm<simd::Avx2>;

  static bool permutes() noexcept {
    static const bool has_vbmi = simd::detail::processor().avx512_vbmi;
    return has_vbmi;
  }
};

}  // namespace condense::kernels

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#endif
#endif
