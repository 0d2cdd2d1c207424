#include "condense/prune/sparse_gpt.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "condense/core/random.hpp"
#include "condense/prune/activation_statistics.hpp"
#include "condense/prune/gram.hpp"
#include "support/throws.hpp"

namespace condense::prune {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Tensor normal(const Shape& shape, std::uint64_t seed) {
  Random random(seed);
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.mutable_values<float>()) value = random.normal();
  return tensor;
}

/// Samples whose columns hang together, and have scales from 0.1 to 3, as those of a hidden layer do.
Tensor correlated(Index samples, Index columns, std::uint64_t seed) {
  Tensor result = normal({samples, columns}, seed);
  Random random(seed + 1);
  std::vector<float> scales(static_cast<std::size_t>(columns));
  for (float& scale : scales) scale = random.uniform(0.1F, 3);
  for (Index n = 0; n < samples; ++n) {
    const float common = random.normal();
    float* row = result.mutable_data<float>() + n * columns;
    for (Index c = 0; c < columns; ++c) row[c] = scales[static_cast<std::size_t>(c)] * (0.6F * row[c] + 0.8F * common);
  }
  return result;
}

Tensor hessian_of(const Tensor& samples) {
  Gram gram(samples.shape()[1]);
  gram.observe(samples);
  return gram.matrix();
}

/// The inverse by Gauss-Jordan elimination without pivoting, which a positive definite matrix does not need.
Matrix inverse(Matrix a) {
  const Index n = a.rows();
  Matrix result = Matrix::Identity(n, n);
  for (Index i = 0; i < n; ++i) {
    const double pivot = a(i, i);
    a.row(i) /= pivot;
    result.row(i) /= pivot;
    for (Index k = 0; k < n; ++k) {
      if (k == i) continue;
      const double factor = a(k, i);
      a.row(k) -= factor * a.row(i);
      result.row(k) -= factor * result.row(i);
    }
  }
  return result;
}

/// SparseGPT as section 3.2 of the paper derives it: for each column the inverse of what is left of the Hessian, from
/// scratch, and the update of optimal brain surgeons; nothing is lazy.
SparseGptResult reference(const Tensor& weights, const Tensor& hessian, double damping, double sparsity,
                          Index mask_block) {
  const Index rows = weights.shape()[0];
  const Index columns = weights.shape()[1];
  Matrix w = weights.matrix<float>().cast<double>();
  Matrix h = hessian.matrix<double>();
  h.diagonal().array() += damping * h.diagonal().mean();
  std::vector<Matrix> inverses;  // of the columns from each one on
  for (Index j = 0; j < columns; ++j) inverses.push_back(inverse(h.bottomRightCorner(columns - j, columns - j)));
  Mask mask(weights.shape());
  for (Index first = 0; first < columns; first += mask_block) {
    const Index count = std::min(mask_block, columns - first);
    std::vector<float> scores;
    for (Index r = 0; r < rows; ++r) {
      for (Index c = first; c < first + count; ++c) {
        scores.push_back(static_cast<float>(w(r, c) * w(r, c) / inverses[static_cast<std::size_t>(c)](0, 0)));
      }
    }
    for (Index i = 0; i < rows * count; ++i) mask.set(i / count * columns + first + i % count, false);
    const Index kept = kept_count(rows * (first + count), sparsity) - kept_count(rows * first, sparsity);
    for (const Index i : highest(scores, kept)) mask.set(i / count * columns + first + i % count, true);
    for (Index c = first; c < first + count; ++c) {
      const Matrix& left = inverses[static_cast<std::size_t>(c)];
      for (Index r = 0; r < rows; ++r) {
        if (!mask.keeps(r * columns + c)) {
          w.row(r).tail(columns - c) -= w(r, c) / left(0, 0) * left.row(0);
          w(r, c) = 0;
        }
      }
    }
  }
  Tensor result(DataType::float32, weights.shape());
  result.mutable_matrix<float>() = w.cast<float>();
  return {result, mask, damping};
}

/// |(W' - W) X|^2 by the Hessian.
double output_error(const Tensor& weights, const Tensor& pruned, const Tensor& hessian) {
  const Matrix d = (pruned.matrix<float>() - weights.matrix<float>()).cast<double>();
  const Matrix h = hessian.matrix<double>();
  return (d * h).cwiseProduct(d).sum();
}

