#ifndef CONDENSE_BENCHMARKS_SUPPORT_PREPARED_PRODUCT_HPP
#define CONDENSE_BENCHMARKS_SUPPORT_PREPARED_PRODUCT_HPP

#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "../peers/product_peer.hpp"
#include "condense/core/aligned_bytes.hpp"
#include "condense/core/parallel.hpp"
#include "condense/kernels/dynamic_product.hpp"
#include "condense/kernels/kernel_set.hpp"
#include "condense/runtime/detail/product.hpp"

namespace condense::benchmarks {

namespace detail {

using kernels::ElementType;

inline std::vector<float> zeros(Index count) { return std::vector<float>(static_cast<std::size_t>(count), 0.0F); }

/// Calls `body(rows)` with products that are rows of `p`: on one thread with all of them, on more with the blocks that
/// the runtime makes.
template <class Body>
void for_rows(const ThreadPool& pool, const Product& p, const Body& body) {
  if (pool.threads() == 1) return body(p);
  const Index input_bytes = p.has_float_rows() ? 4 : 1;
  const Index output_bytes = p.work == Work::requantized ? 1 : 4;
  runtime::detail::for_row_blocks(pool, 1, p.m, [&](Index, Index first, Index rows) {
    Product part = p;
    part.m = rows;
    part.input = static_cast<const std::byte*>(p.input) + first * p.k * input_bytes;
    part.output = static_cast<std::byte*>(p.output) + first * p.n * output_bytes;
    body(part);
  });
}

inline Prepared prepare_floats(const kernels::FloatGemmKernel& kernel, const Product& p) {
  struct State {
    AlignedBytes packed;
    std::vector<float> bias;
  };
  const kernels::FloatWeightShape shape{.columns = p.n, .depth = p.k};
  const auto state = std::make_shared<State>(State{AlignedBytes(kernel.packed_bytes(shape)), zeros(p.n)});
  kernel.pack(shape, {.floats = static_cast<const float*>(p.weights)}, state->packed.data());
  const auto run = [state, p, shape, pool = ThreadPool(p.threads), run = kernel.run] {
    for_rows(pool, p, [&](const Product& rows) {
      run({.input = {.data = rows.input, .rows = rows.m, .depth = p.k, .row_stride = p.k},
           .weights = shape,
           .packed_weights = state->packed.data(),
           .bias = state->bias.data(),
           .low = -1e30F,
           .high = 1e30F,
           .output = static_cast<float*>(rows.output),
           .output_stride = p.n});
    });
  };
  return {.run = run, .collect = {}};
}

inline Prepared prepare_dynamic(const kernels::KernelSet& kernels, const Product& p) {
  struct State {
    AlignedBytes packed;
    std::vector<float> bias;
    std::vector<std::int32_t> column_sums;
  };
  const bool grouped = p.work == Work::int4_groups;
  const kernels::WeightShape shape{
      .columns = p.n, .depth = p.k, .bits = grouped ? 4 : 8, .group_size = grouped ? kGroupSize : 0};
  const auto* codes = static_cast<const std::int8_t*>(p.weights);
  const auto state = std::make_shared<State>(State{AlignedBytes(kernels.gemm.packed_bytes(shape)), zeros(p.n), {}});
  kernels.gemm.pack(shape, {.codes = codes, .multipliers = p.multipliers}, state->packed.data());
  for (Index column = 0; column < p.n; ++column) {
    state->column_sums.push_back(std::accumulate(codes + column * p.k, codes + (column + 1) * p.k, 0));
  }
  const auto run = [=, pool = ThreadPool(p.threads), elementwise = kernels.elementwise, gemm = kernels.gemm] {
    for_rows(pool, p, [&](const Product& rows) {
      const kernels::DynamicProduct product{.input = static_cast<const float*>(rows.input),
                                            .input_stride = p.k,
                                            .rows = rows.m,
                                            .weights = shape,
                                            .packed_weights = state->packed.data(),
                                            .multipliers = p.multipliers,
                                            .column_sums = state->column_sums.data(),
                                            .bias = state->bias.data(),
                                            .low = -1e30F,
                                            .high = 1e30F,
                                            .output = static_cast<float*>(rows.output),
                                            .output_stride = p.n};
      thread_local std::vector<float> scratch;
      scratch.resize(kernels::scratch_bytes(product) / sizeof(float) + 1);
      kernels::run(product, elementwise, gemm, reinterpret_cast<std::byte*>(scratch.data()));
    });
  };
  return {.run = run, .collect = {}};
}

inline Prepared prepare_integers(const kernels::GemmKernel& kernel, const Product& p) {
  struct State {
    AlignedBytes packed;
    std::vector<std::int32_t> bias;
  };
  const kernels::WeightShape shape{.columns = p.n, .depth = p.k};
  const auto state = std::make_shared<State>(
      State{AlignedBytes(kernel.packed_bytes(shape)), std::vector<std::int32_t>(static_cast<std::size_t>(p.n), 0)});
  kernel.pack(shape, {.codes = static_cast<const std::int8_t*>(p.weights)}, state->packed.data());
  const auto run = [=, pool = ThreadPool(p.threads), run = kernel.run] {
    for_rows(pool, p, [&](const Product& rows) {
      run({.input = {.data = rows.input, .rows = rows.m, .depth = p.k, .row_stride = p.k},
           .input_type = p.work == Work::signed_sums ? ElementType::int8 : ElementType::uint8,
           .weights = shape,
           .packed_weights = state->packed.data(),
           .epilogue = {.bias = state->bias.data(), .multipliers = p.multipliers, .lowest = 0, .highest = 255},
           .output = rows.output,
           .output_type = p.work == Work::requantized ? ElementType::uint8 : ElementType::int32,
           .output_stride = p.n});
    });
  };
  return {.run = run, .collect = {}};
}

}  // namespace detail

/// A product by the kernels of condense, its weights packed.
inline Prepared prepare(const kernels::KernelSet& kernels, const Product& p) {
  if (p.work == Work::floats) return detail::prepare_floats(kernels.float_gemm, p);
  return p.has_float_rows() ? detail::prepare_dynamic(kernels, p) : detail::prepare_integers(kernels.gemm, p);
}

}  // namespace condense::benchmarks

#endif
