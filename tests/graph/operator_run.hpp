#ifndef CONDENSE_TESTS_GRAPH_OPERATOR_RUN_HPP
#define CONDENSE_TESTS_GRAPH_OPERATOR_RUN_HPP

#include "condense/graph/operators.hpp"
#include "graph/run.hpp"

namespace condense::graph {

/// An operator with inputs large enough for several tasks.
struct OperatorRun {
  Operator op;
  std::vector<std::optional<Tensor>> inputs;
};

/// One or more for every operator of the list.
inline std::vector<OperatorRun> operator_runs() {
  Random random(20);
  const auto floats = [&](const Shape& shape) { return random_tensor(shape, random, 0.1F, 2); };
  const Tensor images = floats({3, 8, 40, 41});
  const Tensor rows = floats({150, 80});
  const Tensor c = floats({8});
  const Tensor codes = run(QuantizeLinear{}, {images, Tensor::scalar(0.01F)});
  const Tensor extents = Tensor::of<std::int64_t>({2}, {0, -1});
  const Tensor levels = floats({256});
  return {
      {Add{}, {images, floats({8, 1, 1})}},
      {AveragePool{.kernel_shape = {3, 3}, .strides = {2, 2}, .pads = {1, 1, 1, 1}}, {images}},
      {BatchNormalization{}, {images, c, c, c, c}},
      {BatchNormalization{.training_mode = true}, {images, c, c, c, c}},
      {Cast{.to = DataType::float16}, {images}},
      {Clip{}, {images, Tensor::scalar(0.5F)}},
      {Concat{.axis = 1}, {images, images}},
      {Concat{.axis = 1}, {codes, codes}},
      {Conv{.pads = {1, 1, 1, 1}}, {images, floats({5, 8, 3, 3}), floats({5})}},
      {Conv{}, {images, floats({5, 8, 1, 1})}},
      {Conv{.strides = {2, 2}, .pads = {1, 1, 1, 1}, .group = 8}, {images, floats({8, 1, 3, 3})}},
      {DequantizeCodebook{}, {codes, levels, floats({8})}},
      {DequantizeLinear{}, {codes, Tensor::scalar(0.01F)}},
      {Flatten{}, {images}},
      {Gemm{.trans_b = true}, {rows, floats({30, 80}), floats({30})}},
      {GlobalAveragePool{}, {images}},
      {HardSwish{}, {images}},
      {LeakyRelu{}, {images}},
      {MatMul{}, {floats({4, 70, 30}), floats({4, 30, 20})}},
      {MaxPool{.kernel_shape = {3, 3}, .strides = {2, 2}}, {images}},
      {MaxPool{.kernel_shape = {2, 2}}, {codes}},
      {Mul{}, {images, floats({3, 1, 1, 41})}},
      {QuantizeLinear{}, {images, c}},
      {QuantizeLinear{.output_dtype = DataType::int2}, {images, Tensor::scalar(0.5F)}},
      {Relu{}, {images}},
      {Reshape{}, {images, extents}},
      {Sigmoid{}, {images}},
      {Softmax{.axis = 1}, {images}},
  };
}

}  // namespace condense::graph

#endif
