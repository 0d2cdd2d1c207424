#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_HPP

#include "condense/runtime/detail/steps/elementwise.hpp"
#include "condense/runtime/detail/steps/float_product.hpp"
#include "condense/runtime/detail/steps/integer_product.hpp"
#include "condense/runtime/detail/steps/matrix_product.hpp"
#include "condense/runtime/detail/steps/move.hpp"
#include "condense/runtime/detail/steps/operator.hpp"
#include "condense/runtime/detail/steps/pooling.hpp"

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
    StepList<AddStep, DequantizeStep, ExpandStep, FloatProductStep, IntegerProductStep, JoinStep, LookupStep,
             MatrixProductStep, MultiplyStep, OperatorStep, PadStep, PoolingStep, QuantizeStep, TransposeStep>;

}  // namespace condense::runtime::detail

#endif
