#ifndef CONDENSE_QUANTIZE_PARAMETERS_HPP
#define CONDENSE_QUANTIZE_PARAMETERS_HPP

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "condense/core/error.hpp"
#include "condense/core/packing.hpp"
#include "condense/core/shape.hpp"
#include "condense/quantize/affine.hpp"
#include "condense/quantize/granularity.hpp"
#include "condense/quantize/integer_type.hpp"
#include "condense/quantize/scheme.hpp"

namespace condense::quantize {

/// How the integers of a tensor stand for reals: x = (q - zero_point) * scale, with one scale and zero point for each
/// slice of the granularity, in the order of `ScaleLayout`.
struct QuantizationParameters {
  IntegerType type;
  Granularity granularity{};
  std::vector<float> scales{1.0F};
  std::vector<std::int32_t> zero_points{};  ///< As many as scales, or none if all are 0.

  Affine affine(Index slice) const noexcept {
    const auto i = static_cast<std::size_t>(slice);
    return {scales[i], zero_points.empty() ? 0 : zero_points[i]};
  }

  /// Bytes to store: four for a scale; a zero point is as wide as a code and packed like one.
  std::size_t bytes() const noexcept {
    return scales.size() * sizeof(float) + packed_bytes(zero_points.size(), type.bits);
  }

  friend bool operator==(const QuantizationParameters&, const QuantizationParameters&) = default;
};

/// Throws unless the parameters fit a tensor of this shape: as many scales as slices, each a normal positive float, and
/// zero points within the type.
inline void validate(const QuantizationParameters& parameters, const Shape& shape) {
  validate(parameters.type);
  const auto slices = static_cast<std::size_t>(ScaleLayout(shape, parameters.granularity).scale_count());
  require(parameters.scales.size() == slices, "a tensor of shape {} has {} scales {}, {} are given", shape.to_string(),
          slices, parameters.granularity.name(), parameters.scales.size());
  require(parameters.zero_points.empty() || parameters.zero_points.size() == slices,
          "{} scales have as many zero points or none, {} are given", slices, parameters.zero_points.size());
  for (std::size_t i = 0; i < slices; ++i) {
    require(std::isnormal(parameters.scales[i]) && parameters.scales[i] > 0,
            "scale {} is {}; a scale is a positive normal float", i, parameters.scales[i]);
  }
  for (std::size_t i = 0; i < parameters.zero_points.size(); ++i) {
    const std::int32_t zero_point = parameters.zero_points[i];
    require(zero_point >= parameters.type.lowest() && zero_point <= parameters.type.highest(),
            "zero point {} is {}, outside {} [{}, {}]", i, zero_point, parameters.type.name(), parameters.type.lowest(),
            parameters.type.highest());
  }
}

/// Parameters with which a scheme covers one range for each slice. Zero points are kept only if one is not 0.
inline QuantizationParameters quantization_parameters(const Scheme auto& scheme, const Granularity& granularity,
                                                      std::span<const Range> ranges) {
  QuantizationParameters parameters{.type = scheme.type(), .granularity = granularity, .scales = {}, .zero_points = {}};
  parameters.scales.reserve(ranges.size());
  parameters.zero_points.reserve(ranges.size());
  bool symmetric = true;
  for (const Range& range : ranges) {
    const Affine affine = scheme.parameters(range);
    parameters.scales.push_back(affine.scale);
    parameters.zero_points.push_back(affine.zero_point);
    symmetric = symmetric && affine.zero_point == 0;
  }
  if (symmetric) parameters.zero_points.clear();
  return parameters;
}

}  // namespace condense::quantize

#endif
