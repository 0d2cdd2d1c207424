#ifndef CONDENSE_GRAPH_REFERENCE_STRIDED_COPY_HPP
#define CONDENSE_GRAPH_REFERENCE_STRIDED_COPY_HPP

#include <array>
#include <cstring>

#include "condense/graph/reference/elementwise.hpp"
#include "condense/graph/reference/integers.hpp"

namespace condense::graph::reference {

/// A copy of elements by nested loops with a stride in the source and one in the target: transposing, slicing,
/// repeating and their like. The strides in the source may be negative or 0; no element of the target is written twice.
///
/// Runs that are contiguous in both are moved by memcpy. Where the innermost axes of the two differ, as in a transpose,
/// blocks of 16 x 16 elements are, so that every cache line is read and written once.
class StridedCopy {
 public:
  /// Adds a loop inside those before.
  void loop(Index extent, Index from, Index to) {
    if (extent == 0) is_empty_ = true;
    if (extent == 1) return;
    if (count_ > 0) {
      Loop& outer = loops_[count_ - 1];
      if (outer.from == from * extent && outer.to == to * extent) {
        outer = {outer.extent * extent, from, to};
        return;
      }
    }
    loops_[count_++] = {extent, from, to};
  }

  /// Copies elements of an unpacked type. `from` and `to` are where all loops are at 0.
  void run(DataType type, const std::byte* from, std::byte* to, const ThreadPool& pool) const {
    if (is_empty_) return;
    with_word(type, [&]<class T>() {
      StridedCopy(*this).copy(reinterpret_cast<const T*>(from), reinterpret_cast<T*>(to), pool);
    });
  }

 private:
  struct Loop {
    Index extent = 1;
    Index from = 0;
    Index to = 0;
  };
  static constexpr Index kTile = 16;
  static constexpr Index kCrossBlock = 64;

  template <class T>
  void copy(const T* from, T* to, const ThreadPool& pool) {
    const Loop inner = take(count_ > 0 ? count_ - 1 : 0);
    const Loop cross = inner.from == 1 ? Loop{} : take(contiguous_source());
    const Index cross_blocks = (cross.extent + kCrossBlock - 1) / kCrossBlock;
    Index items = cross_blocks;
    for (std::size_t i = 0; i < count_; ++i) items *= loops_[i].extent;
    const Index item_elements = inner.extent * std::min(cross.extent, kCrossBlock);
    const Index grain = std::max<Index>(1, kElementwiseGrain / item_elements);
    parallel_for(pool, items, grain, [&](Index begin, Index end) {
      for (Index item = begin; item < end; ++item) {
        const Index first = item % cross_blocks * kCrossBlock;
        Index rest = item / cross_blocks;
        const T* source = from + first * cross.from;
        T* target = to + first * cross.to;
        for (std::size_t i = count_; i-- > 0;) {
          source += rest % loops_[i].extent * loops_[i].from;
          target += rest % loops_[i].extent * loops_[i].to;
          rest /= loops_[i].extent;
        }
        copy_block(source, target, inner, {std::min(kCrossBlock, cross.extent - first), cross.from, cross.to});
      }
    });
  }

  template <class T>
  static void copy_block(const T* from, T* to, const Loop& inner, const Loop& cross) {
    if (cross.extent > 1) {
      for (Index row = 0; row < cross.extent; row += kTile) {
        const Index rows = std::min(kTile, cross.extent - row);
        for (Index column = 0; column < inner.extent; column += kTile) {
          const Index last = std::min(column + kTile, inner.extent);
          for (Index i = row; i < row + rows; ++i) {
            for (Index k = column; k < last; ++k)
              to[i * cross.to + k * inner.to] = from[i * cross.from + k * inner.from];
          }
        }
      }
    } else if (inner.from == 1 && inner.to == 1) {
      std::memcpy(to, from, static_cast<std::size_t>(inner.extent) * sizeof(T));
    } else if (inner.from == 0 && inner.to == 1) {
      std::fill_n(to, inner.extent, *from);
    } else {
      for (Index k = 0; k < inner.extent; ++k) to[k * inner.to] = from[k * inner.from];
    }
  }

  /// The loop that walks the source element by element, count_ if there is none.
  std::size_t contiguous_source() const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
      if (loops_[i].from == 1) return i;
    }
    return count_;
  }

  /// Removes a loop from the list; one of a single step if there is none at i.
  Loop take(std::size_t i) noexcept {
    if (i >= count_) return {1, 1, 1};
    const Loop loop = loops_[i];
    std::copy(loops_.begin() + static_cast<Index>(i) + 1, loops_.begin() + static_cast<Index>(count_),
              loops_.begin() + static_cast<Index>(i));
    --count_;
    return loop;
  }

  std::array<Loop, 2 * kMaximumRank> loops_;  ///< Outermost first.
  std::size_t count_ = 0;
  bool is_empty_ = false;
};

}  // namespace condense::graph::reference

#endif
