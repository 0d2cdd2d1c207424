#include "compress/quantized.hpp"
#include "condense/runtime/compile.hpp"

namespace condense::compress {

PostTrainingResult quantized(const graph::Graph& graph, std::span<const Batch> batches,
                             const PostTrainingConfig& config) {
  return post_training(graph, batches, config);
}

std::vector<Tensor> run_compiled(const graph::Graph& graph, std::span<const Tensor> inputs, int threads) {
  std::vector<Shape> shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  const ThreadPool pool = threads > 1 ? ThreadPool(threads) : ThreadPool();
  return runtime::compile(graph, {.input_shapes = shapes}).run(inputs, pool);
}

}  // namespace condense::compress
