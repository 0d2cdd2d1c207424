#ifndef CONDENSE_TESTS_COMPRESS_TRANSFORMER_HPP
#define CONDENSE_TESTS_COMPRESS_TRANSFORMER_HPP

#include "compress/networks.hpp"

namespace condense::compress {

/// An encoder block as exporters write it: layer normalisation, queries, keys and values from one product each, two
/// heads, a residual sum, and a perceptron with Gelu. `tokens` and `width` of the sequences.
class TransformerBlock {
 public:
  explicit TransformerBlock(Index tokens = 6, Index width = 16, std::uint64_t seed = 11)
      : tokens_(tokens), width_(width), random_(seed) {}

  graph::Graph build(int blocks = 1) {
    Value x = graph_.input("x", DataType::float32, {kDynamic, tokens_, width_});
    for (int i = 0; i < blocks; ++i) x = block(x, fmt::format("{}.", i));
    graph_.output(normalized(x, "last"), "y");
    return graph_;
  }

 private:
  using Value = graph::Value;

  Value normal(const std::string& name, const Shape& shape, float deviation, float mean = 0) {
    Tensor tensor(DataType::float32, shape);
    for (float& value : tensor.mutable_values<float>()) value = mean + deviation * random_.normal();
    return graph_.constant(name, std::move(tensor));
  }

  Value normalized(Value x, const std::string& name) {
    return graph_.add(graph::LayerNormalization{},
                      {x, normal(name + ".gain", {width_}, 0.1F, 1), normal(name + ".shift", {width_}, 0.1F)}, name);
  }

  /// x * weights + bias.
  Value dense(Value x, const std::string& name, Index outputs) {
    const Index inputs = graph_.type(x).shape[2];
    const float deviation = 1 / std::sqrt(static_cast<float>(inputs));
    const Value product =
        graph_.add(graph::MatMul{}, {x, normal(name + ".weight", {inputs, outputs}, deviation)}, name);
    return graph_.add(graph::Add{}, {normal(name + ".bias", {outputs}, 0.1F), product}, name + ".sum");
  }

  /// (batch, tokens, width) -> (batch, heads, tokens, size) in another order.
  Value heads(Value x, const std::string& name, std::vector<Index> perm) {
    const Value shape =
        graph_.constant(name + ".shape", Tensor::of<std::int64_t>({4}, {0, tokens_, kHeads, width_ / kHeads}));
    const Value split = graph_.add(graph::Reshape{}, {x, shape}, name + ".split");
    return graph_.add(graph::Transpose{.perm = std::move(perm)}, {split}, name + ".heads");
  }

  Value block(Value x, const std::string& name) {
    const Value in = normalized(x, name + "norm1");
    const Value q = heads(dense(in, name + "q", width_), name + "q", {0, 2, 1, 3});
    const Value k = heads(dense(in, name + "k", width_), name + "k", {0, 2, 3, 1});
    const Value v = heads(dense(in, name + "v", width_), name + "v", {0, 2, 1, 3});
    const Value root = graph_.constant(name + "root", Tensor::scalar(std::sqrt(static_cast<float>(width_ / kHeads))));
    const Value products = graph_.add(graph::MatMul{}, {q, k}, name + "scores");
    const Value scores = graph_.add(graph::Div{}, {products, root}, name + "scaled");
    const Value shares = graph_.add(graph::Softmax{}, {scores}, name + "softmax");
    const Value mixed = graph_.add(graph::MatMul{}, {shares, v}, name + "mix");
    const Value ordered = graph_.add(graph::Transpose{.perm = {0, 2, 1, 3}}, {mixed}, name + "order");
    const Value shape = graph_.constant(name + "joined", Tensor::of<std::int64_t>({3}, {0, tokens_, width_}));
    const Value joined = graph_.add(graph::Reshape{}, {ordered, shape}, name + "join");
    const Value attended = graph_.add(graph::Add{}, {x, dense(joined, name + "out", width_)}, name + "residual1");
    const Value hidden = dense(normalized(attended, name + "norm2"), name + "up", 4 * width_);
    const Value active = graph_.add(graph::Gelu{}, {hidden}, name + "gelu");
    return graph_.add(graph::Add{}, {attended, dense(active, name + "down", width_)}, name + "residual2");
  }

  static constexpr Index kHeads = 2;
  graph::Graph graph_;
  Index tokens_;
  Index width_;
  Random random_;
};

}  // namespace condense::compress

#endif
