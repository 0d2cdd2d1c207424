#ifndef CONDENSE_TESTS_SUPPORT_KERNEL_DATA_HPP
#define CONDENSE_TESTS_SUPPORT_KERNEL_DATA_HPP

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "condense/core/random.hpp"
#include "condense/kernels/gemm/gemm.hpp"

namespace condense {

/// An integer of [lowest, highest].
inline int random_integer(Random& random, int lowest, int highest) {
  return lowest + static_cast<int>(random.below(static_cast<std::uint32_t>(highest - lowest + 1)));
}

/// Half to even, then zero point, then saturation, in exact arithmetic: the definition of the numeric contract.
inline std::int32_t reference_code(float value, std::int64_t zero_point, std::int64_t lowest, std::int64_t highest) {
  if (std::isnan(value)) return static_cast<std::int32_t>(lowest);
  const auto exact = std::clamp(static_cast<long double>(value), -0x1p40L, 0x1p40L);
  const long double below = std::floor(exact);
  auto rounded = static_cast<std::int64_t>(below);
  if (exact - below > 0.5L || (exact - below == 0.5L && rounded % 2 != 0)) ++rounded;
  return static_cast<std::int32_t>(std::clamp(rounded + zero_point, lowest, highest));
}

/// The lowest and highest code of an element type; nothing sensible for floats.
inline std::int32_t lowest_code(kernels::ElementType type) { return type == kernels::ElementType::int8 ? -128 : 0; }
inline std::int32_t highest_code(kernels::ElementType type) { return type == kernels::ElementType::int8 ? 127 : 255; }

/// Elements that begin `shift` elements behind the start of an allocation, and end with it so that a sanitizer sees a
/// step beyond. Filled with a pattern, to show what a kernel leaves alone.
template <class T>
class ShiftedMemory {
 public:
  explicit ShiftedMemory(kernels::Index count, kernels::Index shift = 0)
      : shift_(shift), memory_(static_cast<std::size_t>(count + shift)) {
    if (!memory_.empty()) std::memset(memory_.data(), 0xA5, memory_.size() * sizeof(T));
  }

  T* data() { return memory_.data() + shift_; }
  const T* data() const { return memory_.data() + shift_; }
  std::size_t size() const { return memory_.size() - static_cast<std::size_t>(shift_); }
  T& operator[](kernels::Index i) { return data()[i]; }
  const T& operator[](kernels::Index i) const { return data()[i]; }

 private:
  kernels::Index shift_;
  std::vector<T> memory_;
};

}  // namespace condense

#endif