TEST(SparseGpt, EqualsTheUnhurriedAlgorithm) {
  for (const auto& [columns, block] : {std::pair<Index, Index>{24, 8}, {24, 24}, {24, 7}, {136, 40}}) {
    const Tensor weights = normal({5, columns}, 1);
    const Tensor hessian = hessian_of(correlated(400, columns, 2));
    const SparseGptResult expected = reference(weights, hessian, 0.01, 0.6, block);
    const SparseGptResult actual = sparse_gpt(weights, hessian, {.sparsity = 0.6, .mask_block = block});
    EXPECT_EQ(actual.damping, 0.01);
    EXPECT_EQ(actual.mask, expected.mask) << columns;
    for (Index i = 0; i < weights.count(); ++i) {
      EXPECT_NEAR(actual.weights.data<float>()[i], expected.weights.data<float>()[i], 1e-3) << columns << " " << i;
    }
  }
}

TEST(SparseGpt, PrunesOneWeightAsAnOptimalBrainSurgeonWould) {
  const Tensor weights = normal({1, 6}, 3);
  const Tensor hessian = hessian_of(correlated(50, 6, 4));
  const SparseGptResult result = sparse_gpt(weights, hessian, {.sparsity = 1.0 / 6, .damping = 0});
  const Matrix h = hessian.matrix<double>();
  // By brute force: each weight goes in turn, those to its right make up for it as well as they can.
  double least = std::numeric_limits<double>::infinity();
  Matrix best;
  for (Index j = 0; j < 6; ++j) {
    Matrix change = Matrix::Zero(1, 6);
    change(0, j) = -static_cast<double>(weights.data<float>()[j]);
    const Index right = 5 - j;
    if (right > 0) {
      change.rightCols(right) = -change(0, j) * h.row(j).tail(right) * inverse(h.bottomRightCorner(right, right));
    }
    const double error = (change * h).cwiseProduct(change).sum();
    if (error < least) {
      least = error;
      best = change;
    }
  }
  for (Index i = 0; i < 6; ++i) {
    EXPECT_NEAR(result.weights.data<float>()[i], static_cast<double>(weights.data<float>()[i]) + best(0, i), 1e-5);
  }
  EXPECT_NEAR(output_error(weights, result.weights, hessian), least, 1e-4 * least);
}

TEST(SparseGpt, IsMagnitudePruningWhereInputsAreIndependent) {
  const Tensor weights = normal({6, 20}, 5);
  Tensor hessian(DataType::float64, {20, 20});
  for (Index i = 0; i < 20; ++i) hessian.mutable_data<double>()[21 * i] = 1e-60;  // of any size
  for (const Pattern& pattern : {Pattern::unstructured(), Pattern::per_row(), Pattern::n_of_m(2, 4)}) {
    const SparseGptResult result = sparse_gpt(weights, hessian, {.pattern = pattern, .sparsity = 0.7});
    Tensor expected = weights;
    const double sparsity = pattern.kind == Pattern::Kind::n_of_m ? 0.5 : 0.7;
    keep_by_pattern(magnitude_scores(weights), pattern, sparsity).apply(expected);
    EXPECT_EQ(result.weights, expected) << pattern.name();
  }
}

TEST(SparseGpt, KeepsExactlyAsManyAsThePatternAsks) {
  const Tensor weights = normal({7, 50}, 6);
  const Tensor hessian = hessian_of(correlated(100, 50, 7));
  for (const double sparsity : {0.0, 0.13, 0.5, 0.9, 0.999}) {
    for (const Index block : {1, 16, 1000}) {
      const SparseGptResult any = sparse_gpt(weights, hessian, {.sparsity = sparsity, .mask_block = block});
      EXPECT_EQ(any.mask.kept(), kept_count(350, sparsity));
      const SparseGptResult rows =
          sparse_gpt(weights, hessian, {.pattern = Pattern::per_row(), .sparsity = sparsity, .mask_block = block});
      for (Index row = 0; row < 7; ++row) {
        EXPECT_EQ(std::ranges::count(rows.mask.values().subspan(static_cast<std::size_t>(row) * 50, 50), 1),
                  kept_count(50, sparsity));
      }
    }
  }
  const SparseGptResult groups = sparse_gpt(weights, hessian, {.pattern = Pattern::n_of_m(1, 3)});
  for (Index row = 0; row < 7; ++row) {
    for (Index c = 0; c < 50; c += 3) {
      Index kept = 0;
      for (Index k = c; k < std::min<Index>(c + 3, 50); ++k) kept += groups.mask.keeps(row * 50 + k) ? 1 : 0;
      EXPECT_EQ(kept, 1);
    }
  }
  EXPECT_EQ(sparse_gpt(weights, hessian, {.sparsity = 0}).weights, weights);
}

