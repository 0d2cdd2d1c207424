#ifndef CONDENSE_TESTS_TRAIN_TINY_TASK_HPP
#define CONDENSE_TESTS_TRAIN_TINY_TASK_HPP

#include <string>

#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/batch_normalization.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/flatten.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/max_pool.hpp"
#include "condense/graph/operators/relu.hpp"
#include "condense/train/fit.hpp"

namespace condense::train::testing {

/// Images (1 x 6 x 6) of noise with a bright bar whose place and direction is the class, one of 4.
inline Dataset bars(Index count, std::uint64_t seed) {
  Dataset data{Tensor(DataType::float32, {count, 1, 6, 6}), Tensor(DataType::int64, {count})};
  float* image = data.inputs.mutable_data<float>();
  Random random(seed);
  for (std::int64_t& label : data.targets.mutable_values<std::int64_t>()) {
    label = random.below(4);
    const Index place = label % 2 == 0 ? 1 : 4;
    for (Index i = 0; i < 36; ++i) {
      const bool lit = (label < 2 ? i / 6 : i % 6) == place;
      image[i] = 0.3F * random.normal() + (lit ? 1.0F : 0.0F);
    }
    image += 36;
  }
  return data;
}

/// A network of every kind of layer that training treats on its own: convolution, batch normalisation, a depthwise
/// convolution with a skip connection, pooling, and a classifier.
inline graph::Graph small_network(std::uint64_t seed) {
  graph::Graph g;
  const auto constant = [&](const std::string& name, const Shape& shape) {
    return g.constant(name, Tensor(DataType::float32, shape));
  };
  const auto normalized = [&](graph::Value x, const std::string& name) {
    return g.add(graph::BatchNormalization{},
                 {x, constant(name + ".scale", {6}), constant(name + ".bias", {6}), constant(name + ".mean", {6}),
                  constant(name + ".variance", {6})},
                 name);
  };
  graph::Value x = g.input("images", DataType::float32, {kDynamic, 1, 6, 6});
  x = g.add(graph::Conv{.pads = {1, 1, 1, 1}}, {x, constant("stem.weight", {6, 1, 3, 3})});
  x = g.add(graph::Relu{}, {normalized(x, "stem.norm")});
  const graph::Value y =
      g.add(graph::Conv{.pads = {1, 1, 1, 1}, .group = 6}, {x, constant("depth.weight", {6, 1, 3, 3})});
  x = g.add(graph::Relu{}, {g.add(graph::Add{}, {normalized(y, "depth.norm"), x})});
  x = g.add(graph::Flatten{}, {g.add(graph::MaxPool{.kernel_shape = {2, 2}, .strides = {2, 2}}, {x})});
  g.output(g.add(graph::Gemm{.trans_b = true}, {x, constant("fc.weight", {4, 54}), constant("fc.bias", {4})}),
           "logits");
  return initialize(g, seed);
}

/// True if all constants of two graphs of one structure have the same bytes.
inline bool same_constants(const graph::Graph& a, const graph::Graph& b) {
  if (a.value_count() != b.value_count()) return false;
  for (int i = 0; i < a.value_count(); ++i) {
    if (a.is_constant({i}) && !(a.constant({i}) == b.constant({i}))) return false;
  }
  return true;
}

}  // namespace condense::train::testing

#endif
