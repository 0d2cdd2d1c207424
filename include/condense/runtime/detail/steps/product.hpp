#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_PRODUCT_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_PRODUCT_HPP

#include <algorithm>

#include "condense/runtime/detail/buffer_sizes.hpp"
#include "condense/runtime/detail/step_fields.hpp"

namespace condense::runtime::detail {

/// Convolution, Gemm and MatMul seen as one thing: rows of activations, made of `taps` pieces of `depth` elements,
/// times columns of weights, in `groups` that each read their own channels.
struct ProductExtents {
  Index images = 1;
  Index rows = 0;  ///< Per image.
  Index groups = 1;
  Index columns = 0;  ///< Per group.
  Index taps = 1;
  Index depth = 0;           ///< Channels of one group.
  Index image_elements = 0;  ///< From one image of the input to the next.

  static void fields(auto& p, auto&& visit) {
    visit(p.images, p.rows, p.groups, p.columns, p.taps, p.depth, p.image_elements);
  }

  Index channels() const noexcept { return groups * depth; }
  Index all_columns() const noexcept { return groups * columns; }
  Index column_elements() const noexcept { return taps * depth; }
  bool is_empty() const noexcept { return images == 0 || rows == 0 || all_columns() == 0; }
  bool is_depthwise() const noexcept { return groups > 1 && depth == 1 && columns == 1; }
  std::int64_t multiply_accumulates() const noexcept {
    return std::int64_t{images} * rows * all_columns() * column_elements();
  }
};

/// What the rows of a product are read from.
struct ProductInput {
  Reads values{};
  Reads offsets{};  ///< int32 (rows x taps), see `kernels::ActivationRows`; none if rows lie in line.
  Reads padding{};  ///< What negative offsets stand for: the channels of one position.

  static void fields(auto& s, auto&& visit) { visit(s.values, s.offsets, s.padding); }

  void check(const BufferSizes& buffers, const ProductExtents& p, std::size_t element_bytes) const {
    require(p.groups >= 1 && p.taps >= 1, "a product has {} groups and {} taps, it needs one of each", p.groups,
            p.taps);
    checked_product({p.images, p.rows, p.groups, p.columns, p.taps, p.depth});  // so that no product below overflows
    if (!offsets.exists()) {
      require(p.taps == 1, "a product of {} taps needs offsets", p.taps);
      require(p.images <= 1 || p.rows * p.channels() <= p.image_elements, "images of {} elements are too small",
              p.image_elements);
      const Index others = checked_product({std::max<Index>(p.images - 1, 0), p.image_elements});
      buffers.require_readable(values, others + p.rows * p.channels(), element_bytes);
      return;
    }
    buffers.require_readable(values, checked_product({p.images, p.image_elements}), element_bytes);
    buffers.require_readable(padding, p.channels(), element_bytes);
    buffers.require_offsets(offsets, p.rows * p.taps, p.channels(), p.image_elements);
  }

  /// The rows [first, first + count) of one image and group.
  kernels::ActivationRows rows(const Execution& e, const ProductExtents& p, std::size_t element_bytes, Index image,
                               Index group, Index first, Index count) const noexcept {
    Index start = image * p.image_elements + group * p.depth;
    if (!offsets.exists()) start += first * p.channels();
    return {.data = e.at<std::byte>(values) + static_cast<std::size_t>(start) * element_bytes,
            .offsets = offsets.exists() ? e.at<std::int32_t>(offsets) + first * p.taps : nullptr,
            .padding = e.at<std::byte>(padding),
            .rows = count,
            .taps = p.taps,
            .depth = p.is_depthwise() ? p.channels() : p.depth,
            .row_stride = p.channels()};
  }
};

/// Most rows handed to a kernel at a time, so that threads share an image and its windows stay in cache.
inline constexpr Index kRowsPerTask = 96;

/// Rows that divide into whole tiles of any kernel; only the last block of an image has others.
inline constexpr Index kTileRows = 12;
static_assert(kRowsPerTask % kTileRows == 0);

/// Fewest multiply-accumulates of a block that exists only for the sake of threads: waking one takes a microsecond or
/// two.
inline constexpr std::int64_t kWorkPerTask = 1 << 19;

/// Calls `body(image, first_row, rows)` for blocks of rows on the pool. An image with more blocks than threads has as
/// many for each of them, and blocks differ by a tile at most, so that threads end together. Images of few rows of
/// `row_work` multiply-accumulates have more blocks than they need where threads would idle.
template <class Body>
void for_row_blocks(const ThreadPool& pool, Index images, Index rows, std::int64_t row_work, Body&& body) {
  const auto divide_up = [](Index a, Index b) { return (a + b - 1) / b; };
  const Index tiles = divide_up(rows, kTileRows);
  const Index threads = pool.threads();
  Index blocks = divide_up(rows, kRowsPerTask);
  if (blocks > threads) {
    blocks = divide_up(blocks, threads) * threads;
  } else if (images > 0 && images * blocks < threads) {
    const Index worth_it = static_cast<Index>(row_work * rows / kWorkPerTask);
    blocks = std::max(blocks, std::min({divide_up(threads, images), tiles, worth_it}));
  }
  parallel_for(pool, images * blocks, [&](Index task) {
    const auto first_of = [&](Index block) { return std::min(block * tiles / blocks * kTileRows, rows); };
    const Index first = first_of(task % blocks);
    body(task / blocks, first, first_of(task % blocks + 1) - first);
  });
}
template <class Body>
void for_row_blocks(const ThreadPool& pool, Index images, Index rows, Body&& body) {
  for_row_blocks(pool, images, rows, 0, std::forward<Body>(body));
}
template <class Body>
void for_row_blocks(const ThreadPool& pool, const ProductExtents& p, Body&& body) {
  if (p.is_empty()) return;
  for_row_blocks(pool, p.images, p.rows, std::int64_t{p.all_columns()} * p.column_elements(), std::forward<Body>(body));
}

/// Rows [first, first + count) of one image of a product step, to `out`, `stride` elements apart.
template <class ProductStep>
void multiply_rows(const ProductStep& step, const Execution& e, Index image, Index first, Index count, std::byte* out,
                   Index stride) noexcept {
  const ProductExtents& p = step.product;
  const Index groups = p.is_depthwise() ? 1 : p.groups;
  for (Index group = 0; group < groups; ++group) {
    step.multiply_group(e, step.input.rows(e, p, ProductStep::kInputBytes, image, group, first, count), group,
                        out + static_cast<std::size_t>(group * p.columns) * step.output_bytes(), stride);
  }
}

/// All rows of a product step, and what follows them.
template <class ProductStep>
void run_product(const ProductStep& step, const Execution& e) {
  const ProductExtents& p = step.product;
  for_row_blocks(e.pool, p, [&](Index image, Index first, Index count) {
    const Index columns = p.all_columns();
    const Index start = (image * p.rows + first) * columns;
    std::byte* out = e.at<std::byte>(step.output) + static_cast<std::size_t>(start) * step.output_bytes();
    multiply_rows(step, e, image, first, count, out, columns);
    step.finish(e, out, start, count * columns);
  });
}

}  // namespace condense::runtime::detail

#endif
