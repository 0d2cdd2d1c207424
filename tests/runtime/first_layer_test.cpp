#include <gtest/gtest.h>

#include <algorithm>

#include "condense/runtime/compile.hpp"
#include "condense/runtime/detail/product.hpp"
#include "support/backends.hpp"
#include "support/integer_interpreter.hpp"
#include "support/quantized_networks.hpp"

// Convolutions of images of few channels, whose windows become pieces of whole lines with weights of zero behind them.

namespace condense::runtime {
namespace {

struct Layer {
  Index channels;
  Index kernel;  ///< Width; heights differ.
  Index stride;
};

/// Calls `body(layer, random)` for kernels of 3, 5 and 7, 1 to 5 channels (the last are too many) and strides 1 to 3.
template <class Body>
void for_layers(Body&& body) {
  for (const Index kernel : {3, 5, 7}) {
    for (Index channels = 1; channels <= 5; ++channels) {
      for (Index stride = 1; stride <= 3; ++stride) {
        Random random(static_cast<std::uint64_t>((kernel * 10 + channels) * 10 + stride));
        body(Layer{channels, kernel, stride}, random);
      }
    }
  }
}

/// A convolution with random padding at each side, kernel height, and dilation in height.
graph::Conv random_conv(const Layer& layer, Index& height, Random& random) {
  height = random_integer(random, 1, 4);
  graph::Conv conv{.strides = {random_integer(random, 1, 3), layer.stride},
                   .dilations = {random_integer(random, 1, 2), 1},
                   .pads = {}};
  for (int side = 0; side < 4; ++side)
    conv.pads.push_back(random_integer(random, 0, static_cast<int>(layer.kernel) + 1));
  return conv;
}

Shape random_images(const Layer& layer, Random& random) {
  return {random_integer(random, 1, 3), layer.channels, random_integer(random, 7, 12), random_integer(random, 7, 14)};
}

class FirstLayer : public BackendTest<kernels::Gemm> {
 protected:
  void expect_bytes(const graph::Graph& graph, const Tensor& codes) const {
    const std::vector<Tensor> expected = IntegerInterpreter(graph).run({&codes, 1});
    for (const int threads : {1, 3}) {
      Program program = compile(graph, {.input_shapes = {codes.shape()}, .kernels = kernels()});
      const std::vector<Tensor> actual = program.run({codes}, ThreadPool(threads));
      ASSERT_TRUE(actual[0] == expected[0]) << threads << " threads";
    }
  }
};
CONDENSE_TEST_ALL_BACKENDS(FirstLayer);

/// Weights of 8 bits by channel, or of 4 bits with zero points.
enum class WeightForm { int8, uint4 };

graph::Value weights(graph::Graph& graph, const Shape& shape, WeightForm form, Random& random) {
  const Index outputs = shape[0];
  Tensor scales(DataType::float32, Shape{outputs});
  for (float& scale : scales.mutable_values<float>()) {
    scale = random.uniform(0.5F, 1) / (form == WeightForm::int8 ? 128.0F : 8.0F);
  }
  const graph::Value scale = graph.constant("scales", std::move(scales));
  const graph::DequantizeLinear by_channel{.axis = 0};
  if (form == WeightForm::int8) {
    const Tensor codes = random_codes(DataType::int8, shape, -128, 127, random);
    return graph.add(by_channel, {graph.constant("weights", codes), scale});
  }
  const Tensor codes = random_codes(DataType::uint4, shape, 0, 15, random);
  const Tensor zeros = random_codes(DataType::uint4, Shape{outputs}, 0, 15, random);
  return graph.add(by_channel, {graph.constant("weights", codes), scale, graph.constant("zero points", zeros)});
}

TEST_P(FirstLayer, GivesTheBytesOfTheContract) {
  for (const WeightForm form : {WeightForm::int8, WeightForm::uint4}) {
    for_layers([&](const Layer& layer, Random& random) {
      const bool is_signed = random.below(2) == 0;
      const DataType type = is_signed ? DataType::int8 : DataType::uint8;
      const int zero = is_signed ? random_integer(random, -100, 100) : random_integer(random, 1, 255);
      const Shape images = random_images(layer, random);
      Index height = 0;
      const graph::Conv conv = random_conv(layer, height, random);
      const Shape kernel{random_integer(random, 1, 70), layer.channels, height, layer.kernel};
      graph::Graph graph;
      const auto scalar = [&](const char* name, auto value) { return graph.constant(name, Tensor::scalar(value)); };
      const graph::Value zero_point = is_signed ? scalar("zero point", static_cast<std::int8_t>(zero))
                                                : scalar("zero point", static_cast<std::uint8_t>(zero));
      const graph::Value codes = graph.input("codes", type, images);
      const graph::Value x = graph.add(graph::DequantizeLinear{}, {codes, scalar("scale", 0.01F), zero_point});
      const graph::Value y = graph.add(conv, {x, weights(graph, kernel, form, random)});
      graph.output(
          graph.add(graph::QuantizeLinear{}, {y, scalar("output scale", 0.05F), scalar("128", std::uint8_t{128})}));
      SCOPED_TRACE(fmt::format("{} of {}, zero point {}", kernel.to_string(), images.to_string(), zero));
      expect_bytes(graph, random_codes(type, images, is_signed ? -128 : 0, is_signed ? 127 : 255, random));

      const Program program = compile(graph, {.input_shapes = {images}, .kernels = kernels()});
      const std::vector<StepInfo> steps = program.steps();
      const auto product = std::ranges::find(steps, "gemm", &StepInfo::kernel);
      ASSERT_NE(product, steps.end());
      EXPECT_EQ(product->multiply_accumulates,
                graph.type(graph.outputs()[0]).shape.count() * layer.channels * height * layer.kernel);
    });
  }
}

/// Bytes that stand for elements, and 77 for padding.
TEST(FilledPieces, AreTheLinesOfWindowsAndZerosInsideTheImage) {
  for_layers([](const Layer& layer, Random& random) {
    const Shape images = random_images(layer, random);
    Index height = 0;
    const graph::Conv conv = random_conv(layer, height, random);
    const Shape weights{3, layer.channels, height, layer.kernel};
    const graph::Window window = conv.window(images, weights);
    const detail::Product plain = detail::convolution_product(conv, images, weights);
    detail::Product product = plain;
    std::optional<detail::PaddedImages> padded = detail::join_lines(product, window);
    ASSERT_EQ(padded.has_value(), layer.channels <= 4);
    if (!padded) return;
    const Index depth = product.depth;
    const Index filled = depth + random_integer(random, 0, 7);
    detail::fill_pieces(product, *padded, filled);
    ASSERT_EQ(product.column_elements(), height * filled);

    std::vector<std::byte> input(static_cast<std::size_t>(images.count()));
    for (std::byte& byte : input) byte = static_cast<std::byte>(random.below(256));
    std::vector<std::byte> output(static_cast<std::size_t>(images[0] * padded->elements()));
    for (Index image = 0; image < images[0]; ++image) {
      padded->write(input.data() + image * plain.image_elements, 1, 77, output.data() + image * padded->elements());
    }
    for (Index row = 0; row < product.rows; ++row) {
      for (Index tap = 0; tap < height; ++tap) {
        const Index offset = product.offsets[static_cast<std::size_t>(row * height + tap)];
        ASSERT_LE(offset + filled, product.image_elements);
        for (Index k = 0; k < depth; ++k) {
          const Index at = (row * height + tap) * layer.kernel + k / layer.channels;
          const Index source = plain.offsets[static_cast<std::size_t>(at)];
          for (Index image = 0; image < images[0]; ++image) {
            const Index element = image * plain.image_elements + source + k % layer.channels;
            const std::byte expected = source < 0 ? std::byte{77} : input[static_cast<std::size_t>(element)];
            ASSERT_EQ(output[static_cast<std::size_t>(image * product.image_elements + offset + k)], expected);
          }
        }
      }
    }
    for (std::size_t i = 0; i < product.weight_order.size(); ++i) {
      const auto piece = static_cast<Index>(i) / filled;
      const auto k = static_cast<Index>(i) % filled;
      const Index expected =
          k < depth ? plain.weight_order[static_cast<std::size_t>(piece * depth + k)] : detail::Product::kZeroWeight;
      ASSERT_EQ(product.weight_order[i], expected);
    }
  });
}

}  // namespace
}  // namespace condense::runtime
