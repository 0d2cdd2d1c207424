// Requests of many threads, one at a time and in batches, on the autoencoder 640-128x4-8-128x4-640, in float and in
// 8-bit integers.
//
//   batch_scheduler_benchmark [--clients N] [--group N] [--workers N] [--bound-ms MS] [--quick] [--json FILE]
//   batch_scheduler_benchmark --requests N [--cancel] [--stop-in-the-middle] [--clients N] [--workers N]
//
// Each of the clients, 32 unless told, hands in a group of requests, 1 unless told, and has all answers before the next
// group: the windows of a stretch of sound, say. "alone" are clients that run a program for batch 1 of their own,
// without a scheduler; "scheduler, batch 1" are the same requests through a scheduler that is kept from batches;
// "scheduler" may use two arenas of batch 16 beside the weights. Times are from before `submit` to the answer. All take
// turns in 5 rounds, numbers are medians.
//
// With --requests it checks instead that each of so many is answered once, and by the right outputs: of a small
// network, every tenth time one of them cancelled by its client, and the scheduler stopped after half of them, as asked
// for.

#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "condense/core/random.hpp"
#include "condense/graph/operators.hpp"
#include "condense/report/table.hpp"
#include "condense/runtime/batch_scheduler.hpp"
#include "support/timing.hpp"

namespace condense::benchmarks {
namespace {

using Clock = std::chrono::steady_clock;
using Inputs = std::vector<Tensor>;
using Outputs = std::vector<Tensor>;

struct Options {
  int clients = 32;
  int group = 1;
  int workers = 1;
  int bound_ms = 10;
  std::int64_t requests = 0;
  bool cancel = false;
  bool stop_in_the_middle = false;
  bool quick = false;
  std::string json;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto value = [&] {
      require(i + 1 < argc, "{} needs a value", argument);
      return std::string_view(argv[++i]);
    };
    const auto number = [&](auto& result) {
      const std::string_view text = value();
      const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), result);
      require(error == std::errc() && rest == text.data() + text.size() && result >= 1,
              "{} needs a number above 0, not '{}'", argument, text);
    };
    if (argument == "--clients") {
      number(options.clients);
    } else if (argument == "--group") {
      number(options.group);
    } else if (argument == "--workers") {
      number(options.workers);
    } else if (argument == "--bound-ms") {
      number(options.bound_ms);
    } else if (argument == "--requests") {
      number(options.requests);
    } else if (argument == "--cancel") {
      options.cancel = true;
    } else if (argument == "--stop-in-the-middle") {
      options.stop_in_the_middle = true;
    } else if (argument == "--quick") {
      options.quick = true;
    } else if (argument == "--json") {
      options.json = value();
    } else {
      throw InvalidArgument(fmt::format(
          "there is no option '{}'; use --clients N, --group N, --workers N, --bound-ms MS, --quick, --json FILE, "
          "--requests N, --cancel or --stop-in-the-middle",
          argument));
    }
  }
  return options;
}

Tensor random_tensor(const Shape& shape, Random& random, float limit) {
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.mutable_values<float>()) value = random.uniform(-limit, limit);
  return tensor;
}

/// Fully connected layers of these widths with ReLU between them; of 8-bit codes inside if `integers`.
graph::Graph autoencoder(const std::vector<Index>& widths, bool integers) {
  Random random(1);
  graph::Graph graph;
  int constants = 0;
  const auto constant = [&](Tensor tensor) {
    return graph.constant(fmt::format("constant_{}", ++constants), std::move(tensor));
  };
  const auto quantized = [&](graph::Value x) {
    const graph::Value scale = constant(Tensor::scalar(1.0F / 32));
    const graph::Value zero = constant(Tensor::scalar(std::int8_t{0}));
    const graph::Value codes = graph.add(graph::QuantizeLinear{}, {x, scale, zero});
    return graph.add(graph::DequantizeLinear{}, {codes, scale, zero});
  };
  graph::Value x = graph.input("features", DataType::float32, {kDynamic, widths.front()});
  if (integers) x = quantized(x);
  for (std::size_t i = 1; i < widths.size(); ++i) {
    const float limit = 2.4F / std::sqrt(static_cast<float>(widths[i - 1]));
    graph::Value weights;
    if (integers) {
      Tensor codes(DataType::int8, {widths[i], widths[i - 1]});
      for (std::int8_t& code : codes.mutable_values<std::int8_t>()) {
        code = static_cast<std::int8_t>(static_cast<int>(random.below(255)) - 127);
      }
      weights = graph.add(graph::DequantizeLinear{}, {constant(codes), constant(Tensor::scalar(limit / 127))});
    } else {
      weights = constant(random_tensor({widths[i], widths[i - 1]}, random, limit));
    }
    x = graph.add(graph::Gemm{.trans_b = true}, {x, weights, constant(random_tensor({widths[i]}, random, 0.1F))});
    if (i + 1 < widths.size()) x = graph.add(graph::Relu{}, {x});
    if (integers) x = quantized(x);
  }
  graph.output(x, "reconstruction");
  return graph;
}

