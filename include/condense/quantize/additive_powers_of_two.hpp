#ifndef CONDENSE_QUANTIZE_ADDITIVE_POWERS_OF_TWO_HPP
#define CONDENSE_QUANTIZE_ADDITIVE_POWERS_OF_TWO_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "condense/core/error.hpp"
#include "condense/quantize/codebook.hpp"
#include "condense/quantize/scheme.hpp"

namespace condense::quantize {

struct AdditivePowersOfTwoOptions {
  int term_bits = 2;      ///< Bits k of each term, >= 1. 1 gives uniform levels, all bits in one term powers of two.
  bool is_signed = true;  ///< One bit is the sign.
};

/// Ascending magnitudes of additive powers of two for `magnitude_bits` = k n bits, k = `term_bits`: all sums of n terms
///
///     p_i in {0, 2^-i, 2^-(i + n), ..., 2^-(i + (2^k - 2) n)},  i = 0 .. n - 1,
///
/// 2^(k n) of them, in units of 2^0. With k = 2 one bit may be left over (2 n + 1 bits), and the set is the authors'
/// own: p_i in {0, 2^-i, 2^-(i + n), 2^-(i + 2 n + 1)} and a term of one bit in {0, 2^-2n}. Throws for other
/// remainders, if the smallest power is below the normal floats, and if a sum has more digits than a float holds.
inline std::vector<double> additive_powers_of_two(int magnitude_bits, int term_bits) {
  require(term_bits >= 1 && magnitude_bits >= 1 && magnitude_bits <= 8,
          "additive powers of two have terms of 1 bit or more and 1 to 8 bits in all, not {} and {}", term_bits,
          magnitude_bits);
  const int terms = magnitude_bits / term_bits;
  const int rest = magnitude_bits % term_bits;
  require(rest == 0 || term_bits == 2,
          "{} bits of magnitude cannot be divided into terms of {} bits; choose terms that divide them, or of 2 bits",
          magnitude_bits, term_bits);

  std::vector<double> sums{0.0};
  const auto add_term = [&sums](std::span<const int> exponents) {
    const std::size_t count = sums.size();
    for (const int exponent : exponents) {
      require(exponent <= 126, "the power 2^-{} is below the normal floats; use fewer bits or smaller terms", exponent);
      for (std::size_t i = 0; i < count; ++i) sums.push_back(sums[i] + std::ldexp(1.0, -exponent));
    }
  };
  for (int i = 0; i < terms; ++i) {
    std::vector<int> exponents;
    for (int j = 0; j <= (1 << term_bits) - 2; ++j) exponents.push_back(i + j * terms);
    if (rest == 1) exponents.back() += 1;  // 2^-2n belongs to the term of one bit
    add_term(exponents);
  }
  if (rest == 1) add_term(std::vector<int>{2 * terms});
  const int smallest = terms - 1 + ((1 << term_bits) - 2) * terms;
  require(terms <= 1 || smallest < std::numeric_limits<float>::digits,
          "sums of 2^0 and 2^-{} have more digits than a float; use fewer bits or smaller terms", smallest);
  std::ranges::sort(sums);
  return sums;
}

/// Levels that are sums of a few powers of two, so that multiplying by one takes a few shifts and additions: dense
/// around 0 as weights are, yet without the coarse steps that a single power leaves at the ends of the range.
///
/// The magnitudes are `additive_powers_of_two(m, term_bits)` with m = Bits - 1 (Bits if unsigned), scaled so that the
/// largest is the largest magnitude of the range. x takes the nearest level. The levels are integers, in units of the
/// smallest one, while they fit int8: with terms of 2 bits, up to 6 bits with the sign.
/// Reference: Li, Dong, Wang, "Additive powers-of-two quantization: an efficient non-uniform discretization for neural
/// networks", ICLR 2020, section 2.2, equation 5.
template <int Bits>
class AdditivePowersOfTwo {
 public:
  static_assert(Bits >= 1 && Bits <= 8, "an integer type has 1 to 8 bits");
  static constexpr int kBits = Bits;

  /// Throws if `additive_powers_of_two` does for these options.
  explicit AdditivePowersOfTwo(const AdditivePowersOfTwoOptions& options = {})
      : options_(options), codebook_(make(options)) {}

  const AdditivePowersOfTwoOptions& options() const noexcept { return options_; }
  constexpr IntegerType type() const noexcept { return {Bits, false, false}; }
  Affine parameters(Range range) const { return codebook_.parameters(range); }
  std::int32_t encode(float x, const Affine& affine) const noexcept { return codebook_.encode(x / affine.scale); }
  float decode(std::int32_t index, const Affine& affine) const noexcept {
    return codebook_.decode(index) * affine.scale;
  }
  std::span<const float> levels() const noexcept { return codebook_.levels(); }

 private:
  static Codebook make(const AdditivePowersOfTwoOptions& options) {
    require(Bits >= 2 || !options.is_signed, "signed additive powers of two need 2 bits or more, not {}", Bits);
    return Codebook(detail::codebook_levels(
        additive_powers_of_two(options.is_signed ? Bits - 1 : Bits, options.term_bits), options.is_signed));
  }

  AdditivePowersOfTwoOptions options_;
  Codebook codebook_;
};

static_assert(Scheme<AdditivePowersOfTwo<4>>);

}  // namespace condense::quantize

#endif
