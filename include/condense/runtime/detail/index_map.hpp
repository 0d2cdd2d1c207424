#ifndef CONDENSE_RUNTIME_DETAIL_INDEX_MAP_HPP
#define CONDENSE_RUNTIME_DETAIL_INDEX_MAP_HPP

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

#include "condense/core/shape.hpp"
#include "condense/graph/evaluate.hpp"
#include "condense/graph/operators/slicing.hpp"

namespace condense::runtime::detail {

/// For every element of a result, in order, the number of the element of the source that it is, or `kFilled`.
using IndexMap = std::vector<std::int32_t>;

/// The elements of a result that come from nowhere, the padding.
inline constexpr std::int32_t kFilled = -1;

/// The maps of the results of a node that takes the elements of its input 0, of the given shape, from where they lie.
///
/// The operator itself makes them: it is evaluated on a tensor of the numbers of elements. `others` are the values of
/// its inputs 1, 2, ..., null for absent ones; what Pad fills in does not count.
inline std::vector<IndexMap> index_maps(const graph::Node& node, const Shape& shape,
                                        std::span<const Tensor* const> others) {
  Tensor numbers(DataType::int32, shape);
  std::iota(numbers.mutable_values<std::int32_t>().begin(), numbers.mutable_values<std::int32_t>().end(), 0);
  const Tensor filled = Tensor::scalar(kFilled);
  std::vector<const Tensor*> arguments{&numbers};
  arguments.insert(arguments.end(), others.begin(), others.end());
  if (node.op.is<graph::Pad>()) {
    arguments.resize(std::max<std::size_t>(3, arguments.size()), nullptr);
    arguments[2] = &filled;
  }
  std::vector<IndexMap> maps;
  for (const Tensor& result : graph::evaluate_node(node, arguments)) {
    const auto sources = result.values<std::int32_t>();
    maps.emplace_back(sources.begin(), sources.end());
  }
  return maps;
}

/// How the elements of a tensor lie in memory: in order, or with axis 1 behind the others.
struct MemoryOrder {
  Index images = 1;
  Index channels = 1;
  Index positions = 1;

  /// `channels_last` needs two axes or more.
  MemoryOrder(const Shape& shape, bool channels_last) {
    if (channels_last) {
      images = shape[0];
      channels = shape[1];
      positions = shape.count(2, shape.rank());
    } else {
      positions = shape.count();
    }
  }

  /// Where the element `number` lies.
  Index place(Index number) const noexcept {
    const Index plane = number / positions;
    return (plane / channels * positions + number % positions) * channels + plane % channels;
  }
};

/// The map between elements as they lie in memory, of one between tensors in order.
inline IndexMap in_memory(const IndexMap& map, const MemoryOrder& source, const MemoryOrder& result) {
  IndexMap placed(map.size());
  for (std::size_t i = 0; i < map.size(); ++i) {
    const std::int32_t from = map[i];
    placed[static_cast<std::size_t>(result.place(static_cast<Index>(i)))] =
        from == kFilled || source.channels == 1 ? from : static_cast<std::int32_t>(source.place(from));
  }
  return placed;
}

/// True if the result is the source.
inline bool is_identity(const IndexMap& map, Index source_count) {
  if (static_cast<Index>(map.size()) != source_count) return false;
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (map[i] != static_cast<std::int32_t>(i)) return false;
  }
  return true;
}

/// A result made of pieces, each of neighbours in the source or of padding.
struct Pieces {
  Index length = 0;                        ///< Of every piece, in elements; 0 if they have `ends`.
  std::vector<std::int32_t> sources = {};  ///< Where in the source each piece begins, or kFilled.
  std::vector<std::int32_t> ends = {};     ///< Where in the result each piece ends.
  Index longest_filled = 0;                ///< The most elements of a piece of padding.

  std::size_t table_bytes() const noexcept { return (sources.size() + ends.size()) * sizeof(std::int32_t); }
};

/// True if element i of a result continues the piece of the one before it.
inline bool continues_piece(const IndexMap& map, std::size_t i) noexcept {
  return map[i - 1] == kFilled ? map[i] == kFilled : map[i] == map[i - 1] + 1;
}

/// The longest pieces of equal length.
inline Pieces equal_pieces(const IndexMap& map) {
  auto length = static_cast<std::int64_t>(map.size());
  for (std::size_t i = 1; i < map.size() && length > 1; ++i) {
    if (!continues_piece(map, i)) length = std::gcd(length, static_cast<std::int64_t>(i));
  }
  Pieces pieces{.length = length};
  for (std::size_t i = 0; i < map.size(); i += static_cast<std::size_t>(length)) {
    pieces.sources.push_back(map[i]);
    if (map[i] == kFilled) pieces.longest_filled = length;
  }
  return pieces;
}

/// As few pieces as there can be, with padding in pieces of `most_filled` or fewer.
inline Pieces longest_pieces(const IndexMap& map, Index most_filled = 256) {
  Pieces pieces;
  Index begin = 0;
  for (std::size_t i = 0; i < map.size(); ++i) {
    const Index length = static_cast<Index>(i) - begin;
    if (i > 0 && continues_piece(map, i) && (map[i] != kFilled || length < most_filled)) continue;
    if (i > 0) pieces.ends.push_back(static_cast<std::int32_t>(i));
    pieces.sources.push_back(map[i]);
    begin = static_cast<Index>(i);
  }
  if (!map.empty()) pieces.ends.push_back(static_cast<std::int32_t>(map.size()));
  for (std::size_t i = 0; i < pieces.sources.size(); ++i) {
    const Index length = pieces.ends[i] - (i == 0 ? 0 : pieces.ends[i - 1]);
    if (pieces.sources[i] == kFilled) pieces.longest_filled = std::max(pieces.longest_filled, length);
  }
  return pieces;
}

/// Two neighbouring groups of axes that change places: each of `batch` matrices (rows x columns) of cells of `cell`
/// elements is transposed.
struct Transposition {
  Index batch = 1;
  Index rows = 1;  ///< Of the source.
  Index columns = 1;
  Index cell = 1;

  friend bool operator==(const Transposition&, const Transposition&) = default;
};

/// The transposition that a map is, of which `pieces` are the longest equal pieces; empty if it is none.
inline std::optional<Transposition> transposition_of(const Pieces& pieces, Index source_count) {
  const Index count = static_cast<Index>(pieces.sources.size());
  const Index cell = pieces.length;
  if (count < 4 || count * cell != source_count || pieces.sources[0] != 0) return {};
  const auto source = [&](Index i) { return Index{pieces.sources[static_cast<std::size_t>(i)]}; };
  const Index step = source(1);
  if (step < cell || step % cell != 0) return {};
  Transposition t{.columns = step / cell, .cell = cell};
  while (t.rows < count && source(t.rows) == t.rows * step) ++t.rows;
  if (t.rows < 2 || t.columns < 2 || count % (t.rows * t.columns) != 0) return {};
  t.batch = count / (t.rows * t.columns);
  for (Index i = 0; i < count; ++i) {
    const Index matrix = i / (t.rows * t.columns);
    const Index expected = (matrix * t.rows + i % t.rows) * t.columns + i / t.rows % t.columns;
    if (source(i) != expected * cell) return {};
  }
  return t;
}

}  // namespace condense::runtime::detail

#endif
