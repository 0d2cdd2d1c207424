#ifndef CONDENSE_PRUNE_SPARSE_GPT_HPP
#define CONDENSE_PRUNE_SPARSE_GPT_HPP

#include "condense/core/parallel.hpp"
#include "condense/prune/mask.hpp"
#include "condense/prune/pattern.hpp"

namespace condense::prune {

/// How SparseGPT prunes a matrix.
struct SparseGptOptions {
  Pattern pattern = Pattern::unstructured();  ///< `unstructured`, `per_row` or `n_of_m`.
  double sparsity = 0.5;                      ///< In [0, 1). N:M has its own.
  Index mask_block = 128;                     ///< Columns whose weights are compared with each other, >= 1.
  double damping = 0.01;                      ///< Added to the Hessian's diagonal at first, as a share of its mean.
  ThreadPool pool = {};
};

/// A pruned matrix.
struct SparseGptResult {
  Tensor weights;  ///< float32 (rows x columns), zero where the mask does not keep.
  Mask mask;
  double damping = 0;  ///< The one with which the Hessian could be factorised.
};

/// Prunes the weights (rows x columns) of a layer and changes those that are left so that the layer's outputs change
/// least: SparseGPT (Frantar & Alistarh, "SparseGPT: massive language models can be accurately pruned in one-shot",
/// ICML 2023, algorithm 1).
///
/// `hessian` (columns x columns), float64, is the sum of x x^T over the layer's inputs, as `Gram` collects it. With
/// U the upper factor of its inverse, U^T U = H^-1, the columns are taken from left to right; at the start of each
/// block of `mask_block` columns those elements are chosen in it for which w^2 / U_cc^2 is least, over all rows or in
/// each row; a weight that goes leaves its error w / U_cc to the columns after it: W_k -= w / U_cc * U_ck. In the
/// pattern N:M the blocks are the groups of M. Updates of the columns after 128 of them are made at once.
///
/// The number of weights kept is that of the pattern, exactly: for unstructured sparsity `kept_count(rows * columns,
/// sparsity)`, block by block in proportion. With a Hessian that is a multiple of the identity the weights left do not
/// change and, with one block, the smallest go.
///
/// It always ends: where the factorisation fails, because inputs depend on each other or are too few, the damping grows
/// by factors of 10 until it succeeds. The weights of a dead input, 0 in all samples, become zero.
///
/// Cost: columns^3 / 2 + rows * columns^2 / 2 multiplications. The result does not depend on the number of threads.
/// Throws `InvalidArgument` for shapes that do not fit, weights or sums that are not finite, a sparsity outside [0, 1),
/// or another pattern.
SparseGptResult sparse_gpt(TensorRef<const float> weights, TensorRef<const double> hessian,
                           const SparseGptOptions& options = {});

}  // namespace condense::prune

#ifndef CONDENSE_COMPILED
#include "condense/prune/sparse_gpt.ipp"
#endif

#endif
