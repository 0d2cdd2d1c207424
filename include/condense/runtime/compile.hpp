#ifndef CONDENSE_RUNTIME_COMPILE_HPP
#define CONDENSE_RUNTIME_COMPILE_HPP

#include "condense/graph/graph.hpp"
#include "condense/kernels/kernel_set.hpp"
#include "condense/runtime/program.hpp"
#include "condense/runtime/sparse_products.hpp"
#include "condense/runtime/weight_store.hpp"

namespace condense::runtime {

/// How a graph is compiled.
struct CompileOptions {
  /// Shapes of the inputs, in the order of `graph.inputs()`. Empty: every dynamic dimension is 1.
  std::vector<Shape> input_shapes = {};

  /// The kernels to run on; by default the best that this machine has. See `kernels::KernelSet` for one's own.
  kernels::KernelSet kernels = kernels::KernelSet::best();

  /// Whether a depthwise product and the pointwise one behind it are one step where that pays: results are the same,
  /// but reports speak of both together.
  bool pair_products = true;

  /// Where constants are kept, to share them with other programs; null for a store of the program's own.
  std::shared_ptr<WeightStore> weights = nullptr;

  /// Products of float activations with weights of 8 bits or fewer run on integers: each row of the activations is
  /// quantised to 8 bits as it comes, by its own range. Otherwise they run in float on the weights' values, which is
  /// more exact, by some 2^-8 of a row's largest value in each factor, and slower where there are more than a few rows.
  bool quantize_rows = false;

  /// Which products skip weights of zero. Those of which nearly half the weights are zeros are timed, dense and sparse,
  /// on up to 96 rows: some hundred microseconds for one of a few hundred thousand weights.
  SparseProducts sparse_products = SparseProducts::measured_integers;
};

/// Compiles a graph into a program for one set of input shapes.
///
/// A quantised graph says by its Q/DQ nodes where integers run: a node between a DequantizeLinear and a QuantizeLinear
/// becomes one integer step, with its bias, clamp and requantisation, and everything else runs in float. Images are
/// stored channels last inside. Throws `InvalidArgument` if a shape does not fit, `Unsupported` naming the node where
/// int32 sums could overflow.
///
/// Integer steps follow the numeric contract, and their bytes do not depend on backend or threads. With input scale
/// s_x, weight scale s_w and output scale s_y, all arithmetic in float32: products use the multiplier (s_x * s_w) / s_y
/// and take the int32 bias that the graph stores, or round_half_even(bias / (s_x * s_w)), where this quotient is in
/// float64; products with weights in blocks start from bias / s_y and add a fused multiply-add for each block, tap by
/// tap (see `kernels::GemmEpilogue`); products of two activations use (s_a * s_b) / s_y; averages use (1 / count) *
/// (s_x / s_y); elementwise operators of one input are tables of 256 codes; sums are those of `kernels::AddArguments`
/// with the multipliers s_a / s_y and s_b / s_y, products those of `kernels::MultiplyArguments` with (s_a * s_b) / s_y.
/// Where no quantisation follows a product, s_y is 1.
Program compile(const graph::Graph& graph, const CompileOptions& options = {});

}  // namespace condense::runtime

#ifndef CONDENSE_COMPILED
#include "condense/runtime/compile.ipp"
#endif

#endif
