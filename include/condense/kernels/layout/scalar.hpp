#ifndef CONDENSE_KERNELS_LAYOUT_SCALAR_HPP
#define CONDENSE_KERNELS_LAYOUT_SCALAR_HPP

#include "condense/kernels/layout/layout.hpp"
#include "condense/simd/instruction_set.hpp"

namespace condense::kernels {

/// The definition of the changes of layout.
template <>
struct Layout<simd::Scalar> {
  static void transpose(const TransposeArguments& t) noexcept {
    switch (t.element_bytes) {
      case 1: return transpose_of<std::uint8_t>(t);
      case 2: return transpose_of<std::uint16_t>(t);
      case 4: return transpose_of<std::uint32_t>(t);
      default: return transpose_of<std::uint64_t>(t);
    }
  }

 private:
  template <class Element>
  static void transpose_of(const TransposeArguments& t) noexcept {
    const auto* in = static_cast<const Element*>(t.input);
    auto* out = static_cast<Element*>(t.output);
    for (Index b = 0; b < t.batch; ++b, in += t.rows * t.columns, out += t.rows * t.columns) {
      for (Index row = 0; row < t.rows; ++row) {
        for (Index column = 0; column < t.columns; ++column) out[column * t.rows + row] = in[row * t.columns + column];
      }
    }
  }
};

}  // namespace condense::kernels

#endif
