#ifndef CONDENSE_BENCHMARKS_PEERS_PRODUCT_PEER_HPP
#define CONDENSE_BENCHMARKS_PEERS_PRODUCT_PEER_HPP

#include "../support/competitor.hpp"
#include "condense/kernels/operands.hpp"

namespace condense::benchmarks {

using kernels::Index;

/// What is multiplied, and what becomes of the sums.
enum class Work {
  sums,         ///< uint8 x int8 -> int32
  signed_sums,  ///< int8 x int8 -> int32
  requantized,  ///< uint8 x int8 -> uint8: clamp(round_half_even(float(sum) * multipliers[n]), 0, 255)
  dynamic,      ///< float x int8 -> float, rows quantised to uint8 as they come
  int4_groups,  ///< float x int4 in groups with a scale each -> float, rows quantised to int8 as they come
  floats,       ///< float x float -> float
};

/// Weights of 4 bits that share a scale; k is a multiple of it.
inline constexpr Index kGroupSize = 32;

/// output (m x n) = input (m x k) * weights^T (weights are n x k), row-major.
struct Product {
  Work work = Work::sums;
  Index m = 0;
  Index n = 0;
  Index k = 0;
  const void* input = nullptr;
  const void* weights = nullptr;
  const float* multipliers = nullptr;  ///< (n); those of `int4_groups` (n x k / kGroupSize).
  void* output = nullptr;
  int threads = 1;  ///< That work, the calling one included.

  /// Of the input and of the output.
  bool has_float_rows() const noexcept {
    return work == Work::dynamic || work == Work::int4_groups || work == Work::floats;
  }
};

using RegisterProductPeer = RegisterCompetitor<Product>;

}  // namespace condense::benchmarks

#endif
