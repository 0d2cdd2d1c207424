#include "condense/graph/operators/control_flow.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/comparisons.hpp"
#include "condense/graph/operators/concat.hpp"
#include "condense/graph/operators/mul.hpp"
#include "condense/graph/operators/reshape.hpp"
#include "condense/graph/operators/shape_queries.hpp"
#include "graph/moved.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

using Body = std::shared_ptr<const Graph>;

/// The graph that `build(graph)` makes.
template <class Build>
Body body(Build&& build) {
  Graph graph;
  build(graph);
  return std::make_shared<const Graph>(std::move(graph));
}

/// One input (n), of which it gives `results`.
template <class... Results>
Body branch(const Shape& example, Results... results) {
  return body([&](Graph& g) {
    [[maybe_unused]] const Value x = g.input("x", DataType::float32, dynamic_shape(example.rank()), example);
    (g.output(results(g, x)), ...);
  });
}

Value twice(Graph& g, Value x) { return g.add(Add{}, {x, x}); }
Value squared(Graph& g, Value x) { return g.add(Mul{}, {x, x}); }
Value both(Graph& g, Value x) { return g.add(Concat{}, {x, x}); }
Value flat(Graph& g, Value x) { return g.add(Reshape{}, {x, g.constant("shape", list({-1, 1}))}); }
Value shape(Graph& g, Value x) { return g.add(ShapeOf{}, {x}); }

std::int64_t number(const Tensor& tensor) { return *tensor.data<std::int64_t>(); }
Tensor flag(bool value) { return Tensor::scalar(value); }

TEST(If, RunsTheBranchThatItsConditionChooses) {
  const If op{branch({2}, twice), branch({3}, squared)};
  const Tensor a = Tensor::of<float>({2}, {1, 3});
  const Tensor b = Tensor::of<float>({3}, {2, 4, 6});
  EXPECT_EQ(run(op, {flag(true), a, b}), Tensor::of<float>({2}, {2, 6}));
  EXPECT_EQ(run(op, {Tensor::of<bool>({1}, {false}), a, b}), Tensor::of<float>({3}, {4, 16, 36}));
}

/// Types of If's outputs in a graph where its condition is an input, or known.
std::vector<TensorType> inferred(const If& op, const Shape& x, std::optional<bool> condition = {}) {
  const Tensor value = flag(condition.value_or(false));
  const std::optional<InputTypes::Input> inputs[] = {
      InputTypes::Input{{DataType::boolean, {}}, condition ? &value : nullptr},
      InputTypes::Input{{DataType::float32, x}, nullptr}, InputTypes::Input{{DataType::float32, x}, nullptr}};
  return infer_node({"if", op, {}, {}}, inputs);
}

TEST(If, KnowsTheExtentsThatItsBranchesAgreeIn) {
  const If same{branch({4, 2}, twice), branch({4, 2}, squared)};
  const If longer{branch({4, 2}, twice), branch({4, 2}, both)};
  const If flatter{branch({4, 2, 1}, twice), branch({4, 2, 1}, flat)};
  EXPECT_EQ(inferred(same, {4, 2})[0].shape, (Shape{4, 2}));
  EXPECT_EQ(inferred(longer, {4, 2})[0].shape, (Shape{kDynamic, 2}));
  EXPECT_EQ(inferred(longer, {4, 2}, true)[0].shape, (Shape{4, 2}));
  EXPECT_EQ(inferred(longer, {4, 2}, false)[0].shape, (Shape{8, 2}));
  EXPECT_EQ(inferred(flatter, {4, 2, 1})[0].shape, (Shape{kDynamic, kDynamic, kDynamic}));
  EXPECT_EQ(inferred(flatter, {4, 2, 1}, false)[0].shape, (Shape{8, 1}));
}

TEST(If, KnowsNoExtentsForInputsThatItsBranchesWereNotBuiltFor) {
  const If op{branch({4, 2}, twice), branch({4, 2}, squared)};
  EXPECT_EQ(inferred(op, {5, 2})[0].shape, (Shape{kDynamic, kDynamic}));
  EXPECT_EQ(inferred(op, {5, 2}, true)[0].shape, (Shape{kDynamic, kDynamic}));
  EXPECT_EQ(run(op, {flag(true), filled({5, 2}, 1), filled({5, 2}, 1)}), filled({5, 2}, 2));
}

