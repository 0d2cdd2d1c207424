#include <gtest/gtest.h>

#include "condense/runtime/detail/steps/dynamic_product.hpp"
#include "condense/runtime/detail/steps/float_matrix_product.hpp"
#include "condense/runtime/detail/steps/normalization.hpp"
#include "condense/runtime/detail/steps/recurrent.hpp"
#include "condense/runtime/detail/steps/reduction.hpp"
#include "support/throws.hpp"

// Steps on rows that come from a file: each takes its buffers as they are, and none that is a byte shorter.

namespace condense::runtime::detail {
namespace {

/// Buffers of exactly the bytes that a step needs.
class ExactBuffers {
 public:
  int arena(Index bytes) {
    buffers_.push_back({static_cast<std::size_t>(bytes)});
    return static_cast<int>(buffers_.size()) - 1;
  }
  template <class T>
  int constant(const std::vector<T>& values) {
    const auto owner = std::make_shared<const std::vector<T>>(values);
    const auto* bytes = reinterpret_cast<const std::byte*>(owner->data());
    buffers_.push_back({values.size() * sizeof(T), std::shared_ptr<const std::byte>(owner, bytes)});
    return static_cast<int>(buffers_.size()) - 1;
  }
  int zeros(Index bytes) { return constant(std::vector<std::byte>(static_cast<std::size_t>(bytes))); }
  const kernels::KernelSet& kernels() const { return kernels_; }

  template <class Step>
  void check(const Step& step) const {
    step.check(BufferSizes(buffers_, kernels_));
  }
  template <class Step>
  void expect_exact(const Step& step) {
    ASSERT_NO_THROW(check(step));
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      --buffers_[i].bytes;
      EXPECT_TRUE(
          throws<InvalidArgument>(fmt::format("buffer {} has {} bytes", i, buffers_[i].bytes), [&] { check(step); }));
      ++buffers_[i].bytes;
    }
  }

