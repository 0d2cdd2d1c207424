#ifndef CONDENSE_EXAMPLES_SUPPORT_FASHION_NETWORK_HPP
#define CONDENSE_EXAMPLES_SUPPORT_FASHION_NETWORK_HPP

#include <string>

#include "condense/graph/operators.hpp"

namespace examples {

/// Builds networks block by block. Weights are zeros until they are initialised or loaded.
class NetworkBuilder {
 public:
  explicit NetworkBuilder(const condense::Shape& input) {
    value_ = graph_.input("image", condense::DataType::float32, input);
    channels_ = input[1];
  }

  condense::graph::Value value() const { return value_; }

  /// Convolution, batch normalisation and, unless switched off, Relu.
  void convolution(const std::string& name, condense::Index channels, condense::Index kernel, condense::Index stride,
                   condense::Index group = 1, bool relu = true) {
    const condense::Index pad = kernel / 2;
    const auto weights = zeros(name + ".weight", {channels, channels_ / group, kernel, kernel});
    value_ =
        graph_.add(condense::graph::Conv{.strides = {stride, stride}, .pads = {pad, pad, pad, pad}, .group = group},
                   {value_, weights}, name);
    channels_ = channels;
    normalize(name + ".norm");
    if (relu) value_ = graph_.add(condense::graph::Relu{}, {value_}, name + ".relu");
  }

  /// A convolution with a bias, of the places where the kernel fits, and nothing after it.
  void plain_convolution(const std::string& name, condense::Index channels, condense::Index kernel) {
    const auto weights = zeros(name + ".weight", {channels, channels_, kernel, kernel});
    const auto bias = zeros(name + ".bias", {channels});
    value_ = graph_.add(condense::graph::Conv{}, {value_, weights, bias}, name);
    channels_ = channels;
  }

  /// The maximum of each 2 x 2 pixels.
  void max_pool() {
    value_ = graph_.add(condense::graph::MaxPool{.kernel_shape = {2, 2}, .strides = {2, 2}}, {value_});
  }

  /// A depthwise 3 x 3 convolution and a pointwise one.
  void separable(const std::string& name, condense::Index channels, condense::Index stride, bool relu = true) {
    convolution(name + ".depthwise", channels_, 3, stride, channels_);
    convolution(name + ".pointwise", channels, 1, 1, 1, relu);
  }

  /// A separable block that is added to its input.
  void residual(const std::string& name) {
    const condense::graph::Value input = value_;
    separable(name, channels_, 1, false);
    value_ = graph_.add(condense::graph::Add{}, {input, value_}, name + ".add");
    value_ = graph_.add(condense::graph::Relu{}, {value_}, name + ".relu");
  }

  void flatten() { value_ = graph_.add(condense::graph::Flatten{}, {value_}, "flatten"); }

  void fully_connected(const std::string& name, condense::Index outputs, bool relu) {
    const condense::Index inputs = graph_.type(value_).shape[1];
    const auto weights = zeros(name + ".weight", {outputs, inputs});
    const auto bias = zeros(name + ".bias", {outputs});
    value_ = graph_.add(condense::graph::Gemm{.trans_b = true}, {value_, weights, bias}, name);
    if (relu) value_ = graph_.add(condense::graph::Relu{}, {value_}, name + ".relu");
  }

  condense::graph::Graph finish(const std::string& output) {
    graph_.output(value_, output);
    return std::move(graph_);
  }

 private:
  condense::graph::Value zeros(const std::string& name, const condense::Shape& shape) {
    return graph_.constant(name, condense::Tensor(condense::DataType::float32, shape));
  }

  void normalize(const std::string& name) {
    std::vector<condense::graph::Value> inputs{value_};
    for (const char* part : {".scale", ".bias", ".mean", ".variance"})
      inputs.push_back(zeros(name + part, {channels_}));
    value_ = graph_.add(condense::graph::BatchNormalization{}, std::move(inputs), name);
  }

  condense::graph::Graph graph_;
  condense::graph::Value value_;
  condense::Index channels_ = 0;
};

/// The network of the main job: residual and depthwise-separable, 100,000 parameters, for 28 x 28 grey images of ten
/// kinds of clothing. One million multiply-accumulates an image.
inline condense::graph::Graph fashion_network() {
  NetworkBuilder network({condense::kDynamic, 1, 28, 28});
  network.convolution("stem", 16, 3, 1);
  network.separable("block1", 32, 2);  // 14 x 14
  network.residual("block2");
  network.separable("block3", 64, 2);  // 7 x 7
  network.residual("block4");
  network.separable("block5", 128, 2);  // 4 x 4
  network.flatten();
  network.fully_connected("hidden", 40, true);
  network.fully_connected("classifier", 10, false);
  return network.finish("logits");
}

}  // namespace examples

#endif
