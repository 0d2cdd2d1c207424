#ifndef CONDENSE_CORE_SHAPE_HPP
#define CONDENSE_CORE_SHAPE_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>

#include "condense/core/error.hpp"

namespace condense {

/// Signed size and index type, the same as `Eigen::Index`.
using Index = std::ptrdiff_t;

/// A dimension whose extent is only known when the graph is run (the batch, usually).
inline constexpr Index kDynamic = -1;

/// The largest number of dimensions a tensor can have.
inline constexpr int kMaximumRank = 8;

/// Extents of a row-major tensor, outermost first; rank 0 is a scalar. A value type without heap storage.
///
/// Every extent is >= 0, or `kDynamic`. The product of the extents above 0 is checked at construction to be at most
/// `kMaximumCount`, so neither products of extents below nor sizes in bytes overflow.
class Shape {
 public:
  /// The largest number of elements: as many of 8 bytes as `Index` can count the bytes of.
  static constexpr Index kMaximumCount = std::numeric_limits<Index>::max() / 8;

  Shape() = default;
  Shape(std::initializer_list<Index> extents) : Shape(std::span<const Index>(extents.begin(), extents.size())) {}
  explicit Shape(std::span<const Index> extents) : rank_(static_cast<int>(extents.size())) {
    require(extents.size() <= kMaximumRank, "a tensor has at most {} dimensions, this shape has {}", kMaximumRank,
            extents.size());
    Index count = 1;
    for (std::size_t i = 0; i < extents.size(); ++i) {
      const Index extent = extents[i];
      require(extent >= 0 || extent == kDynamic, "dimension {} is {}; a dimension is 0 or more, or kDynamic (-1)", i,
              extent);
      extents_[i] = extent;
      if (extent > 0) {
        require(count <= kMaximumCount / extent, "dimension {} of extent {} makes the tensor too large to address", i,
                extent);
        count *= extent;
      }
    }
  }

  int rank() const noexcept { return rank_; }
  Index operator[](int axis) const noexcept { return extents_[static_cast<std::size_t>(axis)]; }
  std::span<const Index> extents() const noexcept { return {extents_.data(), static_cast<std::size_t>(rank_)}; }
  auto begin() const noexcept { return extents().begin(); }
  auto end() const noexcept { return extents().end(); }

  /// True if no dimension is `kDynamic`.
  bool is_concrete() const noexcept { return std::ranges::find(extents(), kDynamic) == end(); }

  /// Number of elements; 1 for a scalar. The shape is concrete.
  Index count() const { return count(0, rank_); }

  /// Product of the extents of the axes [first, last); 1 if there are none.
  Index count(int first, int last) const {
    Index product = 1;
    for (int axis = first; axis < last; ++axis) {
      if ((*this)[axis] == kDynamic) [[unlikely]] {
        throw InvalidArgument(
            fmt::format("the shape {} has a dynamic dimension; bind it before asking for sizes", to_string()));
      }
      product *= (*this)[axis];
    }
    return product;
  }

  /// The axis counted from the front; a negative one counts from the back, as in ONNX. Throws unless it exists.
  int axis(Index axis) const {
    if (axis < -rank_ || axis >= rank_) [[unlikely]] {
      throw InvalidArgument(fmt::format("axis {} does not exist in the shape {}", axis, to_string()));
    }
    return static_cast<int>(axis < 0 ? axis + rank_ : axis);
  }

  /// This shape with one extent replaced.
  Shape with(int axis, Index extent) const {
    std::array<Index, kMaximumRank> extents = extents_;
    extents[static_cast<std::size_t>(this->axis(axis))] = extent;
    return Shape(std::span<const Index>(extents.data(), static_cast<std::size_t>(rank_)));
  }

  /// "(n x 3 x 32 x 32)"; a dynamic dimension prints as "?".
  std::string to_string() const {
    std::string text = "(";
    for (int i = 0; i < rank_; ++i) {
      if (i > 0) text += " x ";
      text += (*this)[i] == kDynamic ? std::string("?") : std::to_string((*this)[i]);
    }
    return text + ")";
  }

  friend bool operator==(const Shape& a, const Shape& b) noexcept {
    return std::ranges::equal(a.extents(), b.extents());
  }

 private:
  std::array<Index, kMaximumRank> extents_{};
  int rank_ = 0;
};

}  // namespace condense

#endif
