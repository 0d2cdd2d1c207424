#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "support/backends.hpp"
#include "support/quantized_networks.hpp"

namespace condense::runtime {
namespace {

using graph::Graph;
using graph::Value;

/// How weights are stored.
struct Storage {
  DataType type = DataType::int8;
  enum class Scales { one, of_columns, of_blocks } scales = Scales::of_columns;
  bool has_zero_points = false;
};

constexpr Storage kStorages[] = {
    {DataType::int8, Storage::Scales::one},
    {DataType::int8, Storage::Scales::of_columns, true},
    {DataType::uint8, Storage::Scales::of_columns, true},
    {DataType::int4, Storage::Scales::of_columns},
    {DataType::int4, Storage::Scales::of_blocks},
    {DataType::uint4, Storage::Scales::of_blocks, true},
    {DataType::uint4, Storage::Scales::of_columns},
    {DataType::int2, Storage::Scales::of_blocks},
    {DataType::uint2, Storage::Scales::one, true},
    {DataType::float16},
    {DataType::bfloat16},
};

constexpr Index kBlock = 16;

/// A graph whose one product has float activations and stored weights.
class StoredProduct {
 public:
  explicit StoredProduct(const Storage& storage) : storage_(storage) {}

  Graph& graph() { return network_.graph(); }
  Random& random() { return network_.random(); }
  Value constant(const Tensor& tensor) { return network_.constant(tensor); }
  Value floats(const Shape& shape) { return constant(random_tensor(shape, random())); }

  /// Weights of about [-1, 1] whose columns run along one axis, and their sums along another.
  Value weights(const Shape& shape, int column_axis, int depth_axis) {
    if (is_float(storage_.type)) {
      const graph::Node cast{"cast", graph::Cast{.to = storage_.type}, {}, {}};
      const Tensor values = random_tensor(shape, random());
      const Tensor* input = &values;
      return graph().add(graph::Cast{}, {constant(graph::evaluate_node(cast, {&input, 1}).front())});
    }
    const int levels = 1 << bits(storage_.type);
    const int lowest = is_signed(storage_.type) ? -levels / 2 : 0;
    const bool in_blocks = storage_.scales == Storage::Scales::of_blocks;
    const Shape scale_shape = in_blocks ? shape.with(depth_axis, (shape[depth_axis] + kBlock - 1) / kBlock)
                              : storage_.scales == Storage::Scales::one ? Shape{}
                                                                        : Shape{shape[column_axis]};
    Tensor scales(DataType::float32, scale_shape);
    for (float& scale : scales.mutable_values<float>()) scale = random().uniform(1, 2) / static_cast<float>(levels);
    std::vector<Value> inputs{constant(random_codes(storage_.type, shape, lowest, lowest + levels - 1, random())),
                              constant(scales)};
    if (storage_.has_zero_points) {
      inputs.push_back(constant(random_codes(storage_.type, scale_shape, lowest, lowest + levels - 1, random())));
    }
    return graph().add(
        graph::DequantizeLinear{.axis = in_blocks ? depth_axis : column_axis, .block_size = in_blocks ? kBlock : 0},
        inputs);
  }

  /// Compiles for every backend, and compares with the graph's own result. Products have at most 300 terms of
  /// magnitude 4 or less; see `kernels::FloatGemm`.
  void expect_close(const Tensor& input) {
    const Tensor expected = graph::evaluate(graph(), {&input, 1}).front();
    for (const std::string& backend : all_backends()) {
      if (!reason_to_skip<kernels::FloatGemm>(backend).empty()) continue;
      SCOPED_TRACE(fmt::format("{} weights on {}", name(storage_.type), backend));
      Program program =
          compile(graph(), {.input_shapes = {input.shape()}, .kernels = kernels::KernelSet::select(backend)});
      for (const int threads : {1, 3}) {
        const Tensor actual = program.run({&input, 1}, ThreadPool(threads)).front();
        ASSERT_EQ(actual.shape(), expected.shape());
        for (std::size_t i = 0; i < static_cast<std::size_t>(expected.count()); ++i) {
          ASSERT_NEAR(actual.values<float>()[i], expected.values<float>()[i], 303 * 0x1p-24 * 300 * 4) << i;
        }
      }
      EXPECT_TRUE(std::ranges::any_of(program.steps(),
                                      [](const StepInfo& step) { return step.precision.starts_with("float32 x "); }));
    }
  }