 private:
  std::vector<BufferInfo> buffers_;
  kernels::KernelSet kernels_ = kernels::KernelSet::select("scalar");
};

Index rounded(std::size_t bytes) { return static_cast<Index>((bytes + 63) / 64 * 64); }

TEST(RowStepCheck, NormalizationsAndReductionsNeedTheirBuffers) {
  ExactBuffers softmax;
  softmax.expect_exact(SoftmaxStep{{softmax.arena(84)}, {softmax.arena(84)}, 3, 7});
  ExactBuffers layers;
  layers.expect_exact(LayerNormalizationStep{
      {layers.arena(84)}, {layers.arena(28)}, {layers.arena(28)}, {layers.arena(84)}, 3, 7, 0.5F});
  ExactBuffers sums;
  ReduceStep reduce{{sums.arena(2 * 5 * 3 * 4)}, {sums.arena(2 * 3 * 4)}, 2, 5, 3};
  sums.expect_exact(reduce);
  reduce.kind = static_cast<ReductionKind>(9);
  EXPECT_TRUE(throws<InvalidArgument>("no reduction 9", [&] { sums.check(reduce); }));
  reduce.kind = ReductionKind::sum;
  reduce.extent = -5;
  EXPECT_TRUE(throws<InvalidArgument>("-5", [&] { sums.check(reduce); }));
}

TEST(RowStepCheck, FloatMatricesLieInTheirBuffers) {
  ExactBuffers buffers;
  const Index bytes = rounded(buffers.kernels().float_gemm.packed_bytes({.columns = 3, .depth = 5}));
  FloatMatrixProductStep step{.a = {buffers.arena((20 + 4 * 5) * 4)},
                              .b = {buffers.arena((15 + 5 * 3) * 4)},
                              .starts = {buffers.constant(std::vector<std::int64_t>{0, 15})},
                              .pairs = {buffers.constant(std::vector<FloatMatrixPair>{{0, 1}, {20, 0}})},
                              .bias = {buffers.arena(12)},
                              .packed = {buffers.arena(2 * bytes)},
                              .output = {buffers.arena(2 * 4 * 3 * 4)},
                              .matrices = 2,
                              .factors = 2,
                              .rows = 4,
                              .columns = 3,
                              .depth = 5,
                              .packed_bytes = bytes};
  buffers.expect_exact(step);
  step.pairs = {buffers.constant(std::vector<FloatMatrixPair>{{0, 2}, {20, 0}})};
  EXPECT_TRUE(throws<InvalidArgument>("of 2 factors", [&] { buffers.check(step); }));
}

TEST(RowStepCheck, DynamicProductsNeedTheirBuffers) {
  ExactBuffers codes;
  codes.expect_exact(DynamicQuantizeStep{{codes.arena(40)}, {codes.arena(10)}, {codes.arena(4)}, {codes.arena(1)}, 10});

  ExactBuffers buffers;
  DynamicProductStep step{.product = {.rows = 4, .columns = 3, .depth = 5, .image_elements = 20}};
  const std::size_t packed_bytes = buffers.kernels().gemm.packed_bytes(step.weights());
  step.packed_stride = rounded(packed_bytes);
  step.input.values = {buffers.arena(20)};
  step.zero_point = {buffers.arena(1)};
  step.scale = {buffers.arena(4)};
  step.packed = {buffers.zeros(static_cast<Index>(packed_bytes))};
  step.column_sums = {buffers.arena(12)};
  step.multipliers = {buffers.arena(12)};
  step.bias = {buffers.arena(12)};
  step.memory = {buffers.arena(step.memory_bytes())};
  step.output = {buffers.arena(48)};
  buffers.expect_exact(step);

  ExactBuffers rows;
  QuantizedRowsStep quantized{.rows = 50, .weights = {.columns = 3, .depth = 5}};
  quantized.input = {rows.arena(1000)};
  quantized.packed = {rows.zeros(static_cast<Index>(rows.kernels().gemm.packed_bytes(quantized.weights)))};
  quantized.multipliers = {rows.arena(12)};
  quantized.column_sums = {rows.arena(12)};
  quantized.bias = {rows.arena(12)};
  quantized.memory = {rows.arena(quantized.memory_bytes())};
  quantized.output = {rows.arena(600)};
  rows.expect_exact(quantized);
}

TEST(RowStepCheck, RecurrentLayersNeedTheirBuffers) {
  using graph::reference::RecurrentActivation;
  for (const bool quantizes : {false, true}) {
    ExactBuffers buffers;
    const auto product = [&](Index columns, Index depth) {
      RowProduct result{.weights = {.columns = columns, .depth = depth}};
      if (quantizes) {
        result.scales = {buffers.arena(2 * columns * 4)};
        result.column_sums = {buffers.arena(2 * columns * 4)};
      }
      const std::size_t bytes = quantizes ? buffers.kernels().gemm.packed_bytes(result.codes())
                                          : buffers.kernels().float_gemm.packed_bytes(result.weights);
      result.stride = rounded(bytes);
      result.packed = {buffers.zeros(result.stride + static_cast<Index>(bytes))};
      return result;
    };
    constexpr Index kState = 2 * 4 * 6;  // directions, batch, hidden
    RecurrentStep step{.x = {buffers.arena(3 * 4 * 5 * 4)},
                       .biases = {buffers.arena(2 * 2 * 24 * 4)},
                       .lengths = {buffers.arena(4 * 4)},
                       .initial_h = {buffers.arena(kState * 4)},
                       .initial_c = {buffers.arena(kState * 4)},
                       .peepholes = {buffers.arena(2 * 18 * 4)},
                       .input_product = product(24, 5),
                       .state_products = {product(24, 6)},
                       .y = {buffers.arena(3 * kState * 4)},
                       .last_h = {buffers.arena(kState * 4)},
                       .last_c = {buffers.arena(kState * 4)},
                       .sizes = {.steps = 3, .batch = 4, .input = 5, .hidden = 6, .gates = 4, .directions = 2},
                       .activations = std::vector<RecurrentActivation>(6)};
    step.memory = {buffers.arena(step.memory_bytes())};
    buffers.expect_exact(step);
    RecurrentStep changed = step;
    changed.activations.pop_back();
    EXPECT_TRUE(throws<InvalidArgument>("5 activations", [&] { buffers.check(changed); }));
    changed = step;
    changed.cell = RecurrentCellKind::gru;
    EXPECT_TRUE(throws<InvalidArgument>("4 gates", [&] { buffers.check(changed); }));
    changed = step;
    changed.sizes.hidden = Index{1} << 40;
    EXPECT_TRUE(throws<InvalidArgument>("", [&] { buffers.check(changed); }));
  }
}

}  // namespace
}  // namespace condense::runtime::detail
