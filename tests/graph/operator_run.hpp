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

/// One or more for the operators that run inside a program, which evaluate without the heap.
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

/// Operators of imported networks that split their work over threads.
inline std::vector<OperatorRun> imported_operator_runs() {
  Random random(21);
  const auto floats = [&](const Shape& shape) { return random_tensor(shape, random, 0.1F, 0.9F); };
  const Tensor images = floats({3, 8, 40, 41});
  const Tensor c = floats({8});
  const auto indices = [](std::initializer_list<std::int64_t> values) {
    return Tensor::of<std::int64_t>({static_cast<Index>(values.size())}, values);
  };
  std::vector<OperatorRun> runs{
      {Attention{}, {floats({3, 4, 70, 16}), floats({3, 4, 60, 16}), floats({3, 4, 60, 16})}},
      {ConvTranspose{.strides = {2, 2}}, {images, floats({8, 5, 3, 3}), floats({5})}},
      {CumSum{}, {images, Tensor::of<std::int64_t>({}, {2})}},
      {DepthToSpace{.blocksize = 2}, {images}},
      {Einsum{.equation = "bij,bjk->bki"}, {floats({4, 70, 30}), floats({4, 30, 50})}},
      {Gather{.axis = 2}, {images, indices({3, 39, 0, -1})}},
      {GlobalMaxPool{}, {images}},
      {Gru{.hidden_size = 16}, {floats({12, 9, 20}), floats({1, 48, 20}), floats({1, 48, 16})}},
      {GroupNormalization{.num_groups = 4}, {images, c, c}},
      {InstanceNormalization{}, {images, c, c}},
      {LayerNormalization{}, {images, floats({41})}},
      {Lstm{.hidden_size = 16}, {floats({12, 9, 20}), floats({1, 64, 20}), floats({1, 64, 16})}},
      {Max{}, {images, floats({41}), floats({8, 1, 1})}},
      {Pad{}, {images, indices({0, 0, 1, 2, 0, 0, 3, 4})}},
      {Resize{.mode = ResizeMode::linear}, {images, std::nullopt, Tensor::of<float>({4}, {1, 1, 1.5F, 2})}},
      {Slice{}, {images, indices({0, 1}), indices({40, 7}), indices({2, 1}), indices({3, 1})}},
      {Tile{}, {images, indices({1, 2, 1, 2})}},
      {TopK{}, {images, indices({5})}},
      {Transpose{.perm = {0, 2, 3, 1}}, {images}},
      {Where{}, {Tensor(DataType::boolean, {8, 40, 41}), images, floats({41})}},
  };
  const auto add_unary = [&]<class T>() { runs.push_back({T{}, {images}}); };
  OperatorList<Acos, Atanh, Ceil, Cos, Elu, Erf, Exp, Gelu, Log, Mish, Neg, ReduceL2, ReduceLogSumExp, ReduceMax,
               ReduceMean, ReduceSum, Round, Softplus, Sqrt, Swish, Tanh>::for_each(add_unary);
  const auto add_binary = [&]<class T>() { runs.push_back({T{}, {images, floats({3, 1, 40, 1})}}); };
  OperatorList<Div, Equal, Greater, Less, Pow, Sub>::for_each(add_binary);
  return runs;
}

}  // namespace condense::graph

#endif
