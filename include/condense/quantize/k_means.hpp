#ifndef CONDENSE_QUANTIZE_K_MEANS_HPP
#define CONDENSE_QUANTIZE_K_MEANS_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "condense/core/shape.hpp"

namespace condense::quantize {

/// Numbers that stand for many: each of those takes the nearest one.
struct Clusters {
  std::vector<float> centroids;  ///< Ascending and different.
  double squared_error = 0;      ///< Sum over the numbers, with centroids in double.
};

/// Index of the centroid nearest to x; of two equally near the lower. There is one at least, in ascending order.
inline std::size_t nearest(std::span<const float> centroids, float x) noexcept {
  const auto above = std::ranges::lower_bound(centroids, x);
  if (above == centroids.begin()) return 0;
  const auto index = static_cast<std::size_t>(above - centroids.begin());
  if (above == centroids.end()) return index - 1;
  const double below_by = static_cast<double>(x) - static_cast<double>(centroids[index - 1]);
  const double above_by = static_cast<double>(centroids[index]) - static_cast<double>(x);
  return below_by <= above_by ? index - 1 : index;
}

namespace detail {

/// Numbers in order, with the sums over ranges of them.
class SortedNumbers {
 public:
  explicit SortedNumbers(std::span<const float> values) : values_(values.begin(), values.end()) {
    const auto bad = std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
    require(bad == values.end(), "number {} is {}; only finite ones have clusters", bad - values.begin(),
            bad == values.end() ? 0.0F : *bad);
    std::ranges::sort(values_);
    sums_.push_back(0);
    squares_.push_back(0);
    const double middle = values_.empty() ? 0.0 : static_cast<double>(values_[values_.size() / 2]);
    for (const float value : values_) {
      const double offset = static_cast<double>(value) - middle;  // keeps the differences of sums exact enough
      sums_.push_back(sums_.back() + offset);
      squares_.push_back(squares_.back() + offset * offset);
    }
    middle_ = middle;
  }

  std::size_t size() const noexcept { return values_.size(); }
  float operator[](std::size_t i) const noexcept { return values_[i]; }

  /// The first number above x, or the end.
  std::size_t first_above(double x) const noexcept {
    return static_cast<std::size_t>(
        std::ranges::upper_bound(values_, x, {}, [](float value) { return static_cast<double>(value); }) -
        values_.begin());
  }

  double mean(std::size_t begin, std::size_t end) const noexcept {
    return middle_ + (sums_[end] - sums_[begin]) / static_cast<double>(end - begin);
  }

  /// Squared distances of the numbers [begin, end), end > begin, from their mean.
  double error(std::size_t begin, std::size_t end) const noexcept {
    const double sum = sums_[end] - sums_[begin];
    return std::max(0.0, squares_[end] - squares_[begin] - sum * sum / static_cast<double>(end - begin));
  }

  /// The clusters that begin at these numbers; empty ones are left out.
  Clusters clusters(std::vector<std::size_t> begins) const {
    Clusters result;
    begins.push_back(values_.size());
    for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
      if (begins[i] == begins[i + 1]) continue;
      const auto centroid = static_cast<float>(mean(begins[i], begins[i + 1]));
      if (result.centroids.empty() || result.centroids.back() < centroid) result.centroids.push_back(centroid);
      result.squared_error += error(begins[i], begins[i + 1]);
    }
    return result;
  }

 private:
  std::vector<float> values_;
  std::vector<double> sums_;
  std::vector<double> squares_;
  double middle_ = 0;
};

inline void require_count(int count) { require(count >= 1, "there are 1 or more clusters, not {}", count); }

}  // namespace detail

