#ifndef CONDENSE_GRAPH_REFERENCE_MAPPED_COPY_HPP
#define CONDENSE_GRAPH_REFERENCE_MAPPED_COPY_HPP

#include <cstring>
#include <utility>

#include "condense/graph/reference/elementwise.hpp"
#include "condense/graph/reference/integers.hpp"

namespace condense::graph::reference {

/// For every axis and every position of a result the position in the source along that axis, or kFill.
using AxisMaps = std::vector<std::vector<Index>>;

/// Stands for a position outside the source.
inline constexpr Index kFill = -1;

namespace detail {

/// Neighbouring positions of a row that come from neighbours in the source, or are all filled.
struct MappedRun {
  Index to = 0;
  Index from = 0;
  Index count = 0;
};

inline std::vector<MappedRun> mapped_runs(const std::vector<Index>& map) {
  std::vector<MappedRun> runs;
  for (std::size_t i = 0; i < map.size(); ++i) {
    const bool goes_on = !runs.empty() && (map[i] == kFill ? runs.back().from == kFill
                                                           : runs.back().from != kFill &&
                                                                 runs.back().from + runs.back().count == map[i]);
    if (goes_on) {
      ++runs.back().count;
    } else {
      runs.push_back({static_cast<Index>(i), map[i], 1});
    }
  }
  return runs;
}

}  // namespace detail

/// y[i, j, ...] = x[maps[0][i], maps[1][j], ...], or the element at `fill` where one of them is kFill: padding, and
/// resizing to the nearest element. x has the given shape and elements of an unpacked type; the maps are within it.
inline void mapped_copy(DataType type, const Shape& shape, const std::byte* x, const AxisMaps& maps,
                        const std::byte* fill, std::byte* y, const ThreadPool& pool) {
  const std::size_t element = bytes(type, 1);
  if (maps.empty()) {
    std::memcpy(y, x, element);
    return;
  }
  const auto strides = strides_of(shape);
  const std::vector<Index>& columns = maps.back();
  const auto width = static_cast<Index>(columns.size());
  Index rows = width == 0 ? 0 : 1;
  for (std::size_t axis = 0; axis + 1 < maps.size(); ++axis) rows *= static_cast<Index>(maps[axis].size());
  const std::vector<detail::MappedRun> runs = detail::mapped_runs(columns);
  const bool is_filled = std::ranges::count(columns, kFill) > 0;
  const bool by_runs = static_cast<Index>(runs.size()) * 4 <= width;
  const Index grain = std::max<Index>(1, kElementwiseGrain / std::max<Index>(1, width));
  with_word(type, [&]<class T>() {
    T outside;
    std::memcpy(&outside, fill, element);
    parallel_for(pool, rows, grain, [&](Index begin, Index end) {
      const T* last = nullptr;
      for (Index row = begin; row < end; ++row) {
        const T* from = reinterpret_cast<const T*>(x);
        T* to = reinterpret_cast<T*>(y) + row * width;
        bool is_outside = false;
        Index rest = row;
        for (std::size_t axis = maps.size() - 1; axis-- > 0;) {
          const auto extent = static_cast<Index>(maps[axis].size());
          const Index source = maps[axis][static_cast<std::size_t>(rest % extent)];
          rest /= extent;
          if (source == kFill) {
            is_outside = true;
            last = nullptr;
          } else {
            from += source * strides[axis];
          }
        }
        if (is_outside) {
          std::fill_n(to, width, outside);
        } else if (from == std::exchange(last, from)) {
          std::memcpy(to, to - width, static_cast<std::size_t>(width) * element);
        } else if (by_runs) {
          for (const detail::MappedRun& run : runs) {
            if (run.from == kFill) {
              std::fill_n(to + run.to, run.count, outside);
            } else {
              std::memcpy(to + run.to, from + run.from, static_cast<std::size_t>(run.count) * element);
            }
          }
        } else if (!is_filled) {
          for (Index i = 0; i < width; ++i) to[i] = from[columns[static_cast<std::size_t>(i)]];
        } else {
          for (Index i = 0; i < width; ++i) {
            const Index source = columns[static_cast<std::size_t>(i)];
            to[i] = source == kFill ? outside : from[source];
          }
        }
      }
    });
  });
}

}  // namespace condense::graph::reference

#endif
