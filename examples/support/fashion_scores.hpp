#ifndef CONDENSE_EXAMPLES_SUPPORT_FASHION_SCORES_HPP
#define CONDENSE_EXAMPLES_SUPPORT_FASHION_SCORES_HPP

#include <algorithm>
#include <numeric>
#include <vector>

#include "condense/compress/post_training.hpp"
#include "condense/core/timing.hpp"
#include "condense/runtime/compile.hpp"
#include "condense/runtime/profile.hpp"
#include "condense/train/dataset.hpp"

namespace examples {

/// Logits (images x 10) of the whole test set through a compiled program.
inline condense::Tensor run_all(const condense::graph::Graph& network, const condense::Tensor& images,
                                const condense::ThreadPool& pool, const condense::Progress& progress) {
  using condense::Index;
  const Index count = images.shape()[0];
  const Index batch = std::min<Index>(count, 100);
  condense::runtime::Program program =
      condense::runtime::compile(network, {.input_shapes = {images.shape().with(0, batch)}});
  condense::Tensor logits(condense::DataType::float32, {count, 10});
  for (Index first = 0; first < count; first += batch) {
    // The last batch starts earlier where the images do not divide, so that one program serves all.
    const Index begin = std::min(first, count - batch);
    std::vector<Index> rows(static_cast<std::size_t>(batch));
    std::iota(rows.begin(), rows.end(), begin);
    const condense::Tensor result = program.run({condense::train::gather(images, rows)}, pool).front();
    std::ranges::copy(result.values<float>(), logits.mutable_data<float>() + begin * 10);
    condense::notify(progress,
                     {.stage = "testing", .done = std::min(first + batch, count), .total = count, .detail = {}});
  }
  return logits;
}

inline double accuracy_percent(const condense::Tensor& logits, const condense::Tensor& labels) {
  condense::Index correct = 0;
  for (condense::Index i = 0; i < labels.count(); ++i) {
    const float* row = logits.data<float>() + i * 10;
    correct += std::max_element(row, row + 10) - row == labels.data<std::int64_t>()[i] ? 1 : 0;
  }
  return 100.0 * static_cast<double>(correct) / static_cast<double>(labels.count());
}

/// Median time of one image on one thread.
inline double latency_seconds(const condense::graph::Graph& network, const condense::Tensor& images, int runs) {
  condense::runtime::Program program = condense::runtime::compile(network);
  const std::vector<condense::Tensor> image{condense::train::gather(images, std::vector<condense::Index>{0})};
  return condense::median(condense::runtime::latencies(program, image, {.rounds = runs}));
}

inline std::vector<condense::compress::Batch> calibration_batches(const condense::train::Dataset& data,
                                                                  condense::Index images) {
  std::vector<condense::compress::Batch> batches;
  for (condense::Index first = 0; first < images; first += 32) {
    batches.push_back({condense::train::slice(data, first, std::min<condense::Index>(first + 32, images)).inputs});
  }
  return batches;
}

}  // namespace examples

#endif
