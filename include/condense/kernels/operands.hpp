#ifndef CONDENSE_KERNELS_OPERANDS_HPP
#define CONDENSE_KERNELS_OPERANDS_HPP

#include <cstddef>
#include <cstdint>

namespace condense::kernels {

using Index = std::ptrdiff_t;

/// Type of the elements that a kernel reads or writes.
enum class ElementType : std::uint8_t { uint8, int8, int32, float32 };

/// True for codes of 8 bits.
constexpr bool is_code(ElementType type) noexcept { return type == ElementType::uint8 || type == ElementType::int8; }

/// Rows of activations, read in place. Row r is the concatenation of `taps` pieces of `depth` elements.
///
/// With `offsets`, piece t of row r starts at data[offsets[r * taps + t]]; a negative offset stands for `padding`, a
/// piece that holds the zero point. So a convolution is a matrix product whose rows are windows, and no window is ever
/// copied. Without `offsets`, `taps` is 1 and row r starts at data[r * row_stride].
struct ActivationRows {
  const void* data = nullptr;
  const std::int32_t* offsets = nullptr;
  const void* padding = nullptr;
  Index rows = 0;
  Index taps = 1;
  Index depth = 0;
  Index row_stride = 0;
};

}  // namespace condense::kernels

#endif
