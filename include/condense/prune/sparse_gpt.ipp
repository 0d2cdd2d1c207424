#ifndef CONDENSE_PRUNE_SPARSE_GPT_IPP
#define CONDENSE_PRUNE_SPARSE_GPT_IPP

#include <algorithm>
#include <cmath>
#include <vector>

#include "condense/core/inline.hpp"
#include "condense/linalg/cholesky.hpp"
#include "condense/linalg/product.hpp"
#include "condense/prune/detail/damped.hpp"
#include "condense/prune/keep.hpp"
#include "condense/prune/scores.hpp"
#include "condense/prune/sparse_gpt.hpp"

namespace condense::prune {

namespace detail {

/// SparseGPT at work on one matrix. Errors of the columns of a lazy block are kept, and reach the columns after the
/// block by one product.
class SparseGptRun {
 public:
  SparseGptRun(TensorRef<const float> weights, const Tensor& factor, const SparseGptOptions& options)
      : options_(options),
        rows_(weights.shape()[0]),
        columns_(weights.shape()[1]),
        weights_(Tensor::of<float>(weights.shape(), weights.values())),
        mask_(weights.shape()),
        factor_(DataType::float32, factor.shape()) {
    double largest = 0;  // only ratios of the factor's elements matter: scaled, they fit float
    for (Index c = 0; c < columns_; ++c) largest = std::max(largest, factor.data<double>()[c * columns_ + c]);
    std::ranges::transform(factor.values<double>(), factor_.mutable_data<float>(),
                           [&](double x) { return static_cast<float>(x / largest); });
    const bool groups = options.pattern.kind == Pattern::Kind::n_of_m;
    mask_block_ = std::min(groups ? options.pattern.m : options.mask_block, columns_);
    lazy_block_ = std::max<Index>(1, kLazyColumns / mask_block_) * mask_block_;
  }

  void prune() {
    for (Index first = 0; first < columns_; first += lazy_block_) {
      const Index end = std::min(first + lazy_block_, columns_);
      errors_.assign(static_cast<std::size_t>(rows_ * (end - first)), 0.0F);
      for (Index column = first; column < end; column += mask_block_) {
        const Index count = std::min(mask_block_, end - column);
        choose(column, count);
        parallel_for(options_.pool, rows_, kRows, [&](Index begin_row, Index end_row) {
          for (Index row = begin_row; row < end_row; ++row) compensate(row, column, count, first, end);
        });
      }
      update_after(first, end);
    }
    mask_.apply(weights_);
  }

  Tensor weights_result() { return std::move(weights_); }
  Mask mask_result() { return std::move(mask_); }

 private:
  static constexpr Index kLazyColumns = 128;
  static constexpr Index kRows = 16;

  /// The mask of the columns [first, first + count).
  void choose(Index first, Index count) {
    Tensor scores(DataType::float32, {rows_, count});
    float* score = scores.mutable_data<float>();
    const float* w = weights_.data<float>();
    for (Index row = 0; row < rows_; ++row) {
      for (Index c = first; c < first + count; ++c) {
        *score++ = std::abs(w[row * columns_ + c] / factor_.data<float>()[c * columns_ + c]);  // ranks as its square
      }
    }
    const Mask chosen = mask_of(scores, first, count);
    for (Index row = 0; row < rows_; ++row) {
      for (Index c = 0; c < count; ++c) mask_.set(row * columns_ + first + c, chosen.keeps(row * count + c));
    }
  }

  /// Keeps as many as bring the columns up to the end of the block to their exact share.
  Mask mask_of(const Tensor& scores, Index first, Index count) const {
    const Pattern& pattern = options_.pattern;
    if (pattern.kind == Pattern::Kind::n_of_m) return keep_n_of_m(scores, pattern.n, pattern.m);
    const bool by_row = pattern.kind == Pattern::Kind::rows;
    const Index rows = by_row ? 1 : rows_;
    const Index kept =
        kept_count(rows * (first + count), options_.sparsity) - kept_count(rows * first, options_.sparsity);
    Mask mask(scores.shape(), false);
    const Index length = scores.count() / (rows_ / rows);
    for (Index part = 0; part < rows_ / rows; ++part) {
      const auto of_part =
          scores.values<float>().subspan(static_cast<std::size_t>(part * length), static_cast<std::size_t>(length));
      for (const Index i : highest(of_part, kept)) mask.set(part * length + i, true);
    }
    return mask;
  }