TEST(If, TakesTheTypesOfTheOnlyBranchAndSaysWhyTheOtherIsRefused) {
  const If op{.then_branch = nullptr, .else_branch = branch({2}, both), .refusal = "it is for 8 kHz"};
  const Tensor x = Tensor::of<float>({2}, {1, 3});
  EXPECT_EQ(run(op, {flag(false), x}), Tensor::of<float>({4}, {1, 3, 1, 3}));
  EXPECT_TRUE(throws<InvalidArgument>("its condition is true, and that branch is refused: it is for 8 kHz", [&] {
    run(op, {flag(true), x});
  }));
  const If none{.refusal = "nothing fits"};
  EXPECT_TRUE(
      throws<InvalidArgument>("both of its branches are refused: nothing fits", [&] { run(none, {flag(true)}); }));
}

TEST(If, RefusesBranchesThatDoNotMakeTheSameOutputs) {
  const Tensor x = filled({2}, 1);
  const auto refuses = [&](std::string_view part, const If& op, const Tensor& condition) {
    return throws<InvalidArgument>(part, [&] { run(op, {condition, x, x}); });
  };
  const If counts{branch({2}, twice), branch({2}, twice, squared)};
  EXPECT_TRUE(refuses("node 'node' (If): its branches have 1 and 2 outputs", counts, flag(true)));
  const If types{branch({2}, twice), branch({2}, shape)};
  EXPECT_TRUE(refuses("its output 0 is float32 from one branch and int64 from the other", types, flag(true)));
  const If good{branch({2}, twice), branch({2}, twice)};
  EXPECT_TRUE(refuses("its input 0, the condition, is boolean, this one is float32", good, x));
  EXPECT_TRUE(refuses("is one boolean, this one is boolean (2)", good, Tensor(DataType::boolean, {2})));
  EXPECT_TRUE(throws<InvalidArgument>("it takes 3 to 3 inputs, 2 are given", [&] { run(good, {flag(true), x}); }));
  EXPECT_TRUE(throws<InvalidArgument>("it has no outputs", [&] {
    run(If{branch({2}), branch({2})}, {flag(true), x, x});
  }));
}

/// Adds the number of the iteration to a sum, and gives both; goes on while the sum is below the capture.
Body summing(bool stacks = true) {
  return body([&](Graph& g) {
    const Value i = g.input("i", DataType::int64, {});
    static_cast<void>(g.input("goes_on", DataType::boolean, {}));
    const Value sum = g.input("sum", DataType::int64, {});
    const Value limit = g.input("limit", DataType::int64, {});
    const Value next = g.add(Add{}, {sum, i});
    g.output(g.add(Less{}, {next, limit}));
    g.output(next);
    if (stacks) g.output(g.add(Mul{}, {i, i}));
  });
}

TEST(Loop, RunsUntilItsCountOrItsConditionEndsIt) {
  const Loop op{summing(), 1};
  constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();
  const auto scalar = [](std::int64_t value) { return Tensor::scalar(value); };
  for (const std::int64_t most : {std::int64_t{-3}, std::int64_t{0}, std::int64_t{1}, std::int64_t{4}, kForever}) {
    for (const std::int64_t limit : {0, 1, 7, 50}) {
      std::int64_t sum = 0;
      std::vector<Index> squares;
      for (std::int64_t i = 0; i < most; ++i) {
        sum += i;
        squares.push_back(i * i);
        if (sum >= limit) break;
      }
      const std::vector<Tensor> results = run_all(op, {scalar(most), std::nullopt, scalar(0), scalar(limit)});
      EXPECT_EQ(number(results[0]), sum) << most << " " << limit;
      EXPECT_EQ(results[1], list(squares)) << most << " " << limit;
    }
  }
  EXPECT_EQ(number(run(op, {std::nullopt, flag(true), scalar(2), scalar(5)})), 5);
  EXPECT_EQ(run_all(op, {std::nullopt, flag(false), scalar(2), scalar(5)})[1], list({}));
}

