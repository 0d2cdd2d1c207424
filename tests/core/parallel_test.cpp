#include "condense/core/parallel.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "condense/core/random.hpp"
#include "support/throws.hpp"

namespace condense {
namespace {

constexpr int kThreadCounts[] = {1, 2, 3, 8};

TEST(ThreadPool, IsTheCallingThreadByDefault) {
  const ThreadPool pool;
  EXPECT_EQ(pool.threads(), 1);
  std::set<std::thread::id> used;
  pool.for_each(50, [&](Index) { used.insert(std::this_thread::get_id()); });
  EXPECT_EQ(used, std::set<std::thread::id>{std::this_thread::get_id()});
}

TEST(ThreadPool, HasTheThreadsAskedFor) {
  for (const int threads : kThreadCounts) EXPECT_EQ(ThreadPool(threads).threads(), threads);
  EXPECT_GE(ThreadPool::of_all_processors().threads(), 1);
  EXPECT_TRUE(throws<InvalidArgument>("not 0", [] { ThreadPool(0); }));
  EXPECT_TRUE(throws<InvalidArgument>("not -2", [] { ThreadPool(-2); }));
  EXPECT_TRUE(throws<InvalidArgument>("1 to 1024 threads, not 1025", [] { ThreadPool(1025); }));
}

/// A thread for each task, as an application would not do it.
class ThreadPerTask final : public Workers {
 public:
  ~ThreadPerTask() override {
    for (std::thread& thread : threads_) thread.join();
  }
  int count() const noexcept override { return 2; }
  void start(Task task) override {
    const std::lock_guard lock(mutex_);
    threads_.emplace_back(task);
  }

 private:
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

TEST(ThreadPool, WorksWithThreadsOfSomebodyElse) {
  const ThreadPool pool(std::make_shared<ThreadPerTask>());
  EXPECT_EQ(pool.threads(), 3);
  for (int round = 0; round < 20; ++round) {
    std::vector<int> visits(100, 0);
    pool.for_each(100, [&](Index i) { ++visits[static_cast<std::size_t>(i)]; });
    EXPECT_EQ(visits, std::vector<int>(100, 1));
  }
  EXPECT_TRUE(throws<InvalidArgument>("1 or more", [] { ThreadPool(std::shared_ptr<Workers>()); }));
}

#if defined(__linux__)

/// The processors that the system lends this thread.
std::vector<int> lent_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  std::vector<int> result;
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(static_cast<std::size_t>(i), &set)) result.push_back(i);
  }
  return result;
}

TEST(ThreadPool, BindsItsThreadsToProcessors) {
  std::thread([] {  // whose binding ends with it
    std::vector<int> processors = lent_processors();
    processors.resize(std::min<std::size_t>(processors.size(), 2));
    const ThreadPool pool = ThreadPool::bound_to(processors);
    EXPECT_EQ(pool.threads(), static_cast<int>(processors.size()));
    EXPECT_EQ(lent_processors(), std::vector<int>{processors[0]});
    pool.for_each(100, [&](Index) {
      const std::vector<int> lent = lent_processors();
      ASSERT_EQ(lent.size(), 1U);
      EXPECT_NE(std::ranges::find(processors, lent[0]), processors.end());
    });
  })
      .join();
}

TEST(ThreadPool, RefusesProcessorsThatAreNotThere) {
  std::thread([] {
    const std::vector<int> before = lent_processors();
    for (const int processor : {-1, CPU_SETSIZE - 1, CPU_SETSIZE}) {
      EXPECT_TRUE(throws<InvalidArgument>(fmt::format("processor {}", processor),
                                          [&] { ThreadPool::bound_to(std::vector<int>{processor}); }));
    }
    EXPECT_TRUE(throws<InvalidArgument>("not 0", [] { ThreadPool::bound_to({}); }));
    EXPECT_EQ(lent_processors(), before);
  }).join();
}

#endif

TEST(ForEach, VisitsEveryIndexOnce) {
  for (const int threads : kThreadCounts) {
    const ThreadPool pool(threads);
    for (const Index count : {0, 1, 2, 3, 7, 8, 9, 100, 5000}) {
      std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
      pool.for_each(count, [&](Index i) { ++visits[static_cast<std::size_t>(i)]; });
      for (const std::atomic<int>& visit : visits) ASSERT_EQ(visit, 1) << threads << " threads, count " << count;
    }
    pool.for_each(-3, [](Index) { FAIL(); });
  }
}

TEST(ForEach, SharesTheWorkAmongThreads) {
  const ThreadPool pool(3);
  std::atomic<int> waiting = 0;
  pool.for_each(3, [&](Index) {  // ends only if three threads are inside at once
    ++waiting;
    while (waiting < 3) std::this_thread::yield();
  });
  EXPECT_EQ(waiting, 3);
}