  /// Lets the columns up to the end of the lazy block make up for the weights of a row that go.
  void compensate(Index row, Index first, Index count, Index lazy_first, Index lazy_end) {
    float* w = row_of(row);
    float* errors = errors_.data() + row * (lazy_end - lazy_first);
    for (Index c = first; c < first + count; ++c) {
      if (mask_.keeps(row * columns_ + c)) continue;
      const float* u = factor_.data<float>() + c * columns_;
      const float error = w[c] / u[c];
      errors[c - lazy_first] = error;
      for (Index k = c; k < lazy_end; ++k) w[k] -= error * u[k];
    }
  }

  /// W[:, end:] -= errors * U[first:end, end:]
  void update_after(Index first, Index end) {
    const Index count = end - first;
    const Index rest = columns_ - end;
    if (rest == 0) return;
    float* w = weights_.mutable_data<float>();
    parallel_for(options_.pool, rows_, kRows, [&](Index begin_row, Index end_row) {
      linalg::add_product(-1.0F, {errors_.data() + begin_row * count, end_row - begin_row, count, count},
                          {factor_.data<float>() + first * columns_ + end, count, rest, columns_},
                          w + begin_row * columns_ + end, columns_);
    });
  }

  float* row_of(Index row) { return weights_data_ + row * columns_; }

  const SparseGptOptions& options_;
  Index rows_;
  Index columns_;
  Tensor weights_;
  float* weights_data_ = weights_.mutable_data<float>();  ///< Taken once: several threads write their rows.
  Mask mask_;
  Tensor factor_;
  Index mask_block_ = 1;
  Index lazy_block_ = 1;
  std::vector<float> errors_;  ///< (rows x columns of the lazy block)
};

}  // namespace detail

CONDENSE_INLINE SparseGptResult sparse_gpt(TensorRef<const float> weights, TensorRef<const double> hessian,
                                           const SparseGptOptions& options) {
  const Shape& shape = weights.shape();
  require(shape.rank() == 2 && shape.count() > 0, "weights (rows x columns) are needed, they have shape {}",
          shape.to_string());
  detail::require_gram(hessian);
  require(hessian.shape()[0] == shape[1], "weights of {} columns do not fit a Hessian of shape {}", shape[1],
          hessian.shape().to_string());
  detail::require_finite(weights, "weights");
  options.pattern.validate();
  const Pattern::Kind kind = options.pattern.kind;
  require(kind == Pattern::Kind::layer || kind == Pattern::Kind::rows || kind == Pattern::Kind::n_of_m,
          "SparseGPT prunes one layer unstructured, per row or N:M, not in the pattern '{}'", options.pattern.name());
  require(options.mask_block >= 1, "a mask's block has 1 column or more, not {}", options.mask_block);
  require(options.damping >= 0 && std::isfinite(options.damping), "the damping is 0 or more, not {}", options.damping);
  checked_sparsity(options.sparsity);

  const Index columns = shape[1];
  Tensor alive = Tensor::of<float>(shape, weights.values());
  for (Index c = 0; c < columns; ++c) {
    if (hessian.data()[c * columns + c] > 0) continue;
    for (Index row = 0; row < shape[0]; ++row) alive.mutable_data<float>()[row * columns + c] = 0;
  }
  Tensor factor(DataType::float64, hessian.shape());
  const double damping = detail::with_damping(hessian, options.damping, [&](double* matrix) {
    if (!linalg::inverse_upper_factor(matrix, columns)) return false;
    std::copy_n(matrix, factor.count(), factor.mutable_data<double>());
    return true;
  });
  detail::SparseGptRun run(alive, factor, options);
  run.prune();
  return {run.weights_result(), run.mask_result(), damping};
}

}  // namespace condense::prune

#endif
