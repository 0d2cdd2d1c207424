// ONNX Runtime: models of one node, weights as constants, so that it packs them beforehand. Nothing keeps it to an
// instruction set. It quantises float rows for 8-bit weights with one range for all of them, those for 4-bit weights in
// blocks of 32.

#include <fmt/format.h>

#include <memory>

#include "condense/io/onnx/model_file.hpp"
#include "onnxruntime_session.hpp"
#include "product_peer.hpp"

namespace condense::benchmarks {
namespace {

/// A constant of `count` elements that are there already.
template <class T>
Tensor constant(const Shape& shape, const T* elements) {
  return Tensor::of<T>(shape, std::span(elements, static_cast<std::size_t>(shape.count())));
}

/// Weights (n x k) as ONNX wants them, (k x n).
template <class T>
Tensor transposed(const Product& p) {
  const auto* weights = static_cast<const T*>(p.weights);
  Tensor result(data_type_of<T>, {p.k, p.n});
  T* to = result.mutable_data<T>();
  for (Index k = 0; k < p.k; ++k) {
    for (Index n = 0; n < p.n; ++n) *to++ = weights[n * p.k + k];
  }
  return result;
}

/// Codes of 4 bits with a zero point of 8, the lower of two in the lower nibble.
Tensor nibbles(const Product& p) {
  const auto* codes = static_cast<const std::int8_t*>(p.weights);
  Tensor result(DataType::uint8, {p.n, p.k / kGroupSize, kGroupSize / 2});
  std::uint8_t* to = result.mutable_data<std::uint8_t>();
  for (Index i = 0; i < p.n * p.k; i += 2) {
    *to++ = static_cast<std::uint8_t>((codes[i] + 8) | (codes[i + 1] + 8) << 4);
  }
  return result;
}

struct Types {
  DataType input;
  DataType output;
};

Types types_of(Work work) {
  switch (work) {
    case Work::sums: return {DataType::uint8, DataType::int32};
    case Work::signed_sums: return {DataType::int8, DataType::int32};
    case Work::requantized: return {DataType::uint8, DataType::uint8};
    default: return {DataType::float32, DataType::float32};
  }
}

/// The weights, other constants, and the node that takes "input" to "output".
void add_product(const Product& p, io::onnx::Graph& graph) {
  const auto add = [&](io::onnx::Node node, std::vector<std::pair<std::string, Tensor>> constants) {
    node.outputs = {"output"};
    graph.nodes = {std::move(node)};
    graph.initializers = std::move(constants);
  };
  if (p.work == Work::floats) {
    return add({.type = "MatMul", .inputs = {"input", "weights"}}, {{"weights", transposed<float>(p)}});
  }
  if (p.work == Work::int4_groups) {
    constexpr std::int64_t kMultiplyIntegers = 4;
    return add({.type = "MatMulNBits",
                .domain = "com.microsoft",
                .inputs = {"input", "weights", "scales"},
                .attributes = {{"K", std::int64_t{p.k}},
                               {"N", std::int64_t{p.n}},
                               {"bits", std::int64_t{4}},
                               {"block_size", std::int64_t{kGroupSize}},
                               {"accuracy_level", kMultiplyIntegers}}},
               {{"weights", nibbles(p)}, {"scales", constant({p.n, p.k / kGroupSize}, p.multipliers)}});
  }
  const Tensor weights = transposed<std::int8_t>(p);
  if (p.work == Work::dynamic) {
    return add({.type = "DynamicQuantizeMatMul", .domain = "com.microsoft", .inputs = {"input", "weights", "scales"}},
               {{"weights", weights}, {"scales", constant({p.n}, p.multipliers)}});
  }
  if (p.work == Work::requantized) {
    return add(
        {.type = "QLinearMatMul", .inputs = {"input", "one", "zero", "weights", "scales", "zeros", "one", "zero"}},
        {{"weights", weights},
         {"one", Tensor::of<float>({}, {1})},
         {"zero", Tensor(DataType::uint8, {})},
         {"scales", constant({p.n}, p.multipliers)},
         {"zeros", Tensor(DataType::int8, {p.n})}});
  }
  add({.type = "MatMulInteger", .inputs = {"input", "weights"}}, {{"weights", weights}});
}

io::onnx::ValueInfo value(const std::string& name, DataType type, const Shape& shape) {
  std::vector<io::onnx::Dimension> dimensions;
  for (const Index extent : shape) dimensions.push_back({.extent = extent});
  return {.name = name, .type = type, .shape = dimensions};
}

Prepared prepare(const Product& p) {
  const Types types = types_of(p.work);
  const Shape input{p.m, p.k};
  const Shape output{p.m, p.n};
  io::onnx::Model model{.ir_version = 8, .operator_sets = {{"", 17}, {"com.microsoft", 1}}};
  model.graph.name = "product";
  model.graph.inputs = {value("input", types.input, input)};
  model.graph.outputs = {value("output", types.output, output)};
  add_product(p, model.graph);
  const auto session = std::make_shared<OnnxSession>(*OnnxRuntime::find(), io::onnx::serialize_model(model), p.threads);
  session->bind_input("input", types.input, input, p.input);
  session->bind_output("output", types.output, output, p.output);
  return {.run = [session] { session->run(); }, .collect = {}};
}

[[maybe_unused]] const bool kRegistered = [] {
  const OnnxRuntime* runtime = OnnxRuntime::find();
  if (runtime != nullptr) {
    competitors<Product>().push_back({.name = "ONNX Runtime " + runtime->version(),
                                      .limit_to = [](std::string_view) { return false; },
                                      .prepare = prepare});
  }
  return runtime != nullptr;
}();

}  // namespace
}  // namespace condense::benchmarks
