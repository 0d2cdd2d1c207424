#ifndef CONDENSE_KERNELS_LAYOUT_LAYOUT_HPP
#define CONDENSE_KERNELS_LAYOUT_LAYOUT_HPP

#include "condense/kernels/operands.hpp"

namespace condense::kernels {

/// Transposes each of `batch` matrices (rows x columns) of elements of `element_bytes` bytes, which may be pieces of
/// any length. With rows = channels and columns = positions it takes channels-first images to channels-last; the other
/// way round, back.
struct TransposeArguments {
  const void* input = nullptr;
  Index batch = 1;  ///< Matrices that lie one after the other; 1 for a part of one, which has strides.
  Index rows = 0;
  Index columns = 0;
  Index element_bytes = 1;
  void* output = nullptr;
  Index input_stride = 0;   ///< Elements from one row of the input to the next; 0 for `columns`.
  Index output_stride = 0;  ///< Elements from one row of the output to the next; 0 for `rows`.
};

/// Changes of layout for the instruction set `Isa`: `transpose(const TransposeArguments&)`.
template <class Isa>
struct Layout;

/// A backend's changes of layout, chosen at run time.
struct LayoutKernel {
  void (*transpose)(const TransposeArguments&) noexcept;

  template <class Isa>
  static constexpr LayoutKernel of() noexcept {
    return {&Layout<Isa>::transpose};
  }
};

}  // namespace condense::kernels

#endif
