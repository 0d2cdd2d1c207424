#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_FLOAT_ELEMENTWISE_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_FLOAT_ELEMENTWISE_HPP

#include "condense/runtime/detail/step_fields.hpp"
#include "condense/runtime/detail/steps/broadcast.hpp"

namespace condense::runtime::detail {

inline void require_known(const kernels::FloatMap& map) {
  const auto function = static_cast<int>(map.function);
  require(function < kernels::kFloatFunctions, "there is no function {} of floats", function);
}

/// What follows a product of floats, computed for a block of rows while they are in the cache.
struct FloatTail {
  Reads residual{};                        ///< Floats that are added to the result.
  std::optional<kernels::FloatMap> map{};  ///< Of the sum.

  static void fields(auto& t, auto&& visit) { visit(t.residual, t.map); }

  bool exists() const noexcept { return residual.exists() || map.has_value(); }

  void check(const BufferSizes& buffers, Index count) const {
    if (residual.exists()) buffers.require_readable(residual, count, sizeof(float));
    if (map) require_known(*map);
  }

  /// `values` are the elements [start, start + count) of the result.
  void run(const Execution& e, float* values, Index start, Index count) const noexcept {
    if (residual.exists()) {
      e.kernels.float_elementwise.pair({.operation = kernels::FloatPair::add,
                                        .a = {.data = values},
                                        .b = {.data = e.at<float>(residual) + start},
                                        .output = values,
                                        .columns = count});
    }
    if (map) e.kernels.float_elementwise.map({*map, values, values, count});
  }
};

/// A function of single floats.
struct FloatMapStep {
  static constexpr std::string_view kKind = "float map";

  Reads input{};
  Writes output{};
  Index count = 0;
  kernels::FloatMap map{};

  static void fields(auto& s, auto&& visit) { visit(s.input, s.output, s.count, s.map); }

  InPlace in_place() const { return {output, {input}}; }

  void check(const BufferSizes& buffers) const {
    require_known(map);
    buffers.require_readable(input, count, sizeof(float));
    buffers.require_writable(output, count, sizeof(float));
  }

  void run(const Execution& e) const {
    parallel_for(e.pool, count, kElementsPerTask, [&](Index begin, Index end) {
      e.kernels.float_elementwise.map({map, e.at<float>(input) + begin, e.at<float>(output) + begin, end - begin});
    });
  }
};

/// A function of two floats, of operands that broadcast, and a function of its results.
struct FloatPairStep {
  static constexpr std::string_view kKind = "float pair";

  Reads a{};
  Reads b{};
  Writes output{};
  kernels::FloatPair operation = kernels::FloatPair::add;
  BroadcastExtents extents{};
  std::optional<kernels::FloatMap> map{};

  static void fields(auto& s, auto&& visit) { visit(s.a, s.b, s.output, s.operation, s.extents, s.map); }

  InPlace in_place() const { return extents.in_place(output, a, b); }

  void check(const BufferSizes& buffers) const {
    const auto number = static_cast<int>(operation);
    require(number < kernels::kFloatPairs, "there is no function {} of two floats", number);
    if (map) require_known(*map);
    extents.check(buffers, a, b, output, sizeof(float));
  }

  void run(const Execution& e) const {
    extents.for_blocks(e.pool, [&](const BroadcastExtents::Block& block) {
      float* out = e.at<float>(output) + block.output;
      e.kernels.float_elementwise.pair({.operation = operation,
                                        .a = {e.at<float>(a) + block.a, extents.a.row_stride, extents.a.step},
                                        .b = {e.at<float>(b) + block.b, extents.b.row_stride, extents.b.step},
                                        .output = out,
                                        .output_stride = block.columns,
                                        .rows = block.rows,
                                        .columns = block.columns});
      if (map) e.kernels.float_elementwise.map({*map, out, out, block.rows * block.columns});
    });
  }
};

}  // namespace condense::runtime::detail

#endif
