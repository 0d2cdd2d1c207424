#ifndef CONDENSE_RUNTIME_DETAIL_TRY_BATCHES_HPP
#define CONDENSE_RUNTIME_DETAIL_TRY_BATCHES_HPP

#include <algorithm>

#include "condense/runtime/batch_scheduler_options.hpp"
#include "condense/runtime/detail/batch_worker.hpp"
#include "condense/runtime/detail/batched_graph.hpp"

namespace condense::runtime::detail {

/// The batch sizes that were tried, and the programs of those that fit into the budget.
struct BatchTrials {
  std::vector<BatchChoice> choices = {};
  std::vector<Program> programs = {};
  std::size_t request_bytes = 0;  ///< Of the inputs of one request, at least 1.
};

/// Compiles and measures programs of ascending size until one does not fit into the budget, or two runs of it not into
/// `usable`, the part of the latency bound that is planned with. Throws `InvalidArgument` if a batch of 1 does not.
inline BatchTrials try_batches(const graph::Graph& graph, const BatchSchedulerOptions& options,
                               std::chrono::nanoseconds usable) {
  const auto micros = [](std::chrono::nanoseconds time) { return static_cast<double>(time.count()) * 1e-3; };
  CompileOptions compile_options = options.program;
  if (!compile_options.weights) compile_options.weights = std::make_shared<WeightStore>();
  BatchedGraph batched(graph, compile_options);
  if (options.largest_batch > 1) batched.require_independent_requests();
  BatchTrials trials;
  for (Index batch = 1; batch <= std::min(options.largest_batch, options.capacity); batch *= 2) {
    trials.programs.push_back(batched.compile(batch));
    if (batch == 1) trials.request_bytes = std::max<std::size_t>(BatchWorker::input_bytes(trials.programs.front()), 1);
    BatchChoice& choice = trials.choices.emplace_back();
    choice.batch = batch;
    choice.arena_bytes = trials.programs.back().arena_bytes();
    choice.worker_bytes = BatchWorker::planned_bytes(trials.programs);
    choice.weight_bytes = BatchWorker::constant_bytes(trials.programs);
    const auto full = static_cast<std::size_t>(std::min<Index>(options.workers * batch, options.capacity));
    const std::size_t needed = choice.weight_bytes + static_cast<std::size_t>(options.workers) * choice.worker_bytes +
                               full * trials.request_bytes;
    choice.fits = needed <= options.memory_budget;
    require(choice.fits || batch > 1,
            "a batch of 1 needs {} bytes ({} of weights, {} workers of {}, {} requests of {}), the memory budget is "
            "{}; raise it, or take fewer workers",
            needed, choice.weight_bytes, options.workers, choice.worker_bytes, full, trials.request_bytes,
            options.memory_budget);
    if (!choice.fits) break;
    BatchWorker worker(trials.programs);
    const Program& any = worker.programs().front();
    for (Program& program : trials.programs) program = program.in_arena_of(any);  // their own arenas end
    choice.time = worker.measure(options.pool);
    choice.in_time = choice.time <= usable / 2;
    require(choice.in_time || batch > 1,
            "a run of one request takes {} us, and one may have to wait for another; the latency bound of {} us has "
            "no room for both and a quarter to spare",
            micros(choice.time), micros(options.latency_bound));
    if (!choice.in_time) break;
  }
  return trials;
}

}  // namespace condense::runtime::detail

#endif
