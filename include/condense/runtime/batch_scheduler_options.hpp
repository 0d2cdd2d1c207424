#ifndef CONDENSE_RUNTIME_BATCH_SCHEDULER_OPTIONS_HPP
#define CONDENSE_RUNTIME_BATCH_SCHEDULER_OPTIONS_HPP

#include <chrono>

#include "condense/runtime/compile.hpp"

namespace condense::runtime {

/// What a `BatchScheduler` may take, and how it compiles.
struct BatchSchedulerOptions {
  /// Bytes for everything that its programs and requests need: the weights with all that belongs to them, once for all
  /// programs; for each worker one arena and the tensors in which batches are gathered; the inputs of every request
  /// until it has run, and outputs until the answer. Not counted: the steps of programs, and some hundred bytes of
  /// bookkeeping for each request.
  std::size_t memory_budget = std::size_t{256} << 20;

  /// The time from `submit` to the answer that all requests should stay within. A quarter of it is kept back for what
  /// cannot be planned, such as the system running something else.
  std::chrono::nanoseconds latency_bound = std::chrono::milliseconds(100);

  Index largest_batch = 64;  ///< No larger batch is tried; >= 1.
  int workers = 1;           ///< Batches that run at the same time, each on a thread with an arena of its own; >= 1.
  Index capacity = 4096;     ///< No more requests are held at a time, waiting and running; >= 1.
  ThreadPool pool = {};      ///< Threads for each run, shared by the workers.

  /// Kernels, a store of weights to share with other programs, and the shapes of the inputs of one request, whose first
  /// extents are 1. Where there are no shapes, every other dynamic dimension is that of the input's example, or 1.
  CompileOptions program = {};
};

/// A batch size that a scheduler tried.
struct BatchChoice {
  Index batch = 1;
  std::size_t arena_bytes = 0;       ///< Of the program of this size.
  std::size_t weight_bytes = 0;      ///< Of the constants of programs up to this size, each counted once.
  std::size_t worker_bytes = 0;      ///< Of a worker whose largest batch this is, see `BatchScheduler`.
  std::chrono::nanoseconds time{0};  ///< Of a run, the median; 0 if it was not measured because it does not fit.
  bool fits = false;                 ///< The budget holds all workers and a full batch of requests for each.
  bool in_time = false;              ///< A request can wait for a run and have one in 3/4 of the latency bound.
};

}  // namespace condense::runtime

#endif
