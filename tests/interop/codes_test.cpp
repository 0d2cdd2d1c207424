// The 8-bit codes behind every QuantizeLinear of a quantised model, in ONNX Runtime, in the reference semantics and in
// the compiled program: whatever differs is a tie that floats round to either side.
#include <cmath>

#include "condense/compress/post_training.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators.hpp"
#include "condense/graph/reference/codes.hpp"
#include "condense/runtime/compile.hpp"
#include "interop/onnxruntime.hpp"

namespace condense {
namespace {

using graph::Graph;
using graph::Node;
using graph::Value;

/// How far from a tie, in codes, a value may be and still be rounded to the other side: codes of up to 255 come from a
/// few operations in float32, each with an error of 2^-24 of its result.
constexpr double kNearTie = 1e-4;

/// The same for sums of two tensors in the compiled program, whose multipliers have 16 bits (docs/numerics.md): two
/// terms of up to 255 codes, each to 2^-17 of itself.
constexpr double kNearTieOfSums = 0x1p-8;

std::vector<std::int32_t> codes_of(const Tensor& tensor) {
  std::vector<std::int32_t> codes;
  graph::reference::with_codes(tensor.type(), [&]<class Code>() {
    for (Index i = 0; i < tensor.count(); ++i) codes.push_back(Code::load(tensor.raw(), i));
  });
  return codes;
}

Tensor in_double(const Tensor& tensor) {
  if (tensor.type() != DataType::float32) return tensor;
  Tensor result(DataType::float64, tensor.shape());
  std::ranges::copy(tensor.values<float>(), result.mutable_data<double>());
  return result;
}

/// The part of a graph between a QuantizeLinear and the codes and inputs that it is computed from.
class Layer {
 public:
  std::vector<Value> sources;  ///< In the whole graph: inputs of the layer, in their order.

  Layer(const Graph& whole, const Node& quantize) : whole_(whole), producers_(whole.producers()) {
    const Value x = value_of(quantize.inputs[0]);
    real = x;
    graph.output(graph.add(quantize.op, {x, value_of(quantize.inputs[1]), value_of(quantize.inputs[2])}, quantize.name),
                 "codes");
  }

  /// What QuantizeLinear rounds, in codes and without the zero point, computed in double throughout.
  std::vector<double> exact(const std::vector<Tensor>& inputs) const {
    std::vector<std::optional<Tensor>> values(static_cast<std::size_t>(graph.value_count()));
    const auto at = [&](Value value) -> std::optional<Tensor>& {
      return values[static_cast<std::size_t>(value.index)];
    };
    for (std::size_t i = 0; i < inputs.size(); ++i) at(graph.inputs()[i]) = in_double(inputs[i]);
    const auto get = [&](Value value) -> const Tensor& {
      if (!at(value)) at(value) = in_double(graph.constant(value));
      return *at(value);
    };
    for (const Node& node : graph.nodes()) {
      if (node.op.is<graph::QuantizeLinear>()) break;
      if (const auto* dequantize = node.op.get_if<graph::DequantizeLinear>()) {
        at(node.outputs[0]) = dequantized(*dequantize, node, get(node.inputs[0]));
        continue;
      }
      std::vector<const Tensor*> arguments;
      for (const Value input : node.inputs) arguments.push_back(input.exists() ? &get(input) : nullptr);
      at(node.outputs[0]) = graph::evaluate_node(node, arguments).front();
    }
    const auto scale = static_cast<double>(graph.constant(graph.nodes().back().inputs[1]).data<float>()[0]);
    std::vector<double> result;
    for (const double value : get(real).values<double>()) result.push_back(value / scale);
    return result;
  }

  bool has_sum() const {
    return std::ranges::any_of(graph.nodes(), [](const Node& node) { return node.op.is<graph::Add>(); });
  }

  Graph graph;

 private:
  Value value_of(Value value) {
    if (!value.exists()) return value;
    if (const auto found = values_.find(value); found != values_.end()) return found->second;
    const int producer = producers_[static_cast<std::size_t>(value.index)];
    const bool is_source =
        producer < 0 || whole_.nodes()[static_cast<std::size_t>(producer)].op.is<graph::QuantizeLinear>();
    Value own;
    if (const Tensor* constant = whole_.constant_if(value)) {
      own = graph.constant(whole_.name(value), *constant);
    } else if (is_source) {
      own = graph.input(whole_.name(value), whole_.type(value).type, whole_.type(value).shape);
      sources.push_back(value);
    } else {
      const Node& node = whole_.nodes()[static_cast<std::size_t>(producer)];
      std::vector<Value> inputs;
      for (const Value input : node.inputs) inputs.push_back(value_of(input));
      own = graph.add(node.op, std::move(inputs), node.name);
    }
    values_.emplace(value, own);
    return own;
  }

