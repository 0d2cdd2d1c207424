// XNNPACK's convolutions of images channels last: of floats, and of codes with scales per channel.

#include <xnnpack.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>

#include "condense/core/aligned_bytes.hpp"
#include "convolution_peer.hpp"

namespace condense::benchmarks {
namespace {

using Operator = std::shared_ptr<xnn_operator>;

/// The operator that `create` makes of a layer and of `rest`, its arguments from the weights on; empty if there is
/// none.
template <class Create, class... Rest>
Operator make(const Layer& layer, Create* create, Rest... rest) {
  const auto size = [](Index value) { return static_cast<std::uint32_t>(value); };
  const std::uint32_t begin = size(layer.pad());
  const std::uint32_t end = size(layer.pad_end());
  const std::uint32_t kernel = size(layer.kernel);
  const std::uint32_t stride = size(layer.stride);
  xnn_operator_t made = nullptr;
  const xnn_status status = create(begin, end, end, begin, kernel, kernel, stride, stride, 1, 1, size(layer.groups()),
                                   size(layer.group_channels()), size(layer.outputs / layer.groups()),
                                   size(layer.channels), size(layer.outputs), rest..., &made);
  if (status != xnn_status_success) return {};
  return {made, [](xnn_operator_t o) { xnn_delete_operator(o); }};
}

constexpr std::size_t kReadBeyond = XNN_EXTRA_BYTES;  ///< It may read as much behind an image.

Prepared prepare_floats(const Convolution& c) {
  const Operator made = make(c.layer, xnn_create_convolution2d_nhwc_f32, static_cast<const float*>(c.weights),
                             static_cast<const float*>(c.bias), 0.0F, std::numeric_limits<float>::infinity(), 0U);
  if (!made) return {};
  const auto bytes = static_cast<std::size_t>(c.layer.input_count()) * sizeof(float);
  const auto image = std::make_shared<AlignedBytes>(bytes + kReadBeyond);
  std::memcpy(image->data(), c.input, bytes);
  const auto size = static_cast<std::size_t>(c.layer.size);
  if (xnn_setup_convolution2d_nhwc_f32(made.get(), 1, size, size, reinterpret_cast<const float*>(image->data()),
                                       static_cast<float*>(c.output), nullptr) != xnn_status_success) {
    return {};
  }
  return {.run = [made, image] { xnn_run_operator(made.get(), nullptr); }, .collect = {}};
}

/// Codes are signed here: the input and the output are moved by 128, and so are their zero points.
Prepared prepare_codes(const Convolution& c) {
  const auto moved = [](std::uint8_t code) { return static_cast<std::int8_t>(code ^ 0x80U); };
  const auto* codes = static_cast<const std::uint8_t*>(c.input);
  const auto count = [](Index n) { return static_cast<std::size_t>(n); };
  const auto input = std::make_shared<AlignedBytes>(count(c.layer.input_count()) + kReadBeyond);
  const auto output = std::make_shared<AlignedBytes>(count(c.layer.output_count()));
  auto* signed_input = reinterpret_cast<std::int8_t*>(input->data());
  std::transform(codes, codes + c.layer.input_count(), signed_input, moved);
  constexpr std::int8_t kZero = -128;
  const Operator made = make(c.layer, xnn_create_convolution2d_nhwc_qc8, kZero, 1.0F, c.multipliers,
                             static_cast<const std::int8_t*>(c.weights), static_cast<const std::int32_t*>(c.bias),
                             kZero, 1.0F, std::int8_t{-128}, std::int8_t{127}, 0U);
  if (!made) return {};
  const std::size_t size = count(c.layer.size);
  if (xnn_setup_convolution2d_nhwc_qc8(made.get(), 1, size, size, signed_input,
                                       reinterpret_cast<std::int8_t*>(output->data()), nullptr) != xnn_status_success) {
    return {};
  }
  const auto collect = [=, to = static_cast<std::uint8_t*>(c.output)] {
    for (std::size_t i = 0; i < output->size(); ++i) to[i] = std::to_integer<std::uint8_t>(output->data()[i]) ^ 0x80U;
  };
  return {.run = [made, input, output] { xnn_run_operator(made.get(), nullptr); }, .collect = collect};
}

Prepared prepare(const Convolution& c) {
  static const bool is_ready = xnn_initialize(nullptr) == xnn_status_success;
  if (!is_ready) return {};
  return c.integers ? prepare_codes(c) : prepare_floats(c);
}

const RegisterConvolutionPeer kRegistered({.name = "XNNPACK",
                                           .limit_to = [](std::string_view isa) { return isa == "avx512_vnni"; },
                                           .prepare = prepare});

}  // namespace
}  // namespace condense::benchmarks
