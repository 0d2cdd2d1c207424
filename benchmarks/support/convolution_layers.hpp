#ifndef CONDENSE_BENCHMARKS_SUPPORT_CONVOLUTION_LAYERS_HPP
#define CONDENSE_BENCHMARKS_SUPPORT_CONVOLUTION_LAYERS_HPP

#include <fmt/format.h>

#include <string>
#include <vector>

#include "condense/core/random.hpp"
#include "condense/kernels/operands.hpp"

namespace condense::benchmarks {

using kernels::Index;

/// A square convolution of one image: `kernel` x `kernel`, padded so that a stride of 1 keeps the size.
struct Layer {
  const char* network;
  Index size;
  Index channels;
  Index outputs;
  Index kernel;
  Index stride;
  bool depthwise;

  Index output_size() const { return (size + stride - 1) / stride; }
  Index positions() const { return output_size() * output_size(); }
  Index taps() const { return kernel * kernel; }
  Index pad() const { return kernel / 2; }
  /// Padding behind the last row or column that a window reaches.
  Index pad_end() const { return (output_size() - 1) * stride + kernel - pad() - size; }
  Index groups() const { return depthwise ? channels : 1; }
  Index group_channels() const { return channels / groups(); }
  bool is_pointwise() const { return kernel == 1 && stride == 1; }

  Index input_count() const { return size * size * channels; }
  Index weight_count() const { return outputs * taps() * group_channels(); }
  Index output_count() const { return positions() * outputs; }
  double operations() const {
    return 2.0 * static_cast<double>(positions()) * static_cast<double>(taps() * outputs * group_channels());
  }

  /// Such as "112x112x96 3x3 depthwise by 2 to 96".
  std::string name() const {
    return fmt::format("{0}x{0}x{1} {2}x{2}{3}{4} to {5}", size, channels, kernel, depthwise ? " depthwise" : "",
                       stride > 1 ? fmt::format(" by {}", stride) : "", outputs);
  }
};

inline constexpr Layer kLayers[] = {
    {"MobileNetV2", 224, 3, 32, 3, 2, false},  {"MobileNetV2", 112, 32, 32, 3, 1, true},
    {"MobileNetV2", 112, 32, 16, 1, 1, false}, {"MobileNetV2", 112, 16, 96, 1, 1, false},
    {"MobileNetV2", 112, 96, 96, 3, 2, true},  {"MobileNetV2", 56, 144, 144, 3, 1, true},
    {"MobileNetV2", 56, 144, 24, 1, 1, false}, {"MobileNetV2", 28, 32, 192, 1, 1, false},
    {"MobileNetV2", 14, 384, 384, 3, 1, true}, {"MobileNetV2", 14, 384, 64, 1, 1, false},
    {"MobileNetV2", 14, 96, 576, 1, 1, false}, {"MobileNetV2", 7, 960, 960, 3, 1, true},
    {"MobileNetV2", 7, 960, 160, 1, 1, false}, {"MobileNetV2", 7, 320, 1280, 1, 1, false},
    {"ResNet-50", 224, 3, 64, 7, 2, false},    {"ResNet-50", 56, 64, 64, 3, 1, false},
    {"ResNet-50", 56, 64, 256, 1, 1, false},   {"ResNet-50", 56, 256, 64, 1, 1, false},
    {"ResNet-50", 28, 128, 128, 3, 1, false},  {"ResNet-50", 28, 512, 128, 1, 1, false},
    {"ResNet-50", 14, 256, 256, 3, 1, false},  {"ResNet-50", 14, 256, 1024, 1, 1, false},
    {"ResNet-50", 7, 512, 512, 3, 1, false},   {"ResNet-50", 7, 2048, 512, 1, 1, false},
};

/// Codes from `lowest` on, the same at every call.
template <class Code>
std::vector<Code> random_codes(Index count, int lowest, std::uint32_t codes) {
  Random random(1);
  std::vector<Code> values(static_cast<std::size_t>(count));
  for (Code& value : values) value = static_cast<Code>(lowest + static_cast<int>(random.below(codes)));
  return values;
}

}  // namespace condense::benchmarks

#endif
