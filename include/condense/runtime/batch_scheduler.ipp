#ifndef CONDENSE_RUNTIME_BATCH_SCHEDULER_IPP
#define CONDENSE_RUNTIME_BATCH_SCHEDULER_IPP

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

#include "condense/core/inline.hpp"
#include "condense/runtime/batch_scheduler.hpp"
#include "condense/runtime/detail/try_batches.hpp"

namespace condense::runtime {

class BatchScheduler::Service {
 public:
  Service(const graph::Graph& graph, const BatchSchedulerOptions& options) : pool_(options.pool) {
    require(options.latency_bound.count() > 0, "the latency bound is {} ns, it has to be above 0",
            options.latency_bound.count());
    require(options.largest_batch >= 1 && options.largest_batch <= kLargestBatch,
            "the largest batch is 1 to {}, not {}", kLargestBatch, options.largest_batch);
    require(options.workers >= 1 && options.workers <= ThreadPool::kMaximumThreads,
            "a scheduler has 1 to {} workers, not {}", ThreadPool::kMaximumThreads, options.workers);
    require(options.capacity >= 1, "the capacity is 1 request or more, not {}", options.capacity);
    for (const graph::Value input : graph.inputs()) input_names_.push_back(graph.name(input));
    usable_ = options.latency_bound / 4 * 3;
    choose(graph, options);
  }

  ~Service() {
    stop();
    for (std::thread& thread : threads_) thread.join();
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Not part of construction: if the system refuses a thread, the destructor ends those that it gave.
  void start() {
    for (detail::BatchWorker& worker : workers_) {
      const std::lock_guard lock(mutex_);
      threads_.emplace_back([this, &worker] { work(worker); });
      ++working_;
    }
  }

  std::optional<std::future<Outputs>> submit(std::vector<Tensor> inputs, std::stop_token cancellation, bool may_wait) {
    check(inputs);
    Request request{std::move(inputs), {}, std::move(cancellation), {}};
    std::future<Outputs> answer = request.answer.get_future();
    const auto is_settled = [this] { return state_ != State::open || held_ < capacity_; };
    std::unique_lock lock(mutex_);
    if (!is_settled()) {
      if (!may_wait) return std::nullopt;
      ++submitting_;
      const bool settled = space_.wait(lock, request.cancellation, is_settled);
      --submitting_;
      if (!settled) {
        ++statistics_.cancelled;
        lock.unlock();
        request.answer.set_exception(cancelled_);
        return answer;
      }
    }
    if (state_ != State::open) throw Stopped("the batch scheduler takes no more requests, it has been closed");
    note_arrival(request);
    queue_.push_back(std::move(request));
    ++held_;
    peak_ = std::max(peak_, held_);
    const bool wakes_worker = !forming_ && idle_ > 0 && !waking_;
    const bool is_ready = forming_ && waiting() >= wanted_;
    waking_ = waking_ || wakes_worker;
    lock.unlock();  // whom it wakes needs the mutex
    if (wakes_worker) work_.notify_one();
    if (is_ready) ready_.notify_one();
    return answer;
  }

  void close() {
    std::unique_lock lock(mutex_);
    if (state_ == State::open) state_ = State::closed;
    wake_all();
    ended_.wait(lock, [this] { return working_ == 0; });
  }

  void stop() {
    std::unique_lock lock(mutex_);
    state_ = State::closed;
    std::deque<Request> left;
    left.swap(queue_);
    wake_all();
    lock.unlock();
    std::vector<Request> all(std::make_move_iterator(left.begin()), std::make_move_iterator(left.end()));
    const std::span<Request> live = without_cancelled(all);
    settle(live, {.stopped = std::ssize(live)});
    for (Request& request : live) request.answer.set_exception(stopped_);
    lock.lock();
    ended_.wait(lock, [this] { return working_ == 0; });
  }

  std::size_t bytes_of(Index requests) const noexcept {
    return weight_bytes_ + worker_bytes_ + static_cast<std::size_t>(requests) * request_bytes_;
  }
  std::size_t bytes_in_use() const {
    const std::lock_guard lock(mutex_);
    return bytes_of(held_);
  }
  std::size_t peak_bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_of(peak_);
  }
  BatchStatistics statistics() const {
    const std::lock_guard lock(mutex_);
    return statistics_;
  }

