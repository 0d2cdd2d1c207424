#ifndef CONDENSE_RUNTIME_BATCH_SCHEDULER_HPP
#define CONDENSE_RUNTIME_BATCH_SCHEDULER_HPP

#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "condense/core/error.hpp"
#include "condense/graph/graph.hpp"
#include "condense/runtime/batch_scheduler_options.hpp"

namespace condense::runtime {

/// The answer to a request that was cancelled before it ran.
class Cancelled : public Error {
 public:
  using Error::Error;
};

/// The answer to a request that was waiting when its scheduler stopped, and to one that comes after that.
class Stopped : public Error {
 public:
  using Error::Error;
};

/// What a scheduler has done since it was made. Every request is counted once, right before it is answered.
struct BatchStatistics {
  std::int64_t answered = 0;   ///< With outputs.
  std::int64_t failed = 0;     ///< With the exception that running them threw.
  std::int64_t cancelled = 0;  ///< With `Cancelled`.
  std::int64_t stopped = 0;    ///< With `Stopped`.
  std::int64_t runs = 0;       ///< Of programs; `answered` divided by them is the mean batch.
};

/// Runs single requests of many threads in batches, within a memory budget and a latency bound.
///
/// **Batch size.** When it is made, it compiles the graph for batches of 1, 2, 4, ... and measures a run of each (the
/// median, on inputs of zeros), until one does not fit into the budget or the bound; see `BatchChoice`. Of those that
/// do, the one that serves the most requests a second becomes the largest batch. A worker has programs of this and all
/// smaller sizes in one arena, one set of tensors in which it gathers inputs and outputs, and the answers of one batch.
/// All programs share their weights.
///
/// **Budget.** No more requests are admitted than the rest of the budget holds, so that `bytes_in_use()` never exceeds
/// it: the plan of the arena says beforehand what a program takes. (While the scheduler is made, the program that is
/// tried has an arena of its own for a moment.) Nor are more admitted than can be answered within the bound: with
/// workers W, largest batch B and its time t, W B (floor(3/4 bound / t) - 1) requests. Where there are that many,
/// `submit` waits and `try_submit` returns nothing.
///
/// **When a batch runs.** At once if it is full or waiting does not pay; see `BatchPlan` for the rule, whose g is a
/// moving average of the time between requests, or the time since the last one if that is longer. So a lone request
/// runs at once, and the batch grows with the load. In no case is the oldest request kept for longer than its bound
/// allows. Requests that do not fill a program run in the smallest one that holds them, or in two if that is faster.
///
/// **Results** are those of each request alone as far as those of the program do not depend on its batch: bit for bit
/// for integer steps, whose bytes do not; for float steps up to the order of summation (see docs/batch_scheduler.md).
/// Nothing in the graph may mix requests; it throws `Unsupported` for DynamicQuantizeLinear and its kin, whose range is
/// that of the whole batch. If a batch throws, its requests run again one by one, so that only those get the exception
/// that cause it.
///
/// **Answers.** Every request that is admitted is answered once: with its outputs, the exception that running it threw,
/// `Cancelled`, or `Stopped`. All functions may be called from any thread; only the destructor must be the last.
class BatchScheduler {
 public:
  using Outputs = std::vector<Tensor>;

  /// Throws `InvalidArgument` where a batch of 1 fits neither budget nor bound, and naming the input or output without
  /// a batch dimension: the first extent of every input is dynamic, and that of every output is the batch. (What is the
  /// same for all requests, such as a sampling rate, is a constant of the graph.)
  explicit BatchScheduler(const graph::Graph& graph, const BatchSchedulerOptions& options = {});

  /// Stops; see `stop`.
  ~BatchScheduler();
  BatchScheduler(const BatchScheduler&) = delete;
  BatchScheduler& operator=(const BatchScheduler&) = delete;

  /// Hands in one request, whose tensors have a first extent of 1, and waits while there are `capacity()`. A request
  /// whose `cancellation` has been requested when its turn comes does not run, and is answered by `Cancelled`; one that
  /// waits in `submit` at once. Throws `InvalidArgument` naming the input that does not fit, and `Stopped` after
  /// `close` or `stop`.
  std::future<Outputs> submit(std::vector<Tensor> inputs, std::stop_token cancellation = {});

  /// The same, but returns nothing where it would have to wait.
  std::optional<std::future<Outputs>> try_submit(std::vector<Tensor> inputs, std::stop_token cancellation = {});

  /// Takes no more requests, and returns when those that it has are answered.
  void close();

  /// Takes no more requests, answers those that wait by `Stopped`, and returns when those that run are answered, too.
  void stop();

  /// The sizes tried, in ascending order, and the one chosen.
  std::span<const BatchChoice> choices() const noexcept;
  Index batch() const noexcept;

  /// The largest number of requests that are held at a time, waiting and running.
  Index capacity() const noexcept;

  /// Bytes for each request held, for all workers, and of the weights.
  std::size_t request_bytes() const noexcept;
  std::size_t worker_bytes() const noexcept;
  std::size_t weight_bytes() const noexcept;

  /// Bytes of the budget in use: `weight_bytes()`, `worker_bytes()` and `request_bytes()` for each request held; and
  /// the most so far.
  std::size_t bytes_in_use() const;
  std::size_t peak_bytes() const;

  BatchStatistics statistics() const;

 private:
  class Service;
  std::unique_ptr<Service> service_;
};

}  // namespace condense::runtime

#ifndef CONDENSE_COMPILED
#include "condense/runtime/batch_scheduler.ipp"
#endif

#endif
