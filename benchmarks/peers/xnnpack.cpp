// XNNPACK: fully connected layers of floats, and, for scales per column, convolutions of 1 x 1 with codes.

#include <pthreadpool.h>
#include <xnnpack.h>

#include <memory>

#include "product_peer.hpp"

namespace condense::benchmarks {
namespace {

using Operator = std::shared_ptr<xnn_operator>;

Operator owned(xnn_operator_t made) {
  return {made, [](xnn_operator_t o) { xnn_delete_operator(o); }};
}

/// Null for one thread: that which calls.
using Threads = std::shared_ptr<std::remove_pointer_t<pthreadpool_t>>;

Threads pool_of(int threads) {
  if (threads == 1) return nullptr;
  return {pthreadpool_create(static_cast<std::size_t>(threads)), pthreadpool_destroy};
}

Prepared prepare_floats(const Product& p) {
  const Threads threads = pool_of(p.threads);
  const auto inputs = static_cast<std::size_t>(p.k);
  const auto outputs = static_cast<std::size_t>(p.n);
  const std::vector<float> bias(outputs, 0.0F);
  xnn_operator_t created = nullptr;
  if (xnn_create_fully_connected_nc_f32(inputs, outputs, inputs, outputs, static_cast<const float*>(p.weights),
                                        bias.data(), -1e30F, 1e30F, 0, &created) != xnn_status_success) {
    return {};
  }
  const Operator made = owned(created);
  const bool is_set_up =
      xnn_setup_fully_connected_nc_f32(made.get(), static_cast<std::size_t>(p.m), static_cast<const float*>(p.input),
                                       static_cast<float*>(p.output), threads.get()) == xnn_status_success;
  if (!is_set_up) return {};
  return {.run = [made, threads] { xnn_run_operator(made.get(), threads.get()); }, .collect = {}};
}

/// Codes are signed here: the input and the output are moved by 128, and so are their zero points.
Prepared prepare_codes(const Product& p) {
  const Threads threads = pool_of(p.threads);
  const auto inputs = static_cast<std::size_t>(p.k);
  const auto outputs = static_cast<std::size_t>(p.n);
  const auto rows = static_cast<std::size_t>(p.m);
  const std::vector<std::int32_t> bias(outputs, 0);
  xnn_operator_t created = nullptr;
  if (xnn_create_convolution2d_nhwc_qc8(0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, inputs, outputs, inputs, outputs, -128, 1.0F,
                                        p.multipliers, static_cast<const std::int8_t*>(p.weights), bias.data(), -128,
                                        1.0F, -128, 127, 0, &created) != xnn_status_success) {
    return {};
  }
  const Operator made = owned(created);
  const auto moved = [](std::uint8_t code) { return static_cast<std::uint8_t>(code ^ 0x80U); };
  struct Buffers {
    std::vector<std::uint8_t> input;
    std::vector<std::uint8_t> output;
  };
  constexpr std::size_t kReadBeyond = XNN_EXTRA_BYTES;
  const auto buffers = std::make_shared<Buffers>(
      Buffers{std::vector<std::uint8_t>(rows * inputs + kReadBeyond), std::vector<std::uint8_t>(rows * outputs)});
  const auto* codes = static_cast<const std::uint8_t*>(p.input);
  for (std::size_t i = 0; i < rows * inputs; ++i) buffers->input[i] = moved(codes[i]);
  const bool is_set_up = xnn_setup_convolution2d_nhwc_qc8(made.get(), 1, rows, 1,
                                                          reinterpret_cast<const std::int8_t*>(buffers->input.data()),
                                                          reinterpret_cast<std::int8_t*>(buffers->output.data()),
                                                          threads.get()) == xnn_status_success;
  if (!is_set_up) return {};
  const auto collect = [=, output = static_cast<std::uint8_t*>(p.output)] {
    for (std::size_t i = 0; i < buffers->output.size(); ++i) output[i] = moved(buffers->output[i]);
  };
  return {.run = [made, threads, buffers] { xnn_run_operator(made.get(), threads.get()); }, .collect = collect};
}

Prepared prepare(const Product& p) {
  static const bool is_ready = xnn_initialize(nullptr) == xnn_status_success;
  if (!is_ready) return {};
  if (p.work == Work::floats) return prepare_floats(p);
  if (p.work == Work::requantized) return prepare_codes(p);
  return {};
}

const RegisterProductPeer kRegistered({.name = "XNNPACK",
                                       .limit_to = [](std::string_view isa) { return isa == "avx512_vnni"; },
                                       .prepare = prepare});

}  // namespace
}  // namespace condense::benchmarks
