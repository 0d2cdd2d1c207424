// ONNX Runtime: models of one node, weights as constants, so that it packs them beforehand. Nothing keeps it to an
// instruction set. It quantises float rows for 8-bit weights with one range for all of them, those for 4-bit weights in
// blocks of 32.

#include <fmt/format.h>

#include <memory>

#include "onnxruntime_session.hpp"
#include "product_peer.hpp"

namespace condense::benchmarks {
namespace {

/// Weights (n x k) as ONNX wants them, (k x n).
template <class T>
std::vector<T> transposed(const Product& p) {
  const auto* weights = static_cast<const T*>(p.weights);
  std::vector<T> result;
  result.reserve(static_cast<std::size_t>(p.n * p.k));
  for (Index k = 0; k < p.k; ++k) {
    for (Index n = 0; n < p.n; ++n) result.push_back(weights[n * p.k + k]);
  }
  return result;
}

/// Codes of 4 bits with a zero point of 8, the lower of two in the lower nibble.
std::vector<std::uint8_t> nibbles(const Product& p) {
  const auto* codes = static_cast<const std::int8_t*>(p.weights);
  std::vector<std::uint8_t> result;
  for (Index i = 0; i < p.n * p.k; i += 2) {
    result.push_back(static_cast<std::uint8_t>((codes[i] + 8) | (codes[i + 1] + 8) << 4));
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
void add_product(const Product& p, OnnxModel& model) {
  const Shape shape{p.k, p.n};
  if (p.work == Work::floats) {
    model.add_constant("weights", DataType::float32, shape, transposed<float>(p).data());
    model.add_node({.operation = "MatMul", .inputs = {"input", "weights"}, .outputs = {"output"}});
    return;
  }
  if (p.work == Work::int4_groups) {
    const Index groups = p.k / kGroupSize;
    model.add_constant("weights", DataType::uint8, {p.n, groups, kGroupSize / 2}, nibbles(p).data());
    model.add_constant("scales", DataType::float32, {p.n, groups}, p.multipliers);
    constexpr std::int64_t kMultiplyIntegers = 4;
    model.add_node({.operation = "MatMulNBits",
                    .inputs = {"input", "weights", "scales"},
                    .outputs = {"output"},
                    .attributes = {{"K", p.k},
                                   {"N", p.n},
                                   {"bits", std::int64_t{4}},
                                   {"block_size", std::int64_t{kGroupSize}},
                                   {"accuracy_level", kMultiplyIntegers}},
                    .domain = "com.microsoft"});
    return;
  }
  model.add_constant("weights", DataType::int8, shape, transposed<std::int8_t>(p).data());
  if (p.work == Work::dynamic) {
    model.add_constant("scales", DataType::float32, {p.n}, p.multipliers);
    model.add_node({.operation = "DynamicQuantizeMatMul",
                    .inputs = {"input", "weights", "scales"},
                    .outputs = {"output"},
                    .domain = "com.microsoft"});
  } else if (p.work == Work::requantized) {
    constexpr float kOne = 1;
    constexpr std::uint8_t kZero = 0;
    model.add_constant("one", DataType::float32, {}, &kOne);
    model.add_constant("zero", DataType::uint8, {}, &kZero);
    model.add_constant("scales", DataType::float32, {p.n}, p.multipliers);
    model.add_constant("zeros", DataType::int8, {p.n},
                       std::vector<std::int8_t>(static_cast<std::size_t>(p.n), 0).data());
    model.add_node({.operation = "QLinearMatMul",
                    .inputs = {"input", "one", "zero", "weights", "scales", "zeros", "one", "zero"},
                    .outputs = {"output"}});
  } else {
    model.add_node({.operation = "MatMulInteger", .inputs = {"input", "weights"}, .outputs = {"output"}});
  }
}

Prepared prepare(const Product& p) {
  const Types types = types_of(p.work);
  const Shape input{p.m, p.k};
  const Shape output{p.m, p.n};
  OnnxModel model;
  model.add_input("input", types.input, input);
  model.add_output("output", types.output, output);
  add_product(p, model);
  const auto session = std::make_shared<OnnxSession>(*OnnxRuntime::find(), model.serialized(), p.threads);
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
