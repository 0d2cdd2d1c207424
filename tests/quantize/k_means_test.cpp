#include "condense/quantize/k_means.hpp"

#include <gtest/gtest.h>

#include "condense/core/random.hpp"

namespace condense::quantize {
namespace {

double error_of(std::span<const float> values, std::span<const float> centroids) {
  double sum = 0;
  for (const float value : values) {
    double best = std::numeric_limits<double>::infinity();
    for (const float centroid : centroids) {
      const double offset = static_cast<double>(value) - static_cast<double>(centroid);
      best = std::min(best, offset * offset);
    }
    sum += best;
  }
  return sum;
}

/// The least error of all ways to cut the sorted numbers into at most `count` rows.
double least_error(const std::vector<float>& sorted, std::size_t begin, int count) {
  if (begin == sorted.size()) return 0;
  if (count == 0) return std::numeric_limits<double>::infinity();
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t end = begin + 1; end <= sorted.size(); ++end) {
    double mean = 0;
    for (std::size_t i = begin; i < end; ++i) mean += static_cast<double>(sorted[i]);
    mean /= static_cast<double>(end - begin);
    double error = 0;
    for (std::size_t i = begin; i < end; ++i) {
      error += (static_cast<double>(sorted[i]) - mean) * (static_cast<double>(sorted[i]) - mean);
    }
    best = std::min(best, error + least_error(sorted, end, count - 1));
  }
  return best;
}

std::vector<float> numbers(int count, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> result;
  for (int i = 0; i < count; ++i) result.push_back(5 + random.normal() * (random.below(5) == 0 ? 8.0F : 1.0F));
  return result;
}

TEST(OptimalClusters, FindTheLeastErrorOfAll) {
  for (int size = 1; size <= 9; ++size) {
    for (int count = 1; count <= 5; ++count) {
      const std::vector<float> values = numbers(size, static_cast<std::uint64_t>(10 * size + count));
      std::vector<float> sorted = values;
      std::ranges::sort(sorted);
      const Clusters clusters = optimal_clusters(values, count);
      EXPECT_NEAR(clusters.squared_error, least_error(sorted, 0, count), 1e-9);
      EXPECT_NEAR(error_of(values, clusters.centroids), clusters.squared_error, 1e-4);
    }
  }
}

TEST(OptimalClusters, AreNeverWorseThanLinearOnes) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<float> values = numbers(500, seed);
    for (const int count : {1, 2, 7, 16}) {
      EXPECT_LE(optimal_clusters(values, count).squared_error,
                linear_clusters(values, count).squared_error * (1 + 1e-9));
    }
  }
}

TEST(LinearClusters, AreFixedPointsOfLloydsIteration) {
  const std::vector<float> values = numbers(400, 3);
  const Clusters clusters = linear_clusters(values, 8);
  std::vector<double> sums(clusters.centroids.size(), 0.0);
  std::vector<int> counts(clusters.centroids.size(), 0);
  for (const float value : values) {
    const std::size_t index = nearest(clusters.centroids, value);
    sums[index] += static_cast<double>(value);
    ++counts[index];
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    ASSERT_GT(counts[i], 0);
    EXPECT_NEAR(sums[i] / counts[i], static_cast<double>(clusters.centroids[i]), 1e-4);
  }
}

TEST(LinearClusters, KeepLevelsForTheFewLargeNumbers) {
  std::vector<float> values(1000, 0.0F);
  Random random(1);
  for (float& value : values) value = 0.01F * random.normal();
  values.push_back(1.0F);
  const Clusters clusters = linear_clusters(values, 4);
  EXPECT_EQ(clusters.centroids.back(), 1.0F);
}

TEST(Clusters, AsManyAsDifferentNumbersLoseNothing) {
  const std::vector<float> values{3, -1, 3, 0.5F, -1, 0.5F};
  for (const int count : {3, 4, 100}) {
    EXPECT_EQ(optimal_clusters(values, count).centroids, (std::vector<float>{-1, 0.5F, 3}));
    EXPECT_EQ(optimal_clusters(values, count).squared_error, 0);
  }
  EXPECT_EQ(linear_clusters(values, 100).centroids, (std::vector<float>{-1, 0.5F, 3}));
  EXPECT_TRUE(linear_clusters({}, 4).centroids.empty());
  EXPECT_TRUE(optimal_clusters({}, 4).centroids.empty());
  EXPECT_EQ(linear_clusters(std::vector<float>{2, 2, 2}, 4).centroids, std::vector<float>{2});
}

TEST(Clusters, NearestIsTheLowerOfTwoEquallyNear) {
  const std::vector<float> centroids{-1, 1, 4};
  EXPECT_EQ(nearest(centroids, -9), 0U);
  EXPECT_EQ(nearest(centroids, 0), 0U);
  EXPECT_EQ(nearest(centroids, 0.1F), 1U);
  EXPECT_EQ(nearest(centroids, 1), 1U);
  EXPECT_EQ(nearest(centroids, 9), 2U);
}

TEST(Clusters, RefuseWhatHasNone) {
  const std::vector<float> values{1, std::numeric_limits<float>::quiet_NaN()};
  try {
    linear_clusters(values, 2);
    FAIL();
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("number 1 is nan"), std::string::npos) << error.what();
  }
  EXPECT_THROW(optimal_clusters(std::vector<float>{1}, 0), InvalidArgument);
}

}  // namespace
}  // namespace condense::quantize
