#ifndef CONDENSE_TRAIN_DETAIL_PARTIAL_SUMS_HPP
#define CONDENSE_TRAIN_DETAIL_PARTIAL_SUMS_HPP

#include <algorithm>

#include "condense/core/parallel.hpp"
#include "condense/train/tensor_pool.hpp"

namespace condense::train::detail {

/// A sum over many items, such as the images of a batch, that threads share: items are divided into blocks that depend
/// on the sizes alone, each block has its own sum, and these are added in the order of the blocks.
template <class T>
class PartialSums {
 public:
  /// Sums of `size` entries over `items`. `grain` items make a block; 0 divides them so that the sums of all blocks fit
  /// into 16 MiB or so, at most 32 blocks.
  PartialSums(const TensorPool& memory, Index items, Index size, Index grain = 0) : size_(size), grain_(grain) {
    if (grain_ == 0) {
      constexpr Index kMostBlocks = 32;
      constexpr Index kMostEntries = Index{1} << 22;
      const Index blocks = std::clamp<Index>(kMostEntries / std::max<Index>(1, size), 1, kMostBlocks);
      grain_ = std::max<Index>(1, (items + blocks - 1) / blocks);
    }
    blocks_ = (items + grain_ - 1) / grain_;
    sums_ = memory.make(data_type_of<T>, {blocks_ * size_});
    data_ = sums_.template mutable_data<T>();
  }

  PartialSums(const PartialSums&) = delete;
  PartialSums& operator=(const PartialSums&) = delete;

  /// Items of a block.
  Index grain() const noexcept { return grain_; }

  /// The sum of the block that starts at item `begin`, set to zeros.
  T* start(Index begin) const {
    T* sum = data_ + begin / grain_ * size_;
    std::fill_n(sum, size_, T{0});
    return sum;
  }

  /// total (size) = the sum over the blocks. Every block has been started.
  void finish(T* total, const ThreadPool& pool) const {
    constexpr Index kGrain = 4096;
    parallel_for(pool, size_, kGrain, [&](Index begin, Index end) {
      std::fill(total + begin, total + end, T{0});
      for (Index block = 0; block < blocks_; ++block) {
        const T* sum = data_ + block * size_;
        for (Index i = begin; i < end; ++i) total[i] += sum[i];
      }
    });
  }

 private:
  Index size_ = 0;
  Index grain_ = 0;
  Index blocks_ = 0;
  Tensor sums_;
  T* data_ = nullptr;
};

}  // namespace condense::train::detail

#endif
