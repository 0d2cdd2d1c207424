// The program of README.md.
#include <fmt/format.h>

#include "condense/quantize/distortion.hpp"
#include "condense/quantize/quantize.hpp"
#include "condense/quantize/uniform.hpp"

using namespace condense;

int main() {
  Eigen::Tensor<float, 2, Eigen::RowMajor> weights(64, 256);
  weights.setRandom();
  const auto per_row = quantize::Granularity::per_channel(0);
  const quantize::QuantizedTensor quantized = quantize::quantize(weights, quantize::UniformAsymmetric<4>(), per_row);
  const quantize::Distortion distortion = quantize::distortion(weights, quantize::dequantize(quantized));
  fmt::print("{} bytes instead of {}, {:.1f} dB\n", quantized.bytes(), weights.size() * 4, distortion.sqnr_decibels());
}
