#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_HPP

#include "condense/runtime/detail/steps/branch.hpp"
#include "condense/runtime/detail/steps/dynamic_product.hpp"
#include "condense/runtime/detail/steps/elementwise.hpp"
#include "condense/runtime/detail/steps/float_elementwise.hpp"
#include "condense/runtime/detail/steps/float_matrix_product.hpp"
#include "condense/runtime/detail/steps/float_product.hpp"
#include "condense/runtime/detail/steps/integer_product.hpp"
#include "condense/runtime/detail/steps/interleaved_products.hpp"
#include "condense/runtime/detail/steps/matrix_product.hpp"
#include "condense/runtime/detail/steps/move.hpp"
#include "condense/runtime/detail/steps/normalization.hpp"
#include "condense/runtime/detail/steps/operator.hpp"
#include "condense/runtime/detail/steps/pieces.hpp"
#include "condense/runtime/detail/steps/pooling.hpp"
#include "condense/runtime/detail/steps/product_pair.hpp"
#include "condense/runtime/detail/steps/recurrent.hpp"
#include "condense/runtime/detail/steps/reduction.hpp"
#include "condense/runtime/detail/steps/resize.hpp"

namespace condense::runtime::detail {

template <StepKind... Kinds>
struct StepList {
  /// True if `body.operator()<T>()` was for one of the kinds, which are tried in order.
  template <class Body>
  static bool any_of(Body&& body) {
    return (body.template operator()<Kinds>() || ...);
  }
};

/// All kinds of steps: those that a file may have.
using StepKinds =
    StepList<AddStep, BranchResultStep, BranchStep, DequantizeStep, DynamicProductStep, DynamicQuantizeStep, ExpandStep,
             FloatMapStep, FloatMatrixProductStep, FloatPairStep, FloatProductStep, IntegerProductStep,
             InterleavedProducts<FloatProductStep>, InterleavedProducts<IntegerProductStep>, JoinStep,
             LayerNormalizationStep, LookupStep, MatrixProductStep, MultiplyStep, OperatorStep, PadStep, PieceStep,
             PoolingStep, ProductPairStep<FloatProductStep>, ProductPairStep<IntegerProductStep>, QuantizeStep,
             QuantizedRowsStep, RecurrentStep, ReduceStep, ResizeStep, SoftmaxStep, TransposeStep>;

}  // namespace condense::runtime::detail

#endif
