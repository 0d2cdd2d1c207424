#ifndef CONDENSE_BENCHMARKS_SUPPORT_CONVOLUTION_DATA_HPP
#define CONDENSE_BENCHMARKS_SUPPORT_CONVOLUTION_DATA_HPP

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "condense/core/aligned_bytes.hpp"
#include "convolution_steps.hpp"

namespace condense::benchmarks {

/// A convolution of random values, its memory as the runtime's (large images on large pages), and what
/// comes out by condense's scalar kernels, which are the definition.
class ConvolutionData {
 public:
  ConvolutionData(const Layer& layer, bool integers)
      : input_(size(layer.input_count()) * (integers ? 1 : sizeof(float))),
        output_(size(layer.output_count()) * (integers ? 1 : sizeof(float))),
        expected_(output_.size()) {
    convolution_.layer = layer;
    convolution_.integers = integers;
    const auto terms = static_cast<float>(layer.taps() * layer.group_channels());
    Random random(2);
    if (integers) {
      const auto codes = random_codes<std::uint8_t>(layer.input_count(), 0, 256);
      std::memcpy(input_.data(), codes.data(), input_.size());
      weight_codes_ = random_codes<std::int8_t>(layer.weight_count(), -127, 255);
      for (Index i = 0; i < layer.outputs; ++i) {
        bias_codes_.push_back(static_cast<std::int32_t>(random.below(20'000)) - 10'000);
        // Sums are about 147 * 73 * sqrt(terms), so that about half of the codes are not clamped.
        multipliers_.push_back((1 + static_cast<float>(i % 7) / 8) / (107 * std::sqrt(terms)));
      }
      convolution_.weights = weight_codes_.data();
      convolution_.bias = bias_codes_.data();
      convolution_.multipliers = multipliers_.data();
    } else {
      weights_.resize(size(layer.weight_count()));
      bias_.resize(size(layer.outputs));
      const std::span image(reinterpret_cast<float*>(input_.data()), size(layer.input_count()));
      for (const std::span<float> values : {image, std::span(weights_), std::span(bias_)}) {
        for (float& value : values) value = random.uniform(-1, 1);
      }
      convolution_.weights = weights_.data();
      convolution_.bias = bias_.data();
    }
    convolution_.input = input_.data();
    convolution_.output = output_.data();
    const ConvolutionSteps definition(kernels::KernelSet::select(simd::Scalar::name), convolution_);
    definition.run();
    definition.copy_result(expected_.data());
  }
  ConvolutionData(const ConvolutionData&) = delete;
  ConvolutionData& operator=(const ConvolutionData&) = delete;

  const Convolution& convolution() const noexcept { return convolution_; }

  /// Overwrites the output, so that nobody is taken for right by what another has left there.
  void clear_output() noexcept { std::memset(output_.data(), 0xFF, output_.size()); }

  /// How many codes of the output are not those of the definition.
  Index differing_codes() const noexcept {
    Index differing = 0;
    for (std::size_t i = 0; i < output_.size(); ++i) differing += output_.data()[i] != expected_.data()[i] ? 1 : 0;
    return differing;
  }

  /// The largest difference of an output from the definition, relative to the largest output.
  double relative_error() const noexcept {
    const auto* values = reinterpret_cast<const float*>(output_.data());
    const auto* expected = reinterpret_cast<const float*>(expected_.data());
    double difference = 0;
    double largest = 0;
    for (Index i = 0; i < convolution_.layer.output_count(); ++i) {
      difference = std::max(difference, std::abs(static_cast<double>(values[i]) - static_cast<double>(expected[i])));
      largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    }
    return difference / largest;
  }

 private:
  static std::size_t size(Index count) noexcept { return static_cast<std::size_t>(count); }

  Convolution convolution_;
  AlignedBytes input_;
  std::vector<std::int8_t> weight_codes_;
  std::vector<std::int32_t> bias_codes_;
  std::vector<float> multipliers_;
  std::vector<float> weights_;
  std::vector<float> bias_;
  AlignedBytes output_;
  AlignedBytes expected_;
};

}  // namespace condense::benchmarks

#endif
