#ifndef CONDENSE_TESTS_QUANTIZE_FORMATS_HPP
#define CONDENSE_TESTS_QUANTIZE_FORMATS_HPP

#include <cmath>
#include <cstdint>
#include <vector>

#include "condense/core/random.hpp"
#include "condense/quantize/number_format.hpp"

namespace condense::quantize {

/// Seeded values: normal weights, or their magnitudes for formats without negative values.
inline std::vector<float> weights(std::size_t count, std::uint64_t seed, bool negative = true) {
  Random random(seed);
  std::vector<float> values(count);
  for (float& value : values) {
    value = 0.05F * random.normal();
    if (!negative) value = std::abs(value);
  }
  return values;
}

/// Whether a format has levels below 0.
inline bool holds_negative_values(const NumberFormat& format) {
  return format.is_signed || format.scheme == SchemeKind::asymmetric;
}

/// Uniform formats of 1 to 8 bits, one scale for a tensor.
inline std::vector<NumberFormat> uniform_formats() {
  std::vector<NumberFormat> formats;
  for (int bits = 1; bits <= 8; ++bits) {
    formats.push_back({.scheme = SchemeKind::symmetric, .bits = bits, .granularity = {}});
    formats.push_back({.scheme = SchemeKind::symmetric, .bits = bits, .is_signed = false, .granularity = {}});
    formats.push_back({.scheme = SchemeKind::asymmetric, .bits = bits, .is_signed = false, .granularity = {}});
    if (bits == 1) continue;  // one signed bit is binary: neither a most negative code nor a zero point
    formats.push_back({.scheme = SchemeKind::symmetric, .bits = bits, .narrow = false, .granularity = {}});
    formats.push_back({.scheme = SchemeKind::asymmetric, .bits = bits, .granularity = {}});
  }
  return formats;
}

/// Formats with a codebook of 1 to 8 bits that a float can hold, one scale for a tensor.
inline std::vector<NumberFormat> codebook_formats() {
  std::vector<NumberFormat> formats;
  for (int bits = 1; bits <= 8; ++bits) {
    for (const bool is_signed : {true, false}) {
      const int magnitude_bits = is_signed ? bits - 1 : bits;
      for (const double base : {2.0, std::sqrt(2.0), 1.1}) {
        for (const bool with_zero : {true, false}) {
          const int powers = (1 << magnitude_bits) - (with_zero ? 1 : 0);
          if (powers < 1 || (powers - 1) * std::log2(base) > 126) continue;
          for (const auto rounding : {LogarithmicRounding::nearest, LogarithmicRounding::log_domain}) {
            formats.push_back({.scheme = SchemeKind::logarithmic,
                               .bits = bits,
                               .is_signed = is_signed,
                               .base = base,
                               .with_zero = with_zero,
                               .rounding = rounding,
                               .granularity = {}});
          }
        }
      }
      for (int term_bits = 1; term_bits <= magnitude_bits; ++term_bits) {
        const bool too_fine = term_bits == 8 || (term_bits == 4 && magnitude_bits == 8);
        if (too_fine || (term_bits != 2 && magnitude_bits % term_bits != 0)) continue;
        formats.push_back({.scheme = SchemeKind::additive_powers_of_two,
                           .bits = bits,
                           .is_signed = is_signed,
                           .term_bits = term_bits,
                           .granularity = {}});
      }
    }
  }
  return formats;
}

/// All formats of 1 to 8 bits, one scale for a tensor.
inline std::vector<NumberFormat> all_formats() {
  std::vector<NumberFormat> formats = uniform_formats();
  for (const NumberFormat& format : codebook_formats()) formats.push_back(format);
  return formats;
}

}  // namespace condense::quantize

#endif
