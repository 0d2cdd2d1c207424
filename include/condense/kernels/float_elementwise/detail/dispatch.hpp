#ifndef CONDENSE_KERNELS_FLOAT_ELEMENTWISE_DETAIL_DISPATCH_HPP
#define CONDENSE_KERNELS_FLOAT_ELEMENTWISE_DETAIL_DISPATCH_HPP

#include "condense/kernels/float_elementwise/detail/functions.hpp"
#include "condense/kernels/float_elementwise/float_elementwise.hpp"

namespace condense::kernels::detail {

/// Calls Loops::map<Function>(arguments) for the function that is asked for.
template <class Loops>
void map_floats(const FloatMapArguments& arguments) noexcept {
  namespace f = float_functions;
  switch (arguments.map.function) {
    case FloatFunction::clip: return Loops::template map<f::Clip>(arguments);
    case FloatFunction::leaky_relu: return Loops::template map<f::LeakyRelu>(arguments);
    case FloatFunction::thresholded_relu: return Loops::template map<f::ThresholdedRelu>(arguments);
    case FloatFunction::shrink: return Loops::template map<f::Shrink>(arguments);
    case FloatFunction::hard_sigmoid: return Loops::template map<f::HardSigmoid>(arguments);
    case FloatFunction::hard_swish: return Loops::template map<f::HardSwish>(arguments);
    case FloatFunction::absolute: return Loops::template map<f::Absolute>(arguments);
    case FloatFunction::negate: return Loops::template map<f::Negate>(arguments);
    case FloatFunction::sign: return Loops::template map<f::Sign>(arguments);
    case FloatFunction::square: return Loops::template map<f::Square>(arguments);
    case FloatFunction::cube: return Loops::template map<f::Cube>(arguments);
    case FloatFunction::square_root: return Loops::template map<f::SquareRoot>(arguments);
    case FloatFunction::power_half: return Loops::template map<f::PowerHalf>(arguments);
    case FloatFunction::reciprocal: return Loops::template map<f::Reciprocal>(arguments);
    case FloatFunction::floor: return Loops::template map<f::Floor>(arguments);
    case FloatFunction::ceil: return Loops::template map<f::Ceil>(arguments);
    case FloatFunction::round: return Loops::template map<f::Round>(arguments);
    case FloatFunction::softsign: return Loops::template map<f::Softsign>(arguments);
    case FloatFunction::exponential: return Loops::template map<f::ExponentialFunction>(arguments);
    case FloatFunction::logarithm: return Loops::template map<f::Logarithm>(arguments);
    case FloatFunction::sigmoid: return Loops::template map<f::Sigmoid>(arguments);
    case FloatFunction::swish: return Loops::template map<f::Swish>(arguments);
    case FloatFunction::tanh: return Loops::template map<f::Tanh>(arguments);
    case FloatFunction::elu: return Loops::template map<f::Elu>(arguments);
    case FloatFunction::celu: return Loops::template map<f::Celu>(arguments);
    case FloatFunction::selu: return Loops::template map<f::Selu>(arguments);
    case FloatFunction::softplus: return Loops::template map<f::Softplus>(arguments);
    case FloatFunction::mish: return Loops::template map<f::Mish>(arguments);
    case FloatFunction::error: return Loops::template map<f::ErrorFunction>(arguments);
    case FloatFunction::gelu: return Loops::template map<f::Gelu>(arguments);
    case FloatFunction::gelu_tanh: return Loops::template map<f::GeluTanh>(arguments);
  }
}

/// Calls Loops::row<Operation, kRepeatsA, kRepeatsB>(a, b, columns, output) for each row.
template <class Loops, class Operation>
void pair_rows(const FloatPairArguments& p) noexcept {
  const auto run = p.a.step == 0   ? &Loops::template row<Operation, true, false>
                   : p.b.step == 0 ? &Loops::template row<Operation, false, true>
                                   : &Loops::template row<Operation, false, false>;
  for (Index row = 0; row < p.rows; ++row) {
    run(p.a.data + row * p.a.row_stride, p.b.data + row * p.b.row_stride, p.columns, p.output + row * p.output_stride);
  }
}

template <class Loops>
void pair_floats(const FloatPairArguments& arguments) noexcept {
  namespace f = float_functions;
  switch (arguments.operation) {
    case FloatPair::add: return pair_rows<Loops, f::Add>(arguments);
    case FloatPair::subtract: return pair_rows<Loops, f::Subtract>(arguments);
    case FloatPair::multiply: return pair_rows<Loops, f::Multiply>(arguments);
    case FloatPair::divide: return pair_rows<Loops, f::Divide>(arguments);
    case FloatPair::minimum: return pair_rows<Loops, f::Minimum>(arguments);
    case FloatPair::maximum: return pair_rows<Loops, f::Maximum>(arguments);
    case FloatPair::leaky_relu: return pair_rows<Loops, f::LeakyReluPair>(arguments);
  }
}

}  // namespace condense::kernels::detail

#endif
