#ifndef CONDENSE_TRAIN_GRADIENTS_IPP
#define CONDENSE_TRAIN_GRADIENTS_IPP

#include "condense/core/inline.hpp"
#include "condense/train/gradients.hpp"
#include "condense/train/gradients/activation.hpp"
#include "condense/train/gradients/arithmetic.hpp"
#include "condense/train/gradients/batch_normalization.hpp"
#include "condense/train/gradients/concat.hpp"
#include "condense/train/gradients/conv.hpp"
#include "condense/train/gradients/gemm.hpp"
#include "condense/train/gradients/mat_mul.hpp"
#include "condense/train/gradients/pool.hpp"
#include "condense/train/gradients/quantize.hpp"
#include "condense/train/gradients/reshape.hpp"
#include "condense/train/gradients/softmax.hpp"

namespace condense::train {

// The list of rules: a new one is added here and nowhere else.
CONDENSE_INLINE GradientRules::GradientRules() {
  using namespace graph;  // NOLINT: the list reads as the list of operators does
  add<Add, AveragePool, BatchNormalization, Clip, Concat, Conv, DequantizeLinear, Flatten, Gemm, GlobalAveragePool,
      HardSwish, LeakyRelu, MatMul, MaxPool, Mul, QuantizeLinear, Relu, Reshape, Sigmoid, Softmax>();
}

}  // namespace condense::train

#endif