  const std::vector<BatchChoice>& choices() const noexcept { return choices_; }
  Index batch() const noexcept { return batch_; }
  Index capacity() const noexcept { return capacity_; }
  std::size_t request_bytes() const noexcept { return request_bytes_; }
  std::size_t worker_bytes() const noexcept { return worker_bytes_; }
  std::size_t weight_bytes() const noexcept { return weight_bytes_; }

 private:
  using Clock = std::chrono::steady_clock;

  static constexpr Index kLargestBatch = Index{1} << 20;

  /// Less than this is spent giving way to other threads: sleeping takes the system 50 us and more.
  static constexpr std::chrono::microseconds kShortWait{100};

  enum class State { open, closed };

  struct Request {
    std::vector<Tensor> inputs;
    std::promise<Outputs> answer;
    std::stop_token cancellation;
    Clock::time_point arrival;
  };

  /// Chooses the batch and makes the workers.
  void choose(const graph::Graph& graph, const BatchSchedulerOptions& options) {
    detail::BatchTrials trials = detail::try_batches(graph, options, usable_);
    choices_ = std::move(trials.choices);
    request_bytes_ = trials.request_bytes;
    std::vector<BatchPlan::Duration> times;
    double best = 0;
    std::size_t best_size = 0;
    for (const BatchChoice& choice : choices_) {
      if (!choice.fits || !choice.in_time) break;
      times.push_back(choice.time);
      const double rate = static_cast<double>(choice.batch) / static_cast<double>(choice.time.count());
      if (rate > best) best_size = times.size() - 1;
      best = std::max(best, rate);
    }
    times.resize(best_size + 1);
    plan_.emplace(times);
    batch_ = plan_->largest();
    hold_ = usable_ - plan_->cost(batch_);
    gap_ = longest_gap_ = plan_->cost(batch_);

    const auto workers = static_cast<std::size_t>(options.workers);
    weight_bytes_ = choices_[best_size].weight_bytes;
    worker_bytes_ = workers * choices_[best_size].worker_bytes;
    const std::size_t room = (options.memory_budget - weight_bytes_ - worker_bytes_) / request_bytes_;
    capacity_ = static_cast<Index>(std::min(room, static_cast<std::size_t>(options.capacity)));
    capacity_ = std::min(capacity_, rounds() * options.workers * batch_);

    std::vector<Program> programs = std::move(trials.programs);
    programs.erase(programs.begin() + static_cast<std::ptrdiff_t>(best_size) + 1, programs.end());
    workers_.reserve(workers);
    for (std::size_t w = 0; w < workers; ++w) workers_.emplace_back(programs);
  }

  /// Full batches that a worker can run one after the other while a request waits and then runs, less the one that may
  /// have begun before it came.
  Index rounds() const {
    const auto all = static_cast<Index>(usable_ / plan_->cost(batch_));
    return std::clamp<Index>(all - 1, 1, Index{1} << 30);
  }

  void check(std::span<const Tensor> inputs) const {
    const Program& single = workers_.front().programs().front();
    require(inputs.size() == single.input_count(), "a request has {} inputs, {} tensors are given",
            single.input_count(), inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const graph::TensorType& type = single.input_type(i);
      if (inputs[i].type() == type.type && inputs[i].shape() == type.shape) continue;
      throw InvalidArgument(fmt::format("the input '{}' of a request is {} {}, it is given {} {}", input_names_[i],
                                        name(type.type), type.shape.to_string(), name(inputs[i].type()),
                                        inputs[i].shape().to_string()));
    }
  }

  // The following are called while the mutex is locked; `work` locks it.

  Index waiting() const noexcept { return static_cast<Index>(queue_.size()); }

  void note_arrival(Request& request) {
    request.arrival = Clock::now();
    const std::chrono::nanoseconds gap = std::min(request.arrival - last_arrival_, Clock::duration(longest_gap_));
    gap_ += (gap - gap_) / 8;
    last_arrival_ = request.arrival;
  }

  void wake_worker() {
    if (idle_ == 0 || waking_) return;
    waking_ = true;
    work_.notify_one();
  }

  void wake_all() {
    work_.notify_all();
    ready_.notify_all();
    space_.notify_all();
  }

  /// The life of a worker's thread.
  void work(detail::BatchWorker& worker) {
    std::vector<Request> batch;
    std::unique_lock lock(mutex_);
    while (take(lock, batch)) {
      lock.unlock();
      serve(worker, batch);
      batch.clear();
      lock.lock();
    }
    if (--working_ == 0) ended_.notify_all();
  }

