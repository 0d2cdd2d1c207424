#ifndef CONDENSE_CORE_PARALLEL_HPP
#define CONDENSE_CORE_PARALLEL_HPP

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <type_traits>
#include <unsupported/Eigen/CXX11/ThreadPool>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

#include "condense/core/error.hpp"
#include "condense/core/shape.hpp"

namespace condense {

namespace detail {

/// Binds the calling thread to one processor of the system. Throws `Unsupported` where the system does not offer that,
/// `InvalidArgument` if it refuses the processor.
inline void bind_to_processor(int processor) {
#if defined(__linux__)
  cpu_set_t processors;
  CPU_ZERO(&processors);
  const bool in_range = processor >= 0 && processor < CPU_SETSIZE;
  if (in_range) CPU_SET(static_cast<std::size_t>(processor), &processors);
  require(in_range && sched_setaffinity(0, sizeof(processors), &processors) == 0,
          "this thread cannot run on processor {}: the system does not have it, or does not lend it", processor);
#else
  throw Unsupported(fmt::format("threads cannot be bound to a processor ({}) on this system", processor));
#endif
}

/// Environment of Eigen's pool whose tasks live in the queue itself: Eigen's own allocates one per `Schedule`, and
/// running a compiled network must not allocate. A small trivially copyable closure fits into a `std::function`.
struct InPlaceTaskEnvironment {
  struct Task {
    std::function<void()> f;
  };
  struct EnvThread {
    explicit EnvThread(std::function<void()> run) : thread(std::move(run)) {}
    ~EnvThread() { thread.join(); }
    EnvThread(const EnvThread&) = delete;
    EnvThread& operator=(const EnvThread&) = delete;
    void OnCancel() {}
    std::thread thread;
  };

  /// Processors for the threads in the order in which they are started; empty where the system chooses.
  std::vector<int> processors = {};
  std::size_t started = 0;

  EnvThread* CreateThread(std::function<void()> run) {
    if (processors.empty()) return new EnvThread(std::move(run));
    const int processor = processors[started++];
    return new EnvThread([processor, run = std::move(run)] {
      try {
        bind_to_processor(processor);
      } catch (const Error&) {  // tried by the pool: lent no longer, so that the thread runs where it may
      }
      run();
    });
  }
  Task CreateTask(std::function<void()> run) { return Task{std::move(run)}; }
  void ExecuteTask(const Task& task) { task.f(); }
};

/// Tells the processor that this thread only waits for memory to change, so that it spends less on that.
inline void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");  // many cores take `yield` for nothing
#endif
}

/// Lets one thread wait until a number of others have finished what they share.
///
/// It spins before it sleeps: whoever sleeps has to be woken, and the system may put both threads on one core while
/// another idles.
class Countdown {
 public:
  explicit Countdown(unsigned count) noexcept : state_(2 * count) {}

  /// Called once by each of the others. Not before the last call may `wait` return, and this object end.
  void finish() {
    if (state_.fetch_sub(2, std::memory_order_acq_rel) != 2 + kSleeps) return;
    const std::lock_guard lock(mutex_);
    woken_ = true;
    wake_.notify_one();  // while it is locked: after that the object may be gone
  }

  void wait() {
    if (spin() || state_.fetch_or(kSleeps, std::memory_order_acq_rel) == 0) return;
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return woken_; });
  }

 private:
  static constexpr unsigned kSleeps = 1;

  /// The others still work on their last items, and one of a product of 1024 x 1024 x 1024 takes 200 us.
  static constexpr std::chrono::microseconds kLongestSpin{1000};

  /// True if the others finished in time.
  bool spin() const noexcept {
    const auto start = std::chrono::steady_clock::now();
    do {
      for (int i = 0; i < 100; ++i) {
        if (state_.load(std::memory_order_acquire) == 0) return true;
        pause();
      }
      // Those waited for may need this core: of 4 threads on one, 12 items of 140 us take 1.7 ms, as if the caller
      // slept, and 2.7 ms if it kept the core.
      std::this_thread::yield();
    } while (std::chrono::steady_clock::now() - start < kLongestSpin);
    return false;
  }

  std::atomic<unsigned> state_;  ///< Twice the number of those that have not finished, and kSleeps.
  std::mutex mutex_;
  std::condition_variable wake_;
  bool woken_ = false;
};

}  // namespace detail

/// Threads of somebody else, such as those of an application, for a `ThreadPool` to work with.
///
/// They must not be threads that wait for a pool: who calls `ThreadPool::for_each` waits until all tasks that it
/// started have run.
class Workers {
 public:
  /// Something to be called once.
  struct Task {
    void (*function)(void*);
    void* argument;

    void operator()() const { function(argument); }
  };

  Workers() = default;
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  virtual ~Workers() = default;

  /// How many may work at once, at least 1.
  virtual int count() const noexcept = 0;

  /// Has one of them call the task, soon. Safe to call from several threads; must not throw, and should not allocate:
  /// running a program calls it.
  virtual void start(Task task) = 0;
};

namespace detail {

/// Threads of our own, which spin before they sleep.
class OwnWorkers final : public Workers {
 public:
  explicit OwnWorkers(int threads, std::vector<int> processors = {})
      : pool_(threads, /*allow_spinning=*/true, InPlaceTaskEnvironment{std::move(processors)}) {}

