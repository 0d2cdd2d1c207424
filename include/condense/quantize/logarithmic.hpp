#ifndef CONDENSE_QUANTIZE_LOGARITHMIC_HPP
#define CONDENSE_QUANTIZE_LOGARITHMIC_HPP

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

/// Where the threshold between two neighbouring levels a < b of a logarithmic quantiser lies.
enum class LogarithmicRounding {
  nearest,     ///< At (a + b) / 2: the smallest error of every x, hence the smallest mean squared error.
  log_domain,  ///< At sqrt(a * b): round(log |x|), the smallest ratio between x and its level; what the paper defines.
};

struct LogarithmicOptions {
  double base = 2;        ///< Ratio of neighbouring levels, > 1: 2, or sqrt(2) for levels twice as dense.
  bool with_zero = true;  ///< Spend one magnitude on 0; otherwise small values take the smallest level.
  bool is_signed = true;  ///< One bit is the sign.
  LogarithmicRounding rounding = LogarithmicRounding::nearest;
};

/// Levels at powers of a base: sign * scale * base^-k. With m = Bits - 1 bits (Bits if unsigned) for the magnitude
/// there are 2^m powers, or 2^m - 1 and 0. The largest one covers the range. Multiplying by a level of base 2 is a
/// shift.
///
/// The relative error of x between the smallest and the largest level is at most (base - 1) / (base + 1) when rounding
/// to nearest and sqrt(base) - 1 in the log domain: 0.333 and 0.414 for base 2. The two differ because sqrt(a b) lies
/// below (a + b) / 2. The paper rounds the logarithm, which hardware without a multiplier has at hand; the threshold
/// between 0 and the smallest level s then is s / sqrt(base), as if 0 were the next power. The default is nearest: on
/// the same levels no x has a larger error.
///
/// Levels are integers in units of the smallest one while they fit int8: with base 2 and a sign, up to 4 bits with zero
/// and 3 without. Otherwise they are fractions of the largest.
/// Reference: Miyashita, Lee, Murmann, "Convolutional neural networks using logarithmic data representation", 2016
/// (LogQuant; its scale is a power of two, here it is free).
template <int Bits>
class Logarithmic {
 public:
  static_assert(Bits >= 1 && Bits <= 8, "an integer type has 1 to 8 bits");
  static constexpr int kBits = Bits;

  /// Throws unless the base is above 1, so near that base^-k stays a normal float for the largest k, and there are two
  /// levels at least.
  explicit Logarithmic(const LogarithmicOptions& options = {}) : options_(options), codebook_(make(options)) {}

  const LogarithmicOptions& options() const noexcept { return options_; }
  constexpr IntegerType type() const noexcept { return {Bits, false, false}; }
  Affine parameters(Range range) const { return codebook_.parameters(range); }
  std::int32_t encode(float x, const Affine& affine) const noexcept { return codebook_.encode(x / affine.scale); }
  float decode(std::int32_t index, const Affine& affine) const noexcept {
    return codebook_.decode(index) * affine.scale;
  }
  std::span<const float> levels() const noexcept { return codebook_.levels(); }

 private:
  static Codebook make(const LogarithmicOptions& options) {
    require(std::isfinite(options.base) && options.base > 1,
            "the base of a logarithmic quantiser is finite and above 1, not {}", options.base);
    const int magnitude_bits = options.is_signed ? Bits - 1 : Bits;
    const int powers = (1 << magnitude_bits) - (options.with_zero ? 1 : 0);
    require(powers >= 1, "a signed logarithmic quantiser with zero needs 2 bits or more, not {}", Bits);

    // Powers are repeated products, which round alike everywhere; std::pow does not.
    std::vector<double> magnitudes(static_cast<std::size_t>(powers), 1.0);
    for (std::size_t i = 1; i < magnitudes.size(); ++i) magnitudes[i] = magnitudes[i - 1] * options.base;
    require(magnitudes.back() <= 1 / static_cast<double>(std::numeric_limits<float>::min()),
            "{} powers of base {} span more than a float can hold; use fewer bits or a smaller base", powers,
            options.base);
    if (options.with_zero) magnitudes.insert(magnitudes.begin(), 0.0);
    std::vector<float> levels = detail::codebook_levels(magnitudes, options.is_signed);
    if (options.rounding == LogarithmicRounding::nearest) return Codebook(std::move(levels));

    const double root = std::sqrt(options.base);
    std::vector<float> thresholds;
    for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
      // Of two neighbours the one further from 0, divided by the root; between -s and s without a zero, 0.
      const double outer = levels[i] >= 0 ? levels[i + 1] : levels[i];
      const bool across_zero = levels[i] < 0 && levels[i + 1] > 0;
      thresholds.push_back(across_zero ? 0.0F : static_cast<float>(outer / root));
    }
    return Codebook(std::move(levels), std::move(thresholds));
  }

  LogarithmicOptions options_;
  Codebook codebook_;
};

static_assert(Scheme<Logarithmic<4>>);

}  // namespace condense::quantize

#endif
