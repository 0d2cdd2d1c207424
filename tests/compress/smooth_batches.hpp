#ifndef CONDENSE_TESTS_COMPRESS_SMOOTH_BATCHES_HPP
#define CONDENSE_TESTS_COMPRESS_SMOOTH_BATCHES_HPP

#include <vector>

#include "condense/core/random.hpp"
#include "condense/core/tensor.hpp"

namespace condense::compress {

using Batches = std::vector<std::vector<Tensor>>;

/// Batches of inputs of which neighbours hang together, and whose channels have different scales.
inline Batches smooth_batches(const Shape& shape, Index count, std::uint64_t seed = 1) {
  Random random(seed);
  Batches batches;
  for (Index i = 0; i < count; ++i) {
    Tensor tensor(DataType::float32, shape);
    float previous = 0;
    const Index channel = shape.count(2, shape.rank());
    for (Index k = 0; k < tensor.count(); ++k) {
      previous = 0.9F * previous + 0.45F * random.normal();
      tensor.mutable_data<float>()[k] = previous * (k / channel % shape[1] == 0 ? 3.0F : 0.5F);
    }
    batches.push_back({tensor});
  }
  return batches;
}

}  // namespace condense::compress

#endif
