#ifndef CONDENSE_CORE_WRAPPING_HPP
#define CONDENSE_CORE_WRAPPING_HPP

#include <cstdint>

namespace condense {

// Arithmetic modulo 2^32, which is what vector instructions do: for sums that do not overflow, unless someone has
// changed the numbers.

constexpr std::int32_t wrapping_sum(std::int32_t a, std::int32_t b) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}
constexpr std::int32_t wrapping_difference(std::int32_t a, std::int32_t b) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) - static_cast<std::uint32_t>(b));
}
constexpr std::int32_t wrapping_product(std::int32_t a, std::int32_t b) noexcept {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) * static_cast<std::uint32_t>(b));
}

}  // namespace condense

#endif
