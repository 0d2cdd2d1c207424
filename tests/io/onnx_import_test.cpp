#include <gtest/gtest.h>

#include <cmath>

#include "condense/graph/evaluate.hpp"
#include "io/onnx_models.hpp"
#include "support/throws.hpp"

namespace condense::io::onnx {
namespace {

const Tensor kInput = Tensor::of<float>({2, 3}, {-2, -1, 0, 1, 2, 3});

Tensor run(const Model& model, const Tensor& input = kInput) { return graph::evaluate(import(model), {input}).at(0); }

TEST(OnnxImport, KeepsNames) {
  const graph::Graph graph = import(model_of({node("Relu", {"x"}, {"a"}), node("Sigmoid", {"a"}, {"y"})}));
  EXPECT_EQ(graph.name(graph.inputs()[0]), "x");
  EXPECT_EQ(graph.name(graph.outputs()[0]), "y");
  EXPECT_EQ(graph.nodes()[0].name, "a_node");
  EXPECT_EQ(graph.name(graph.nodes()[0].outputs[0]), "a");
}

TEST(OnnxImport, GivesNamelessNodesNames) {
  Node first = node("Relu", {"x"}, {"relu"});
  Node second = node("Sigmoid", {"relu"}, {"sigmoid"});
  Node third = node("Relu", {"sigmoid"}, {"y"});
  first.name = second.name = "";
  third.name = "sigmoid";  // the name of a value, which a node may have
  EXPECT_EQ(run(model_of({first, second, third})).shape(), (Shape{2, 3}));
}

TEST(OnnxImport, NamesAnOperatorThatItDoesNotHave) {
  Node mine = node("FancyNorm", {"x"}, {"y"});
  mine.domain = "org.example";
  EXPECT_TRUE(
      throws<Unsupported>("test.onnx: node 'y_node' (FancyNorm): condense has no operator org.example.FancyNorm",
                          [&] { import(model_of({mine})); }));
}

TEST(OnnxImport, RefusesAttributesThatItDoesNotKnow) {
  EXPECT_TRUE(throws<Unsupported>("does not know its attribute 'slope'", [&] {
    import(model_of({node("LeakyRelu", {"x"}, {"y"}, {{.name = "slope", .value = 0.5F}})}));
  }));
  EXPECT_TRUE(throws<FormatError>("its attribute 'alpha' is not", [&] {
    import(model_of({node("LeakyRelu", {"x"}, {"y"}, {{.name = "alpha", .value = std::int64_t{1}}})}));
  }));
}

TEST(OnnxImport, SaysWhereShapesContradict) {
  Model model = model_of({node("Add", {"x", "w"}, {"y"})});
  model.graph.initializers = {{"w", Tensor(DataType::float32, {4})}};
  EXPECT_TRUE(throws<FormatError>("test.onnx: node 'y_node' (Add)", [&] { import(model); }));
}

TEST(OnnxImport, TakesConstantsAsValues) {
  for (const Attribute::Value& two : {Attribute::Value(2.0F), Attribute::Value(std::vector<float>{2}),
                                      Attribute::Value(Tensor::of<float>({1, 1}, {2}))}) {
    const Tensor y =
        run(model_of({node("Constant", {}, {"c"}, {{.name = "value", .value = two}}), node("Mul", {"x", "c"}, {"y"})}));
    EXPECT_EQ(y.data<float>()[5], 6);
  }
}

TEST(OnnxImport, ReadsOlderOperatorSets) {
  const std::vector<std::int64_t> one{1};
  EXPECT_EQ(
      run(model_of({node("Clip", {"x"}, {"y"}, {{.name = "min", .value = -1.0F}, {.name = "max", .value = 1.0F}})}, 6)),
      Tensor::of<float>({2, 3}, {-1, -1, 0, 1, 1, 1}));
  EXPECT_EQ(run(model_of({node("Unsqueeze", {"x"}, {"y"}, {{.name = "axes", .value = one}})}, 11)).shape(),
            (Shape{2, 1, 3}));
  EXPECT_EQ(run(model_of({node("ReduceMean", {"x"}, {"y"}, {{.name = "axes", .value = one}})}, 13)),
            Tensor::of<float>({2, 1}, {-1, 2}));
  EXPECT_EQ(run(model_of({node("Slice", {"x"}, {"y"},
                               {{.name = "axes", .value = one},
                                {.name = "starts", .value = one},
                                {.name = "ends", .value = std::vector<std::int64_t>{3}}})},
                         9)),
            Tensor::of<float>({2, 2}, {-1, 0, 2, 3}));
  // All axes from the given one on were one.
  const Tensor whole = run(model_of({node("Softmax", {"x"}, {"y"}, {{.name = "axis", .value = std::int64_t{0}}})}, 11));
  float sum = 0;
  for (const float value : whole.values<float>()) sum += value;
  EXPECT_NEAR(sum, 1, 1e-6F);
  EXPECT_EQ(whole.shape(), (Shape{2, 3}));
}

TEST(OnnxImport, OneHotBeforeSet11HasNoNegativeClasses) {
  Model model = model_of({node("OneHot", {"classes", "depth", "values"}, {"y"})}, 9);
  model.graph.initializers = {{"classes", Tensor::of<float>({3}, {1, -1, 2})},
                              {"depth", Tensor::of<std::int64_t>({}, {3})},
                              {"values", Tensor::of<float>({2}, {0, 1})}};
  EXPECT_EQ(run(model), Tensor::of<float>({3, 3}, {0, 1, 0, 0, 0, 0, 0, 0, 1}));
  model.operator_sets[""] = 11;
  EXPECT_EQ(run(model), Tensor::of<float>({3, 3}, {0, 1, 0, 0, 0, 1, 0, 0, 1}));
}

TEST(OnnxImport, GroupNormalizationBeforeSet21ScalesGroups) {
  Model model = model_of(
      {node("GroupNormalization", {"x", "scale", "bias"}, {"y"}, {{.name = "num_groups", .value = std::int64_t{1}}})},
      20);
  model.graph.initializers = {{"scale", Tensor::of<float>({1}, {2})}, {"bias", Tensor::of<float>({1}, {5})}};
  const Tensor y = run(model);
  for (int n = 0; n < 2; ++n) {
    EXPECT_NEAR(y.data<float>()[3 * n], 5 - 2 * std::sqrt(1.5F), 1e-4);
    EXPECT_NEAR(y.data<float>()[3 * n + 1], 5, 1e-4);
  }
  model.graph.initializers[1].second = Tensor(DataType::float32, {3});
  EXPECT_TRUE(throws<FormatError>("its input 2 has shape (3); before opset 21", [&] { import(model); }));
}

TEST(OnnxImport, SaysWhatToDoAboutOperatorSets) {
  Model model = model_of({node("Relu", {"x"}, {"y"})});
  model.operator_sets.clear();
  EXPECT_TRUE(throws<FormatError>("give it an opset_import", [&] { import(model); }));
  const Attribute from_set_1{.name = "consumed_inputs", .value = std::vector<std::int64_t>{0}};
  EXPECT_TRUE(throws<Unsupported>("the model is of operator set 5; condense reads those from 7 on",
                                  [&] { import(model_of({node("Relu", {"x"}, {"y"}, {from_set_1})}, 5)); }));
  EXPECT_TRUE(
      throws<FormatError>("convert_version(model, 21)", [&] { import(model_of({node("Tile", {"x"}, {"y"})}, 6)); }));
  EXPECT_EQ(run(model_of({node("Relu", {"x"}, {"y"})}, 1)).data<float>()[0], 0);
}

TEST(OnnxImport, WritesFunctionsOut) {
  Model model =
      model_of({node("twice", {"x"}, {"m"}, {{.name = "slope", .value = 0.5F}}), node("twice", {"m"}, {"y"})});
  model.functions = {{.name = "twice",
                      .inputs = {"i"},
                      .outputs = {"o"},
                      .defaults = {{.name = "slope", .value = 0.25F}},
                      .nodes = {node("LeakyRelu", {"i"}, {"a"}, {{.name = "alpha", .refers_to = "slope"}}),
                                node("Add", {"a", "a"}, {"o"})}}};
  EXPECT_EQ(run(model), Tensor::of<float>({2, 3}, {-1, -0.5F, 0, 4, 8, 12}));
}

TEST(OnnxImport, RunsOneOfTwoGraphs) {
  const auto branch = [](const std::string& type) {
    const std::string name = type + "_result";
    return std::make_shared<const Graph>(Graph{.nodes = {node(type, {"m"}, {name})}, .outputs = {{.name = name}}});
  };
  Model model = model_of({node("Abs", {"x"}, {"m"}), node("If", {"flag"}, {"y"},
                                                          {{.name = "then_branch", .value = branch("Neg")},
                                                           {.name = "else_branch", .value = branch("Relu")}})});
  model.graph.inputs.push_back(value("flag", DataType::boolean, {}));
  const graph::Graph graph = import(model);
  const auto with = [&](bool flag) {
    return graph::evaluate(graph, {kInput, Tensor::of<bool>({}, {flag})}).at(0).data<float>()[0];
  };
  EXPECT_EQ(with(true), -2);
  EXPECT_EQ(with(false), 2);
}

TEST(OnnxImport, RunsGraphsInLoops) {
  Graph body{.nodes = {node("Add", {"v", "x"}, {"sum"}), node("Identity", {"go"}, {"on"})},
             .inputs = {value("i", DataType::int64, {}), value("go", DataType::boolean, {}),
                        value("v", DataType::float32, {2, 3})},
             .outputs = {{.name = "on"}, {.name = "sum"}, {.name = "sum"}}};
  Model model = model_of({node("Loop", {"count", "", "x"}, {"last", "y"},
                               {{.name = "body", .value = std::make_shared<const Graph>(std::move(body))}})});
  model.graph.initializers = {{"count", Tensor::of<std::int64_t>({}, {3})}};
  const Tensor y = run(model);
  ASSERT_EQ(y.shape(), (Shape{3, 2, 3}));
  EXPECT_EQ(y.data<float>()[17], 12);
}

TEST(OnnxImport, FollowsShapesThatANetworkComputes) {
  Model model = model_of({node("Shape", {"x"}, {"s"}), node("Gather", {"s", "zero"}, {"batch"}),
                          node("Concat", {"batch", "rest"}, {"wanted"}, {{.name = "axis", .value = std::int64_t{0}}}),
                          node("Reshape", {"x", "wanted"}, {"y"})});
  model.graph.inputs[0].shape = {{{.name = "batch"}, {.extent = 4}}};
  model.graph.initializers = {{"zero", Tensor::of<std::int64_t>({1}, {0})},
                              {"rest", Tensor::of<std::int64_t>({2}, {2, 2})}};
  const graph::Graph graph = import(model);
  EXPECT_EQ(graph.type(graph.outputs()[0]).shape, (Shape{1, 2, 2}));
  const std::vector<Shape> shapes{{5, 4}};
  EXPECT_EQ(graph::infer_types(graph, shapes)[static_cast<std::size_t>(graph.outputs()[0].index)].shape,
            (Shape{5, 2, 2}));
  EXPECT_EQ(graph::evaluate(graph, {Tensor(DataType::float32, {7, 4})})[0].shape(), (Shape{7, 2, 2}));
}

TEST(OnnxImport, FindsExtentsThatOpenDimensionsCanHave) {
  Model model = model_of({node("Conv", {"x", "w"}, {"y"})});
  model.graph.inputs[0].shape = {{{.name = "n"}, {.extent = 3}, {.name = "h"}, {.name = "w"}}};
  model.graph.initializers = {{"w", Tensor(DataType::float32, {4, 3, 11, 11})}};
  const graph::Graph graph = import(model);
  EXPECT_EQ(graph.type(graph.inputs()[0]).shape, (Shape{1, 3, 32, 32}));
  EXPECT_EQ(graph.declared_shape(graph.inputs()[0]), (Shape{kDynamic, 3, kDynamic, kDynamic}));
  const graph::Graph given = import(model, {.example_shapes = {{"x", {2, 3, 11, 12}}}});
  EXPECT_EQ(given.type(given.outputs()[0]).shape, (Shape{2, 4, 1, 2}));
  EXPECT_TRUE(throws<FormatError>("window reaches over 11", [&] {
    import(model, {.example_shapes = {{"x", {2, 3, 10, 12}}}});
  }));
}

}  // namespace
}  // namespace condense::io::onnx
