#ifndef CONDENSE_TRAIN_GRADIENTS_IPP
#define CONDENSE_TRAIN_GRADIENTS_IPP

#include "condense/core/inline.hpp"
#include "condense/graph/operators.hpp"
#include "condense/train/gradients.hpp"
#include "condense/train/gradients/activation.hpp"
#include "condense/train/gradients/arithmetic.hpp"
#include "condense/train/gradients/attention.hpp"
#include "condense/train/gradients/batch_normalization.hpp"
#include "condense/train/gradients/binary_math.hpp"
#include "condense/train/gradients/cast.hpp"
#include "condense/train/gradients/concat.hpp"
#include "condense/train/gradients/conv.hpp"
#include "condense/train/gradients/conv_transpose.hpp"
#include "condense/train/gradients/einsum.hpp"
#include "condense/train/gradients/gemm.hpp"
#include "condense/train/gradients/indexing.hpp"
#include "condense/train/gradients/layout.hpp"
#include "condense/train/gradients/losses.hpp"
#include "condense/train/gradients/mat_mul.hpp"
#include "condense/train/gradients/normalizations.hpp"
#include "condense/train/gradients/piecewise_constant.hpp"
#include "condense/train/gradients/pool.hpp"
#include "condense/train/gradients/quantize.hpp"
#include "condense/train/gradients/recurrent.hpp"
#include "condense/train/gradients/reductions.hpp"
#include "condense/train/gradients/reshape.hpp"
#include "condense/train/gradients/resize.hpp"
#include "condense/train/gradients/selection.hpp"
#include "condense/train/gradients/slicing.hpp"
#include "condense/train/gradients/softmax.hpp"
#include "condense/train/gradients/unary_math.hpp"

namespace condense::train {

// The headers above decide: an operator whose gradient one of them has is in the list.
CONDENSE_INLINE GradientRules::GradientRules() {
  graph::Operators::for_each([this]<class Op>() {
    if constexpr (Differentiable<Op>) add<Op>();
  });
}

}  // namespace condense::train

#endif
