#ifndef CONDENSE_RUNTIME_DETAIL_FINISH_PLAN_HPP
#define CONDENSE_RUNTIME_DETAIL_FINISH_PLAN_HPP

#include <limits>
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

/// Fills in what each step reads and writes.
inline void count_bytes(Plan& plan) {
  for (Step& step : plan.steps) {
    const std::set<int> reads(step.reads.begin(), step.reads.end());
    for (const int buffer : reads) {
      const BufferInfo& info = plan.buffers[static_cast<std::size_t>(buffer)];
      if (!info.is_table) (info.constant ? step.info.weight_bytes : step.info.bytes_read) += info.bytes;
    }
    for (const int buffer : step.writes)
      step.info.bytes_written += plan.buffers[static_cast<std::size_t>(buffer)].bytes;
  }
  for (const BufferInfo& buffer : plan.buffers) {
    if (buffer.constant && !buffer.is_table) plan.weight_bytes += buffer.bytes;
  }
}

/// Completes a plan whose steps, buffers and ports are known.
inline void finish(Plan& plan) {
  count_bytes(plan);
  plan.arena = plan_arena(lifetimes(plan));
}

}  // namespace condense::runtime::detail

#endif
