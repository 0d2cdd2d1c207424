// Operators whose meaning changed between operator sets 7 and 21, in the set before.
#include "condense/graph/evaluate.hpp"
#include "interop/onnxruntime.hpp"
#include "io/onnx_models.hpp"

namespace condense {
namespace {

using io::onnx::Attribute;
using Numbers = std::vector<std::int64_t>;
using Constants = std::vector<std::pair<std::string, Tensor>>;

/// y of one node on x and constants.
struct OlderNode {
  std::string type;
  std::int64_t operator_set;
  Shape x;
  std::vector<Attribute> attributes = {};
  Constants constants = {};
  std::vector<std::string> inputs = {};  ///< All of them; otherwise x and the constants in their order.
  std::vector<std::string> outputs = {"y"};

  friend void PrintTo(const OlderNode& node, std::ostream* out) {
    *out << node.type << " of set " << node.operator_set;
  }
};

Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
  Random random(seed);
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.mutable_values<float>()) value = random.uniform(-2, 2);
  return tensor;
}

Tensor numbers(Numbers values) { return Tensor::of<std::int64_t>({static_cast<Index>(values.size())}, values); }
Attribute text(const char* name, const char* value) { return {.name = name, .value = std::string(value)}; }
Attribute number(const char* name, std::int64_t value) { return {.name = name, .value = value}; }
Attribute list(const char* name, Numbers values) { return {.name = name, .value = std::move(values)}; }
Attribute real(const char* name, float value) { return {.name = name, .value = value}; }

class OlderSets : public testing::TestWithParam<OlderNode> {};

TEST_P(OlderSets, MeanWhatTheyMeanInOnnxRuntime) {
  if (onnx_runtime() == nullptr) GTEST_SKIP() << "CONDENSE_ONNXRUNTIME names no libonnxruntime.so.1";
  const OlderNode& older = GetParam();
  std::vector<std::string> inputs = older.inputs;
  if (inputs.empty()) {
    inputs = {"x"};
    for (const auto& [name, tensor] : older.constants) inputs.push_back(name);
  }
  io::onnx::Model model =
      io::onnx::model_of({io::onnx::node(older.type, inputs, older.outputs, older.attributes)}, older.operator_set);
  model.ir_version = 7;
  model.graph.inputs = {io::onnx::value("x", DataType::float32, older.x)};
  model.graph.initializers = older.constants;
  const Tensor x = random_tensor(older.x, 1);
  const graph::Graph graph = io::onnx::import(model);
  const Tensor y = graph::evaluate(graph, {x}).at(0);
  model.graph.outputs[0].type = y.type();
  const Tensor expected = run_in_onnxruntime(model, graph, {x}, {y}).at(0);
  if (y.type() == DataType::float32) {
    EXPECT_LT(relative_difference(y, expected), 1e-5);
  } else {
    EXPECT_EQ(y, expected);
  }
}

const Shape kImage{2, 4, 6, 6};
const Tensor kRegions = Tensor::of<float>({2, 4}, {0, 0, 4, 4, 1, 2, 5, 5});

INSTANTIATE_TEST_SUITE_P(
    , OlderSets,
    testing::Values(
        OlderNode{"Clip", 7, kImage, {real("min", -0.5F), real("max", 1)}},
        OlderNode{"Dropout", 7, kImage, {real("ratio", 0.5F)}},
        OlderNode{"GroupNormalization",
                  18,
                  kImage,
                  {number("num_groups", 2)},
                  {{"scale", Tensor::of<float>({2}, {2, -1})}, {"bias", Tensor::of<float>({2}, {0.5F, 3})}}},
        OlderNode{"GroupNormalization",
                  20,
                  {3, 6, 5},
                  {number("num_groups", 3)},
                  {{"scale", random_tensor({3}, 2)}, {"bias", random_tensor({3}, 3)}}},
        OlderNode{"GridSample", 16, kImage, {text("mode", "bicubic")}, {{"grid", random_tensor({2, 3, 3, 2}, 4)}}},
        OlderNode{"GridSample", 16, kImage, {}, {{"grid", random_tensor({2, 3, 3, 2}, 4)}}},
        OlderNode{"Hardmax", 11, kImage}, OlderNode{"Hardmax", 12, kImage, {number("axis", -2)}},
        OlderNode{"LogSoftmax", 11, kImage, {number("axis", 2)}}, OlderNode{"Softmax", 7, kImage},
        OlderNode{"Softmax", 12, kImage, {number("axis", 0)}},
        OlderNode{"OneHot",
                  9,
                  {3},
                  {},
                  {{"depth", Tensor::of<std::int64_t>({1}, {4})},
                   {"values", Tensor::of<float>({2}, {-1, 7})},
                   {"indices", numbers({2, 0, 5})}},
                  {"indices", "depth", "values"}},
        OlderNode{"Pad", 7, kImage, {list("pads", {0, 0, 1, 2, 0, 0, 2, 1}), real("value", 3)}},
        OlderNode{"ReduceMax", 11, kImage, {list("axes", {1, 3}), number("keepdims", 0)}},
        OlderNode{"ReduceSum", 11, kImage, {list("axes", {-1})}}, OlderNode{"ReduceLogSumExp", 13, kImage},
        OlderNode{"Resize", 10, kImage, {}, {{"scales", Tensor::of<float>({4}, {1, 1, 1.5F, 2})}}},
        OlderNode{"Resize", 10, kImage, {text("mode", "linear")}, {{"scales", Tensor::of<float>({4}, {1, 1, 2, 2})}}},
        OlderNode{"RoiAlign",
                  10,
                  kImage,
                  {number("output_height", 2), number("output_width", 3), number("sampling_ratio", 2)},
                  {{"rois", kRegions}, {"batch_indices", numbers({0, 1})}}},
        OlderNode{"RoiAlign",
                  16,
                  kImage,
                  {number("output_height", 2), number("output_width", 3), number("sampling_ratio", 2)},
                  {{"rois", kRegions}, {"batch_indices", numbers({0, 1})}}},
        OlderNode{"Scatter", 9, {4}, {}, {{"indices", numbers({2, 0})}, {"updates", Tensor::of<float>({2}, {8, 9})}}},
        OlderNode{"Slice", 9, kImage, {list("starts", {1, -3}), list("ends", {9, -1}), list("axes", {2, 3})}},
        OlderNode{"Split", 11, kImage, {list("split", {4}), number("axis", 1)}},
        OlderNode{"Squeeze", 11, {1, 3, 1}, {list("axes", {0})}},
        OlderNode{"TopK", 9, kImage, {number("k", 2), number("axis", 1)}, {}, {}, {"y", "indices"}},
        OlderNode{"Unsqueeze", 11, {3, 2}, {list("axes", {0, 2})}},
        OlderNode{"Upsample", 7, kImage, {{.name = "scales", .value = std::vector<float>{1, 1, 2, 3}}}},
        OlderNode{"Upsample", 9, kImage, {text("mode", "linear")}, {{"scales", Tensor::of<float>({4}, {1, 1, 2, 2})}}}),
    [](const auto& test) { return fmt::format("{}{}_{}", test.param.type, test.param.operator_set, test.index); });

}  // namespace
}  // namespace condense
