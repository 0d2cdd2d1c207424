#ifndef CONDENSE_TRAIN_DATASET_HPP
#define CONDENSE_TRAIN_DATASET_HPP

#include <algorithm>
#include <cstring>
#include <functional>
#include <span>
#include <utility>

#include "condense/core/random.hpp"
#include "condense/graph/graph.hpp"
#include "condense/train/tensor_pool.hpp"

namespace condense::train {

/// Samples and what the network is to say to them. The first axis of both counts the samples.
struct Dataset {
  Tensor inputs;   ///< float32 (samples, ...).
  Tensor targets;  ///< int64 labels (samples), or float32 (samples, ...).

  Index size() const noexcept { return inputs.shape().rank() == 0 ? 0 : inputs.shape()[0]; }
  bool has_labels() const noexcept { return targets.type() == DataType::int64; }
};

/// Throws unless there are samples, of float32, and as many targets. `name` is how the message calls the data.
inline void validate(const Dataset& data, std::string_view name) {
  require(data.size() > 0, "the {} is empty: its inputs have shape {}", name, data.inputs.shape().to_string());
  require(data.inputs.type() == DataType::float32, "the inputs of the {} are float32, these are {}", name,
          condense::name(data.inputs.type()));
  require(data.targets.type() == DataType::float32 || data.targets.type() == DataType::int64,
          "the targets of the {} are int64 labels or float32, these are {}", name, condense::name(data.targets.type()));
  const Shape& targets = data.targets.shape();
  require(targets.rank() >= 1 && targets[0] == data.size(), "the {} has {} inputs and {} targets", name, data.size(),
          targets.rank() >= 1 ? targets[0] : 0);
  require(!data.has_labels() || targets.rank() == 1, "labels have shape (samples), those of the {} have shape {}", name,
          targets.to_string());
}

/// Some samples of a dataset, in an order of their own.
struct Batch {
  Tensor inputs;
  Tensor targets;
  std::span<const Index> samples = {};  ///< Where they are in the dataset.
};

/// Changes one sample in place, such as an image (c, h, w), before the network sees it: shifts, flips, noise. The
/// random numbers belong to the sample and the epoch, so the result does not depend on the order or the threads. Called
/// from several threads at once.
using Augmentation = std::function<void(TensorRef<float> sample, Random& random)>;

/// The rows of `source` with the given numbers along its first axis.
inline Tensor gather(const Tensor& source, std::span<const Index> samples, const TensorPool& memory = {}) {
  Tensor result = memory.make(source.type(), source.shape().with(0, static_cast<Index>(samples.size())));
  const std::size_t row = bytes(source.type(), source.shape().count(1, source.shape().rank()));
  std::byte* to = result.mutable_raw();
  for (const Index sample : samples) {
    std::memcpy(to, source.raw() + static_cast<std::size_t>(sample) * row, row);
    to += row;
  }
  return result;
}

/// The shape of one sample.
inline Shape sample_shape(const Tensor& samples) { return Shape(samples.shape().extents().subspan(1)); }

/// The part [begin, end) of a dataset, such as the split into training and validation data.
inline Dataset slice(const Dataset& data, Index begin, Index end) {
  require(0 <= begin && begin <= end && end <= data.size(), "the samples [{}, {}) are not in a dataset of {}", begin,
          end, data.size());
  std::vector<Index> samples;
  for (Index i = begin; i < end; ++i) samples.push_back(i);
  return {gather(data.inputs, samples), gather(data.targets, samples)};
}

}  // namespace condense::train

#endif