 private:
  Storage storage_;
  QuantizedNetwork network_{1, ActivationTypes::unsigned_asymmetric};
};

TEST(CompressedWeights, OfMatrixProductsGiveWhatTheGraphGives) {
  for (const Storage& storage : kStorages) {
    for (const Index rows : {1, 3, 37}) {
      StoredProduct p(storage);
      const Value x = p.graph().input("x", DataType::float32, {rows, 70});
      const Value y = p.graph().add(graph::Gemm{.trans_b = true}, {x, p.weights({45, 70}, 0, 1), p.floats({45})});
      p.graph().output(p.graph().add(graph::Relu{}, {y}));
      p.expect_close(random_tensor({rows, 70}, p.random()));
    }
    StoredProduct p(storage);
    const Value x = p.graph().input("x", DataType::float32, {2, 3, 40});
    p.graph().output(p.graph().add(graph::MatMul{}, {x, p.weights({40, 33}, 1, 0)}));
    p.expect_close(random_tensor({2, 3, 40}, p.random()));
  }
}

TEST(CompressedWeights, OfConvolutionsGiveWhatTheGraphGives) {
  for (const Storage& storage : kStorages) {
    const auto expect = [&](const graph::Conv& conv, const Shape& images, const Shape& weights) {
      StoredProduct p(storage);
      const Value x = p.graph().input("x", DataType::float32, images);
      p.graph().output(p.graph().add(conv, {x, p.weights(weights, 0, 1), p.floats({weights[0]})}));
      p.expect_close(random_tensor(images, p.random()));
    };
    expect({.pads = {1, 1, 1, 1}}, {2, 24, 5, 6}, {35, 24, 3, 3});
    expect({.strides = {2, 2}, .pads = {1, 0, 1, 1}}, {1, 3, 9, 8}, {20, 3, 3, 3});  // lines of windows are joined
    expect({}, {1, 40, 3, 4}, {18, 40, 1, 1});
    expect({.pads = {1, 1, 1, 1}, .group = 2}, {1, 36, 5, 5}, {20, 18, 3, 3});
  }
}

TEST(CompressedWeights, OfDepthwiseConvolutionsAreExpanded) {
  for (const Storage& storage : kStorages) {
    StoredProduct p(storage);
    const Value x = p.graph().input("x", DataType::float32, {1, 20, 5, 5});
    p.graph().output(p.graph().add(graph::Conv{.group = 20}, {x, p.weights({20, 1, 3, 3}, 0, 1)}));
    const Tensor images = random_tensor({1, 20, 5, 5}, p.random());
    const Tensor expected = graph::evaluate(p.graph(), {&images, 1}).front();
    Program program = compile(p.graph());
    const Tensor actual = program.run({images}).front();
    for (std::size_t i = 0; i < static_cast<std::size_t>(expected.count()); ++i) {
      ASSERT_NEAR(actual.values<float>()[i], expected.values<float>()[i], 1e-5F);
    }
    EXPECT_EQ(program.weight_bytes(), (20U * 9 + 20) * 4);
  }
}

TEST(CompressedWeights, TakeTheBytesThatTheyAreStoredIn) {
  const auto weight_bytes = [](const Storage& storage) {
    StoredProduct p(storage);
    const Value x = p.graph().input("x", DataType::float32, {1, 256});
    p.graph().output(p.graph().add(graph::Gemm{.trans_b = true}, {x, p.weights({64, 256}, 0, 1)}));
    return compile(p.graph(), {.kernels = kernels::KernelSet::select("scalar")}).weight_bytes();
  };
  using Scales = Storage::Scales;
  constexpr std::size_t kCount = 64 * 256;
  constexpr std::size_t kBias = 64 * 4;
  EXPECT_EQ(weight_bytes({DataType::int8, Scales::one}), kCount + 64 * 4 + kBias);
  EXPECT_EQ(weight_bytes({DataType::uint8, Scales::of_columns, true}), kCount + 64 * 5 + kBias);
  EXPECT_EQ(weight_bytes({DataType::int4, Scales::of_blocks}), kCount / 2 + 64 * 16 * 4 + kBias);
  EXPECT_EQ(weight_bytes({DataType::uint4, Scales::of_blocks, true}), kCount / 2 + 64 * 16 * 5 + kBias);
  EXPECT_EQ(weight_bytes({DataType::int2, Scales::of_columns}), kCount / 4 + 64 * 4 + kBias);
  EXPECT_EQ(weight_bytes({DataType::float16}), kCount * 2 + kBias);
  EXPECT_EQ(weight_bytes({DataType::bfloat16}), kCount * 2 + kBias);
}

/// Zero points are kept only where codes without them need more bits.
TEST(CompressedWeights, LoseZeroPointsThatChangeNoBits) {
  StoredProduct p({});
  const Value codes = p.constant(random_codes(DataType::uint4, {64, 256}, 0, 15, p.random()));
  const Value scale = p.constant(Tensor::scalar(0.1F));
  const Value zero_point = p.constant(random_codes(DataType::uint4, {}, 8, 8, p.random()));
  const Value x = p.graph().input("x", DataType::float32, {1, 256});
  const Value weights = p.graph().add(graph::DequantizeLinear{}, {codes, scale, zero_point});
  p.graph().output(p.graph().add(graph::Gemm{.trans_b = true}, {x, weights}));
  EXPECT_EQ(compile(p.graph(), {.kernels = kernels::KernelSet::select("scalar")}).weight_bytes(),
            64U * 128 + 64 * 4 + 64 * 4);
}

}  // namespace
}  // namespace condense::runtime
