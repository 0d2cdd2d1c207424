#ifndef CONDENSE_TRAIN_GRADIENTS_CONCAT_HPP
#define CONDENSE_TRAIN_GRADIENTS_CONCAT_HPP

#include <algorithm>

#include "condense/graph/operators/concat.hpp"
#include "condense/train/gradient.hpp"

namespace condense::train {

/// Every input gets its part of dy.
template <>
struct Gradient<graph::Concat> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Concat& op, const Backward& b) {
    std::vector<Tensor> gradients(b.input_types.size());
    graph::with_float_type(b.output_gradient().type(), [&]<class T>() {
      const Shape& result = b.output_gradient().shape();
      const int along = result.axis(op.axis);
      const Index inner = result.count(along + 1, result.rank());
      const Index step = result[along] * inner;
      const T* dy = b.output_gradient().data<T>();
      for (std::size_t i = 0; i < gradients.size(); ++i) {
        const Index run = b.input_shape(i)[along] * inner;
        if (b.wants(i)) {
          gradients[i] = b.like_input(i);
          T* dx = gradients[i].mutable_data<T>();
          for (Index block = 0; block < result.count(0, along); ++block) {
            std::copy_n(dy + block * step, run, dx + block * run);
          }
        }
        dy += run;
      }
    });
    return gradients;
  }
};

}  // namespace condense::train

#endif
