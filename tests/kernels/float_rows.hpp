#ifndef CONDENSE_TESTS_KERNELS_FLOAT_ROWS_HPP
#define CONDENSE_TESTS_KERNELS_FLOAT_ROWS_HPP

#include <limits>

#include "kernels/integer_rows.hpp"

namespace condense::kernels {

/// Activations as floats: the codes of integer rows, made small, with signs and fractions.
class FloatRows {
 public:
  FloatRows(const RowsForm& form, Random& random)
      : form_(form), data_(form.elements(), form.shift), padding_(form.depth, form.shift) {
    for (Index i = 0; i < static_cast<Index>(data_.size()); ++i) data_[i] = random.uniform(-2, 2);
    for (Index i = 0; i < form.depth; ++i)
      padding_[i] = form.padding ? static_cast<float>(*form.padding) : random.uniform(-2, 2);
    if (form.windows) offsets_ = window_offsets(form, random);
  }

  ActivationRows arguments() const { return activation_rows(form_, data_.data(), padding_.data(), offsets_); }
  double at(Index row, Index tap, Index k) const {
    if (!form_.windows) return data_[row * (form_.depth + form_.gap) + k];
    const std::int32_t offset = offsets_[size(row * form_.taps + tap)];
    return offset < 0 ? padding_[k] : data_[offset + k];
  }

 private:
  RowsForm form_;
  ShiftedMemory<float> data_;
  ShiftedMemory<float> padding_;
  std::vector<std::int32_t> offsets_;
};

/// An exact sum and how far a float sum of `terms` products in any order, fused or not, may be from it: each of the
/// terms + 1 roundings on the way of a product is off by at most 2^-24 of the magnitudes (Higham, "Accuracy and
/// Stability of Numerical Algorithms", 2002, section 3.1); the factor 1.01 covers the higher orders.
struct Sum {
  double value = 0;
  double magnitude = 0;

  void add(double term) {
    value += term;
    magnitude += std::abs(term);
  }
  double tolerance(Index terms) const { return 1.01 * static_cast<double>(terms + 2) * 0x1p-24 * magnitude; }
};

inline constexpr float kUnbounded = std::numeric_limits<float>::infinity();

}  // namespace condense::kernels

#endif
