#ifndef CONDENSE_GRAPH_OPERATORS_HPP
#define CONDENSE_GRAPH_OPERATORS_HPP

#include "condense/graph/operator_list.hpp"
#include "condense/graph/operators/activations.hpp"
#include "condense/graph/operators/add.hpp"
#include "condense/graph/operators/attention.hpp"
#include "condense/graph/operators/average_pool.hpp"
#include "condense/graph/operators/batch_normalization.hpp"
#include "condense/graph/operators/binary_math.hpp"
#include "condense/graph/operators/cast.hpp"
#include "condense/graph/operators/clip.hpp"
#include "condense/graph/operators/comparisons.hpp"
#include "condense/graph/operators/concat.hpp"
#include "condense/graph/operators/control_flow.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/conv_transpose.hpp"
#include "condense/graph/operators/dequantize_codebook.hpp"
#include "condense/graph/operators/dequantize_linear.hpp"
#include "condense/graph/operators/detection.hpp"
#include "condense/graph/operators/dropout.hpp"
#include "condense/graph/operators/dynamic_quantize_linear.hpp"
#include "condense/graph/operators/dynamic_quantize_lstm.hpp"
#include "condense/graph/operators/einsum.hpp"
#include "condense/graph/operators/flatten.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/global_average_pool.hpp"
#include "condense/graph/operators/hard_swish.hpp"
#include "condense/graph/operators/indexing.hpp"
#include "condense/graph/operators/integer_products.hpp"
#include "condense/graph/operators/layout.hpp"
#include "condense/graph/operators/leaky_relu.hpp"
#include "condense/graph/operators/losses.hpp"
#include "condense/graph/operators/mat_mul.hpp"
#include "condense/graph/operators/mat_mul_n_bits.hpp"
#include "condense/graph/operators/max_pool.hpp"
#include "condense/graph/operators/mul.hpp"
#include "condense/graph/operators/normalizations.hpp"
#include "condense/graph/operators/pools.hpp"
#include "condense/graph/operators/quantize_linear.hpp"
#include "condense/graph/operators/recurrent.hpp"
#include "condense/graph/operators/reductions.hpp"
#include "condense/graph/operators/relu.hpp"
#include "condense/graph/operators/reshape.hpp"
#include "condense/graph/operators/resize.hpp"
#include "condense/graph/operators/response_normalizations.hpp"
#include "condense/graph/operators/selection.hpp"
#include "condense/graph/operators/shape_queries.hpp"
#include "condense/graph/operators/sigmoid.hpp"
#include "condense/graph/operators/slicing.hpp"
#include "condense/graph/operators/softmax.hpp"
#include "condense/graph/operators/unary_math.hpp"

namespace condense::graph {

/// The operators of condense in three parts, of which each is compiled in a file of its own (graph/compiled/).
using ElementwiseOperators = JoinedOperators<Activations, AttentionOperators, BinaryMath, Comparisons, UnaryMath,
                                             OperatorList<Add, Cast, Clip, DequantizeCodebook, DequantizeLinear,
                                                          HardSwish, LeakyRelu, Mul, QuantizeLinear, Relu, Sigmoid>>;
using StructuralOperators =
    JoinedOperators<ControlFlow, DetectionOperators, IndexOperators, LayoutOperators, ResizeOperators,
                    SelectionOperators, ShapeQueries, SliceOperators, OperatorList<Concat, Flatten, Reshape>>;
using SummingOperators = JoinedOperators<EinsumOperators, IntegerProducts, Losses, NBitsOperators, Normalizations,
                                         Pools, RecurrentOperators, Reductions,
                                         OperatorList<AveragePool, BatchNormalization, Conv, DynamicQuantizeLstm, Gemm,
                                                      GlobalAveragePool, MatMul, MaxPool, Softmax>>;

/// Every operator of condense: the one list of them.
using Operators = JoinedOperators<ElementwiseOperators, StructuralOperators, SummingOperators>;

}  // namespace condense::graph

#endif
