#ifndef CONDENSE_COMPRESS_DETAIL_CHANNEL_RECONSTRUCTION_HPP
#define CONDENSE_COMPRESS_DETAIL_CHANNEL_RECONSTRUCTION_HPP

#include <string>
#include <vector>

#include "condense/compress/channel_pruning_config.hpp"
#include "condense/compress/detail/layer_inputs.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/prune/gram.hpp"
#include "condense/prune/reconstruction.hpp"

namespace condense::compress::detail {

/// Fits the weights of one layer of `pruned` to the outputs that it has in `original`, of which `outputs` are left.
inline void reconstruct_layer(const graph::Graph& original, const std::string& name, const std::vector<Index>& outputs,
                              const ChannelPruningConfig& config, graph::Graph& pruned) {
  const graph::Node node = *std::ranges::find(pruned.nodes(), name, &graph::Node::name);
  const LayerInputs layer(pruned, node);
  const bool is_conv = node.op.is<graph::Conv>();
  const Shape& shape = original.type(layer.output()).shape;
  const int axis = is_conv ? 1 : shape.rank() - 1;
  const Tensor* bias = layer.bias().exists() ? original.constant_if(layer.bias()) : nullptr;
  if (layer.bias().exists() && (bias == nullptr || bias->count() != shape[axis])) return;
  prune::Gram gram(layer.columns());
  prune::CrossGram cross(layer.columns(), layer.outputs());
  for (const std::vector<Tensor>& batch : config.batches) {
    Tensor input;
    Tensor wanted;
    graph::evaluate(original, batch, {.pool = config.pool, .on_value = [&](graph::Value value, const Tensor& tensor) {
                                        if (value == layer.output()) wanted = tensor;
                                      }});
    graph::evaluate(pruned, batch, {.pool = config.pool, .on_value = [&](graph::Value value, const Tensor& tensor) {
                                      if (value == layer.input()) input = tensor;
                                    }});
    const Index channels = wanted.shape()[axis];
    const Index positions = wanted.shape().count(axis + 1, wanted.shape().rank());  // that a channel has together
    layer.for_each_block(input, [&](TensorRef<const float> samples, bool transposed, Index first) {
      const Index count = samples.shape()[transposed ? 1 : 0];
      Tensor y(DataType::float32, transposed ? Shape{layer.outputs(), count} : Shape{count, layer.outputs()});
      float* to = y.mutable_data<float>();
      for (std::size_t o = 0; o < outputs.size(); ++o) {
        const float shift = bias == nullptr ? 0.0F : bias->data<float>()[outputs[o]];
        const auto row = static_cast<Index>(o);
        for (Index i = 0; i < count; ++i) {
          const Index sample = first + i;
          const Index from = (sample / positions * channels + outputs[o]) * positions + sample % positions;
          to[transposed ? row * count + i : i * layer.outputs() + row] = wanted.data<float>()[from] - shift;
        }
      }
      gram.observe(samples, transposed, config.pool);
      cross.observe(samples, y, transposed, config.pool);
    });
  }
  const prune::ReconstructedWeights fitted =
      prune::least_squares_weights(gram.matrix(), cross.matrix(), config.damping);
  pruned.set_constant(layer.weights(), layer.from_matrix(fitted.weights));
}

}  // namespace condense::compress::detail

#endif
