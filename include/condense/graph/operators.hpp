#ifndef CONDENSE_GRAPH_OPERATORS_HPP
#define CONDENSE_GRAPH_OPERATORS_HPP

#include "condense/graph/operator_list.hpp"
#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/average_pool.hpp"
#include "condense/graph/operators/batch_normalization.hpp"
#include "condense/graph/operators/cast.hpp"
#include "condense/graph/operators/clip.hpp"
#include "condense/graph/operators/concat.hpp"
#include "condense/graph/operators/control_flow.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/dequantize_codebook.hpp"
#include "condense/graph/operators/dequantize_linear.hpp"
#include "condense/graph/operators/flatten.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/global_average_pool.hpp"
#include "condense/graph/operators/hard_swish.hpp"
#include "condense/graph/operators/leaky_relu.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "condense/graph/operators/max_pool.hpp"
#include "condense/graph/operators/mul.hpp"
#include "condense/graph/operators/quantize_linear.hpp"
#include "condense/graph/operators/relu.hpp"
#include "condense/graph/operators/reshape.hpp"
#include "condense/graph/operators/sigmoid.hpp"
#include "condense/graph/operators/softmax.hpp"

namespace condense::graph {

/// Every operator of condense: the one list of them.
using Operators =
    JoinedOperators<ControlFlow,
                    OperatorList<Add, AveragePool, BatchNormalization, Cast, Clip, Concat, Conv, DequantizeCodebook,
                                 DequantizeLinear, Flatten, Gemm, GlobalAveragePool, HardSwish, LeakyRelu, MatMul,
                                 MaxPool, Mul, QuantizeLinear, Relu, Reshape, Sigmoid, Softmax>>;

}  // namespace condense::graph

#endif
