#include <gtest/gtest.h>

#include "condense/graph/evaluate.hpp"
#include "condense/io/onnx/export.hpp"
#include "io/onnx_models.hpp"
#include "support/throws.hpp"

namespace condense::io::onnx {
namespace {

Tensor y_of(const graph::Graph& graph, const Shape& shape, bool flag) {
  Tensor x(DataType::float32, shape);
  for (float& element : x.mutable_values<float>()) element = 1;
  return graph::evaluate(graph, {x, Tensor::of<bool>({}, {flag})}).at(0);
}

graph::Graph written_again(const graph::Graph& graph, const ImportOptions& options = {}) {
  return import_graph(export_model(graph), "again.onnx", options);
}

TEST(OnnxBranches, ForOtherExtentsAreBuiltWithThem) {
  for (const bool other : {false, true}) {
    Model model = model_of_branches({8, 2}, {32, 3}, other);
    model.graph.inputs[0].shape = {{{.name = "batch"}, {.name = "length"}}};
    const ImportOptions options{.example_shapes = {{"x", {4, 8}}}};
    for (const ImportOptions& each : {ImportOptions{}, options}) {
      const graph::Graph graph = import(model, each);
      for (const graph::Graph& network : {graph, written_again(graph, each)}) {
        EXPECT_EQ(y_of(network, {5, 8}, !other), Tensor::of<float>({5, 2}, std::vector<float>(10, 8)));
        EXPECT_EQ(y_of(network, {1, 32}, other), Tensor::of<float>({1, 3}, {32, 32, 32}));
        EXPECT_TRUE(throws<InvalidArgument>("y_node", [&] { y_of(network, {5, 8}, other); }));
      }
    }
  }
}

TEST(OnnxBranches, ThatNoExtentsTakeStopWhenTheyAreTaken) {
  for (const bool other : {false, true}) {
    const graph::Graph graph = import(model_of_branches({3, 2}, {5, 2}, other));
    EXPECT_EQ(y_of(graph, {2, 3}, !other), Tensor::of<float>({2, 2}, {3, 3, 3, 3}));
    EXPECT_TRUE(throws<InvalidArgument>("that branch is refused", [&] { y_of(graph, {2, 3}, other); }));
    const graph::Graph again = written_again(graph);
    EXPECT_EQ(y_of(again, {2, 3}, !other), Tensor::of<float>({2, 2}, {3, 3, 3, 3}));
    EXPECT_TRUE(throws<InvalidArgument>("(Gather)", [&] { y_of(again, {2, 3}, other); }));
  }
}

TEST(OnnxBranches, ThatIsTakenMustTakeTheShapes) {
  Model model = model_of_branches({3, 2}, {5, 2}, true);
  model.graph.inputs.pop_back();
  model.graph.initializers = {{"flag", Tensor::of<bool>({}, {true})}};
  EXPECT_TRUE(throws<FormatError>("the branch that it takes is refused: ", [&] { import(model); }));
  model.graph.initializers = {{"flag", Tensor::of<bool>({}, {false})}};
  EXPECT_EQ(import(model).type(import(model).outputs()[0]).shape, (Shape{2, 2}));
}

}  // namespace
}  // namespace condense::io::onnx