TEST(Loop, StacksPackedElementsWithoutGaps) {
  Tensor codes(DataType::int4, {3});
  codes.mutable_raw()[0] = std::byte{0x21};
  codes.mutable_raw()[1] = std::byte{0x03};
  const Body repeated = body([&](Graph& g) {
    static_cast<void>(g.input("i", DataType::int64, {1}));
    g.output(g.input("goes_on", DataType::boolean, {1}));
    g.output(g.constant("codes", codes));
  });
  const Tensor stack = run(Loop{repeated}, {list({3}), std::nullopt});
  ASSERT_EQ(stack.shape(), (Shape{3, 3}));
  for (const auto& [i, byte] : {std::pair{0, 0x21}, {1, 0x13}, {2, 0x32}, {3, 0x21}, {4, 0x03}}) {
    EXPECT_EQ(stack.raw()[i], static_cast<std::byte>(byte)) << i;
  }
}

/// A body that carries x, doubles its length or with `flattens` adds an axis, and stacks it.
Body growing(bool flattens) {
  return body([&](Graph& g) {
    static_cast<void>(g.input("i", DataType::int64, {}));
    const Value goes_on = g.input("goes_on", DataType::boolean, {});
    const Value x = g.input("x", DataType::float32, {kDynamic}, Shape{2});
    g.output(goes_on);
    g.output(flattens ? x : both(g, x));
    g.output(x);
  });
}

TEST(Loop, CarriesValuesThatChangeTheirShapeButStacksNone) {
  const Tensor x = filled({2}, 1);
  EXPECT_EQ(run(Loop{growing(false)}, {list({1}), std::nullopt, x}).shape(), Shape{4});
  EXPECT_TRUE(throws<InvalidArgument>(
      "its body gives float32 of shape (4) after float32 of shape (2); what is stacked must not change", [&] {
        run(Loop{growing(false)}, {list({2}), std::nullopt, x});
      }));
  EXPECT_EQ(run_all(Loop{growing(true)}, {list({3}), std::nullopt, x})[1], filled({3, 2}, 1));
}

TEST(Loop, RefusesABodyThatDoesNotFit) {
  const Tensor one = Tensor::scalar<std::int64_t>(1);
  const auto refuses = [&](std::string_view part, const Loop& op, std::initializer_list<std::optional<Tensor>> inputs) {
    return throws<InvalidArgument>(part, [&] { run(op, inputs); });
  };
  EXPECT_TRUE(refuses("it takes a body, there is none", {}, {one, std::nullopt}));
  EXPECT_TRUE(refuses("its body takes 4 inputs, 3 are given", {summing(), 1}, {one, std::nullopt, one}));
  EXPECT_TRUE(refuses("it has -1 captures in 4 inputs", {summing(), -1}, {one, std::nullopt, one, one}));
  EXPECT_TRUE(refuses("it has 3 captures in 4 inputs", {summing(), 3}, {one, std::nullopt, one, one}));
  EXPECT_TRUE(refuses("gives 2 outputs, the condition and 2 values are needed", {summing(false), 0},
                      {one, std::nullopt, one, one}));
  EXPECT_TRUE(refuses("its input 3 is required", {summing(), 1}, {one, std::nullopt, one, std::nullopt}));
  EXPECT_TRUE(refuses("its input 2 is float32, its body makes it int64", {summing(), 1},
                      {one, std::nullopt, Tensor::scalar(1.0F), one}));
  EXPECT_TRUE(refuses("its input 0, the number of iterations, is one int64, this one is float32 ()", {summing(), 1},
                      {Tensor::scalar(1.0F), std::nullopt, one, one}));
  EXPECT_TRUE(refuses("its input 1, the condition, is one boolean, this one is int64 (2)", {summing(), 1},
                      {one, list({1, 1}), one, one}));
}

}  // namespace
}  // namespace condense::graph
