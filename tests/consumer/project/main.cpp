#include <cstdio>

#include "condense/quantize/quantize.hpp"
#include "condense/quantize/uniform.hpp"

int main() {
  const condense::Tensor tensor = condense::Tensor::of<float>({3}, {-1, 0, 1});
  const auto quantized = condense::quantize::quantize(tensor, condense::quantize::UniformSymmetric<8>());
  std::printf("1.0 is the code %d of %s\n", quantized.integer(2), quantized.parameters.type.name().c_str());
  return quantized.integer(2) == 127 ? 0 : 1;
}
