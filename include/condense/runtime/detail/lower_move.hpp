#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_MOVE_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_MOVE_HPP

#include "condense/graph/operator_traits.hpp"
#include "condense/runtime/detail/index_map.hpp"
#include "condense/runtime/detail/lower_operator.hpp"
#include "condense/runtime/detail/steps/move.hpp"
#include "condense/runtime/detail/steps/pieces.hpp"

namespace condense::runtime::detail {

/// The most elements of an operand whose map is made when a graph is compiled: a map takes 4 bytes and some 10 ns for
/// each of them.
inline constexpr Index kMostMapped = Index{1} << 24;

/// The cheapest way found to make a result from a source that lies in memory.
struct Move {
  Layout layout = Layout::channels_first;  ///< Of the result.
  bool is_identity = false;
  std::optional<Transposition> transposition = {};
  Pieces pieces = {};
  double cost = 0;  ///< In about ns.
};

/// The way that takes least time for a map in memory; empty if a table would be larger than what is moved and than what
/// stays in the first levels of a cache: reading the table would take longer than moving, and files would grow by it.
inline std::optional<Move> move_of(const IndexMap& map, Index source_count, Index element_bytes) {
  if (is_identity(map, source_count)) return Move{.is_identity = true};
  const auto bytes = static_cast<Index>(map.size()) * element_bytes;
  const auto cost = [&](std::size_t pieces, double each) {
    return static_cast<double>(pieces) * each + static_cast<double>(bytes) / 16;
  };
  Pieces equal = equal_pieces(map);
  const std::size_t count = equal.sources.size();
  if (const auto found = transposition_of(equal, source_count)) {
    return Move{.transposition = found, .cost = found->cell * element_bytes > 8 ? cost(count, 1) : cost(0, 0) * 2};
  }
  Pieces longest = longest_pieces(map);
  const bool are_few = 4 * longest.sources.size() < count;
  Move move{.pieces = std::move(are_few ? longest : equal)};
  constexpr std::size_t kLargestSmallTable = 65536;
  if (move.pieces.table_bytes() > std::max(static_cast<std::size_t>(bytes), kLargestSmallTable)) return {};
  move.cost = cost(move.pieces.sources.size(), 2);
  return move;
}

/// What moves elements, and how: codes between a dequantisation and quantisations with the same parameters, otherwise
/// whatever the operator is given.
struct MovedValues {
  graph::Value from;
  std::vector<graph::Value> to;
  std::optional<QuantizedValue> quantized = {};  ///< Of codes.
  std::vector<const graph::Node*> quantizers = {};
};

inline MovedValues moved_values(const Lowering& lowering, const graph::Node& node) {
  const MovedValues reals{.from = node.inputs[0], .to = node.outputs};
  const auto input = lowering.source(node.inputs[0]);
  if (!input) return reals;
  MovedValues codes{.from = input->codes, .to = {}, .quantized = input};
  for (const graph::Value output : node.outputs) {
    const graph::Node* next = lowering.only_consumer(output);
    const auto quantized = next == nullptr ? std::nullopt : quantized_output(lowering.graph(), *next);
    if (!quantized || !quantized->same_meaning(*input)) return reals;
    codes.quantizers.push_back(next);
    codes.to.push_back(next->outputs[0]);
  }
  return codes;
}

/// The bytes that a Pad fills in: its constant, or the code of that; empty if it is not known.
inline std::optional<std::vector<std::uint8_t>> padding_of(const Lowering& lowering, const graph::Node& node,
                                                           const MovedValues& moved) {
  const auto element = static_cast<std::size_t>(lowering.element_bytes(moved.from));
  const bool is_given = node.op.is<graph::Pad>() && node.inputs.size() > 2 && node.inputs[2].exists();
  const Tensor* given = is_given ? lowering.known(node.inputs[2]) : nullptr;
  if (is_given && given == nullptr) return {};
  std::vector<std::uint8_t> bytes(element, 0);
  if (moved.quantized) {
    if (given != nullptr && given->type() != DataType::float32) return {};
    const float real = given != nullptr ? given->values<float>()[0] : 0.0F;
    bytes[0] =
        static_cast<std::uint8_t>(quantize::quantize_value(real, moved.quantized->affine, moved.quantized->integers()));
  } else if (given != nullptr) {
    std::memcpy(bytes.data(), given->raw(), element);
  }
  return bytes;
}

/// The maps of a node's results, channels first; empty if it does not just move elements of input 0 by what is known,
/// or if there are too many.
inline std::vector<IndexMap> index_maps(const Lowering& lowering, const graph::Node& node) {
  const auto takes_the_largest = [](const graph::Operator& op) {
    return op.is<graph::MaxPool>() || op.is<graph::ReduceMax>() || op.is<graph::ReduceMin>();
  };
  if (!graph::moves_elements(node.op) || node.op.computes() || node.op.is<graph::Concat>()) return {};
  if (takes_the_largest(node.op) || lowering.shape(node.inputs[0]).count() > kMostMapped) return {};
  for (const graph::Value output : node.outputs) {
    const Shape& shape = lowering.shape(output);
    if (!shape.is_concrete() || shape.count() > kMostMapped) return {};
  }
  std::vector<const Tensor*> others;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    const graph::Value value = node.inputs[i];
    others.push_back(value.exists() ? lowering.known(value) : nullptr);
    if (value.exists() && others.back() == nullptr) return {};
  }
  return index_maps(node, lowering.shape(node.inputs[0]), others);
}

/// The layouts that a value may get: what nobody but the caller of the program reads lies channels first.
inline std::vector<Layout> possible_layouts(const Lowering& lowering, graph::Value value, Layout preferred) {
  if (!lowering.has_two_layouts(value) || lowering.graph().is_output(value)) return {Layout::channels_first};
  const bool is_last = preferred == Layout::channels_last;
  return {preferred, is_last ? Layout::channels_first : Layout::channels_last};
}

