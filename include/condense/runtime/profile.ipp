#ifndef CONDENSE_RUNTIME_PROFILE_IPP
#define CONDENSE_RUNTIME_PROFILE_IPP

#include <algorithm>

#include "condense/core/inline.hpp"
#include "condense/core/timing.hpp"
#include "condense/runtime/profile.hpp"

namespace condense::runtime {

namespace detail {

inline void check(const ProfileOptions& options) {
  require(options.rounds >= 1, "a program is measured in 1 round or more, not {}", options.rounds);
  require(options.warm_up >= 0, "{} runs cannot come before the first round", options.warm_up);
}

inline std::vector<Tensor> outputs_of(const Program& program) {
  std::vector<Tensor> outputs;
  for (std::size_t i = 0; i < program.output_count(); ++i) {
    outputs.emplace_back(program.output_type(i).type, program.output_type(i).shape);
  }
  return outputs;
}

}  // namespace detail

CONDENSE_INLINE double Profile::seconds_of_steps() const noexcept {
  double sum = 0;
  for (const StepProfile& step : steps) sum += step.seconds;
  return sum;
}

CONDENSE_INLINE double Profile::seconds_at_limit() const noexcept {
  double sum = 0;
  for (const StepProfile& step : steps) sum += std::max(step.compute_seconds, step.memory_seconds);
  return sum;
}

CONDENSE_INLINE std::vector<double> latencies(Program& program, std::span<const Tensor> inputs,
                                              const ProfileOptions& options) {
  detail::check(options);
  std::vector<Tensor> outputs = detail::outputs_of(program);
  for (int i = 0; i < options.warm_up; ++i) program.run(inputs, outputs, options.pool);
  std::vector<double> seconds;
  for (int round = 0; round < options.rounds; ++round) {
    seconds.push_back(seconds_of([&] { program.run(inputs, outputs, options.pool); }, Clock::wall));
  }
  return seconds;
}

CONDENSE_INLINE Profile profile(Program& program, std::span<const Tensor> inputs, const ProfileOptions& options) {
  detail::check(options);
  const std::vector<StepInfo> infos = program.steps();
  const std::size_t working_set = program.weight_bytes() + program.arena_bytes();
  std::vector<Tensor> outputs = detail::outputs_of(program);
  for (int i = 0; i < options.warm_up; ++i) program.run(inputs, outputs, options.pool);

  LimitMeter meter(program.backend(), working_set, options.pool);
  std::vector<double> moments(infos.size() + 1);
  std::vector<double> seconds_of_runs;
  std::vector<std::vector<double>> seconds_of_step(infos.size());
  for (int round = 0; round < options.rounds; ++round) {
    meter.measure_round();
    program.run(inputs, outputs, options.pool);  // brings its own data back into the caches
    seconds_of_runs.push_back(seconds_of([&] { program.run(inputs, outputs, options.pool); }, Clock::wall));
    std::vector<std::size_t> observed;
    observed.reserve(moments.size());
    program.run(inputs, outputs, options.pool, [&](std::size_t step) {
      moments[step] = seconds_now(Clock::wall);
      observed.push_back(step);
    });
    for (std::size_t i = 0; i + 1 < observed.size(); ++i) {
      seconds_of_step[observed[i]].push_back(moments[observed[i + 1]] - moments[observed[i]]);
    }
  }

  Profile result{.backend = program.backend(),
                 .threads = options.pool.threads(),
                 .rounds = options.rounds,
                 .seconds = median(seconds_of_runs),
                 .steps = {},
                 .limits = meter.limits(),
                 .energy = estimate_energy(program),
                 .arena_bytes = program.arena_bytes(),
                 .arena_lower_bound = program.arena_lower_bound(),
                 .weight_bytes = program.weight_bytes()};
  for (std::size_t i = 0; i < infos.size(); ++i) {
    StepProfile step{.info = infos[i], .ran = !seconds_of_step[i].empty()};
    if (!step.ran) {
      result.steps.push_back(std::move(step));
      continue;
    }
    step.seconds = std::max(median(seconds_of_step[i]), 1e-9);  // as a clock's tick
    const MachineLimits& limits = result.limits;
    const double rate = multiplies_integers(step.info) ? limits.integer_operations : limits.float_operations;
    if (rate > 0) step.compute_seconds = 2 * static_cast<double>(step.info.multiply_accumulates) / rate;
    step.memory_seconds =
        static_cast<double>(step.info.weight_bytes) / limits.bytes_per_second(working_set) +
        static_cast<double>(step.info.bytes_read + step.info.bytes_written) / limits.bytes_per_second(step.bytes());
    result.steps.push_back(std::move(step));
  }
  return result;
}

}  // namespace condense::runtime

#endif
