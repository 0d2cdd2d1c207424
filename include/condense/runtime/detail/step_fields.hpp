#ifndef CONDENSE_RUNTIME_DETAIL_STEP_FIELDS_HPP
#define CONDENSE_RUNTIME_DETAIL_STEP_FIELDS_HPP

#include <array>
#include <optional>
#include <type_traits>

#include "condense/graph/operator.hpp"
#include "condense/runtime/detail/step.hpp"

namespace condense::runtime::detail {

template <class T, class U>
concept IsA = std::same_as<std::remove_const_t<T>, U>;

// The fields of structures of other rooms, as far as steps keep them: pointers are set when a step runs.

void fields_of(IsA<kernels::WeightShape> auto& s, auto&& visit) {
  visit(s.columns, s.taps, s.depth, s.bits, s.group_size, s.has_zero_points);
}
void fields_of(IsA<kernels::FloatWeightShape> auto& s, auto&& visit) {
  visit(s.columns, s.taps, s.depth, s.type, s.group_size, s.has_zero_points);
}
void fields_of(IsA<kernels::GemmEpilogue> auto& s, auto&& visit) {
  visit(s.input_zero_point, s.zero_point, s.lowest, s.highest, s.low, s.high);
}
void fields_of(IsA<kernels::Codes> auto& s, auto&& visit) { visit(s.type, s.zero_point); }
void fields_of(IsA<kernels::CodeOutput> auto& s, auto&& visit) { visit(s.type, s.zero_point, s.lowest, s.highest); }
void fields_of(IsA<kernels::AddArguments> auto& s, auto&& visit) {
  visit(s.a, s.b, s.a_multiplier, s.b_multiplier, s.output);
}
void fields_of(IsA<kernels::MultiplyArguments> auto& s, auto&& visit) { visit(s.a, s.b, s.multiplier, s.output); }
void fields_of(IsA<kernels::PoolingArguments> auto& s, auto&& visit) {
  visit(s.type, s.input_zero_point, s.zero_point, s.lowest, s.highest);
}
void fields_of(IsA<graph::TensorType> auto& s, auto&& visit) { visit(s.type, s.shape); }

/// Calls `visit(field)` for each field of a structure, in order.
template <class T, class Visit>
void for_each_field(T& value, const Visit& visit) {
  const auto each = [&](auto&... fields) { (visit(fields), ...); };
  if constexpr (HasFields<std::remove_const_t<T>>) {
    std::remove_const_t<T>::fields(value, each);
  } else {
    fields_of(value, each);
  }
}

template <class T>
inline constexpr bool kIsSequence = false;
template <class T>
inline constexpr bool kIsSequence<std::vector<T>> = true;
template <class T, std::size_t kCount>
inline constexpr bool kIsSequence<std::array<T, kCount>> = true;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

/// Fields that have none of their own.
template <class T>
inline constexpr bool kIsSingle = std::is_arithmetic_v<T> || std::is_enum_v<T> || std::same_as<T, std::string> ||
                                  std::same_as<T, Shape> || std::same_as<T, graph::Operator>;

/// Adds the buffers that a field, and what is in it, reads and writes.
template <class T>
void collect_buffers(const T& field, std::vector<int>& reads, std::vector<int>& writes) {
  if constexpr (std::same_as<T, Reads> || std::same_as<T, Writes>) {
    if (field.exists()) (std::same_as<T, Reads> ? reads : writes).push_back(field.buffer);
  } else if constexpr (kIsSequence<T>) {
    for (const auto& element : field) collect_buffers(element, reads, writes);
  } else if constexpr (kIsOptional<T>) {
    if (field) collect_buffers(*field, reads, writes);
  } else if constexpr (!kIsSingle<T>) {
    for_each_field(field, [&](const auto& part) { collect_buffers(part, reads, writes); });
  }
}

template <StepKind T>
Step make_step(StepInfo info, T work) {
  std::vector<int> reads;
  std::vector<int> writes;
  collect_buffers(work, reads, writes);
  InPlace in_place;
  if constexpr (requires { work.in_place(); }) in_place = work.in_place();
  Branch branch;
  if constexpr (requires { work.branch(); }) branch = work.branch();
  constexpr bool kWritesInParts = requires { T::kWritesInParts; };
  return {std::move(info),
          std::move(reads),
          std::move(writes),
          StepWork(std::move(work)),
          std::move(in_place),
          kWritesInParts,
          branch};
}

}  // namespace condense::runtime::detail

#endif