  /// Moves the oldest requests into `batch`, at most as many as run at a time, when they should run. False if there
  /// will be none. One worker at a time forms a batch; the others sleep until it has.
  bool take(std::unique_lock<std::mutex>& lock, std::vector<Request>& batch) {
    while (forming_ || queue_.empty()) {
      if (state_ != State::open && queue_.empty()) return false;
      ++idle_;
      work_.wait(lock);
      --idle_;
      waking_ = false;
    }
    forming_ = true;
    wait_while_it_pays(lock);
    forming_ = false;
    const Index count = std::min(waiting(), batch_);
    for (Index i = 0; i < count; ++i) {
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    if (state_ != State::open) {
      work_.notify_all();
    } else if (!queue_.empty()) {
      wake_worker();
    }
    return true;
  }

  void wait_while_it_pays(std::unique_lock<std::mutex>& lock) {
    while (state_ == State::open) {
      const Index full = std::min(batch_, waiting() + capacity_ - held_);
      if (waiting() >= full) return;
      const std::chrono::nanoseconds patience = plan_->patience(waiting());
      if (gap_ >= patience) return;
      const Clock::time_point until = std::min(last_arrival_ + patience, queue_.front().arrival + hold_);
      const Clock::time_point now = Clock::now();
      if (now >= until) return;
      wanted_ = waiting() + 1;
      while (wanted_ < full && gap_ < plan_->patience(wanted_)) ++wanted_;
      if (until - now < kShortWait) {
        lock.unlock();
        std::this_thread::yield();
        lock.lock();
      } else {
        ready_.wait_until(lock, until, [&] { return state_ != State::open || waiting() >= wanted_; });
      }
    }
  }

  // The following are called while the mutex is not locked.

  /// Answers every request of a batch.
  void serve(detail::BatchWorker& worker, std::span<Request> batch) {
    std::span<Request> live = without_cancelled(batch);
    while (!live.empty()) {
      const auto next = static_cast<std::size_t>(plan_->next_run(std::ssize(live)));
      run(worker, live.first(next));
      live = live.subspan(next);
    }
  }

  /// Answers those that have been cancelled, and returns the others, in order.
  std::span<Request> without_cancelled(std::span<Request> requests) {
    const auto is_live = [](const Request& request) { return !request.cancellation.stop_requested(); };
    const auto middle = std::stable_partition(requests.begin(), requests.end(), is_live);
    const std::span<Request> cancelled(middle, requests.end());
    if (!cancelled.empty()) settle(cancelled, {.cancelled = std::ssize(cancelled)});
    for (Request& request : cancelled) request.answer.set_exception(cancelled_);
    return {requests.begin(), middle};
  }

  void run(detail::BatchWorker& worker, std::span<Request> requests) {
    std::vector<Outputs> results;
    try {
      results = worker.run(
          requests.size(), [&](std::size_t r) -> const std::vector<Tensor>& { return requests[r].inputs; }, pool_);
    } catch (...) {
      if (requests.size() == 1) {
        settle(requests, {.failed = 1, .runs = 1});
        requests.front().answer.set_exception(std::current_exception());
      } else {
        settle({}, {.runs = 1});
        for (std::size_t r = 0; r < requests.size(); ++r) run(worker, requests.subspan(r, 1));
      }
      return;
    }
    settle(requests, {.answered = std::ssize(requests), .runs = 1});
    // The newest first: a client that waits for the oldest of several answers is woken once, and finds all of them.
    for (std::size_t r = requests.size(); r-- > 0;) requests[r].answer.set_value(std::move(results[r]));
  }

  /// Lets go of the inputs of requests that are about to be answered, counts them, and makes room for others. Before
  /// the answer, so that a client that has it finds room for its next request, and may write to its inputs.
  void settle(std::span<Request> requests, const BatchStatistics& counts) {
    for (Request& request : requests) request.inputs.clear();
    std::unique_lock lock(mutex_);
    statistics_.answered += counts.answered;
    statistics_.failed += counts.failed;
    statistics_.cancelled += counts.cancelled;
    statistics_.stopped += counts.stopped;
    statistics_.runs += counts.runs;
    held_ -= static_cast<Index>(requests.size());
    const std::ptrdiff_t admitted = std::min<std::ptrdiff_t>(std::ssize(requests), submitting_);
    lock.unlock();
    for (std::ptrdiff_t i = 0; i < admitted; ++i) space_.notify_one();
  }

  // Set when it is made, only read thereafter.
  ThreadPool pool_;
  std::vector<std::string> input_names_;
  std::vector<BatchChoice> choices_;
  std::optional<BatchPlan> plan_;
  Index batch_ = 1;
  Index capacity_ = 1;
  std::size_t request_bytes_ = 0;
  std::size_t worker_bytes_ = 0;  ///< Of all workers.
  std::size_t weight_bytes_ = 0;
  std::chrono::nanoseconds usable_{0};  ///< Of the latency bound.
  std::chrono::nanoseconds hold_{0};    ///< The longest time that a request may be kept for others to come.
  std::chrono::nanoseconds longest_gap_{0};
  const std::exception_ptr cancelled_ = std::make_exception_ptr(Cancelled("the request was cancelled before it ran"));
  const std::exception_ptr stopped_ =
      std::make_exception_ptr(Stopped("the batch scheduler stopped before the request ran"));
  std::vector<detail::BatchWorker> workers_;
  std::vector<std::thread> threads_;

  mutable std::mutex mutex_;  ///< Of everything below.
  std::deque<Request> queue_;
  State state_ = State::open;
  Index held_ = 0;  ///< Requests waiting or running.
  Index peak_ = 0;  ///< The most of them so far.
  Clock::time_point last_arrival_;
  std::chrono::nanoseconds gap_{0};  ///< Moving average of the time between arrivals.
  BatchStatistics statistics_;
  bool forming_ = false;  ///< A worker is forming a batch.
  bool waking_ = false;   ///< An idle worker has been notified and is not awake yet.
  Index wanted_ = 0;      ///< How many requests the worker that forms a batch waits for.
  int idle_ = 0;          ///< Workers asleep in `work_`.
  int working_ = 0;       ///< Threads that have not ended.
  int submitting_ = 0;    ///< Threads asleep in `space_`.
  std::condition_variable work_;
  std::condition_variable ready_;
  std::condition_variable ended_;
  std::condition_variable_any space_;  ///< One that a stop token can interrupt.
};

CONDENSE_INLINE BatchScheduler::BatchScheduler(const graph::Graph& graph, const BatchSchedulerOptions& options)
    : service_(std::make_unique<Service>(graph, options)) {
  service_->start();
}

CONDENSE_INLINE BatchScheduler::~BatchScheduler() = default;

CONDENSE_INLINE std::future<BatchScheduler::Outputs> BatchScheduler::submit(std::vector<Tensor> inputs,
                                                                            std::stop_token cancellation) {
  return *service_->submit(std::move(inputs), std::move(cancellation), /*may_wait=*/true);
}

CONDENSE_INLINE std::optional<std::future<BatchScheduler::Outputs>> BatchScheduler::try_submit(
    std::vector<Tensor> inputs, std::stop_token cancellation) {
  return service_->submit(std::move(inputs), std::move(cancellation), /*may_wait=*/false);
}

CONDENSE_INLINE void BatchScheduler::close() { service_->close(); }
CONDENSE_INLINE void BatchScheduler::stop() { service_->stop(); }
CONDENSE_INLINE std::span<const BatchChoice> BatchScheduler::choices() const noexcept { return service_->choices(); }
CONDENSE_INLINE Index BatchScheduler::batch() const noexcept { return service_->batch(); }
CONDENSE_INLINE Index BatchScheduler::capacity() const noexcept { return service_->capacity(); }
CONDENSE_INLINE std::size_t BatchScheduler::request_bytes() const noexcept { return service_->request_bytes(); }
CONDENSE_INLINE std::size_t BatchScheduler::worker_bytes() const noexcept { return service_->worker_bytes(); }
CONDENSE_INLINE std::size_t BatchScheduler::weight_bytes() const noexcept { return service_->weight_bytes(); }
CONDENSE_INLINE std::size_t BatchScheduler::bytes_in_use() const { return service_->bytes_in_use(); }
CONDENSE_INLINE std::size_t BatchScheduler::peak_bytes() const { return service_->peak_bytes(); }
CONDENSE_INLINE BatchStatistics BatchScheduler::statistics() const { return service_->statistics(); }

}  // namespace condense::runtime

#endif
