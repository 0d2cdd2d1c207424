#ifndef CONDENSE_TESTS_COMPRESS_QUANTIZED_HPP
#define CONDENSE_TESTS_COMPRESS_QUANTIZED_HPP

#include <optional>

#include "compress/networks.hpp"
#include "condense/compress/post_training.hpp"

namespace condense::compress {

/// `post_training` and the runtime, compiled once for all tests of the room.
PostTrainingResult quantized(const graph::Graph& graph, std::span<const Batch> batches,
                             const PostTrainingConfig& config = {});
std::vector<Tensor> run_compiled(const graph::Graph& graph, std::span<const Tensor> inputs, int threads = 1);

/// The same with random calibration data.
inline PostTrainingResult quantized(const graph::Graph& graph, const PostTrainingConfig& config = {}) {
  return quantized(graph, random_batches(graph), config);
}

/// Every weight in one format.
inline PostTrainingConfig with_weights(const std::string& format) {
  PostTrainingConfig config;
  config.weights.default_format = quantize::NumberFormat::parse(format);
  return config;
}

/// What a Q or DQ node says, per tensor.
struct Parameters {
  float scale = 0;
  std::int32_t zero_point = 0;
  DataType type = DataType::float32;

  friend bool operator==(const Parameters&, const Parameters&) = default;
};

/// Reads the Q/DQ nodes of a graph. It shares nothing with the code that writes or compiles them.
class QuantizedGraph {
 public:
  explicit QuantizedGraph(const graph::Graph& graph)
      : graph_(graph), producers_(graph.producers()), consumers_(graph.consumers()) {}

  const graph::Graph& graph() const { return graph_; }
  const graph::Node* find(const std::string& name) const {
    const auto found = std::ranges::find(graph_.nodes(), name, &graph::Node::name);
    return found == graph_.nodes().end() ? nullptr : &*found;
  }
  const graph::Node& node(const std::string& name) const {
    const graph::Node* found = find(name);
    require(found != nullptr, "no node '{}'", name);
    return *found;
  }
  const graph::Node* producer(graph::Value value) const {
    const int index = value.exists() ? producers_[static_cast<std::size_t>(value.index)] : -1;
    return index < 0 ? nullptr : &graph_.nodes()[static_cast<std::size_t>(index)];
  }
  std::vector<const graph::Node*> consumers(graph::Value value) const {
    std::vector<const graph::Node*> result;
    for (const int i : consumers_[static_cast<std::size_t>(value.index)]) {
      result.push_back(&graph_.nodes()[static_cast<std::size_t>(i)]);
    }
    return result;
  }

  /// The DequantizeLinear behind input i of a node, null if there is none.
  const graph::Node* dequantize(const std::string& name, std::size_t i) const {
    const graph::Node& reader = node(name);
    const graph::Node* made_by = i < reader.inputs.size() ? producer(reader.inputs[i]) : nullptr;
    return made_by != nullptr && made_by->op.is<graph::DequantizeLinear>() ? made_by : nullptr;
  }

  /// The parameters of the activation that a node reads as input i.
  std::optional<Parameters> read(const std::string& name, std::size_t i = 0) const {
    const graph::Node* made_by = dequantize(name, i);
    return made_by == nullptr || graph_.is_constant(made_by->inputs[0]) ? std::nullopt : parameters(*made_by);
  }

  /// The parameters with which a node's result, or the first input of the graph, is quantised.
  std::optional<Parameters> made(const std::string& name) const { return quantization(node(name).outputs[0]); }
  std::optional<Parameters> made_from_input() const { return quantization(graph_.inputs()[0]); }

  /// The constant behind input `part` (0 codes, 1 scale, 2 zero point) of the dequantisation of input i; null if
  /// absent.
  const Tensor* stored(const std::string& name, std::size_t i, std::size_t part) const {
    const graph::Node* made_by = dequantize(name, i);
    return made_by == nullptr || part >= made_by->inputs.size() ? nullptr : graph_.constant_if(made_by->inputs[part]);
  }

 private:
  std::optional<Parameters> quantization(graph::Value value) const {
    for (const graph::Node* reader : consumers(value)) {
      if (reader->op.is<graph::QuantizeLinear>()) return parameters(*reader);
    }
    return {};
  }

  std::optional<Parameters> parameters(const graph::Node& node) const {
    const Tensor& scale = graph_.constant(node.inputs.at(1));
    const Tensor& zero = graph_.constant(node.inputs.at(2));
    if (scale.count() != 1 || zero.count() != 1) return {};
    const bool is_signed = zero.type() == DataType::int8;
    const std::int32_t point = is_signed ? zero.data<std::int8_t>()[0] : zero.data<std::uint8_t>()[0];
    return Parameters{scale.data<float>()[0], point, zero.type()};
  }

  const graph::Graph& graph_;
  std::vector<int> producers_;
  std::vector<std::vector<int>> consumers_;
};

/// What the coverage says of a node.
inline const NodeCoverage& coverage_of(const PostTrainingResult& result, const std::string& name) {
  const auto found = std::ranges::find(result.coverage.nodes, name, &NodeCoverage::node);
  require(found != result.coverage.nodes.end(), "the coverage has no node '{}'", name);
  return *found;
}

}  // namespace condense::compress

#endif
