#ifndef CONDENSE_RUNTIME_DETAIL_PACKED_WEIGHTS_HPP
#define CONDENSE_RUNTIME_DETAIL_PACKED_WEIGHTS_HPP

#include <cstddef>

#include "condense/core/aligned_bytes.hpp"
#include "condense/kernels/operands.hpp"

namespace condense::runtime::detail {

/// Packed weights of several products, such as the groups of a convolution: those of one lie `stride` bytes, a multiple
/// of 64, after those of the one before.
struct PackedWeights {
  AlignedBytes bytes;
  std::size_t stride = 0;
};

/// Packs weights of `bytes` bytes each: `pack(i, packed)` writes number i.
template <class Pack>
PackedWeights pack_each(kernels::Index count, std::size_t bytes, Pack&& pack) {
  const std::size_t stride = (bytes + 63) / 64 * 64;
  PackedWeights result{AlignedBytes(stride * static_cast<std::size_t>(count)), stride};
  for (kernels::Index i = 0; i < count; ++i) pack(i, result.bytes.data() + stride * static_cast<std::size_t>(i));
  return result;
}

}  // namespace condense::runtime::detail

#endif
