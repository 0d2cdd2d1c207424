#ifndef CONDENSE_BENCHMARKS_PEERS_CONVOLUTION_PEER_HPP
#define CONDENSE_BENCHMARKS_PEERS_CONVOLUTION_PEER_HPP

#include <cstdint>

#include "../support/competitor.hpp"
#include "../support/convolution_layers.hpp"

namespace condense::benchmarks {

/// A convolution of one image, channels last, on one thread. Of codes it makes codes, clamp(round_half_even(float(sum +
/// bias) * multiplier), 0, 255), all zero points being zero; of floats, max(sum + bias, 0).
struct Convolution {
  Layer layer{};
  bool integers = true;
  const void* input = nullptr;         ///< (size, size, channels), uint8 or float
  const void* weights = nullptr;       ///< (outputs, kernel, kernel, channels / groups), int8 or float
  const void* bias = nullptr;          ///< (outputs), int32 or float
  const float* multipliers = nullptr;  ///< (outputs), of codes.
  void* output = nullptr;              ///< (size, size, outputs), uint8 or float
};

using RegisterConvolutionPeer = RegisterCompetitor<Convolution>;

}  // namespace condense::benchmarks

#endif
