#ifndef CONDENSE_RUNTIME_DETAIL_FINISH_PLAN_HPP
#define CONDENSE_RUNTIME_DETAIL_FINISH_PLAN_HPP

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <set>

#include "condense/runtime/program.hpp"

namespace condense::runtime::detail {

/// When each buffer is needed: inputs from the start, outputs to the end, others from their first to their last step.
inline std::vector<Lifetime> lifetimes(const Plan& plan) {
  constexpr int kNever = std::numeric_limits<int>::max();
  std::vector<Lifetime> result;
  for (const BufferInfo& buffer : plan.buffers) result.push_back({buffer.constant ? 0 : buffer.bytes, kNever, -1});
  const auto touch = [&](int buffer, int step) {
    Lifetime& lifetime = result[static_cast<std::size_t>(buffer)];
    lifetime.first = std::min(lifetime.first, step);
    lifetime.last = std::max(lifetime.last, step);
  };
  for (const Port& port : plan.inputs) touch(port.buffer, 0);
  for (std::size_t step = 0; step < plan.steps.size(); ++step) {
    for (const int buffer : plan.steps[step].reads) touch(buffer, static_cast<int>(step));
    for (const int buffer : plan.steps[step].writes) touch(buffer, static_cast<int>(step));
  }
  for (const Port& port : plan.outputs) touch(port.buffer, static_cast<int>(plan.steps.size()));
  for (const Port& port : plan.inputs) {
    for (const Port& output : plan.outputs) {
      if (output.buffer == port.buffer) touch(port.buffer, static_cast<int>(plan.steps.size()));
    }
  }
  return result;
}

/// Which buffer's memory each buffer takes: its own, or that of an operand that an elementwise step reads for the last
/// time, and that is as large or larger.
inline std::vector<int> take_over(const Plan& plan, const std::vector<Lifetime>& lifetimes) {
  std::vector<int> memory(plan.buffers.size());
  std::iota(memory.begin(), memory.end(), 0);
  for (int i = 0; i < static_cast<int>(plan.steps.size()); ++i) {
    const Step& step = plan.steps[static_cast<std::size_t>(i)];
    const InPlace& in_place = step.in_place;
    if (!in_place.output.exists()) continue;
    const auto lifetime = [&](int buffer) { return lifetimes[static_cast<std::size_t>(buffer)]; };
    const int output = in_place.output.buffer;
    for (const auto [operand] : in_place.operands) {
      const Lifetime& from = lifetime(operand);
      const bool ends = from.bytes > 0 && from.last == i && lifetime(output).first == i;
      const auto is_operand = [&, buffer = operand](const Reads& other) { return other.buffer == buffer; };
      const bool is_read_otherwise =
          std::ranges::count(step.reads, operand) != std::ranges::count_if(in_place.operands, is_operand);
      if (!ends || is_read_otherwise) continue;
      const int owner = memory[static_cast<std::size_t>(operand)];
      if (lifetime(output).bytes > lifetime(owner).bytes) continue;
      memory[static_cast<std::size_t>(output)] = owner;
      break;
    }
  }
  return memory;
}

/// The lifetimes of pieces of memory: those of all buffers that take them, at the first one's place.
inline std::vector<Lifetime> lifetimes_of_memory(std::vector<Lifetime> lifetimes, const std::vector<int>& memory) {
  for (std::size_t i = 0; i < memory.size(); ++i) {
    const auto owner = static_cast<std::size_t>(memory[i]);
    if (owner == i) continue;
    lifetimes[owner].first = std::min(lifetimes[owner].first, lifetimes[i].first);
    lifetimes[owner].last = std::max(lifetimes[owner].last, lifetimes[i].last);
    lifetimes[i] = {};
  }
  return lifetimes;
}

/// Fills in what each step reads and writes.
inline void count_bytes(Plan& plan) {
  for (Step& step : plan.steps) {
    const std::set<int> reads(step.reads.begin(), step.reads.end());
    for (const int buffer : reads) {
      const BufferInfo& info = plan.buffers[static_cast<std::size_t>(buffer)];
      if (!info.is_table) (info.constant ? step.info.weight_bytes : step.info.bytes_read) += info.bytes;
    }
    for (const int buffer : std::set<int>(step.writes.begin(), step.writes.end())) {
      step.info.bytes_written += plan.buffers[static_cast<std::size_t>(buffer)].bytes;
    }
  }
  for (const BufferInfo& buffer : plan.buffers) {
    if (buffer.constant && !buffer.is_table) plan.weight_bytes += buffer.bytes;
  }
}

/// Completes a plan whose steps, buffers and ports are known; `offsets` are those of the buffers in the arena, if it
/// was planned before. False if buffers that are needed at the same time overlap there.
inline bool finish(Plan& plan, const std::optional<std::vector<std::size_t>>& offsets = {}) {
  count_bytes(plan);
  const std::vector<Lifetime> of_buffers = lifetimes(plan);
  const std::vector<int> memory = take_over(plan, of_buffers);
  const std::vector<Lifetime> of_memory = lifetimes_of_memory(of_buffers, memory);
  std::optional<ArenaPlan> arena = offsets ? arena_with_offsets(of_memory, *offsets) : plan_arena(of_memory);
  if (!arena) return false;
  plan.arena = *std::move(arena);
  for (std::size_t i = 0; i < memory.size(); ++i) {
    plan.arena.offsets[i] = plan.arena.offsets[static_cast<std::size_t>(memory[i])];
  }
  return true;
}

}  // namespace condense::runtime::detail

#endif
