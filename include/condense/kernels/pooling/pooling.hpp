#ifndef CONDENSE_KERNELS_POOLING_POOLING_HPP
#define CONDENSE_KERNELS_POOLING_POOLING_HPP

#include "condense/kernels/operands.hpp"

namespace condense::kernels {

/// Pooling over windows given as rows of pieces (see `ActivationRows`; depth is the channels, negative offsets are left
/// out and `padding` is not used).
///
/// Maximum: output[r][c] = max over the pieces and `lowest`, in the input's type; for floats over the pieces and
/// -infinity. Average of integers: clamp(round_half_even(float(sum - count * input_zero_point) * multipliers[r]) +
/// zero_point, lowest, highest), where count is the number of pieces that are not left out. Average of floats: sum *
/// multipliers[r].
struct PoolingArguments {
  ActivationRows input{};
  ElementType type = ElementType::uint8;  ///< Of the input and the output; not int32.
  const float* multipliers = nullptr;     ///< (rows), for averages.
  std::int32_t input_zero_point = 0;
  std::int32_t zero_point = 0;
  std::int32_t lowest = 0;
  std::int32_t highest = 0;
  void* output = nullptr;
  Index output_stride = 0;
};

/// Pooling for the instruction set `Isa`: `maximum(const PoolingArguments&)` and `average(const PoolingArguments&)`.
template <class Isa>
struct Pooling;

/// A backend's pooling, chosen at run time.
struct PoolingKernel {
  void (*maximum)(const PoolingArguments&) noexcept;
  void (*average)(const PoolingArguments&) noexcept;

  template <class Isa>
  static constexpr PoolingKernel of() noexcept {
    return {&Pooling<Isa>::maximum, &Pooling<Isa>::average};
  }
};

}  // namespace condense::kernels

#endif
