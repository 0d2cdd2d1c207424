#ifndef CONDENSE_CALIBRATE_TARGET_HPP
#define CONDENSE_CALIBRATE_TARGET_HPP

#include <algorithm>

#include "condense/core/error.hpp"
#include "condense/quantize/affine.hpp"
#include "condense/quantize/integer_type.hpp"

namespace condense::calibrate {

/// The grid that a range is chosen for. Methods that weigh clipping against rounding need it; the others do not.
struct Target {
  quantize::IntegerType type = quantize::kInt8;
  bool symmetric = false;  ///< Zero point 0, as `quantize::symmetric`; otherwise as `quantize::asymmetric`.

  /// Codes that share the whole range of an asymmetric target, or the magnitudes [0, c] of a symmetric one, whose signs
  /// have codes of their own: 256 and 128 for int8.
  constexpr int levels() const noexcept { return type.highest() - (symmetric ? 0 : type.lowest()) + 1; }

  friend constexpr bool operator==(const Target&, const Target&) = default;
};

/// Throws unless the type exists and, for binary codes, the target is symmetric.
inline void validate(const Target& target) {
  quantize::validate(target.type);
  require(target.symmetric || !target.type.is_binary(), "{} codes have no zero point; make the target symmetric",
          target.type.name());
}

/// The parameters of a quantiser for this range. Throws as `quantize::symmetric` and `quantize::asymmetric` do.
inline quantize::Affine affine(quantize::Range range, const Target& target) {
  return target.symmetric ? quantize::symmetric(range, target.type) : quantize::asymmetric(range, target.type);
}

/// The range widened to contain 0, as every quantiser does before it derives its parameters.
constexpr quantize::Range with_zero(quantize::Range range) noexcept {
  return {std::min(range.min, 0.0F), std::max(range.max, 0.0F)};
}

}  // namespace condense::calibrate

#endif
