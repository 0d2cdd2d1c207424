#ifndef CONDENSE_TRAIN_DETAIL_REDUCE_HPP
#define CONDENSE_TRAIN_DETAIL_REDUCE_HPP

#include <Eigen/Core>

#include <algorithm>

#include "condense/graph/reference/broadcast.hpp"
#include "condense/train/tensor_pool.hpp"

namespace condense::train::detail {

template <class T>
using ArrayView = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;

/// The gradient of a tensor of shape `target` that was broadcast: `gradient` summed over the elements that each stood
/// for. Shares the memory if there is nothing to sum.
inline Tensor sum_to_shape(const Tensor& gradient, const Shape& target, const TensorPool& memory) {
  if (gradient.shape() == target) return gradient;
  Tensor sum = memory.make(gradient.type(), target);
  graph::with_float_type(gradient.type(), [&]<class T>() {
    const T* from = gradient.data<T>();
    T* to = sum.mutable_data<T>();
    std::fill_n(to, sum.count(), T{0});
    graph::reference::Broadcast(target, target, gradient.shape())
        .for_each_run(0, gradient.count(), [&](Index first, Index a, Index, Index length, Index stride, Index) {
          if (stride == 0) {
            to[a] += ArrayView<T>(from + first, length).sum();
          } else {
            for (Index i = 0; i < length; ++i) to[a + i] += from[first + i];
          }
        });
  });
  return sum;
}

}  // namespace condense::train::detail

#endif
