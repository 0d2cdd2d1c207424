#ifndef CONDENSE_PRUNE_GRAM_HPP
#define CONDENSE_PRUNE_GRAM_HPP

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "condense/core/parallel.hpp"
#include "condense/core/tensor.hpp"
#include "condense/linalg/product.hpp"

namespace condense::prune {

namespace detail {

/// Samples multiplied in float at a time: rounding errors stay those of a short sum, whatever the length of the stream.
inline constexpr Index kGramSamples = 512;

/// sum (a.columns x b.columns) += a^T b, in blocks of samples of float that are added in double. Where `symmetric`,
/// only what is on and above the diagonal is of interest, in panels of columns.
inline void add_gram(const linalg::Factor<float>& a, const linalg::Factor<float>& b, bool symmetric, double* sum,
                     const ThreadPool& pool) {
  constexpr Index kPanel = 64;
  const auto part = [](const linalg::Factor<float>& f, Index row, Index rows, Index column, Index columns) {
    const Index offset = f.transposed ? column * f.stride + row : row * f.stride + column;
    return linalg::Factor<float>{f.data + offset, rows, columns, f.stride, f.transposed};
  };
  parallel_for(pool, (a.columns + kPanel - 1) / kPanel, [&](Index panel) {
    const Index first = panel * kPanel;
    const Index rows = std::min(kPanel, a.columns - first);
    const Index begin = symmetric ? first : 0;
    const Index columns = b.columns - begin;
    const std::unique_ptr<float[]> product(new float[static_cast<std::size_t>(rows * columns)]);
    for (Index sample = 0; sample < a.rows; sample += kGramSamples) {
      const Index samples = std::min(kGramSamples, a.rows - sample);
      linalg::Factor<float> left = part(a, sample, samples, first, rows);
      std::swap(left.rows, left.columns);
      left.transposed = !left.transposed;
      linalg::multiply(left, part(b, sample, samples, begin, columns), product.get(), columns);
      for (Index row = 0; row < rows; ++row) {
        double* to = sum + (first + row) * b.columns + begin;
        const float* from = product.get() + row * columns;
        for (Index column = 0; column < columns; ++column) to[column] += static_cast<double>(from[column]);
      }
    }
  });
}

inline linalg::Factor<float> samples_by_columns(TensorRef<const float> samples, Index columns, bool transposed,
                                                std::string_view what) {
  const Shape& shape = samples.shape();
  require(shape.rank() == 2 && shape[transposed ? 0 : 1] == columns, "{} have shape {}, they should be {}", what,
          shape.to_string(),
          transposed ? fmt::format("({} x samples)", columns) : fmt::format("(samples x {})", columns));
  const auto values = samples.values();
  const auto found = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  require(found == values.end(), "{}: element {} is {}; calibration data must be finite", what, found - values.begin(),
          found == values.end() ? 0.0F : *found);
  return {samples.data(), shape[transposed ? 1 : 0], columns, shape[1], transposed};
}

}  // namespace detail

/// The sum of x x^T over samples x of a layer's inputs: the matrix of second moments that least squares, SparseGPT and
/// channel selection ask for. Bounded memory, columns^2 numbers, however much is observed.
///
/// Products of at most 512 samples are taken in float, and added in double: the error of an entry is at most about
/// 512 * 2^-24 of the sum of the absolute products, and usually far less. After `merge` the sums are those of both
/// streams, up to the rounding of double.
class Gram {
 public:
  explicit Gram(Index columns) : columns_(columns) {
    require(columns >= 1, "a Gram matrix has 1 column or more, not {}", columns);
    static_cast<void>(Shape{columns, columns, 8});
    sums_.assign(static_cast<std::size_t>(columns * columns), 0.0);
  }

  Index columns() const noexcept { return columns_; }
  Index samples() const noexcept { return samples_; }

  /// Adds samples (samples x columns), or (columns x samples) if `transposed`, as windows are unfolded. Throws, and
  /// changes nothing, if one is not finite.
  void observe(TensorRef<const float> samples, bool transposed = false, const ThreadPool& pool = {}) {
    const linalg::Factor<float> x = detail::samples_by_columns(samples, columns_, transposed, "the inputs of a layer");
    detail::add_gram(x, x, true, sums_.data(), pool);
    samples_ += x.rows;
  }

  void merge(const Gram& other) {
    require(other.columns_ == columns_, "Gram matrices of {} and {} columns cannot be merged", columns_,
            other.columns_);
    for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
    samples_ += other.samples_;
  }

  /// The matrix, float64 (columns x columns), symmetric; of some of its columns, in that order, if they are given.
  Tensor matrix(std::span<const Index> chosen) const { return matrix(chosen, chosen); }
  Tensor matrix(std::span<const Index> rows, std::span<const Index> columns) const {
    Tensor result(DataType::float64, {static_cast<Index>(rows.size()), static_cast<Index>(columns.size())});
    double* to = result.mutable_data<double>();
    for (const Index row : rows) {
      require(row >= 0 && row < columns_, "column {} does not exist, there are {}", row, columns_);
      for (const Index column : columns) {
        require(column >= 0 && column < columns_, "column {} does not exist, there are {}", column, columns_);
        *to++ = (*this)(row, column);
      }
    }
    return result;
  }
  Tensor matrix() const {
    Tensor result(DataType::float64, {columns_, columns_});
    double* to = result.mutable_data<double>();
    for (Index row = 0; row < columns_; ++row) {
      for (Index column = 0; column < columns_; ++column) *to++ = (*this)(row, column);
    }
    return result;
  }

  double operator()(Index row, Index column) const noexcept {
    return sums_[static_cast<std::size_t>(std::min(row, column) * columns_ + std::max(row, column))];
  }

  std::size_t bytes() const noexcept { return sizeof(*this) + sums_.size() * sizeof(double); }

 private:
  Index columns_;
  Index samples_ = 0;
  std::vector<double> sums_;  ///< What is below the diagonal is not of interest.
};

/// The sum of x y^T over samples x of the inputs that a layer has now and y of the outputs that it should have: the
/// right-hand side of least squares. Sums are taken as those of `Gram`.
class CrossGram {
 public:
  CrossGram(Index inputs, Index outputs) : sums_(DataType::float64, {inputs, outputs}) {
    require(inputs >= 1 && outputs >= 1, "a cross Gram matrix has 1 row and column or more, not {} x {}", inputs,
            outputs);
  }

  /// Adds as many samples of the inputs (samples x inputs) as of the outputs (samples x outputs); both transposed, if
  /// `transposed`.
  void observe(TensorRef<const float> inputs, TensorRef<const float> outputs, bool transposed = false,
               const ThreadPool& pool = {}) {
    const Shape& shape = sums_.shape();
    const auto x = detail::samples_by_columns(inputs, shape[0], transposed, "the inputs of a layer");
    const auto y = detail::samples_by_columns(outputs, shape[1], transposed, "the outputs of a layer");
    require(x.rows == y.rows, "there are {} samples of the inputs and {} of the outputs", x.rows, y.rows);
    detail::add_gram(x, y, false, sums_.mutable_data<double>(), pool);
  }

  void merge(const CrossGram& other) {
    require(other.sums_.shape() == sums_.shape(), "cross Gram matrices of {} and {} cannot be merged",
            sums_.shape().to_string(), other.sums_.shape().to_string());
    const auto from = other.sums_.values<double>();
    const auto to = sums_.mutable_values<double>();
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
  }

  /// float64 (inputs x outputs).
  const Tensor& matrix() const noexcept { return sums_; }

 private:
  Tensor sums_;
};

}  // namespace condense::prune

#endif
