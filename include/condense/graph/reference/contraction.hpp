#ifndef CONDENSE_GRAPH_REFERENCE_CONTRACTION_HPP
#define CONDENSE_GRAPH_REFERENCE_CONTRACTION_HPP

#include "condense/graph/reference/einsum_equation.hpp"
#include "condense/graph/reference/product.hpp"
#include "condense/graph/reference/strided_copy.hpp"

namespace condense::graph::reference {

/// A tensor whose axes have labels, each at most once, row-major.
template <class T>
struct LabelledTensor {
  std::vector<Label> labels;
  std::vector<T> values;
};

/// Sums products of labelled tensors. `T` is float, double, or std::uint64_t for integers that wrap.
template <class T>
class Contraction {
 public:
  /// The most axes that a product between two operands can have.
  static constexpr std::size_t kMostAxes = 2 * kMaximumRank;

  Contraction(const std::array<Index, kLabels>& extents, const ThreadPool& pool) : extents_(extents), pool_(pool) {}

  /// The number of elements over some labels.
  Index count(std::span<const Label> labels) const {
    require(labels.size() <= kMostAxes, "its operands meet in a product of {} axes, {} are the most", labels.size(),
            kMostAxes);
    Index result = 1;
    for (const Label label : labels) {
      const Index extent = extents_[label];
      require(extent <= 0 || result <= Shape::kMaximumCount / extent,
              "its operands meet in a product too large to address");
      result *= extent;
    }
    return result;
  }

  /// The tensor with its axes in another order, with `labels` a permutation of its own.
  LabelledTensor<T> ordered(LabelledTensor<T> x, const std::vector<Label>& labels) const {
    if (x.labels == labels) return x;
    LabelledTensor<T> result{labels, std::vector<T>(x.values.size())};
    StridedCopy copy;
    Index to = count(labels);
    for (const Label label : labels) {
      to /= std::max<Index>(1, extents_[label]);
      copy.loop(extents_[label], stride(x.labels, label), to);
    }
    copy.run(sizeof(T) == 4 ? DataType::float32 : DataType::float64, bytes(x.values), bytes(result.values), pool_);
    return result;
  }

  /// The sum over the labels that `is_kept` does not hold for.
  template <class Kept>
  LabelledTensor<T> summed(LabelledTensor<T> x, Kept&& is_kept) const {
    const auto [kept, dropped] = split(x.labels, is_kept);
    if (dropped.empty()) return x;
    const LabelledTensor<T> source = ordered(std::move(x), joined(kept, dropped));
    LabelledTensor<T> result{kept, std::vector<T>(static_cast<std::size_t>(count(kept)))};
    const auto run = static_cast<std::size_t>(count(dropped));
    for (std::size_t i = 0; i < result.values.size(); ++i) {
      for (std::size_t k = 0; k < run; ++k) result.values[i] += source.values[i * run + k];
    }
    return result;
  }

  /// The sum of products of two tensors over the labels that both have and `is_kept` does not hold for.
  template <class Kept>
  LabelledTensor<T> product(LabelledTensor<T> a, LabelledTensor<T> b, Kept&& is_kept) const {
    const auto [a_shared, a_free] = split(a.labels, [&](Label label) { return has(b.labels, label); });
    const std::vector<Label> b_free = split(b.labels, [&](Label label) { return has(a.labels, label); }).second;
    const auto [batch, contracted] = split(a_shared, is_kept);
    const std::vector<Label> shared_first = joined(batch, joined(contracted, b_free));
    const bool b_transposed = b.labels == joined(batch, joined(b_free, contracted));
    const bool a_transposed = a.labels == joined(batch, joined(contracted, a_free));
    if (!a_transposed) a = ordered(std::move(a), joined(batch, joined(a_free, contracted)));
    if (!b_transposed) b = ordered(std::move(b), shared_first);
    const ProductSizes sizes{count(a_free), count(b_free), count(contracted)};
    LabelledTensor<T> result{joined(batch, joined(a_free, b_free)), {}};
    result.values.resize(static_cast<std::size_t>(count(result.labels)));
    multiply(count(batch), sizes, {a.values.data(), a_transposed}, {b.values.data(), b_transposed},
             result.values.data());
    return result;
  }

  static bool has(std::span<const Label> labels, Label label) {
    return std::ranges::find(labels, label) != labels.end();
  }

 private:
  static std::vector<Label> joined(std::vector<Label> a, const std::vector<Label>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }

  /// The labels for which a question holds, and the others.
  template <class Question>
  static std::pair<std::vector<Label>, std::vector<Label>> split(const std::vector<Label>& labels, Question&& holds) {
    std::pair<std::vector<Label>, std::vector<Label>> result;
    for (const Label label : labels) (holds(label) ? result.first : result.second).push_back(label);
    return result;
  }

  Index stride(const std::vector<Label>& labels, Label wanted) const {
    Index result = 1;
    for (std::size_t i = labels.size(); labels[--i] != wanted;) result *= extents_[labels[i]];
    return result;
  }

  static const std::byte* bytes(const std::vector<T>& values) {
    return reinterpret_cast<const std::byte*>(values.data());
  }
  static std::byte* bytes(std::vector<T>& values) { return reinterpret_cast<std::byte*>(values.data()); }

  /// y = a * b for each of a batch.
  void multiply(Index batch, const ProductSizes& sizes, Factor<T> a, Factor<T> b, T* y) const {
    const Index a_size = sizes.rows * sizes.depth;
    const Index b_size = sizes.depth * sizes.columns;
    const Index y_size = sizes.rows * sizes.columns;
    const Index grain = std::max<Index>(1, kElementwiseGrain / std::max<Index>({1, a_size, b_size, y_size}));
    parallel_for(pool_, batch, grain, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        const Factor<T> left{a.data + i * a_size, a.transposed};
        const Factor<T> right{b.data + i * b_size, b.transposed};
        if constexpr (std::floating_point<T>) {
          if (y_size > 1) {
            add_product<T>(sizes, T{1}, left, right, y + i * y_size, pool_);
            continue;
          }
        }
        add_products_one_by_one(sizes, left, right, y + i * y_size);
      }
    });
  }

  static void add_products_one_by_one(const ProductSizes& sizes, const Factor<T>& a, const Factor<T>& b, T* y) {
    for (Index row = 0; row < sizes.rows; ++row) {
      for (Index column = 0; column < sizes.columns; ++column) {
        T sum = 0;
        for (Index k = 0; k < sizes.depth; ++k) {
          const T left = a.data[a.transposed ? k * sizes.rows + row : row * sizes.depth + k];
          const T right = b.data[b.transposed ? column * sizes.depth + k : k * sizes.columns + column];
          sum += left * right;
        }
        y[row * sizes.columns + column] += sum;
      }
    }
  }

  const std::array<Index, kLabels>& extents_;
  const ThreadPool& pool_;
};

}  // namespace condense::graph::reference

#endif
