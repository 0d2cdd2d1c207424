#include <gtest/gtest.h>

#include <map>

#include "condense/runtime/compile.hpp"
#include "support/backends.hpp"
#include "support/quantized_networks.hpp"

namespace condense::runtime {
namespace {

using graph::Graph;
using graph::Operator;
using graph::Value;

Tensor longs(std::initializer_list<std::int64_t> values) {
  return Tensor::of<std::int64_t>(Shape{static_cast<Index>(values.size())}, values);
}
Tensor none() { return Tensor(DataType::float32, Shape{0}); }

/// An operator that moves elements, with its inputs from 1 on.
struct MoveCase {
  Operator op;
  Shape shape;
  std::vector<Tensor> others = {};
};

std::vector<MoveCase> move_cases() {
  const graph::Resize floor{.coordinate_transformation_mode = graph::CoordinateTransformation::asymmetric,
                            .nearest_mode = graph::NearestMode::floor};
  return {
      {graph::Transpose{.perm = {0, 2, 3, 1}}, {2, 6, 5, 7}},
      {graph::Transpose{.perm = {0, 1, 3, 2}}, {1, 6, 5, 7}},
      {graph::Transpose{.perm = {3, 2, 1, 0}}, {2, 6, 5, 7}},
      {graph::Transpose{.perm = {0, 2, 1, 3}}, {1, 40, 70, 3}},
      {graph::Transpose{.perm = {0, 2, 1}}, {2, 33, 80}},
      {graph::Transpose{.perm = {2, 0, 3, 1, 4}}, {2, 3, 4, 2, 5}},
      {graph::Expand{}, {2, 6, 1, 1}, {longs({2, 6, 5, 4})}},
      {graph::Expand{}, {3, 1}, {longs({2, 1, 7})}},
      {graph::Tile{}, {2, 3, 4, 5}, {longs({1, 2, 1, 3})}},
      {graph::Slice{}, {2, 6, 8, 9}, {longs({1, -1}), longs({5, -10}), longs({1, 3}), longs({2, -2})}},
      {graph::Slice{}, {2, 6, 8, 9}, {longs({2}), longs({100}), longs({2})}},
      {graph::Split{.axis = 1}, {2, 9, 4, 5}, {longs({4, 2, 3})}},
      {graph::Split{.axis = -1}, {2, 4, 6}, {longs({1, 5})}},
      {graph::Gather{.axis = 1}, {2, 6, 4, 5}, {longs({5, 0, 0, -2})}},
      {graph::Gather{.axis = 2}, {2, 6, 4, 5}, {Tensor::scalar(std::int64_t{3})}},
      {graph::GatherElements{.axis = 0}, {3, 2}, {Tensor::of<std::int64_t>(Shape{2, 2}, {2, 0, 1, 1})}},
      {graph::GatherND{}, {3, 2, 4}, {Tensor::of<std::int64_t>(Shape{2, 2}, {2, 0, 1, 1})}},
      {graph::DepthToSpace{.blocksize = 2}, {2, 8, 3, 5}},
      {graph::DepthToSpace{.blocksize = 2, .mode = graph::DepthToSpaceMode::crd}, {1, 12, 3, 5}},
      {graph::SpaceToDepth{.blocksize = 3}, {1, 4, 6, 9}},
      {graph::Squeeze{}, {2, 6, 1, 5}, {longs({2})}},
      {graph::Unsqueeze{}, {2, 6, 5}, {longs({1, -1})}},
      {graph::Reshape{}, {2, 6, 4, 5}, {longs({2, 6, -1})}},
      {graph::Reshape{}, {2, 6, 4, 5}, {longs({4, -1})}},
      {graph::Flatten{}, {2, 6, 4, 5}},
      {graph::Pad{.mode = graph::PadMode::edge}, {2, 6, 4, 5}, {longs({0, 0, 1, 2, 0, 0, 3, 0})}},
      {graph::Pad{.mode = graph::PadMode::reflect}, {1, 300}, {longs({0, 7, 0, 60})}},
      {graph::Pad{.mode = graph::PadMode::wrap}, {2, 6, 4, 5}, {longs({0, 1, 1, 0, 0, 0, 1, 0})}},
      {graph::Pad{}, {2, 6, 4, 5}, {longs({0, 0, 1, 2, 0, 0, -1, 600})}},
      {graph::Pad{}, {2, 6, 4, 5}, {longs({0, 2, 0, 0, 1, 1, 0, 0})}},
      {floor, {2, 6, 4, 5}, {none(), Tensor::of<float>(Shape{4}, {1, 1, 2, 2})}},
      {graph::Resize{}, {1, 24, 7, 5}, {none(), none(), longs({1, 24, 10, 3})}},
      {graph::ReverseSequence{}, {4, 3, 2}, {longs({4, 2, 1})}},
  };
}

/// Programs for the backend under test.
class MoveProgram : public BackendTest<kernels::Layout> {
 protected:
  /// Compares a graph with its evaluation, bit by bit; returns how often each kernel runs.
  std::map<std::string, int> expect_same(const Graph& graph, const Tensor& x) const {
    Program program = compile(graph, {.input_shapes = {x.shape()}, .kernels = kernels()});
    const std::vector<Tensor> expected = graph::evaluate(graph, {x});
    for (const int threads : {1, 3}) {
      const std::vector<Tensor> actual = program.run({x}, ThreadPool(threads));
      for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(actual[i] == expected[i]) << "output " << i;
    }
    std::map<std::string, int> kernels;
    for (const StepInfo& step : program.steps()) ++kernels[step.kernel];
    return kernels;
  }
};
CONDENSE_TEST_ALL_BACKENDS(MoveProgram);

/// Adds the operator to a graph and makes its results outputs.
std::vector<Value> add_case(Graph& graph, const MoveCase& c, Value x) {
  std::vector<Value> inputs{x};
  for (const Tensor& other : c.others) {
    const bool is_absent = other.type() == DataType::float32 && other.count() == 0;
    inputs.push_back(is_absent ? graph::kNoValue : graph.constant(fmt::format("c{}", inputs.size()), other));
  }
  return graph.add_node(c.op, inputs).outputs;
}

std::string name_of(const MoveCase& c) { return fmt::format("{} of {}", c.op.type(), c.shape.to_string()); }

TEST_P(MoveProgram, MovesElementsOfEveryType) {
  Random random(1);
  for (const MoveCase& c : move_cases()) {
    for (const DataType type : {DataType::float32, DataType::uint8, DataType::int64, DataType::float16}) {
      SCOPED_TRACE(name_of(c) + std::string(" ") + std::string(name(type)));
      Graph graph;
      for (const Value result : add_case(graph, c, graph.input("x", type, c.shape))) graph.output(result);
      Tensor x(type, c.shape);
      for (std::size_t i = 0; i < x.bytes(); ++i) x.mutable_raw()[i] = static_cast<std::byte>(random.below(120));
      EXPECT_EQ(expect_same(graph, x)["reference"], 0);
    }
  }
}

/// Images that a convolution leaves channels last, with numbers whose sums are exact.
TEST_P(MoveProgram, TakesImagesAsTheyLie) {
  Random random(2);
  for (const MoveCase& c : move_cases()) {
    if (c.shape.rank() != 3 && c.shape.rank() != 4) continue;
    SCOPED_TRACE(name_of(c));
    Graph graph;
    const auto integers = [&](const Shape& shape) {
      Tensor tensor(DataType::float32, shape);
      for (float& value : tensor.mutable_values<float>()) value = static_cast<float>(random_integer(random, -9, 9));
      return tensor;
    };
    const Index channels = c.shape[1];
    const Shape pointwise = c.shape.rank() == 4 ? Shape{channels, channels, 1, 1} : Shape{channels, channels, 1};
    const Value x = graph.input("x", DataType::float32, c.shape);
    const Value image = graph.add(graph::Conv{}, {x, graph.constant("weights", integers(pointwise))});
    for (const Value result : add_case(graph, c, image)) {
      const Shape& shape = graph.type(result).shape;
      graph.output(result);
      if (shape.rank() != 4) continue;  // somebody who wants it channels last, too
      const Tensor weights = integers({3, shape[1], 1, 1});
      graph.output(graph.add(graph::Conv{}, {result, graph.constant(graph.unused_value_name("w"), weights)}));
    }
    EXPECT_EQ(expect_same(graph, integers(c.shape))["reference"], 0);
  }
}

TEST_P(MoveProgram, MovesCodesBetweenEqualQuantizations) {
  Random random(3);
  for (const MoveCase& c : move_cases()) {
    for (const bool is_signed : {false, true}) {
      SCOPED_TRACE(name_of(c));
      Graph graph;
      const Value scale = graph.constant("scale", Tensor::scalar(0.25F));
      const Value zero =
          graph.constant("zero", is_signed ? Tensor::scalar(std::int8_t{-3}) : Tensor::scalar(std::uint8_t{130}));
      const auto quantized = [&](Value x) {
        const Value codes = graph.add(graph::QuantizeLinear{}, {x, scale, zero});
        return graph.add(graph::DequantizeLinear{}, {codes, scale, zero});
      };
      const Value x = quantized(graph.input("x", DataType::float32, c.shape));
      for (const Value result : add_case(graph, c, x)) graph.output(quantized(result));
      Tensor input(DataType::float32, c.shape);
      for (float& value : input.mutable_values<float>()) value = random.uniform(-40, 40);
      EXPECT_EQ(expect_same(graph, input)["reference"], 0);
    }
  }
}

TEST(MoveProgram, PadsWithTheGivenNumber) {
  for (const float value : {2.5F, -1000.0F}) {
    Graph graph;
    const Value scale = graph.constant("scale", Tensor::scalar(0.5F));
    const Value zero = graph.constant("zero", Tensor::scalar(std::int8_t{-7}));
    const Value pads = graph.constant("pads", longs({1, 0, 0, 2}));
    const Value filled = graph.constant("filled", Tensor::scalar(value));
    const Value x = graph.input("x", DataType::float32, {3, 4});
    graph.output(graph.add(graph::Pad{}, {x, pads, filled}));
    const auto quantize = [&](Value real) { return graph.add(graph::QuantizeLinear{}, {real, scale, zero}); };
    const Value real = graph.add(graph::DequantizeLinear{}, {quantize(x), scale, zero});
    graph.output(quantize(graph.add(graph::Pad{}, {real, pads, filled})));
    Random random(4);
    const Tensor input = random_tensor({3, 4}, random);
    const std::vector<Tensor> expected = graph::evaluate(graph, {input});
    const std::vector<Tensor> actual = compile(graph).run({input});
    EXPECT_TRUE(actual[0] == expected[0]);
    EXPECT_TRUE(actual[1] == expected[1]);
  }
}

TEST(MoveProgram, LeavesWhereTheyLieElementsThatDoNotMove) {
  Graph graph;
  Value x = graph.input("x", DataType::float32, {1, 8, 1, 20});
  Random random(5);
  x = graph.add(graph::Conv{}, {x, graph.constant("weights", random_tensor({8, 8, 1, 1}, random))});
  x = graph.add(graph::Squeeze{}, {x, graph.constant("axes", longs({2}))});
  x = graph.add(graph::Transpose{.perm = {0, 2, 1}}, {x});
  graph.output(graph.add(graph::Relu{}, {x}));
  // Channels last the image is the transposed one already, without a step.
  const auto moves = [](const Program& program) {
    int count = 0;
    for (const StepInfo& step : program.steps()) count += step.operation == "Transpose" || step.operation == "Squeeze";
    return count;
  };
  EXPECT_EQ(moves(compile(graph)), 0);
}

TEST(MoveProgram, LeavesToTheOperatorWhatIsNotKnown) {
  Graph graph;
  const Value x = graph.input("x", DataType::float32, {5, 3});
  const Value rows = graph.input("rows", DataType::int64, {2});
  graph.output(graph.add(graph::Gather{}, {x, rows}));
  Random random(6);
  const std::vector<Tensor> inputs{random_tensor({5, 3}, random), longs({4, 1})};
  Program program = compile(graph);
  EXPECT_EQ(program.steps().front().kernel, "reference");
  EXPECT_TRUE(program.run(inputs).front() == graph::evaluate(graph, inputs).front());
}

}  // namespace
}  // namespace condense::runtime
