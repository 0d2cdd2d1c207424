#ifndef CONDENSE_BENCHMARKS_SUPPORT_NETWORKS_HPP
#define CONDENSE_BENCHMARKS_SUPPORT_NETWORKS_HPP

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>
#include <string>

#include "condense/core/random.hpp"
#include "condense/graph/operators.hpp"

namespace condense::benchmarks {

/// Builds convolutional networks of random weights as exporters leave them: batch normalisation is folded into the
/// weights and biases of the convolutions.
class NetworkBuilder {
 public:
  explicit NetworkBuilder(Index size) { last_ = graph_.input("image", DataType::float32, {1, 3, size, size}); }

  graph::Value last() const { return last_; }
  Index channels() const { return graph_.type(last_).shape[1]; }

  /// Adds a square convolution whose padding keeps the size at stride 1.
  NetworkBuilder& convolution(Index outputs, Index kernel, Index stride = 1, Index group = 1) {
    const Index inputs = channels() / group;
    const Index pad = kernel / 2;
    const std::string name = fmt::format("conv{}", ++convolutions_);
    const graph::Value weights = weights_of(name, {outputs, inputs, kernel, kernel}, inputs * kernel * kernel);
    const graph::Value bias = graph_.constant(name + ".bias", normal({outputs}, 0.1F));
    return add(graph::Conv{.strides = {stride, stride}, .pads = {pad, pad, pad, pad}, .group = group},
               {last_, weights, bias}, name);
  }
  NetworkBuilder& relu() { return add(graph::Relu{}, {last_}); }
  NetworkBuilder& relu6() {
    if (!six_) {
      zero_ = graph_.constant("zero", Tensor::scalar(0.0F));
      six_ = graph_.constant("six", Tensor::scalar(6.0F));
    }
    return add(graph::Clip{}, {last_, *zero_, *six_});
  }
  NetworkBuilder& max_pool() {
    return add(graph::MaxPool{.kernel_shape = {3, 3}, .strides = {2, 2}, .pads = {1, 1, 1, 1}}, {last_});
  }
  /// Adds another value to the last one.
  NetworkBuilder& sum(graph::Value other) { return add(graph::Add{}, {last_, other}); }

  /// Goes on from another value; the one that was last.
  graph::Value from(graph::Value value) { return std::exchange(last_, value); }

  /// Averages images and tells classes from them; the network.
  graph::Graph classifier(Index classes) {
    add(graph::GlobalAveragePool{}, {last_});
    add(graph::Flatten{}, {last_});
    const Index features = channels();
    const graph::Value weights = weights_of("classifier", {classes, features}, features);
    const graph::Value bias = graph_.constant("classifier.bias", normal({classes}, 0.1F));
    add(graph::Gemm{.trans_b = true}, {last_, weights, bias}, "classifier");
    graph_.output(last_, "logits");
    return std::move(graph_);
  }

 private:
  NetworkBuilder& add(graph::Operator op, std::vector<graph::Value> inputs, const std::string& name = {}) {
    last_ = graph_.add(std::move(op), std::move(inputs), name);
    return *this;
  }

  Tensor normal(const Shape& shape, float deviation) {
    Tensor tensor(DataType::float32, shape);
    for (float& value : tensor.mutable_values<float>()) value = deviation * random_.normal();
    return tensor;
  }

  /// Weights that keep the variance of activations behind a Relu (He et al., "Delving deep into rectifiers", ICCV
  /// 2015).
  graph::Value weights_of(const std::string& name, const Shape& shape, Index fan_in) {
    return graph_.constant(name + ".weight", normal(shape, std::sqrt(2.0F / static_cast<float>(fan_in))));
  }

  graph::Graph graph_;
  Random random_{1};
  graph::Value last_;
  int convolutions_ = 0;
  std::optional<graph::Value> zero_;
  std::optional<graph::Value> six_;
};

/// MobileNetV2 of width 1 (Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", CVPR 2018, table
/// 2).
inline graph::Graph mobilenet_v2(Index size = 224) {
  struct Stage {
    Index expansion;
    Index outputs;
    int blocks;
    Index stride;
  };
  constexpr std::array<Stage, 7> kStages{
      {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}}};
  NetworkBuilder network(size);
  network.convolution(32, 3, 2).relu6();
  for (const Stage& stage : kStages) {
    for (int block = 0; block < stage.blocks; ++block) {
      const graph::Value input = network.last();
      const Index inputs = network.channels();
      const Index stride = block == 0 ? stage.stride : 1;
      if (stage.expansion > 1) network.convolution(inputs * stage.expansion, 1).relu6();
      network.convolution(network.channels(), 3, stride, network.channels()).relu6();
      network.convolution(stage.outputs, 1);
      if (stride == 1 && inputs == stage.outputs) network.sum(input);
    }
  }
  network.convolution(1280, 1).relu6();
  return network.classifier(1000);
}

/// ResNet-18 (He et al., "Deep residual learning for image recognition", CVPR 2016, table 1).
inline graph::Graph resnet18(Index size = 224) {
  NetworkBuilder network(size);
  network.convolution(64, 7, 2).relu().max_pool();
  for (const Index outputs : {64, 128, 256, 512}) {
    for (int block = 0; block < 2; ++block) {
      const Index stride = block == 0 && outputs > 64 ? 2 : 1;
      graph::Value shortcut = network.last();
      network.convolution(outputs, 3, stride).relu().convolution(outputs, 3);
      if (stride != 1) {
        const graph::Value residual = network.from(shortcut);
        network.convolution(outputs, 1, stride);
        shortcut = network.from(residual);
      }
      network.sum(shortcut).relu();
    }
  }
  return network.classifier(1000);
}

}  // namespace condense::benchmarks

#endif