  int count() const noexcept override { return pool_.NumThreads(); }
  void start(Task task) override { pool_.Schedule(task); }

 private:
  Eigen::ThreadPoolTempl<InPlaceTaskEnvironment> pool_;
};

}  // namespace detail

/// A number of threads to work with. A cheap handle: copies share the threads, and the default one has none of its own
/// and works on the calling thread, so nothing starts a thread unless asked.
class ThreadPool {
 public:
  static constexpr int kMaximumThreads = 1024;

  ThreadPool() = default;

  /// `threads` >= 1 counts the calling thread, so `threads - 1` are started.
  explicit ThreadPool(int threads) {
    require(threads >= 1 && threads <= kMaximumThreads, "a pool has 1 to {} threads, not {}", kMaximumThreads, threads);
    if (threads > 1) workers_ = std::make_shared<detail::OwnWorkers>(threads - 1);
  }

  /// One thread for each of some processors, to which it is bound, so that the system does not move it: the calling
  /// thread, from now on, to the first one. Throws `InvalidArgument` if the system does not lend one of them, and
  /// `Unsupported` where threads cannot be bound (all but Linux).
  static ThreadPool bound_to(std::span<const int> processors) {
    require(!processors.empty() && processors.size() <= kMaximumThreads, "a pool has 1 to {} threads, not {}",
            kMaximumThreads, processors.size());
    for (std::size_t i = processors.size(); i-- > 0;) detail::bind_to_processor(processors[i]);  // the first one stays
    ThreadPool pool;
    if (processors.size() > 1) {
      pool.workers_ = std::make_shared<detail::OwnWorkers>(static_cast<int>(processors.size()) - 1,
                                                           std::vector<int>(processors.begin() + 1, processors.end()));
    }
    return pool;
  }

  /// The calling thread and those of somebody else.
  explicit ThreadPool(std::shared_ptr<Workers> workers) : workers_(std::move(workers)) {
    require(workers_ != nullptr && workers_->count() >= 1, "workers are 1 or more");
  }

  /// One thread for each processor that the system reports.
  static ThreadPool of_all_processors() {
    const auto processors = static_cast<int>(std::thread::hardware_concurrency());
    return ThreadPool(std::clamp(processors, 1, kMaximumThreads));
  }

  /// Threads that work, the calling one included.
  int threads() const noexcept { return workers_ ? workers_->count() + 1 : 1; }

  /// Calls `body(i)` once for every i in [0, count), in any order and on any thread; returns when all have ended. A
  /// body that writes only what belongs to its i gives the same result for any number of threads.
  ///
  /// If bodies throw, the exception of the lowest such i is rethrown; tasks that had not started may be skipped only if
  /// their i is higher. A call from within a body that shares the work of a pool runs serially. Does not allocate.
  template <class Body>
  void for_each(Index count, Body&& body) const {
    const Index helpers = workers_ && !inside_a_body_ ? std::min<Index>(workers_->count(), count - 1) : 0;
    if (helpers <= 0) {
      for (Index i = 0; i < count; ++i) body(i);
      return;
    }
    using SharedJob = Job<std::remove_reference_t<Body>>;
    SharedJob job(count, body, static_cast<unsigned>(helpers));
    const auto help = [](void* shared) {
      auto* with = static_cast<SharedJob*>(shared);
      with->work();
      with->done.finish();
    };
    for (Index i = 0; i < helpers; ++i) workers_->start({help, &job});
    job.work();
    job.done.wait();
    if (job.error) std::rethrow_exception(job.error);
  }

 private:
  template <class Body>
  struct Job {
    Job(Index total, Body& work_on, unsigned helpers) : count(total), body(work_on), done(helpers) {}

    void work() {
      inside_a_body_ = true;
      for (Index i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
        try {
          body(i);
        } catch (...) {
          const std::lock_guard lock(mutex);
          if (i < failed) {
            failed = i;
            error = std::current_exception();
          }
          next.store(count);
        }
      }
      inside_a_body_ = false;
    }

    const Index count;
    Body& body;
    std::atomic<Index> next{0};
    detail::Countdown done;
    std::mutex mutex;
    Index failed = std::numeric_limits<Index>::max();
    std::exception_ptr error;
  };

  /// True on a thread while it works on a job, of any pool: if a nested call waited for helpers, two pools could wait
  /// for each other.
  static inline thread_local bool inside_a_body_ = false;

  std::shared_ptr<Workers> workers_;
};

/// Calls `body(i)` for every i in [0, count) on the pool; see `ThreadPool::for_each`.
template <class Body>
void parallel_for(const ThreadPool& pool, Index count, Body&& body) {
  pool.for_each(count, std::forward<Body>(body));
}

/// Calls `body(begin, end)` for consecutive blocks of `grain` items that cover [0, count). The blocks do not depend on
/// the number of threads.
template <class Body>
void parallel_for(const ThreadPool& pool, Index count, Index grain, Body&& body) {
  require(grain >= 1, "a block has 1 item or more, not {}", grain);
  pool.for_each(count / grain + (count % grain > 0 ? 1 : 0), [&](Index block) {
    const Index begin = block * grain;
    body(begin, begin + std::min(grain, count - begin));
  });
}

}  // namespace condense

#endif
