#ifndef CONDENSE_GRAPH_REFERENCE_INTEGER_MATH_HPP
#define CONDENSE_GRAPH_REFERENCE_INTEGER_MATH_HPP

#include <concepts>
#include <cstdint>

// Operations on std::int64_t and std::uint64_t that are defined for every pair of numbers: they wrap, and what divides
// by zero is 0.

namespace condense::graph::reference {

/// -x; the lowest number stays.
template <std::integral C>
C negated(C x) noexcept {
  return static_cast<C>(std::uint64_t{0} - static_cast<std::uint64_t>(x));
}

/// a / b without the fraction.
template <std::integral C>
C quotient(C a, C b) noexcept {
  if (b == C{0}) return C{0};
  if (std::signed_integral<C> && b == static_cast<C>(-1)) return negated(a);
  return static_cast<C>(a / b);
}

/// a - b * quotient(a, b), with the sign of a.
template <std::integral C>
C remainder(C a, C b) noexcept {
  if (b == C{0} || (std::signed_integral<C> && b == static_cast<C>(-1))) return C{0};
  return static_cast<C>(a % b);
}

/// The remainder with the sign of b.
template <std::integral C>
C modulo(C a, C b) noexcept {
  const C rest = remainder(a, b);
  return rest != C{0} && (rest < C{0}) != (b < C{0}) ? static_cast<C>(rest + b) : rest;
}

/// base to the power of exponent, without the fraction.
template <std::integral C, std::integral E>
C power(C base, E exponent) noexcept {
  if (exponent < E{0}) {
    if (base == C{1}) return C{1};
    if (std::unsigned_integral<C> || base != static_cast<C>(-1)) return C{0};
  }
  std::uint64_t result = 1;
  auto square = static_cast<std::uint64_t>(base);
  for (auto rest = static_cast<std::uint64_t>(exponent < E{0} ? negated(exponent) : exponent); rest > 0; rest >>= 1) {
    if ((rest & 1) != 0) result *= square;
    square *= square;
  }
  return static_cast<C>(result);
}

}  // namespace condense::graph::reference

#endif