/// What one contender did in one round.
struct Round {
  double requests_per_second = 0;
  double p50 = 0;  ///< Seconds.
  double p99 = 0;
};

Round summary(std::vector<double> latencies, double seconds) {
  std::ranges::sort(latencies);
  const auto at = [&](double share) {
    return latencies[static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1))];
  };
  return {static_cast<double>(latencies.size()) / seconds, at(0.5), at(0.99)};
}

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// Runs `client(index, deadline, latencies)` on each of the threads.
template <class Client>
Round round_of(const Options& options, const Client& client) {
  std::vector<std::vector<double>> latencies(static_cast<std::size_t>(options.clients));
  std::vector<std::thread> threads;
  const Clock::time_point start = Clock::now();
  const Clock::time_point deadline = start + std::chrono::milliseconds(options.quick ? 200 : 500);
  for (std::size_t c = 0; c < latencies.size(); ++c) {
    threads.emplace_back([&, c] { client(c, deadline, latencies[c]); });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = seconds_between(start, Clock::now());
  std::vector<double> all;
  for (const auto& some : latencies) all.insert(all.end(), some.begin(), some.end());
  return summary(std::move(all), seconds);
}

struct Contender {
  std::string name;
  std::unique_ptr<runtime::BatchScheduler> scheduler;  ///< None: each client has a program.
  std::size_t budget = 0;
  std::vector<Round> rounds = {};
};

Round measure(const Options& options, const runtime::Program& single, const std::vector<Inputs>& requests,
              runtime::BatchScheduler* scheduler) {
  if (scheduler == nullptr) {
    return round_of(options, [&](std::size_t c, Clock::time_point deadline, std::vector<double>& latencies) {
      runtime::Program program = single;
      for (std::size_t i = c; Clock::now() < deadline; ++i) {
        const Clock::time_point start = Clock::now();
        const Outputs outputs = program.run(requests[i % requests.size()]);
        latencies.push_back(seconds_between(start, Clock::now()));
      }
    });
  }
  return round_of(options, [&](std::size_t c, Clock::time_point deadline, std::vector<double>& latencies) {
    struct Open {
      Clock::time_point start;
      std::future<Outputs> answer;
    };
    std::vector<Open> group;
    for (std::size_t i = c; Clock::now() < deadline;) {
      for (int g = 0; g < options.group; ++g) {
        const Clock::time_point start = Clock::now();
        group.push_back({start, scheduler->submit(requests[i++ % requests.size()])});
      }
      for (Open& open : group) {
        const Outputs outputs = open.answer.get();
        latencies.push_back(seconds_between(open.start, Clock::now()));
      }
      group.clear();
    }
  });
}

double median_of(const std::vector<Round>& rounds, double Round::*member) {
  std::vector<double> values;
  for (const Round& round : rounds) values.push_back(round.*member);
  return median(std::move(values));
}

/// Adds a row for each contender on one network.
void compare(const std::string& network, const graph::Graph& graph, const Options& options, report::Table& table) {
  constexpr Index kBatch = 16;
  const Shape sample = graph.declared_shape(graph.inputs()[0]).with(0, 1);
  const runtime::Program single = runtime::compile(graph, {.input_shapes = {sample}});
  const runtime::Program largest = runtime::compile(graph, {.input_shapes = {sample.with(0, kBatch)}});
  const std::size_t arena = largest.arena_bytes();
  const std::size_t request = condense::bytes(DataType::float32, sample.count());

  // Beside the weights and the arenas: what is gathered and cut into answers, as large as three batches of requests,
  // and the requests.
  const Index capacity = std::max<Index>(kBatch, Index{options.clients} * options.group);
  const std::size_t gathered = 3 * request * kBatch * static_cast<std::size_t>(options.workers);
  const std::size_t constants = runtime::BatchScheduler(graph, {.largest_batch = kBatch}).choices().back().weight_bytes;
  const std::size_t budget = constants + 2 * arena + gathered + static_cast<std::size_t>(capacity) * request;
  const auto scheduler = [&](Index largest_batch) {
    return std::make_unique<runtime::BatchScheduler>(
        graph, runtime::BatchSchedulerOptions{.memory_budget = budget,
                                              .latency_bound = std::chrono::milliseconds(options.bound_ms),
                                              .largest_batch = largest_batch,
                                              .workers = options.workers,
                                              .capacity = capacity});
  };
  std::vector<Contender> contenders;
  contenders.push_back({"alone", nullptr});
  contenders.push_back({"scheduler, batch 1", scheduler(1), budget});
  contenders.push_back({"scheduler", scheduler(kBatch), budget});

  fmt::print("{}: {} bytes of weights; an arena takes {} bytes at batch 1 and {} at batch {}\n", network, constants,
             single.arena_bytes(), arena, kBatch);
  for (const runtime::BatchChoice& choice : contenders.back().scheduler->choices()) {
    fmt::print("  batch {:2}: {:6} bytes of arena, {:7} for a worker, {:7.1f} us{}{}\n", choice.batch,
               choice.arena_bytes, choice.worker_bytes, 1e-3 * static_cast<double>(choice.time.count()),
               choice.fits ? "" : ", does not fit", choice.fits && !choice.in_time ? ", too slow" : "");
  }

  Random random(2);
  std::vector<Inputs> requests;
  for (int i = 0; i < 64; ++i) requests.push_back({random_tensor(sample, random, 1)});
  for (int round = 0; round < (options.quick ? 3 : 5); ++round) {
    for (Contender& contender : contenders) {
      contender.rounds.push_back(measure(options, single, requests, contender.scheduler.get()));
    }
  }
  const double reference = median_of(contenders[1].rounds, &Round::requests_per_second);
  for (const Contender& contender : contenders) {
    const double rate = median_of(contender.rounds, &Round::requests_per_second);
    std::vector<report::Cell> row{network,
                                  contender.name,
                                  rate,
                                  rate / reference,
                                  1e6 * median_of(contender.rounds, &Round::p50),
                                  1e6 * median_of(contender.rounds, &Round::p99)};
    if (contender.scheduler) {
      const runtime::BatchStatistics done = contender.scheduler->statistics();
      row.insert(row.end(), {static_cast<double>(done.answered) / static_cast<double>(done.runs),
                             static_cast<std::int64_t>(contender.scheduler->peak_bytes()),
                             static_cast<std::int64_t>(contender.budget)});
    } else {
      const auto arenas = single.arena_bytes() * static_cast<std::size_t>(options.clients);
      row.insert(row.end(), {report::Cell{1.0}, report::Cell{static_cast<std::int64_t>(arenas)}, report::Cell{}});
    }
    table.add(std::move(row));
  }
}

/// A network so small that the scheduler does all the work: its output is its input, doubled.
graph::Graph doubling() {
  graph::Graph graph;
  const graph::Value x = graph.input("x", DataType::float32, {kDynamic, 4});
  graph.output(graph.add(graph::Mul{}, {x, graph.constant("two", Tensor::scalar(2.0F))}));
  return graph;
}

/// Throws unless each request has one answer, and the right one.
void check_answers(const Options& options) {
  runtime::BatchScheduler scheduler(doubling(), {.memory_budget = std::size_t{1} << 20,
                                                 .latency_bound = std::chrono::seconds(10),
                                                 .largest_batch = 16,
                                                 .workers = options.workers,
                                                 .capacity = 256});
  enum Answer { outputs, cancelled, stopped, refused, wrong, kinds };
  std::atomic<std::int64_t> next{0};
  std::atomic<std::int64_t> counts[kinds] = {};
  const auto client = [&](std::size_t c) {
    struct Open {
      float value;
      std::stop_source source;
      std::future<Outputs> answer;
    };
    Random random(3, c);
    std::deque<Open> open;
    const auto collect = [&] {
      Answer answer = wrong;
      try {
        const Outputs result = open.front().answer.get();
        if (result.at(0) == Tensor::of<float>({1, 4}, std::vector<float>(4, 2 * open.front().value))) answer = outputs;
      } catch (const runtime::Cancelled&) {
        answer = cancelled;
      } catch (const runtime::Stopped&) {
        answer = stopped;
      }
      ++counts[answer];
      open.pop_front();
    };
    for (std::int64_t i = next++; i < options.requests; i = next++) {
      if (options.stop_in_the_middle && i == options.requests / 2) scheduler.stop();
      const auto value = static_cast<float>(i);
      std::stop_source source;
      try {
        open.push_back(
            {value, source,
             scheduler.submit({Tensor::of<float>({1, 4}, std::vector<float>(4, value))}, source.get_token())});
      } catch (const runtime::Stopped&) {
        ++counts[refused];
      }
      if (options.cancel && !open.empty() && random.below(10) == 0) {
        open[random.below(static_cast<std::uint32_t>(open.size()))].source.request_stop();
      }
      if (open.size() == 8) collect();
    }
    while (!open.empty()) collect();
  };
  std::vector<std::thread> threads;
  const Clock::time_point start = Clock::now();
  for (int c = 0; c < options.clients; ++c) threads.emplace_back(client, static_cast<std::size_t>(c));
  for (std::thread& thread : threads) thread.join();
  const double seconds = seconds_between(start, Clock::now());
  scheduler.close();

  std::int64_t total = 0;
  for (const auto& count : counts) total += count;
  const runtime::BatchStatistics done = scheduler.statistics();
  fmt::print("{} requests of {} clients in {:.1f} s: {} answered by outputs, {} cancelled, {} stopped, {} refused\n",
             options.requests, options.clients, seconds, counts[outputs].load(), counts[cancelled].load(),
             counts[stopped].load(), counts[refused].load());
  fmt::print("mean batch {:.1f}; at most {} bytes of {}\n",
             static_cast<double>(done.answered) / static_cast<double>(std::max<std::int64_t>(done.runs, 1)),
             scheduler.peak_bytes(), std::size_t{1} << 20);
  require(counts[wrong] == 0, "{} requests had a wrong answer", counts[wrong].load());
  require(total == options.requests, "{} requests, but {} answers", options.requests, total);
  require(done.answered == counts[outputs] && done.cancelled == counts[cancelled] && done.stopped == counts[stopped] &&
              done.failed == 0,
          "the scheduler counts {} outputs, {} cancelled, {} stopped and {} failed", done.answered, done.cancelled,
          done.stopped, done.failed);
  require(scheduler.peak_bytes() <= std::size_t{1} << 20, "the budget was exceeded: {} bytes", scheduler.peak_bytes());
}

void run(const Options& options) {
  if (options.requests > 0) return check_answers(options);
  report::Table table({{"network", "network"},
                       {"requests", "contender"},
                       {"a second", "requests_per_second"},
                       {"ratio", "ratio", 2},
                       {"p50 us", "p50_us"},
                       {"p99 us", "p99_us"},
                       {"mean batch", "mean_batch", 1},
                       {"peak bytes", "peak_bytes"},
                       {"budget", "budget_bytes"}});
  const std::vector<Index> widths{640, 128, 128, 128, 128, 8, 128, 128, 128, 128, 640};
  compare("float", autoencoder(widths, false), options, table);
  compare("int8", autoencoder(widths, true), options, table);
  fmt::print("\n{} clients, groups of {}, {} workers, bound {} ms\n{}", options.clients, options.group, options.workers,
             options.bound_ms, table.text());
  if (!options.json.empty()) report::write_json(options.json, table.json());
}

}  // namespace
}  // namespace condense::benchmarks

int main(int argc, char** argv) {
  try {
    condense::benchmarks::run(condense::benchmarks::parse(argc, argv));
  } catch (const std::exception& error) {
    fmt::print(stderr, "batch_scheduler_benchmark: {}\n", error.what());
    return 1;
  }
}
