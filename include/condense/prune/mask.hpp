#ifndef CONDENSE_PRUNE_MASK_HPP
#define CONDENSE_PRUNE_MASK_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "condense/core/error.hpp"
#include "condense/core/tensor.hpp"

namespace condense::prune {

/// Which elements of a tensor are kept, in row-major order. A value type with the algebra of sets: `a & b` keeps what
/// both keep, `a | b` what either keeps, `a - b` what only `a` keeps, `~a` what `a` does not.
class Mask {
 public:
  /// A mask of shape (0).
  Mask() : Mask(Shape{0}) {}

  /// Keeps everything, or nothing.
  explicit Mask(const Shape& shape, bool keeps = true)
      : shape_(shape), keeps_(static_cast<std::size_t>(shape.count()), keeps ? 1 : 0) {}

  /// One byte for each element, row-major; whatever is not 0 is kept. Throws unless there are as many as the shape
  /// asks.
  Mask(const Shape& shape, std::span<const std::uint8_t> keeps) : shape_(shape), keeps_(keeps.begin(), keeps.end()) {
    require(static_cast<Index>(keeps.size()) == shape.count(), "a mask of shape {} has {} elements, {} are given",
            shape.to_string(), shape.count(), keeps.size());
    for (std::uint8_t& keep : keeps_) keep = keep != 0 ? 1 : 0;
  }

  /// Keeps what is not zero (NaN is kept).
  static Mask of_nonzero(TensorRef<const float> values) {
    Mask mask(values.shape());
    std::ranges::transform(values.values(), mask.keeps_.begin(),
                           [](float value) { return static_cast<std::uint8_t>(value == 0 ? 0 : 1); });
    return mask;
  }

  const Shape& shape() const noexcept { return shape_; }
  Index count() const noexcept { return static_cast<Index>(keeps_.size()); }

  /// 1 for what is kept, 0 for what is not.
  std::span<const std::uint8_t> values() const noexcept { return keeps_; }

  bool keeps(Index element) const noexcept { return keeps_[static_cast<std::size_t>(element)] != 0; }
  void set(Index element, bool keep) noexcept {
    keeps_[static_cast<std::size_t>(element)] = static_cast<std::uint8_t>(keep ? 1 : 0);
  }

  Index kept() const noexcept { return std::ranges::count(keeps_, std::uint8_t{1}); }

  /// The share of the elements that is not kept, in [0, 1]; 0 for an empty mask.
  double sparsity() const noexcept {
    return keeps_.empty() ? 0.0 : static_cast<double>(count() - kept()) / static_cast<double>(count());
  }

  /// Sets what is not kept to zero, even if it is not finite. Throws unless the shapes agree.
  void apply(TensorRef<float> values) const {
    require(values.shape() == shape_, "a mask of shape {} does not fit a tensor of shape {}", shape_.to_string(),
            values.shape().to_string());
    float* value = values.data();
    for (std::size_t i = 0; i < keeps_.size(); ++i) value[i] = keeps_[i] != 0 ? value[i] : 0.0F;
  }

  friend Mask operator&(const Mask& a, const Mask& b) { return combine(a, b, std::bit_and<>{}); }
  friend Mask operator|(const Mask& a, const Mask& b) { return combine(a, b, std::bit_or<>{}); }
  friend Mask operator-(const Mask& a, const Mask& b) {
    return combine(a, b, [](unsigned x, unsigned y) { return x & (1U - y); });
  }
  friend Mask operator~(const Mask& a) { return Mask(a.shape_) - a; }

  friend bool operator==(const Mask& a, const Mask& b) = default;

 private:
  template <class Operation>
  static Mask combine(const Mask& a, const Mask& b, Operation operation) {
    require(a.shape_ == b.shape_, "masks of shapes {} and {} cannot be combined", a.shape_.to_string(),
            b.shape_.to_string());
    Mask result(a.shape_);
    for (std::size_t i = 0; i < a.keeps_.size(); ++i) {
      result.keeps_[i] = static_cast<std::uint8_t>(operation(unsigned{a.keeps_[i]}, unsigned{b.keeps_[i]}));
    }
    return result;
  }

  Shape shape_;
  std::vector<std::uint8_t> keeps_;
};

}  // namespace condense::prune

#endif
