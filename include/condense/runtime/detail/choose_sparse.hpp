#ifndef CONDENSE_RUNTIME_DETAIL_CHOOSE_SPARSE_HPP
#define CONDENSE_RUNTIME_DETAIL_CHOOSE_SPARSE_HPP

#include <algorithm>
#include <limits>

#include "condense/core/timing.hpp"
#include "condense/runtime/detail/packed_weights.hpp"
#include "condense/runtime/detail/product.hpp"

namespace condense::runtime::detail {

/// Products with a smaller share of zeros are not even tried: half of the weights is what 2:4 leaves.
inline constexpr double kFewestZeros = 0.45;

/// The weights of a product that are not zero.
template <class T>
Index count_nonzeros(const std::vector<T>& weights) {
  return static_cast<Index>(std::ranges::count_if(weights, [](T weight) { return weight != T{0}; }));
}

/// Whether zeros are left out of a product's weights, if that is quicker.
template <class T>
bool may_be_sparse(const std::vector<T>& weights, const Product& p) {
  if (p.is_depthwise() || p.is_empty() || weights.empty()) return false;
  const auto zeros = static_cast<double>(static_cast<Index>(weights.size()) - count_nonzeros(weights));
  return zeros >= kFewestZeros * static_cast<double>(weights.size());
}

/// The weights of all groups of a product without zeros, for `kernel`, one of `kernels::SparseGemmKernel` and
/// `kernels::FloatSparseGemmKernel`.
template <class Kernel, class WeightShape, class T>
PackedWeights pack_sparse(const Kernel& kernel, const WeightShape& shape, const std::vector<T>& weights,
                          const Product& p) {
  const auto of_group = [&](Index group) { return weights.data() + group * p.columns * p.column_elements(); };
  std::size_t bytes = 0;
  for (Index group = 0; group < p.groups; ++group) bytes = std::max(bytes, kernel.packed_bytes(shape, of_group(group)));
  return pack_each(p.groups, bytes,
                   [&](Index group, std::byte* packed) { kernel.pack(shape, of_group(group), packed); });
}

/// Rows that lie as those of a product, as many of the first ones as a thread takes at a time.
template <class T>
class SampleRows {
 public:
  explicit SampleRows(const Product& p)
      : values_(static_cast<std::size_t>(p.offsets.empty() ? rows_of(p) * p.channels() : p.image_elements), T{1}),
        padding_(static_cast<std::size_t>(p.channels()), T{1}),
        outputs_(static_cast<std::size_t>(rows_of(p) * p.columns)),
        rows_{.data = values_.data(),
              .offsets = p.offsets.empty() ? nullptr : p.offsets.data(),
              .padding = padding_.data(),
              .rows = rows_of(p),
              .taps = p.taps,
              .depth = p.depth,
              .row_stride = p.channels()} {}
  SampleRows(const SampleRows&) = delete;
  SampleRows& operator=(const SampleRows&) = delete;

  const kernels::ActivationRows& rows() const noexcept { return rows_; }

  /// Where results go, of 4 bytes at most.
  float* output() noexcept { return outputs_.data(); }

 private:
  static Index rows_of(const Product& p) { return std::min(p.rows, kRowsPerTask); }

  std::vector<T> values_;
  std::vector<T> padding_;
  std::vector<float> outputs_;
  kernels::ActivationRows rows_;
};

/// Whether `sparse()` takes less time than `dense()`, by a margin that keeps noise from deciding. Both take turns, and
/// both what is usual and what nothing disturbed have to say so: the median of the ratios of rounds, and the ratio of
/// the least times.
template <class Sparse, class Dense>
bool is_faster(Sparse&& sparse, Dense&& dense) {
  constexpr double kMost = 0.9;
  constexpr double kRoundSeconds = 20e-6;
  dense();  // so that operands are where they will be
  sparse();
  const double once = std::max(seconds_of(dense), 1e-9);
  const int repetitions = std::max(1, static_cast<int>(kRoundSeconds / once));
  const int rounds = once > kRoundSeconds * 10 ? 5 : 9;
  double least_sparse = std::numeric_limits<double>::infinity();
  double least_dense = least_sparse;
  std::vector<double> ratios;
  const auto time = [&](auto& body) {
    return seconds_of([&] {
      for (int i = 0; i < repetitions; ++i) body();
    });
  };
  for (int round = 0; round < rounds; ++round) {
    const double of_sparse = time(sparse);
    const double of_dense = std::max(time(dense), 1e-9);
    least_sparse = std::min(least_sparse, of_sparse);
    least_dense = std::min(least_dense, of_dense);
    ratios.push_back(of_sparse / of_dense);
  }
  return median(ratios) < kMost && least_sparse < kMost * least_dense;
}

/// What the step of a product is called in reports.
template <class ProductStep>
std::string kernel_of(const ProductStep& step) {
  return step.product.is_depthwise() ? "depthwise" : step.is_sparse ? "sparse gemm" : "gemm";
}

}  // namespace condense::runtime::detail

#endif
