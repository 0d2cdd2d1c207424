#ifndef CONDENSE_QUANTIZE_MIXED_PRECISION_HPP
#define CONDENSE_QUANTIZE_MIXED_PRECISION_HPP

#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "condense/core/error.hpp"
#include "condense/core/shape.hpp"
#include "condense/quantize/number_format.hpp"
#include "condense/quantize/with_scheme.hpp"

namespace condense::quantize {

/// A layer as far as its storage is concerned: its name and the shape of its weights.
struct LayerWeights {
  std::string name;
  Shape shape;
};

/// Which format each layer's weights take: a default, and overrides by the layer's name. A search over mixed precisions
/// varies such objects; a report prints them.
struct Assignment {
  NumberFormat default_format{};
  std::map<std::string, NumberFormat, std::less<>> overrides{};

  /// The format of a layer.
  const NumberFormat& format(std::string_view layer) const {
    const auto found = overrides.find(layer);
    return found != overrides.end() ? found->second : default_format;
  }

  friend bool operator==(const Assignment&, const Assignment&) = default;
};

/// Throws if an override names a layer that is not among `layers`, naming it and those that are: a misspelt name would
/// otherwise leave a layer in the default format without a word.
inline void validate(const Assignment& assignment, std::span<const std::string> layers) {
  for (const auto& [layer, format] : assignment.overrides) {
    require(std::ranges::find(layers, layer) != layers.end(),
            "the override \"{}\" = {} names no layer; the layers are {}", layer, format.name(),
            fmt::join(layers, ", "));
  }
}

/// Bytes of all weights under an assignment: codes, scales, zero points and codebooks (`storage_bytes`).
inline std::size_t storage_bytes(const Assignment& assignment, std::span<const LayerWeights> layers) {
  std::size_t bytes = 0;
  for (const LayerWeights& layer : layers) bytes += storage_bytes(assignment.format(layer.name), layer.shape);
  return bytes;
}

/// Bits that a weight takes on average, with its share of scales, zero points and codebooks. Throws if there are no
/// weights.
inline double bits_per_weight(const Assignment& assignment, std::span<const LayerWeights> layers) {
  Index weights = 0;
  for (const LayerWeights& layer : layers) weights += layer.shape.count();
  require(weights > 0, "{} layers have no weights in all; bits per weight need one or more", layers.size());
  return 8.0 * static_cast<double>(storage_bytes(assignment, layers)) / static_cast<double>(weights);
}

}  // namespace condense::quantize

#endif