TEST(ForEach, WaitsForThreadsThatTakeMuchLonger) {
  const ThreadPool pool(3);
  const std::thread::id caller = std::this_thread::get_id();
  for (const int milliseconds : {0, 1, 5}) {  // the caller spins for 1 ms, then it sleeps
    for (int repeat = 0; repeat < 10; ++repeat) {
      std::vector<int> done(3);
      std::atomic<int> waiting = 0;
      pool.for_each(3, [&](Index i) {
        ++waiting;
        while (waiting < 3) std::this_thread::yield();
        if (std::this_thread::get_id() != caller) std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
        done[static_cast<std::size_t>(i)] = 1;
      });
      ASSERT_EQ(done, std::vector<int>(3, 1));
    }
  }
}

TEST(ForEach, GivesTheSameBytesForAnyNumberOfThreads) {
  const auto fill = [](const ThreadPool& pool) {
    std::vector<float> values(1000);
    pool.for_each(1000, [&](Index i) {
      Random random(1, static_cast<std::uint64_t>(i));
      for (int k = 0; k < 10; ++k) values[static_cast<std::size_t>(i)] += random.normal();
    });
    return values;
  };
  const std::vector<float> serial = fill(ThreadPool());
  for (const int threads : kThreadCounts) EXPECT_EQ(fill(ThreadPool(threads)), serial) << threads;
}

TEST(ForEach, RethrowsTheExceptionOfTheLowestIndex) {
  for (const int threads : kThreadCounts) {
    const ThreadPool pool(threads);
    for (int repeat = 0; repeat < 200; ++repeat) {
      std::vector<std::atomic<int>> visits(64);
      EXPECT_TRUE(throws<InvalidArgument>("task 10 failed", [&] {
        pool.for_each(64, [&](Index i) {
          ++visits[static_cast<std::size_t>(i)];
          require(i < 10, "task {} failed", i);
        });
      })) << threads;
      for (std::size_t i = 0; i <= 10; ++i) ASSERT_EQ(visits[i], 1) << "skipped although its index is lower";
      for (std::size_t i = 11; i < 64; ++i) ASSERT_LE(visits[i], 1);
    }
    Index visited = 0;
    pool.for_each(1, [&](Index) { ++visited; });
    EXPECT_EQ(visited, 1) << "the pool is of no use after an exception";
  }
}

TEST(ForEach, RunsNestedCallsSeriallyOnEveryThread) {
  for (const int threads : kThreadCounts) {
    const ThreadPool pool(threads);
    if (threads == 1) continue;
    std::vector<std::atomic<int>> visits(40 * 30);
    std::atomic<int> elsewhere = 0;
    pool.for_each(40, [&](Index outer) {
      const std::thread::id thread = std::this_thread::get_id();
      pool.for_each(30, [&](Index inner) {
        if (std::this_thread::get_id() != thread) ++elsewhere;
        ++visits[static_cast<std::size_t>(outer * 30 + inner)];
      });
    });
    EXPECT_EQ(elsewhere, 0);
    for (const std::atomic<int>& visit : visits) ASSERT_EQ(visit, 1);
  }
}

TEST(ForEach, NestsTwoPoolsInEachOtherWithoutDeadlock) {
  const ThreadPool first(3);
  const ThreadPool second(3);
  std::atomic<int> visits = 0;
  const auto nested = [&](const ThreadPool& outer, const ThreadPool& inner) {
    outer.for_each(20, [&](Index) { inner.for_each(20, [&](Index) { outer.for_each(2, [&](Index) { ++visits; }); }); });
  };
  std::thread other([&] { nested(second, first); });
  nested(first, second);
  other.join();
  EXPECT_EQ(visits, 2 * 20 * 20 * 2);
}

TEST(ForEach, ServesSeveralCallersAtOnce) {
  const ThreadPool pool(3);
  std::atomic<int> visits = 0;
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 50; ++repeat) pool.for_each(17, [&](Index) { ++visits; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(visits, 4 * 50 * 17);
}

TEST(ParallelFor, CoversTheRangeByTheSameBlocksForAnyNumberOfThreads) {
  for (const int threads : kThreadCounts) {
    const ThreadPool pool(threads);
    for (const Index count : {0, 1, 5, 6, 7, 100}) {
      for (const Index grain : {Index{1}, Index{6}, Index{100}, std::numeric_limits<Index>::max()}) {
        std::mutex mutex;
        std::set<std::pair<Index, Index>> blocks;
        parallel_for(pool, count, grain, [&](Index begin, Index end) {
          const std::lock_guard lock(mutex);
          blocks.emplace(begin, end);
        });
        std::set<std::pair<Index, Index>> expected;
        for (Index begin = 0; begin<count; begin = count - begin> grain ? begin + grain : count) {
          expected.emplace(begin, begin + std::min(grain, count - begin));
        }
        ASSERT_EQ(blocks, expected) << count << " in blocks of " << grain;
      }
    }
  }
}

TEST(ParallelFor, RefusesEmptyBlocks) {
  EXPECT_TRUE(throws<InvalidArgument>("not 0", [] { parallel_for(ThreadPool(), 4, 0, [](Index, Index) {}); }));
}

}  // namespace
}  // namespace condense
