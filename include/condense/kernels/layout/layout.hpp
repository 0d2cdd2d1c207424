#ifndef CONDENSE_KERNELS_LAYOUT_LAYOUT_HPP
#define CONDENSE_KERNELS_LAYOUT_LAYOUT_HPP

#include "condense/kernels/operands.hpp"

namespace condense::kernels {

/// Transposes each of `batch` matrices (rows x columns) of elements of `element_bytes` bytes (1, 2, 4 or 8). With rows
/// = channels and columns = positions it takes channels-first images to channels-last; the other way round, back.
struct TransposeArguments {
  const void* input = nullptr;
  Index batch = 1;
  Index rows = 0;
  Index columns = 0;
  Index element_bytes = 1;
  void* output = nullptr;
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