  /// (code - zero point) * scale, of scales along an axis at most.
  Tensor dequantized(const graph::DequantizeLinear& op, const Node& node, const Tensor& codes) const {
    const Tensor& scales = graph.constant(node.inputs[1]);
    const auto layout = graph::reference::scale_layout(codes.shape(), scales.shape(), 1, op.axis, op.block_size);
    std::vector<std::int32_t> zero_points(static_cast<std::size_t>(scales.count()), 0);
    const bool has_zero_point = node.inputs.size() > 2 && codes.type() != DataType::int32;
    if (has_zero_point) zero_points = codes_of(graph.constant(node.inputs[2]));
    Tensor result(DataType::float64, codes.shape());
    const auto fill = [&](auto&& code) {
      graph::reference::for_each_element(layout, codes.count(), ThreadPool{}, [&](Index i, Index scale) {
        result.mutable_data<double>()[i] =
            (static_cast<double>(code(i)) - zero_points[static_cast<std::size_t>(scale)]) *
            static_cast<double>(scales.data<float>()[scale]);
      });
    };
    if (codes.type() == DataType::int32) {
      fill([&](Index i) { return codes.data<std::int32_t>()[i]; });
    } else {
      const std::vector<std::int32_t> all = codes_of(codes);
      fill([&](Index i) { return all[static_cast<std::size_t>(i)]; });
    }
    return result;
  }

  const Graph& whole_;
  std::vector<int> producers_;
  std::map<Value, Value> values_;
  Value real;
};

/// Elements whose codes differ, and the worst of them.
struct Differences {
  Index elements = 0;
  int layers = 0;
  double farthest = 0;  ///< From a tie, in codes.

  void add(const std::string& layer, const Tensor& ours, const Tensor& theirs, const std::vector<double>& exact,
           double near_tie) {
    const std::vector<std::int32_t> a = codes_of(ours);
    const std::vector<std::int32_t> b = codes_of(theirs);
    const Index before = elements;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i] == b[i]) continue;
      ++elements;
      EXPECT_EQ(std::abs(a[i] - b[i]), 1) << layer << " " << i;
      const double from_tie = std::abs(std::abs(exact[i] - std::floor(exact[i])) - 0.5);
      EXPECT_LT(from_tie, near_tie) << layer << " " << i << ": " << exact[i];
      farthest = std::max(farthest, from_tie);
    }
    layers += elements > before ? 1 : 0;
  }
};

class Codes : public testing::TestWithParam<RealModel> {};

TEST_P(Codes, DifferFromOnnxRuntimesAtTiesOnly) {
  const RealModel& model = GetParam();
  CONDENSE_NEEDS(model);
  const Graph original =
      io::onnx::import_graph(io::onnx::read_model(*model.file()), model.path, {.example_shapes = model.shapes});
  std::vector<compress::Batch> batches;
  for (std::uint64_t seed = 2; seed < 10; ++seed) batches.push_back(model.inputs(original, seed));
  Graph whole = compress::post_training(original, batches).graph;
  std::vector<Node> quantizers;
  for (const Node& node : whole.nodes()) {
    if (!node.op.is<graph::QuantizeLinear>()) continue;
    quantizers.push_back(node);
  }
  const std::size_t own_outputs = whole.outputs().size();
  for (const Node& node : quantizers) whole.output(node.outputs[0]);
  const std::vector<Tensor> inputs = model.inputs(whole);
  const std::vector<Tensor> evaluated = graph::evaluate(whole, inputs);
  runtime::Program program = runtime::compile(whole);
  if (program.backend() == "avx2") {
    GTEST_SKIP() << "without VNNI ONNX Runtime adds products of uint8 and int8 in 16 bits, which saturate";
  }
  const std::vector<Tensor> compiled = program.run(inputs);
  const std::vector<Tensor> peer = run_in_onnxruntime(io::onnx::export_model(whole), whole, inputs, evaluated);

  // Each layer by itself, from the codes that ONNX Runtime gives it.
  std::map<Value, Tensor> sources;
  for (std::size_t i = 0; i < inputs.size(); ++i) sources.emplace(whole.inputs()[i], inputs[i]);
  for (std::size_t i = 0; i < peer.size(); ++i) sources.emplace(whole.outputs()[i], peer[i]);
  Differences of_reference;
  Differences of_program;
  Index elements = 0;
  Index through = 0;  // that differ when the program runs its layers one after another
  for (std::size_t q = 0; q < quantizers.size(); ++q) {
    const Layer layer(whole, quantizers[q]);
    std::vector<Tensor> given;
    for (const Value source : layer.sources) given.push_back(sources.at(source));
    const std::vector<double> exact = layer.exact(given);
    const Tensor& theirs = peer[own_outputs + q];
    of_reference.add(quantizers[q].name, graph::evaluate(layer.graph, given).at(0), theirs, exact, kNearTie);
    of_program.add(quantizers[q].name, runtime::compile(layer.graph).run(given).at(0), theirs, exact,
                   layer.has_sum() ? kNearTieOfSums : kNearTie);
    elements += theirs.count();
    const std::vector<std::int32_t> a = codes_of(compiled[own_outputs + q]);
    const std::vector<std::int32_t> b = codes_of(theirs);
    for (std::size_t i = 0; i < a.size(); ++i) through += a[i] != b[i] ? 1 : 0;
  }
  fmt::print(
      "{}: {} codes in {} layers; of the reference {} differ, in {} layers, at most {:.1e} from a tie; of the program "
      "{}, in {} layers, at most {:.1e}; {} when layers run one after another\n",
      model.path, elements, quantizers.size(), of_reference.elements, of_reference.layers, of_reference.farthest,
      of_program.elements, of_program.layers, of_program.farthest, through);
  EXPECT_LE(of_reference.elements + of_program.elements, elements / 1000);
}

INSTANTIATE_TEST_SUITE_P(, Codes, testing::ValuesIn(quantized_models()),
                         [](const auto& test) { return test.param.test_name(); });

}  // namespace
}  // namespace condense
