#ifndef CONDENSE_TRAIN_GRADIENTS_PIECEWISE_CONSTANT_HPP
#define CONDENSE_TRAIN_GRADIENTS_PIECEWISE_CONSTANT_HPP

#include "condense/graph/operators/activations.hpp"
#include "condense/graph/operators/binary_math.hpp"
#include "condense/graph/operators/comparisons.hpp"
#include "condense/graph/operators/detection.hpp"
#include "condense/graph/operators/reductions.hpp"
#include "condense/graph/operators/selection.hpp"
#include "condense/graph/operators/shape_queries.hpp"
#include "condense/graph/operators/unary_math.hpp"
#include "condense/train/detail/zero_gradient.hpp"

namespace condense::train {

// Operators whose results change in steps if at all: what they read gets zeros, and a path of a network that leads
// through them, to a shape or to indices, ends there.

// Steps.
template <>
struct Gradient<graph::Ceil> : detail::ZeroGradient<graph::Ceil> {};
template <>
struct Gradient<graph::Floor> : detail::ZeroGradient<graph::Floor> {};
template <>
struct Gradient<graph::Hardmax> : detail::ZeroGradient<graph::Hardmax> {};
template <>
struct Gradient<graph::Round> : detail::ZeroGradient<graph::Round> {};
template <>
struct Gradient<graph::Sign> : detail::ZeroGradient<graph::Sign> {};

// Questions and their answers.
template <>
struct Gradient<graph::And> : detail::ZeroGradient<graph::And> {};
template <>
struct Gradient<graph::Equal> : detail::ZeroGradient<graph::Equal> {};
template <>
struct Gradient<graph::Greater> : detail::ZeroGradient<graph::Greater> {};
template <>
struct Gradient<graph::GreaterOrEqual> : detail::ZeroGradient<graph::GreaterOrEqual> {};
template <>
struct Gradient<graph::IsInf> : detail::ZeroGradient<graph::IsInf> {};
template <>
struct Gradient<graph::IsNaN> : detail::ZeroGradient<graph::IsNaN> {};
template <>
struct Gradient<graph::Less> : detail::ZeroGradient<graph::Less> {};
template <>
struct Gradient<graph::LessOrEqual> : detail::ZeroGradient<graph::LessOrEqual> {};
template <>
struct Gradient<graph::Not> : detail::ZeroGradient<graph::Not> {};
template <>
struct Gradient<graph::Or> : detail::ZeroGradient<graph::Or> {};
template <>
struct Gradient<graph::Xor> : detail::ZeroGradient<graph::Xor> {};

// Bits of integers.
template <>
struct Gradient<graph::BitShift> : detail::ZeroGradient<graph::BitShift> {};
template <>
struct Gradient<graph::BitwiseAnd> : detail::ZeroGradient<graph::BitwiseAnd> {};
template <>
struct Gradient<graph::BitwiseNot> : detail::ZeroGradient<graph::BitwiseNot> {};
template <>
struct Gradient<graph::BitwiseOr> : detail::ZeroGradient<graph::BitwiseOr> {};
template <>
struct Gradient<graph::BitwiseXor> : detail::ZeroGradient<graph::BitwiseXor> {};

// Positions.
template <>
struct Gradient<graph::ArgMax> : detail::ZeroGradient<graph::ArgMax> {};
template <>
struct Gradient<graph::ArgMin> : detail::ZeroGradient<graph::ArgMin> {};
template <>
struct Gradient<graph::NonMaxSuppression> : detail::ZeroGradient<graph::NonMaxSuppression> {};
template <>
struct Gradient<graph::NonZero> : detail::ZeroGradient<graph::NonZero> {};

// Shapes.
template <>
struct Gradient<graph::ConstantOfShape> : detail::ZeroGradient<graph::ConstantOfShape> {};
template <>
struct Gradient<graph::EyeLike> : detail::ZeroGradient<graph::EyeLike> {};
template <>
struct Gradient<graph::ShapeOf> : detail::ZeroGradient<graph::ShapeOf> {};
template <>
struct Gradient<graph::Size> : detail::ZeroGradient<graph::Size> {};

}  // namespace condense::train

#endif