TEST(SparseGpt, ErrsLessThanWandaAndThatLessThanMagnitude) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const Tensor weights = normal({16, 64}, seed);
    const Tensor samples = correlated(500, 64, 100 + seed);
    const Tensor hessian = hessian_of(samples);
    ActivationStatistics inputs(64);
    inputs.observe(samples);
    for (const Pattern& pattern : {Pattern::per_row(), Pattern::n_of_m(2, 4)}) {
      const double sparsity = 0.5;
      Tensor magnitude = weights;
      keep_by_pattern(magnitude_scores(weights), pattern, sparsity).apply(magnitude);
      Tensor wanda = weights;
      keep_by_pattern(wanda_scores(weights, inputs.norms()), pattern, sparsity).apply(wanda);
      const Tensor updated = sparse_gpt(weights, hessian, {.pattern = pattern, .sparsity = sparsity}).weights;
      const double wanda_error = output_error(weights, wanda, hessian);
      EXPECT_LT(wanda_error, output_error(weights, magnitude, hessian));
      EXPECT_LT(output_error(weights, updated, hessian), 0.7 * wanda_error);
    }
  }
}

TEST(SparseGpt, NeverFailsOnFewSamplesAndDeadInputs) {
  Tensor samples = correlated(10, 40, 8);  // a Hessian of rank 10
  for (Index n = 0; n < 10; ++n) samples.mutable_data<float>()[n * 40 + 7] = 0;
  const Tensor weights = normal({4, 40}, 9);
  const SparseGptResult result = sparse_gpt(weights, hessian_of(samples), {.damping = 0});
  EXPECT_GT(result.damping, 0);
  EXPECT_LT(result.damping, 1e-3);
  for (Index row = 0; row < 4; ++row) EXPECT_EQ(result.weights.data<float>()[row * 40 + 7], 0);
  for (const float w : result.weights.values<float>()) EXPECT_TRUE(std::isfinite(w));
  EXPECT_EQ(result.mask.kept(), 80);
  const SparseGptResult dead = sparse_gpt(weights, Tensor(DataType::float64, {40, 40}));
  EXPECT_EQ(dead.weights, Tensor(DataType::float32, {4, 40}));
}

TEST(SparseGpt, DoesNotDependOnTheThreads) {
  const Tensor weights = normal({40, 150}, 10);
  const Tensor hessian = hessian_of(correlated(200, 150, 11));
  EXPECT_EQ(sparse_gpt(weights, hessian).weights, sparse_gpt(weights, hessian, {.pool = ThreadPool(3)}).weights);
}

TEST(SparseGpt, RefusesWhatItCannotPrune) {
  const Tensor weights = normal({2, 3}, 1);
  const Tensor hessian = hessian_of(normal({9, 3}, 2));
  const auto prune = [&](const SparseGptOptions& options) { sparse_gpt(weights, hessian, options); };
  EXPECT_TRUE(throws<InvalidArgument>("1", [&] { prune({.sparsity = 1}); }));
  EXPECT_TRUE(throws<InvalidArgument>("5 of 4", [&] { prune({.pattern = Pattern::n_of_m(5, 4)}); }));
  EXPECT_TRUE(throws<InvalidArgument>("blocks of 2 x 2", [&] { prune({.pattern = Pattern::blocks(2, 2)}); }));
  EXPECT_TRUE(throws<InvalidArgument>("global", [&] { prune({.pattern = Pattern::global()}); }));
  EXPECT_TRUE(throws<InvalidArgument>("not 0", [&] { prune({.mask_block = 0}); }));
  EXPECT_TRUE(throws<InvalidArgument>("-1", [&] { prune({.damping = -1}); }));
  EXPECT_TRUE(throws<InvalidArgument>("(3 x 3)", [&] { sparse_gpt(normal({3, 2}, 1), hessian); }));
  Tensor bad = weights;
  bad.mutable_data<float>()[4] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(throws<InvalidArgument>("element 4", [&] { sparse_gpt(bad, hessian); }));
}

}  // namespace
}  // namespace condense::prune
