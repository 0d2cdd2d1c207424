#ifndef CONDENSE_GRAPH_REFERENCE_EINSUM_EQUATION_HPP
#define CONDENSE_GRAPH_REFERENCE_EINSUM_EQUATION_HPP

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "condense/core/shape.hpp"

namespace condense::graph::reference {

/// A label of Einstein notation: 0..25 for A..Z, 26..51 for a..z, and from 52 on the axes that an ellipsis stands for,
/// the last of them always kLabels - 1, since they broadcast from the back.
using Label = std::size_t;
inline constexpr Label kEllipsisLabels = 52;
inline constexpr Label kLabels = kEllipsisLabels + kMaximumRank;

/// An equation such as "bij,bjk->bik" on operands of given shapes: the labels of every axis and their extents.
struct EinsumEquation {
  std::vector<std::vector<Label>> operands;
  std::vector<Label> output;
  std::array<Index, kLabels> extents{};

  Shape output_shape() const {
    std::vector<Index> result;
    for (const Label label : output) result.push_back(extents[label]);
    return Shape(std::span<const Index>(result));
  }
};

namespace detail {

/// Reads the terms of an equation.
class EinsumParser {
 public:
  explicit EinsumParser(std::string_view equation) {
    for (const char c : equation) {
      if (c != ' ') text_ += c;
    }
  }

  EinsumEquation parse(std::span<const Shape> shapes) {
    EinsumEquation result;
    const std::size_t arrow = text_.find("->");
    const std::string_view left = std::string_view(text_).substr(0, arrow);
    std::size_t begin = 0;
    for (std::size_t i = 0; begin <= left.size(); ++i) {
      const std::size_t end = std::min(left.find(',', begin), left.size());
      require(i < shapes.size(), "its equation '{}' has more terms than its {} inputs", text_, shapes.size());
      result.operands.push_back(term(left.substr(begin, end - begin), i, shapes[i]));
      for (std::size_t axis = 0; axis < result.operands[i].size(); ++axis) {
        meet(result.extents, result.operands[i][axis], shapes[i], static_cast<int>(axis), i);
      }
      begin = end + 1;
    }
    require(result.operands.size() == shapes.size(), "its equation '{}' has {} terms, it has {} inputs", text_,
            result.operands.size(), shapes.size());
    if (arrow == std::string::npos) {
      result.output = implicit_output();
    } else {
      result.output = output(std::string_view(text_).substr(arrow + 2));
    }
    return result;
  }

 private:
  static bool is_letter(char c) noexcept { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
  static Label label_of(char c) noexcept {
    return c <= 'Z' ? static_cast<Label>(c - 'A') : static_cast<Label>(c - 'a') + 26;
  }

  /// Calls `letter(label)` for every letter and `ellipsis()` for an ellipsis, in their order.
  template <class Letter, class Ellipsis>
  void scan(std::string_view part, Letter&& letter, Ellipsis&& ellipsis) const {
    bool has_ellipsis = false;
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (is_letter(part[i])) {
        letter(label_of(part[i]));
        continue;
      }
      require(part.substr(i, 3) == "..." && !has_ellipsis,
              "its equation '{}' has '{}' where a letter or the only '...' of a term belongs", text_, part.substr(i));
      has_ellipsis = true;
      ellipsis();
      i += 2;
    }
  }

  std::vector<Label> term(std::string_view part, std::size_t input, const Shape& shape) {
    std::size_t letters = 0;
    bool has_ellipsis = false;
    scan(
        part, [&](Label) { ++letters; }, [&] { has_ellipsis = true; });
    const auto rank = static_cast<std::size_t>(shape.rank());
    require(has_ellipsis ? letters <= rank : letters == rank,
            "its equation '{}' has the term '{}' for its input {}, which has shape {}", text_, part, input,
            shape.to_string());
    const std::size_t hidden = rank - letters;
    ellipsis_axes_ = std::max(ellipsis_axes_, hidden);
    std::vector<Label> labels;
    scan(
        part,
        [&](Label label) {
          labels.push_back(label);
          ++uses_[label];
        },
        [&] { append_ellipsis(labels, hidden); });
    return labels;
  }

  static void append_ellipsis(std::vector<Label>& labels, std::size_t axes) {
    for (Label label = kLabels - axes; label < kLabels; ++label) labels.push_back(label);
  }

  void meet(std::array<Index, kLabels>& extents, Label label, const Shape& shape, int axis, std::size_t input) {
    const Index extent = shape[axis];
    if (!seen_[label] || extents[label] == 1) {
      extents[label] = extent;
      seen_[label] = true;
    }
    require(extent == extents[label] || extent == 1,
            "its input {} of shape {} has {} elements along axis {}, its equation '{}' has {} there before", input,
            shape.to_string(), extent, axis, text_, extents[label]);
  }

  std::vector<Label> implicit_output() const {
    std::vector<Label> labels;
    append_ellipsis(labels, ellipsis_axes_);
    for (Label label = 0; label < kEllipsisLabels; ++label) {
      if (uses_[label] == 1) labels.push_back(label);
    }
    return labels;
  }

  std::vector<Label> output(std::string_view part) const {
    std::vector<Label> labels;
    bool has_ellipsis = false;
    scan(
        part,
        [&](Label label) {
          require(uses_[label] > 0, "the result of its equation '{}' has a label that no term has", text_);
          require(std::ranges::find(labels, label) == labels.end(), "the result of its equation '{}' repeats a label",
                  text_);
          labels.push_back(label);
        },
        [&] {
          append_ellipsis(labels, ellipsis_axes_);
          has_ellipsis = true;
        });
    require(has_ellipsis || ellipsis_axes_ == 0, "the result of its equation '{}' lacks the '...' that its terms have",
            text_);
    return labels;
  }

  std::string text_;
  std::array<int, kLabels> uses_{};
  std::array<bool, kLabels> seen_{};
  std::size_t ellipsis_axes_ = 0;
};

}  // namespace detail

/// Reads an equation in the notation of NumPy's `einsum`: terms of letters, one for each axis, with at most one '...'
/// for further ones, which broadcast from the back; after '->' the labels of the result, without it those of the
/// ellipsis and the letters that appear once, in alphabetical order, capitals first. An extent of 1 repeats. Throws
/// `InvalidArgument` with a sentence about "its equation" unless it fits the shapes.
inline EinsumEquation parse_einsum(std::string_view equation, std::span<const Shape> shapes) {
  return detail::EinsumParser(equation).parse(shapes);
}

}  // namespace condense::graph::reference

#endif
