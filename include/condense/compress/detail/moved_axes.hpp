#ifndef CONDENSE_COMPRESS_DETAIL_MOVED_AXES_HPP
#define CONDENSE_COMPRESS_DETAIL_MOVED_AXES_HPP

#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

#include "condense/compress/detail/unit_sets.hpp"
#include "condense/graph/operator_traits.hpp"

namespace condense::compress::detail {

inline constexpr std::int32_t kNoIndex = -1;      ///< Nothing is there.
inline constexpr std::int32_t kManyIndices = -2;  ///< More than one.

/// How an axis of an input and one of an output of an operator that moves elements belong together.
struct AxisLink {
  ValueAxis source;
  ValueAxis result;

  /// The indices of `source` that the elements at each index of `result` come from, and the other way round. If neither
  /// of them is many anywhere, equal things move together; if only `sources` is not, several axes of the source became
  /// the one of the result; if only `results` is not, that of the source became several of the result.
  std::vector<std::int32_t> sources;
  std::vector<std::int32_t> results;

  static bool is_function(const std::vector<std::int32_t>& indices) {
    return std::ranges::find(indices, kManyIndices) == indices.end();
  }
  bool has_sources() const { return is_function(sources); }
  bool has_results() const { return is_function(results); }

  /// How many indices of the source there are in the result.
  Index distinct() const {
    return std::ranges::count_if(results, [](std::int32_t index) { return index != kNoIndex; });
  }
};

/// True for operators each element of whose outputs is an element of a data input, given the values of the others.
inline bool is_move(const graph::Operator& op) {
  using Moves = graph::OperatorList<graph::Concat, graph::DepthToSpace, graph::Expand, graph::Flatten, graph::Gather,
                                    graph::Reshape, graph::Slice, graph::SpaceToDepth, graph::Split, graph::Squeeze,
                                    graph::Tile, graph::Transpose, graph::Unsqueeze>;
  return graph::detail::Contains<Moves>::any(op);
}

/// Which axes of the data inputs of such a node meet which of its outputs: every pair with more than one index each
/// where one follows from the other. Found by running the operator on the numbers of elements. Nothing if an input that
/// it needs is not known.
inline std::optional<std::vector<AxisLink>> axis_links(const graph::Graph& graph, const graph::Node& node) {
  const std::size_t data_inputs = node.op.is<graph::Concat>() ? node.inputs.size() : 1;
  std::vector<Tensor> numbers;
  std::vector<const Tensor*> arguments;
  std::vector<std::int32_t> first;
  std::int32_t next = 0;
  for (std::size_t i = 0; i < data_inputs; ++i) {
    numbers.emplace_back(DataType::int32, graph.type(node.inputs[i]).shape);
    const auto values = numbers.back().mutable_values<std::int32_t>();
    std::iota(values.begin(), values.end(), next);
    first.push_back(next);
    next += static_cast<std::int32_t>(values.size());
  }
  first.push_back(next);
  for (const Tensor& tensor : numbers) arguments.push_back(&tensor);
  for (std::size_t i = data_inputs; i < node.inputs.size(); ++i) {
    arguments.push_back(node.inputs[i].exists() ? graph.known(node.inputs[i]) : nullptr);
    if (node.inputs[i].exists() && arguments.back() == nullptr) return std::nullopt;
  }

  std::vector<AxisLink> links;
  const std::vector<Tensor> results = graph::evaluate_node(node, arguments);
  const auto meet = [](std::int32_t& known, std::int32_t index) {
    if (known == kNoIndex) {
      known = index;
    } else if (known != index) {
      known = kManyIndices;
    }
  };
  for (std::size_t k = 0; k < results.size(); ++k) {
    const Shape& to = results[k].shape();
    const auto elements = results[k].values<std::int32_t>();
    for (std::size_t i = 0; i < data_inputs; ++i) {
      const Shape& from = numbers[i].shape();
      for (int a = 0; a < from.rank(); ++a) {
        const auto source_stride = static_cast<std::int32_t>(from.count(a + 1, from.rank()));
        const auto source_extent = static_cast<std::int32_t>(from[a]);
        for (int b = 0; b < to.rank() && source_extent > 1; ++b) {
          if (to[b] <= 1) continue;
          AxisLink link{{node.inputs[i], a}, {node.outputs[k], b}, {}, {}};
          link.sources.assign(static_cast<std::size_t>(to[b]), kNoIndex);
          link.results.assign(static_cast<std::size_t>(from[a]), kNoIndex);
          const Index run = to.count(b + 1, to.rank());
          for (std::size_t e = 0; e < elements.size(); ++e) {
            const std::int32_t number = elements[e];
            if (number < first[i] || number >= first[i + 1]) continue;
            const std::int32_t source = (number - first[i]) / source_stride % source_extent;
            const auto result = static_cast<std::int32_t>(static_cast<Index>(e) / run % to[b]);
            meet(link.sources[static_cast<std::size_t>(result)], source);
            meet(link.results[static_cast<std::size_t>(source)], result);
          }
          // Of one index nothing follows: all of the result comes from it, or all of the source goes there.
          const auto count = [](const std::vector<std::int32_t>& indices) {
            return std::ranges::count_if(indices, [](std::int32_t index) { return index != kNoIndex; });
          };
          if (count(link.sources) < 2 || count(link.results) < 2) continue;
          if (link.has_sources() || link.has_results()) links.push_back(std::move(link));
        }
      }
    }
  }
  return links;
}

}  // namespace condense::compress::detail

#endif
