#ifndef CONDENSE_TESTS_COMPRESS_GATED_NETWORKS_HPP
#define CONDENSE_TESTS_COMPRESS_GATED_NETWORKS_HPP

#include <string>
#include <vector>

#include "condense/core/random.hpp"
#include "condense/graph/operators.hpp"

namespace condense::compress {

/// Small networks on images (n, 4, 6, 6) with three classes and random weights.
class GatedNetworkBuilder {
 public:
  explicit GatedNetworkBuilder(std::uint64_t seed) : random_(seed, 12) {
    value = graph.input("x", DataType::float32, {kDynamic, 4, 6, 6});
  }

  graph::Value floats(const std::string& name, const Shape& shape, float scale = 0.5F, float shift = 0) {
    Tensor tensor(DataType::float32, shape);
    for (float& x : tensor.mutable_values<float>()) x = shift + scale * random_.normal();
    return graph.constant(name, tensor);
  }

  void convolution(const std::string& name, Index outputs, Index kernel, Index group, bool norm, bool relu) {
    const Index inputs = graph.type(value).shape[1], pad = kernel / 2;
    std::vector<graph::Value> operands{value, floats(name + ".weight", {outputs, inputs / group, kernel, kernel})};
    if (!norm) operands.push_back(floats(name + ".bias", {outputs}));
    value = graph.add(graph::Conv{.pads = {pad, pad, pad, pad}, .group = group}, operands, name);
    if (norm) {
      value = graph.add(graph::BatchNormalization{},
                        {value, floats(name + ".scale", {outputs}), floats(name + ".shift", {outputs}),
                         floats(name + ".mean", {outputs}), floats(name + ".variance", {outputs}, 0.1F, 1)},
                        name + ".norm");
    }
    if (relu) value = graph.add(graph::Relu{}, {value}, name + ".relu");
  }

  /// What adds its inner channels, expanded by a convolution or those of its input, to its input.
  void residual(const std::string& name, bool expands, bool norm) {
    const graph::Value input = value;
    if (expands) convolution(name + ".expand", 12, 1, 1, norm, true);
    const Index inner = graph.type(value).shape[1];
    convolution(name + ".depthwise", inner, 3, inner, norm, true);
    convolution(name + ".project", graph.type(input).shape[1], 1, 1, norm, false);
    value = graph.add(graph::Add{}, {input, value}, name + ".add");
    value = graph.add(graph::Relu{}, {value}, name + ".relu");
  }

  graph::Graph finish() {
    value = graph.add(graph::Flatten{}, {graph.add(graph::GlobalAveragePool{}, {value}, "mean")}, "flat");
    const Index channels = graph.type(value).shape[1];
    value =
        graph.add(graph::Gemm{}, {value, floats("classifier.weight", {channels, 3}), floats("classifier.bias", {3})},
                  "classifier");
    graph.output(value, "logits");
    return std::move(graph);
  }

  graph::Graph graph;
  graph::Value value;

 private:
  Random random_;
};

/// Two residual blocks, of which the first one expands.
inline graph::Graph residual_network(std::uint64_t seed, bool norm) {
  GatedNetworkBuilder builder(seed);
  builder.convolution("stem", 6, 3, 1, norm, true);
  builder.residual("block1", true, norm);
  builder.residual("block2", false, norm);
  return builder.finish();
}

/// Three convolutions without anything around them.
inline graph::Graph plain_network(std::uint64_t seed, bool norm) {
  GatedNetworkBuilder builder(seed);
  builder.convolution("first", 6, 3, 1, norm, true);
  builder.convolution("second", 9, 3, 1, norm, true);
  builder.convolution("third", 5, 3, 1, norm, true);
  return builder.finish();
}

inline Tensor random_images(Index count, std::uint64_t seed) {
  Random random(seed, 13);
  Tensor images(DataType::float32, {count, 4, 6, 6});
  for (float& x : images.mutable_values<float>()) x = random.normal();
  return images;
}

}  // namespace condense::compress

#endif