/// Clusters by Lloyd's iteration ("Least squares quantization in PCM", IEEE Transactions on Information Theory, 1982)
/// from centroids that divide the range of the numbers evenly, which keeps the few large weights, those that matter
/// most, on levels of their own (Han, Mao, Dally, "Deep Compression", ICLR 2016, section 3.2). At most `count`:
/// clusters that become empty are left out. Throws for numbers that are not finite. O(n log n + iterations count log
/// n).
inline Clusters linear_clusters(std::span<const float> values, int count, int maximum_iterations = 1000) {
  detail::require_count(count);
  const detail::SortedNumbers numbers(values);
  if (numbers.size() == 0) return {};
  const auto lowest = static_cast<double>(numbers[0]);
  const double width = static_cast<double>(numbers[numbers.size() - 1]) - lowest;
  std::vector<double> centroids;
  for (int i = 0; i < count; ++i) centroids.push_back(lowest + width * (count == 1 ? 0.5 : i / (count - 1.0)));
  std::vector<std::size_t> begins;
  for (int iteration = 0; iteration < maximum_iterations; ++iteration) {
    std::vector<std::size_t> next{0};
    for (std::size_t i = 1; i < centroids.size(); ++i) {
      next.push_back(numbers.first_above((centroids[i - 1] + centroids[i]) / 2));
    }
    if (next == begins) break;
    begins = std::move(next);
    for (std::size_t i = 0; i < begins.size(); ++i) {
      const std::size_t end = i + 1 < begins.size() ? begins[i + 1] : numbers.size();
      if (begins[i] < end) centroids[i] = numbers.mean(begins[i], end);
    }
  }
  return numbers.clusters(std::move(begins));
}

/// The clusters of the least squared error, at most `count` of them (Wang and Song, "Ckmeans.1d.dp: optimal k-means
/// clustering in one dimension by dynamic programming", The R Journal, 2011), with the best beginning of the last
/// cluster found by dividing: it moves only up with the end (O(count n log n) time, 4 count n bytes). Throws for
/// numbers that are not finite and if count n is 2^28 or more.
inline Clusters optimal_clusters(std::span<const float> values, int count) {
  detail::require_count(count);
  const detail::SortedNumbers numbers(values);
  const std::size_t n = numbers.size();
  if (n == 0) return {};
  const std::size_t k = std::min(static_cast<std::size_t>(count), n);
  require(n <= (std::size_t{1} << 28) / k, "the best {} clusters of {} numbers take too much memory; use linear ones",
          k, n);
  // errors[e]: of the first e numbers in as many clusters as the row says; begins[row][e]: where the last one begins.
  std::vector<double> errors(n + 1, 0);
  for (std::size_t end = 1; end <= n; ++end) errors[end] = numbers.error(0, end);
  std::vector<std::vector<std::uint32_t>> begins(k, std::vector<std::uint32_t>(n + 1, 0));
  for (std::size_t row = 1; row < k; ++row) {
    std::vector<double> next(n + 1, 0);
    struct Task {
      std::size_t first, last, low, high;  // ends [first, last), whose beginnings are in [low, high]
    };
    std::vector<Task> tasks{{row + 1, n + 1, row, n - 1}};
    while (!tasks.empty()) {
      const Task task = tasks.back();
      tasks.pop_back();
      if (task.first >= task.last) continue;
      const std::size_t end = task.first + (task.last - task.first) / 2;
      double best = std::numeric_limits<double>::infinity();
      std::size_t found = task.low;
      for (std::size_t begin = task.low; begin <= std::min(task.high, end - 1); ++begin) {
        const double error = errors[begin] + numbers.error(begin, end);
        if (error < best) {
          best = error;
          found = begin;
        }
      }
      next[end] = best;
      begins[row][end] = static_cast<std::uint32_t>(found);
      tasks.push_back({task.first, end, task.low, found});
      tasks.push_back({end + 1, task.last, found, task.high});
    }
    errors = std::move(next);
  }
  std::vector<std::size_t> result(k, 0);
  std::size_t end = n;
  for (std::size_t row = k; row-- > 1;) end = result[row] = begins[row][end];
  return numbers.clusters(std::move(result));
}

}  // namespace condense::quantize

#endif