inline void append_move(Lowering& lowering, StepInfo info, int from, int to, Move move, Index element_bytes,
                        const std::vector<std::uint8_t>& filled) {
  if (const auto& t = move.transposition) {
    lowering.append(std::move(info), TransposeStep{.input = {from},
                                                   .output = {to},
                                                   .batch = t->batch,
                                                   .rows = t->rows,
                                                   .columns = t->columns,
                                                   .element_bytes = t->cell * element_bytes});
    return;
  }
  const Pieces& pieces = move.pieces;
  PieceStep step{.input = {from},
                 .sources = {lowering.table_buffer(pieces.sources)},
                 .output = {to},
                 .pieces = static_cast<Index>(pieces.sources.size()),
                 .length = pieces.length,
                 .element_bytes = element_bytes};
  if (!pieces.ends.empty()) step.ends = {lowering.table_buffer(pieces.ends)};
  if (pieces.longest_filled > 0) {
    std::vector<std::uint8_t> padding;
    for (Index i = 0; i < pieces.longest_filled; ++i) padding.insert(padding.end(), filled.begin(), filled.end());
    step.padding = {lowering.table_buffer(padding)};
  }
  lowering.append(std::move(info), std::move(step));
}

/// Operators that only move elements, from where to where is known: what the operator does to the numbers of elements
/// tells how to copy them, or that they may stay where they are. Each result gets the layout that is cheapest to make.
/// False if the node is not one.
inline bool lower_move(Lowering& lowering, const graph::Node& node) {
  const std::vector<IndexMap> maps = index_maps(lowering, node);
  if (maps.empty()) return false;
  const MovedValues moved = moved_values(lowering, node);
  if (!moved.quantized && is_packed(lowering.type(moved.from).type)) return false;
  const bool is_reshape = node.op.is<graph::Flatten>() || node.op.is<graph::Reshape>();
  if (!moved.quantized && is_reshape && lowering.source(node.inputs[0]) && lowering.tail(node, true).quantized) {
    return false;  // codes change their meaning
  }
  const auto filled = padding_of(lowering, node, moved);
  if (!filled) return false;
  const auto element_bytes = static_cast<Index>(lowering.element_bytes(moved.from));
  const Shape& shape = lowering.shape(moved.from);
  const Layout present =
      lowering.has_two_layouts(moved.from) ? lowering.present_layout(moved.from) : Layout::channels_first;
  const MemoryOrder source(shape, present == Layout::channels_last);

  std::vector<Move> moves;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    std::optional<Move> best;
    for (const Layout layout : possible_layouts(lowering, moved.to[i], present)) {
      const MemoryOrder result(lowering.shape(moved.to[i]), layout == Layout::channels_last);
      std::optional<Move> move = move_of(in_memory(maps[i], source, result), shape.count(), element_bytes);
      if (!move || (best && best->cost <= move->cost)) continue;
      best = std::move(move);
      best->layout = layout;
      if (best->is_identity) break;
    }
    if (!best) return false;
    moves.push_back(std::move(*best));
  }

  for (const graph::Node* quantizer : moved.quantizers) lowering.cover(*quantizer);
  const int from = lowering.request(moved.from, present);
  for (std::size_t i = 0; i < moves.size(); ++i) {
    if (moves[i].is_identity) {
      lowering.place(moved.to[i], moves[i].layout, from);
      continue;
    }
    const int to = lowering.produce(moved.to[i], moves[i].layout);
    append_move(lowering, {node.name, std::string(node.op.type()), moved.quantized ? "int8" : "-", "layout"}, from, to,
                std::move(moves[i]), element_bytes, *filled);
  }
  return true;
}

/// The same where it is not known from where to where, or not worth a table: the operator runs its own evaluation, on
/// codes of 8 bits. False if the node is not one.
inline bool lower_move_of_codes(Lowering& lowering, const graph::Node& node) {
  if (!graph::moves_elements(node.op) || node.op.computes() || node.op.is<graph::Concat>()) return false;
  const MovedValues moved = moved_values(lowering, node);
  if (!moved.quantized || bits(moved.quantized->type) != 8) return false;
  const auto filled = padding_of(lowering, node, moved);
  if (!filled) return false;

  const DataType type = moved.quantized->type;
  const auto coded = [&](graph::Value value) { return graph::TensorType{type, lowering.shape(value)}; };
  OperatorStep step{node.op};
  step.add_input(coded(node.inputs[0]), lowering.request(moved.from, Layout::channels_first));
  const std::size_t count =
      node.op.is<graph::Pad>() ? std::max<std::size_t>(3, node.inputs.size()) : node.inputs.size();
  for (std::size_t i = 1; i < count; ++i) {
    const graph::Value value = i < node.inputs.size() ? node.inputs[i] : graph::kNoValue;
    if (node.op.is<graph::Pad>() && i == 2) {
      step.add_input({type, Shape{1}}, lowering.constant_buffer(*filled));
    } else if (value.exists()) {
      step.add_input(lowering.type(value), lowering.request(value, Layout::channels_first));
    } else {
      step.add_absent_input();
    }
  }
  for (const graph::Node* quantizer : moved.quantizers) {
    const graph::Value codes = quantizer->outputs[0];
    step.add_output(coded(codes), lowering.produce(codes, Layout::channels_first));
    lowering.cover(*quantizer);
  }
  append_operator(lowering, node, {node.name, std::string(node.op.type()), "int8", "reference"}, std::move(step));
  return true;
}

}  // namespace condense::runtime::detail

#endif
