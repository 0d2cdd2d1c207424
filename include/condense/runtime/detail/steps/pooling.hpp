#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_POOLING_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_POOLING_HPP

#include <limits>

#include "condense/runtime/detail/steps/elementwise.hpp"
#include "condense/runtime/detail/steps/product.hpp"

namespace condense::runtime::detail {

/// The maximum or the average of the pieces of each row, in channels-last images.
struct PoolingStep {
  static constexpr std::string_view kKind = "pooling";

  Reads input{};
  Reads offsets{};      ///< int32 (rows x taps)
  Reads multipliers{};  ///< float32 (rows), for averages.
  Writes output{};
  Index images = 1;
  Index channels = 0;
  Index rows = 0;
  Index taps = 0;
  Index image_elements = 0;
  bool is_maximum = false;
  kernels::PoolingArguments form{};

  static void fields(auto& s, auto&& visit) {
    visit(s.input, s.offsets, s.multipliers, s.output, s.images, s.channels, s.rows, s.taps, s.image_elements,
          s.is_maximum, s.form);
  }

  std::size_t element_bytes() const noexcept { return form.type == kernels::ElementType::float32 ? sizeof(float) : 1; }

  void check(const BufferSizes& buffers) const {
    require(kernels::is_code(form.type) || form.type == kernels::ElementType::float32,
            "elements of type {} are not pooled", static_cast<int>(form.type));
    if (kernels::is_code(form.type)) {
      const std::int32_t highest = is_maximum ? 255 : form.highest;  // of averages alone
      require_codes(kernels::Codes{nullptr, form.type, form.input_zero_point});
      require_codes(kernels::CodeOutput{nullptr, form.type, form.zero_point, form.lowest, highest});
      require(taps <= std::numeric_limits<std::int32_t>::max() / 512, "sums of {} codes could overflow int32", taps);
    }
    checked_product({images, rows, taps, channels});
    buffers.require_readable(input, checked_product({images, image_elements}), element_bytes());
    buffers.require_offsets(offsets, rows * taps, channels, image_elements);
    if (!is_maximum) buffers.require_readable(multipliers, rows, sizeof(float));
    buffers.require_writable(output, images * rows * channels, element_bytes());
  }

  void run(const Execution& e) const {
    if (channels == 0) return;  // of however many rows
    const auto kernel = is_maximum ? e.kernels.pooling.maximum : e.kernels.pooling.average;
    for_row_blocks(e.pool, images, rows, [&](Index image, Index first, Index count) {
      kernels::PoolingArguments arguments = form;
      arguments.input = {
          .data = e.at<std::byte>(input) + static_cast<std::size_t>(image * image_elements) * element_bytes(),
          .offsets = e.at<std::int32_t>(offsets) + first * taps,
          .rows = count,
          .taps = taps,
          .depth = channels};
      arguments.multipliers = is_maximum ? nullptr : e.at<float>(multipliers) + first;
      arguments.output =
          e.at<std::byte>(output) + static_cast<std::size_t>((image * rows + first) * channels) * element_bytes();
      arguments.output_stride = channels;
      kernel(arguments);
    });
  }
};

}  // namespace condense::runtime::detail

#endif
