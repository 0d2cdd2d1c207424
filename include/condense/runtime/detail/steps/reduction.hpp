#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_REDUCTION_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_REDUCTION_HPP

#include <algorithm>
#include <array>
#include <cmath>

#include "condense/runtime/detail/buffer_sizes.hpp"
#include "condense/runtime/detail/step_fields.hpp"

namespace condense::runtime::detail {

/// What a reduction makes of floats: functions of their sum, or of that of their magnitudes or squares, in double, or
/// an extreme one.
enum class ReductionKind : std::uint8_t { sum, mean, magnitudes, squares, norm, maximum, minimum };

/// Floats (outer x extent x inner) reduced to (outer x inner).
struct ReduceStep {
  static constexpr std::string_view kKind = "reduce";
  static constexpr Index kColumns = 128;  ///< That a task reduces at a time.

  Reads input{};
  Writes output{};
  Index outer = 0;
  Index extent = 0;
  Index inner = 0;
  ReductionKind kind = ReductionKind::sum;

  static void fields(auto& s, auto&& visit) { visit(s.input, s.output, s.outer, s.extent, s.inner, s.kind); }

  void check(const BufferSizes& buffers) const {
    require(kind <= ReductionKind::minimum, "there is no reduction {}", static_cast<int>(kind));
    buffers.require_readable(input, checked_product({outer, extent, inner}), sizeof(float));
    buffers.require_writable(output, checked_product({outer, inner}), sizeof(float));
  }

  void run(const Execution& e) const {
    constexpr Index kElements = 16384;  // of a task
    if (inner == 1) {
      const Index grain = std::max<Index>(1, kElements / std::max<Index>(1, extent));
      parallel_for(e.pool, outer, grain, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) e.at<float>(output)[i] = row(e, e.at<float>(input) + i * extent);
      });
      return;
    }
    const Index blocks = (inner + kColumns - 1) / kColumns;
    const Index grain = std::max<Index>(1, kElements / std::max<Index>(1, extent * std::min(inner, kColumns)));
    parallel_for(e.pool, outer * blocks, grain, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        const Index first = i % blocks * kColumns;
        columns(e, e.at<float>(input) + i / blocks * extent * inner + first, std::min(kColumns, inner - first),
                e.at<float>(output) + i / blocks * inner + first);
      }
    });
  }

 private:
  float row(const Execution& e, const float* values) const {
    const kernels::ReductionKernel& kernel = e.kernels.reduction;
    switch (kind) {
      case ReductionKind::maximum: return kernel.extent(values, extent).max;
      case ReductionKind::minimum: return kernel.extent(values, extent).min;
      case ReductionKind::magnitudes: return finished(kernel.sum_of_absolutes(values, extent));
      case ReductionKind::squares:
      case ReductionKind::norm: return finished(kernel.sum_of_squares(values, extent));
      default: return finished(kernel.sum(values, extent));
    }
  }

  void columns(const Execution& e, const float* values, Index count, float* results) const {
    const kernels::ReductionKernel& kernel = e.kernels.reduction;
    const kernels::ReductionColumns matrix{values, extent, count, inner};
    if (kind == ReductionKind::maximum || kind == ReductionKind::minimum) {
      std::array<float, kColumns> others;
      if (kind == ReductionKind::minimum) return kernel.column_extents(matrix, results, others.data());
      return kernel.column_extents(matrix, others.data(), results);
    }
    std::array<double, kColumns> sums;
    const auto sum = kind == ReductionKind::magnitudes                               ? kernel.column_sums_of_absolutes
                     : kind == ReductionKind::squares || kind == ReductionKind::norm ? kernel.column_sums_of_squares
                                                                                     : kernel.column_sums;
    sum(matrix, sums.data());
    for (Index i = 0; i < count; ++i) results[i] = finished(sums[static_cast<std::size_t>(i)]);
  }

  float finished(double sum) const noexcept {
    if (kind == ReductionKind::mean) sum /= static_cast<double>(extent);
    if (kind == ReductionKind::norm) sum = std::sqrt(sum);
    return static_cast<float>(sum);
  }
};

}  // namespace condense::runtime::detail

#endif
