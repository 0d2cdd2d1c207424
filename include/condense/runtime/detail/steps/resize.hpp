#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_RESIZE_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_RESIZE_HPP

#include <algorithm>

#include "condense/runtime/detail/buffer_sizes.hpp"
#include "condense/runtime/detail/step_fields.hpp"

namespace condense::runtime::detail {

/// How positions of a resized axis are weighted sums of positions of the original one.
struct AxisTaps {
  Reads sources{};  ///< int32 (output x taps): elements from the first position to the one that is taken.
  Reads weights{};  ///< float32 (output x taps)
  Index input = 0;
  Index output = 0;
  Index taps = 1;

  static void fields(auto& t, auto&& visit) { visit(t.sources, t.weights, t.input, t.output, t.taps); }

  /// `step` elements lie between two positions of the original axis.
  void check(const BufferSizes& buffers, Index step) const {
    require(taps >= 1 && input >= 1, "an axis of {} positions has {} taps", input, taps);
    checked_product({input, step});
    const Index count = checked_product({output, taps});
    for (const std::int32_t source : buffers.constant<std::int32_t>(sources, count)) {
      require(source >= 0 && source <= (input - 1) * step, "an axis of {} positions of {} elements has no element {}",
              input, step, source);
    }
    buffers.require_readable(weights, count, sizeof(float));
  }
};

/// Interpolates float images (n, height, width, channels) along both axes: for each line of the result the lines that
/// it is made of are added up, then the positions of that line.
struct ResizeStep {
  static constexpr std::string_view kKind = "resize";

  Reads input{};
  AxisTaps height{};
  AxisTaps width{};
  Writes lines{};  ///< Scratch: a line of the input for each of `blocks`.
  Writes output{};
  Index images = 1;
  Index channels = 1;
  Index blocks = 1;  ///< Into which the lines of the result are divided, for threads.

  static void fields(auto& s, auto&& visit) {
    visit(s.input, s.height, s.width, s.lines, s.output, s.images, s.channels, s.blocks);
  }

  void check(const BufferSizes& buffers) const {
    const Index line = checked_product({width.input, channels});
    require(blocks >= 1 && channels >= 1, "{} channels in {} blocks cannot be resized", channels, blocks);
    checked_product({images, height.output, blocks});
    height.check(buffers, line);
    width.check(buffers, channels);
    buffers.require_readable(input, checked_product({images, height.input, line}), sizeof(float));
    buffers.require_writable(lines, checked_product({blocks, line}), sizeof(float));
    buffers.require_writable(output, checked_product({images, height.output, width.output, channels}), sizeof(float));
  }

  void run(const Execution& e) const {
    const Index line = width.input * channels;
    const Index count = images * height.output;
    parallel_for(e.pool, blocks, [&](Index block) {
      float* scratch = e.at<float>(lines) + block * line;
      for (Index i = count * block / blocks; i < count * (block + 1) / blocks; ++i) {
        const float* image = e.at<float>(input) + i / height.output * height.input * line;
        const std::int32_t* sources = e.at<std::int32_t>(height.sources) + i % height.output * height.taps;
        const float* weights = e.at<float>(height.weights) + i % height.output * height.taps;
        const float* from = image + sources[0];
        if (height.taps > 1) {
          add_up(image, sources, weights, height.taps, line, scratch);
          from = scratch;
        }
        resize_line(e, from, e.at<float>(output) + i * width.output * channels);
      }
    });
  }

 private:
  /// to[i] = the sum over the taps of weight * from[source + i].
  static void add_up(const float* from, const std::int32_t* sources, const float* weights, Index taps, Index count,
                     float* __restrict to) noexcept {
    Index tap = 2;
    if (taps == 1) {
      const float* const a = from + sources[0];
      for (Index i = 0; i < count; ++i) to[i] = weights[0] * a[i];
    } else {
      const float first = weights[0];
      const float second = weights[1];
      const float* const a = from + sources[0];
      const float* const b = from + sources[1];
      for (Index i = 0; i < count; ++i) to[i] = first * a[i] + second * b[i];
    }
    for (; tap < taps; ++tap) {
      const float weight = weights[tap];
      const float* const a = from + sources[tap];
      for (Index i = 0; i < count; ++i) to[i] += weight * a[i];
    }
  }

  void resize_line(const Execution& e, const float* from, float* to) const noexcept {
    const std::int32_t* sources = e.at<std::int32_t>(width.sources);
    const float* weights = e.at<float>(width.weights);
    const Index taps = width.taps;
    if (channels > 1) {
      for (Index x = 0; x < width.output; ++x) {
        add_up(from, sources + x * taps, weights + x * taps, taps, channels, to + x * channels);
      }
    } else if (taps == 2) {
      for (Index x = 0; x < width.output; ++x) {
        to[x] = weights[2 * x] * from[sources[2 * x]] + weights[2 * x + 1] * from[sources[2 * x + 1]];
      }
    } else {
      for (Index x = 0; x < width.output; ++x) {
        float sum = 0;
        for (Index tap = x * taps; tap < (x + 1) * taps; ++tap) sum += weights[tap] * from[sources[tap]];
        to[x] = sum;
      }
    }
  }
};

}  // namespace condense::runtime::detail

#endif
