#ifndef CONDENSE_TESTS_KERNELS_INTEGER_ROWS_HPP
#define CONDENSE_TESTS_KERNELS_INTEGER_ROWS_HPP

#include <gtest/gtest.h>

#include <optional>

#include "condense/core/tensor.hpp"
#include "support/kernel_data.hpp"

namespace condense::kernels {

/// How the codes of a test are chosen.
enum class Fill { random, extreme };

inline std::size_t size(Index count) { return static_cast<std::size_t>(count); }

inline int pick(Random& random, Fill fill, int lowest, int highest) {
  if (fill == Fill::extreme) return random.below(2) == 0 ? lowest : highest;
  return random_integer(random, lowest, highest);
}

/// Form of the activations of a test.
struct RowsForm {
  Index rows = 1;
  Index taps = 1;
  Index depth = 1;
  bool windows = false;  ///< Pieces at random offsets, a quarter of them in the padding; otherwise dense rows.
  Index gap = 0;         ///< Between dense rows.
  Index shift = 0;       ///< Elements by which the data are misaligned.
  ElementType type = ElementType::uint8;
  Fill fill = Fill::random;
  Index line = 0;    ///< Not 0: windows of 3 x 3 that move along the lines of an image of so many pixels a line,
  Index stride = 1;  ///< with a pixel of padding around it, by so many pixels. `taps` is 9.
  std::optional<int> padding = {};  ///< What all bytes of the padding are, if not any.

  Index windows_in_line() const { return (line + stride - 1) / stride; }
  Index lines() const { return stride * (rows / windows_in_line() + 1); }

  /// Elements of all activations.
  Index elements() const {
    if (line > 0) return lines() * line * depth;
    return windows ? 4 * depth + 37 : rows * (depth + gap);
  }
};

/// Offsets of the pieces of windows: those that move along lines, or random ones, a quarter of them in the padding.
inline std::vector<std::int32_t> window_offsets(const RowsForm& form, Random& random) {
  std::vector<std::int32_t> offsets;
  for (Index row = 0; row < form.rows; ++row) {
    for (Index tap = 0; tap < form.taps; ++tap) {
      Index offset = random_integer(random, 0, static_cast<int>(3 * form.depth + 36));
      bool inside = random.below(4) != 0;
      if (form.line > 0) {
        const Index y = row / form.windows_in_line() * form.stride + tap / 3 - 1;
        const Index x = row % form.windows_in_line() * form.stride + tap % 3 - 1;
        inside = y >= 0 && y < form.lines() && x >= 0 && x < form.line;
        offset = (y * form.line + x) * form.depth;
      }
      offsets.push_back(inside ? static_cast<std::int32_t>(offset) : -1);
    }
  }
  return offsets;
}

/// Activations of a form as a kernel takes them.
inline ActivationRows activation_rows(const RowsForm& form, const void* data, const void* padding,
                                      const std::vector<std::int32_t>& offsets) {
  return {.data = data,
          .offsets = form.windows ? offsets.data() : nullptr,
          .padding = padding,
          .rows = form.rows,
          .taps = form.taps,
          .depth = form.depth,
          .row_stride = form.depth + form.gap};
}

/// Activations of 8 bits as a kernel takes them, and each code for the reference.
class IntegerRows {
 public:
  IntegerRows(const RowsForm& form, Random& random)
      : form_(form), data_(form.elements(), form.shift), padding_(form.depth, form.shift) {
    fill(data_, random);
    fill(padding_, random);
    for (Index i = 0; form.padding && i < form.depth; ++i) padding_[i] = static_cast<std::uint8_t>(*form.padding);
    if (form.windows) offsets_ = window_offsets(form, random);
  }

  ActivationRows arguments() const { return activation_rows(form_, data_.data(), padding_.data(), offsets_); }

  /// The code at element k of piece `tap` of a row.
  std::int64_t at(Index row, Index tap, Index k) const {
    if (!form_.windows) return code(data_[row * (form_.depth + form_.gap) + k]);
    const std::int32_t offset = offsets_[size(row * form_.taps + tap)];
    return code(offset < 0 ? padding_[k] : data_[offset + k]);
  }
  bool is_padding(Index row, Index tap) const { return form_.windows && offsets_[size(row * form_.taps + tap)] < 0; }

  /// Puts every piece of a row into the padding.
  void empty_row(Index row) {
    for (Index tap = 0; tap < form_.taps; ++tap) offsets_[size(row * form_.taps + tap)] = -1;
  }

 private:
  void fill(ShiftedMemory<std::uint8_t>& memory, Random& random) const {
    for (Index i = 0; i < static_cast<Index>(memory.size()); ++i) {
      memory[i] =
          static_cast<std::uint8_t>(pick(random, form_.fill, lowest_code(form_.type), highest_code(form_.type)));
    }
  }
  std::int64_t code(std::uint8_t byte) const {
    return form_.type == ElementType::int8 ? std::int64_t{static_cast<std::int8_t>(byte)} : std::int64_t{byte};
  }

  RowsForm form_;
  ShiftedMemory<std::uint8_t> data_;
  ShiftedMemory<std::uint8_t> padding_;
  std::vector<std::int32_t> offsets_;
};

/// What a kernel writes: codes or floats, with a gap between the rows that stays as it is.
class OutputRows {
 public:
  OutputRows(Index rows, Index columns, Index gap, ElementType type, Index shift)
      : columns_(columns),
        stride_(columns + gap),
        type_(type),
        width_(is_code(type) ? 1 : 4),
        actual_(rows * stride_ * width_, shift * width_),
        expected_(rows * stride_ * width_) {}

  void* data() { return actual_.data(); }
  Index stride() const { return stride_; }

  /// Declares what the element at (row, column) is to be: `value` clamped to the floats, or rounded to a code.
  void expect(Index row, Index column, float value, const GemmEpilogue& e) {
    const Index first = (row * stride_ + column) * width_;
    if (type_ == ElementType::float32) {
      const float clamped = value < e.low ? e.low : value > e.high ? e.high : value;
      std::memcpy(&expected_[first], &clamped, sizeof(clamped));
    } else {
      expected_[first] = static_cast<std::uint8_t>(reference_code(value, e.zero_point, e.lowest, e.highest));
    }
  }

  void expect(Index row, Index column, std::int32_t sum) {
    std::memcpy(&expected_[(row * stride_ + column) * width_], &sum, sizeof(sum));
  }

  /// Whether every byte is as declared, and every other as it was.
  testing::AssertionResult matches() const {
    for (Index i = 0; i < static_cast<Index>(expected_.size()); ++i) {
      if (actual_[i] == expected_[i]) continue;
      const Index element = i / width_;
      return testing::AssertionFailure() << "row " << element / stride_ << " column " << element % stride_ << " of "
                                         << columns_ << ": byte " << int{actual_[i]} << " instead of "
                                         << int{expected_[i]};
    }
    return testing::AssertionSuccess();
  }

 private:
  Index columns_;
  Index stride_;
  ElementType type_;
  Index width_;
  ShiftedMemory<std::uint8_t> actual_;
  ShiftedMemory<std::uint8_t> expected_;
};

}  // namespace condense::kernels

#endif
