#include "condense/prune/reconstruction.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "condense/core/random.hpp"
#include "condense/prune/gram.hpp"
#include "support/throws.hpp"

namespace condense::prune {
namespace {

Tensor normal(const Shape& shape, std::uint64_t seed) {
  Random random(seed);
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.mutable_values<float>()) value = random.normal();
  return tensor;
}

Tensor transposed(const Tensor& matrix) {
  const Shape& shape = matrix.shape();
  Tensor result(DataType::float32, {shape[1], shape[0]});
  result.mutable_matrix<float>() = matrix.matrix<float>().transpose();
  return result;
}

/// a^T b in double.
Tensor gram_of(const Tensor& a, const Tensor& b) {
  const Index rows = a.shape()[1];
  const Index columns = b.shape()[1];
  Tensor result(DataType::float64, {rows, columns});
  double* sums = result.mutable_data<double>();
  for (Index n = 0; n < a.shape()[0]; ++n) {
    const float* x = a.data<float>() + n * rows;
    const float* y = b.data<float>() + n * columns;
    for (Index i = 0; i < rows * columns; ++i) {
      sums[i] += static_cast<double>(x[i / columns]) * static_cast<double>(y[i % columns]);
    }
  }
  return result;
}

void expect_near(const Tensor& actual, const Tensor& expected, double tolerance) {
  ASSERT_EQ(actual.shape(), expected.shape());
  for (Index i = 0; i < actual.count(); ++i) {
    EXPECT_NEAR(actual.data<double>()[i], expected.data<double>()[i], tolerance) << i;
  }
}

TEST(Gram, IsTheSumOfOuterProductsInAnyLayoutAndNumberOfThreads) {
  const Tensor samples = normal({700, 130}, 1);  // more than a block of samples and a panel of columns
  const Tensor expected = gram_of(samples, samples);
  Gram rows(130), columns(130), parts(130), rest(130);
  rows.observe(samples);
  columns.observe(transposed(samples), true, ThreadPool(2));
  parts.observe(TensorRef<const float>(samples.data<float>(), {300, 130}));
  rest.observe(TensorRef<const float>(samples.data<float>() + 300 * 130, {400, 130}));
  parts.merge(rest);
  for (const Gram* gram : {&rows, &columns, &parts}) {
    EXPECT_EQ(gram->samples(), 700);
    expect_near(gram->matrix(), expected, 1e-3);  // sums of 512 products of float
  }
  Gram threads(130);
  threads.observe(samples, false, ThreadPool(3));
  EXPECT_EQ(threads.matrix(), rows.matrix());
  const std::vector<Index> chosen{5, 0, 129};
  EXPECT_EQ(rows.matrix(chosen).data<double>()[2], rows(5, 129));
  EXPECT_EQ(rows.matrix(chosen).data<double>()[6], rows(129, 5));
}

TEST(Gram, OfInputsAndOutputsIsTheSumOfTheirProducts) {
  const Tensor inputs = normal({70, 6}, 1);
  const Tensor outputs = normal({70, 3}, 2);
  CrossGram rows(6, 3), columns(6, 3);
  rows.observe(inputs, outputs);
  columns.observe(transposed(inputs), transposed(outputs), true);
  expect_near(rows.matrix(), gram_of(inputs, outputs), 1e-4);
  expect_near(columns.matrix(), gram_of(inputs, outputs), 1e-4);
  rows.merge(columns);
  EXPECT_NEAR(rows.matrix().data<double>()[4], 2 * gram_of(inputs, outputs).data<double>()[4], 1e-4);
}

TEST(Gram, RefusesWhatDoesNotFit) {
  Gram gram(3);
  EXPECT_TRUE(throws<InvalidArgument>("(2 x 4)", [&] { gram.observe(normal({2, 4}, 1)); }));
  EXPECT_TRUE(throws<InvalidArgument>("(3 x samples)", [&] { gram.observe(normal({2, 3}, 1), true); }));
  EXPECT_TRUE(throws<InvalidArgument>("element 2", [&] {
    gram.observe(Tensor::of<float>({1, 3}, {0, 0, std::numeric_limits<float>::infinity()}));
  }));
  EXPECT_EQ(gram.samples(), 0);
  EXPECT_TRUE(throws<InvalidArgument>("3 and 4", [&] { gram.merge(Gram(4)); }));
  EXPECT_TRUE(throws<InvalidArgument>("2 samples", [] {
    CrossGram(3, 3).observe(normal({2, 3}, 1), normal({1, 3}, 1));
  }));
}

TEST(LeastSquares, FindsTheWeightsThatMadeTheOutputs) {
  const Tensor inputs = normal({50, 7}, 1);
  const Tensor weights = normal({4, 7}, 2);
  Tensor outputs(DataType::float32, {50, 4});
  outputs.mutable_matrix<float>() = inputs.matrix<float>() * weights.matrix<float>().transpose();
  const ReconstructedWeights found = least_squares_weights(gram_of(inputs, inputs), gram_of(inputs, outputs), 0);
  EXPECT_EQ(found.damping, 0);
  for (Index i = 0; i < weights.count(); ++i)
    EXPECT_NEAR(found.weights.data<float>()[i], weights.data<float>()[i], 1e-5);
}

TEST(LeastSquares, LeavesNoSlopeOfTheError) {
  // At the minimum of |Y - X W^T|^2 every kept input is orthogonal to the residual.
  const Tensor inputs = normal({40, 8}, 1);
  const Tensor weights = normal({3, 8}, 2);
  const std::vector<Index> kept{1, 2, 5, 7};
  const ReconstructedWeights found = reconstruct_without(gram_of(inputs, inputs), weights, kept, 0);
  ASSERT_EQ(found.weights.shape(), (Shape{3, 4}));
  for (Index o = 0; o < 3; ++o) {
    for (const Index k : kept) {
      double slope = 0;
      for (Index n = 0; n < 40; ++n) {
        double residual = 0;
        for (Index i = 0; i < 8; ++i) {
          residual +=
              static_cast<double>(weights.matrix<float>()(o, i)) * static_cast<double>(inputs.matrix<float>()(n, i));
        }
        for (Index i = 0; i < 4; ++i) {
          residual -= static_cast<double>(found.weights.matrix<float>()(o, i)) *
                      static_cast<double>(inputs.matrix<float>()(n, kept[static_cast<std::size_t>(i)]));
        }
        slope += residual * static_cast<double>(inputs.matrix<float>()(n, k));
      }
      EXPECT_NEAR(slope, 0, 1e-4);
    }
  }
}

TEST(LeastSquares, NeverFailsOnDependentOrDeadInputs) {
  Tensor inputs = normal({6, 5}, 1);
  for (Index n = 0; n < 6; ++n) {
    float* row = inputs.mutable_data<float>() + n * 5;
    row[1] = row[0];  // the same input twice
    row[4] = 0;       // a dead one
  }
  const Tensor weights = normal({2, 5}, 2);
  const std::vector<Index> all{0, 1, 2, 3, 4};
  const ReconstructedWeights found = reconstruct_without(gram_of(inputs, inputs), weights, all, 0);
  EXPECT_GT(found.damping, 0);
  EXPECT_LT(found.damping, 1e-3);
  for (Index o = 0; o < 2; ++o) {
    const float* w = found.weights.data<float>() + o * 5;
    EXPECT_EQ(w[4], 0);
    EXPECT_NEAR(w[0] + w[1], weights.data<float>()[o * 5] + weights.data<float>()[o * 5 + 1], 1e-3);
    EXPECT_NEAR(w[0], w[1], 1e-3);  // damping shares evenly
  }
  const Tensor nothing(DataType::float64, {3, 3});
  EXPECT_EQ(least_squares_weights(nothing, nothing).weights, Tensor(DataType::float32, {3, 3}));
  EXPECT_EQ(reconstruct_without(nothing, normal({2, 3}, 1), {}).weights.shape(), (Shape{2, 0}));
}

TEST(LeastSquares, RefusesWhatIsNoGramMatrix) {
  const Tensor cross(DataType::float64, {2, 1});
  const auto solve = [&](const Tensor& gram) { least_squares_weights(gram, cross); };
  EXPECT_TRUE(throws<InvalidArgument>("(2 x 3)", [&] { solve(Tensor(DataType::float64, {2, 3})); }));
  EXPECT_TRUE(throws<InvalidArgument>("(3 x 3)", [&] { solve(Tensor(DataType::float64, {3, 3})); }));
  EXPECT_TRUE(throws<InvalidArgument>("-1", [&] { solve(Tensor::of<double>({2, 2}, {1, 0, 0, -1})); }));
  EXPECT_TRUE(throws<InvalidArgument>("nan", [&] { solve(Tensor::of<double>({2, 2}, {1, std::nan(""), 0, 1})); }));
  EXPECT_TRUE(throws<InvalidArgument>("-2", [&] {
    least_squares_weights(Tensor(DataType::float64, {2, 2}), cross, -2);
  }));
  EXPECT_TRUE(throws<InvalidArgument>("input 2", [&] {
    reconstruct_without(Tensor(DataType::float64, {2, 2}), normal({1, 2}, 1), std::vector<Index>{2});
  }));
}

TEST(GreedySelection, IsThatOfAlgorithm1OnTheContributions) {
  const Tensor contributions = normal({30, 9}, 4);
  for (Index kept = 0; kept <= 9; ++kept) {
    std::vector<Index> removed;
    std::vector<Index> left(9);
    std::iota(left.begin(), left.end(), Index{0});
    while (static_cast<Index>(left.size()) > kept) {
      double least = std::numeric_limits<double>::infinity();
      Index choice = 0;
      for (const Index candidate : left) {
        double value = 0;
        for (Index n = 0; n < 30; ++n) {
          double sum = static_cast<double>(contributions.matrix<float>()(n, candidate));
          for (const Index c : removed) sum += static_cast<double>(contributions.matrix<float>()(n, c));
          value += sum * sum;
        }
        if (value < least) {
          least = value;
          choice = candidate;
        }
      }
      removed.push_back(choice);
      std::erase(left, choice);
    }
    EXPECT_EQ(select_channels_greedily(gram_of(contributions, contributions), kept), left);
  }
}

TEST(GreedySelection, RemovesChannelsThatCancel) {
  // 0 and 1 are large but cancel each other; 2 is small.
  const Tensor contributions = Tensor::of<float>({2, 3}, {10, -10, 1, 5, -5, 1});
  EXPECT_EQ(select_channels_greedily(gram_of(contributions, contributions), 2), (std::vector<Index>{0, 1}));
  const Tensor equal = Tensor::of<double>({2, 2}, {1, 0, 0, 1});
  EXPECT_EQ(select_channels_greedily(equal, 1), std::vector<Index>{0});
  EXPECT_TRUE(throws<InvalidArgument>("3 of 2", [&] { select_channels_greedily(equal, 3); }));
}

}  // namespace
}  // namespace condense::prune
