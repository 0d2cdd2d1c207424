#include "condense/runtime/batch_scheduler.hpp"

#include <gtest/gtest.h>

#include "support/quantized_networks.hpp"
#include "support/throws.hpp"

namespace condense::runtime {
namespace {

using graph::Graph;
using graph::Value;
using Outputs = BatchScheduler::Outputs;

constexpr std::chrono::minutes kPatient{10};  // no machine that tests run on is too slow for that

/// Fully connected, (n x 24) -> (n x 10), in float.
Graph fully_connected() {
  Random random(5);
  Graph graph;
  const Value x = graph.input("features", DataType::float32, {kDynamic, 24});
  const Value hidden =
      graph.add(graph::Relu{}, {graph.add(graph::Gemm{}, {x, graph.constant("w1", random_tensor({24, 40}, random)),
                                                          graph.constant("b1", random_tensor({40}, random))})});
  graph.output(graph.add(graph::Gemm{}, {hidden, graph.constant("w2", random_tensor({40, 10}, random))}), "scores");
  return graph;
}

/// Answers to requests that are all handed in before the first is collected.
std::vector<Outputs> answers(BatchScheduler& scheduler, const std::vector<std::vector<Tensor>>& requests) {
  std::vector<std::future<Outputs>> futures;
  for (const auto& request : requests) futures.push_back(scheduler.submit(request));
  std::vector<Outputs> results;
  for (auto& future : futures) results.push_back(future.get());
  return results;
}

TEST(BatchScheduler, GivesTheBytesOfSingleRunsOnIntegerNetworks) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const Graph graph = random_quantized_network(seed, ActivationTypes::mixed);
    Program single = compile(graph);
    Random random(seed, 3);
    std::vector<std::vector<Tensor>> requests;
    for (int i = 0; i < 23; ++i) requests.push_back({random_tensor(single.input_type(0).shape, random)});
    BatchScheduler scheduler(graph, {.latency_bound = kPatient, .largest_batch = 8, .workers = 2});
    const std::vector<Outputs> results = answers(scheduler, requests);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      EXPECT_TRUE(results[i] == single.run(requests[i])) << "network " << seed << ", request " << i;
    }
    EXPECT_EQ(scheduler.statistics().answered, 23);
  }
}

TEST(BatchScheduler, GivesTheNumbersOfSingleRunsUpToTheOrderOfSummation) {
  const Graph graph = fully_connected();
  Program single = compile(graph);
  Random random(1);
  std::vector<std::vector<Tensor>> requests;
  for (int i = 0; i < 50; ++i) requests.push_back({random_tensor({1, 24}, random)});
  BatchScheduler scheduler(graph, {.latency_bound = kPatient, .largest_batch = 16});
  const std::vector<Outputs> results = answers(scheduler, requests);
  // Products of numbers up to 2: hidden values to 98, scores to 7800, each a sum of which no order is off by more than
  // (24 + 3) + (40 + 3) roundings of 2^-24.
  constexpr float kTolerance = 2 * 70 * 7800 * 0x1p-24F;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Outputs expected = single.run(requests[i]);
    for (std::size_t c = 0; c < 10; ++c) {
      EXPECT_NEAR(results[i][0].values<float>()[c], expected[0].values<float>()[c], kTolerance) << i << ", " << c;
    }
  }
}

TEST(BatchScheduler, GivesEachRequestItsPartOfSeveralInputsAndOutputs) {
  Graph graph;
  const Value a = graph.input("a", DataType::int32, {kDynamic, 3});
  const Value b = graph.input("b", DataType::int32, {kDynamic, 2});
  graph.output(graph.add(graph::Concat{.axis = 1}, {a, b}), "joined");
  graph.output(graph.add(graph::Mul{}, {b, b}), "squares");
  BatchScheduler scheduler(graph, {.latency_bound = kPatient, .largest_batch = 4});
  std::vector<std::vector<Tensor>> requests;
  for (std::int32_t i = 0; i < 30; ++i) {
    requests.push_back(
        {Tensor::of<std::int32_t>({1, 3}, {i, i + 1, i + 2}), Tensor::of<std::int32_t>({1, 2}, {-i, i})});
  }
  const std::vector<Outputs> results = answers(scheduler, requests);
  for (std::int32_t i = 0; i < 30; ++i) {
    const Outputs expected{Tensor::of<std::int32_t>({1, 5}, {i, i + 1, i + 2, -i, i}),
                           Tensor::of<std::int32_t>({1, 2}, {i * i, i * i})};
    EXPECT_TRUE(results[static_cast<std::size_t>(i)] == expected) << i;
  }
}

TEST(BatchScheduler, BindsOtherDimensionsToTheShapesGiven) {
  Graph graph;
  graph.output(graph.add(graph::Relu{}, {graph.input("x", DataType::float32, {kDynamic, kDynamic})}));
  CompileOptions options;
  options.input_shapes = {{1, 3}};
  BatchScheduler scheduler(graph, {.latency_bound = kPatient, .largest_batch = 2, .program = options});
  EXPECT_EQ(scheduler.submit({Tensor::of<float>({1, 3}, {-1, 0, 2})}).get()[0], Tensor::of<float>({1, 3}, {0, 0, 2}));
}

std::size_t aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

/// What `workers` workers with batches 1, 2 and 4 need, with a full batch of requests each: the weights once, and for
/// each worker one arena.
std::size_t budget_for_batches_of_four(const Graph& graph, int workers) {
  const Program largest = compile(graph, {.input_shapes = {{4, 24}}});
  const std::size_t gathered = aligned(4 * 24 * sizeof(float)) + aligned(4 * 10 * sizeof(float));
  const std::size_t worker = largest.arena_bytes() + gathered + 4 * 10 * sizeof(float);
  return largest.weight_bytes() + static_cast<std::size_t>(workers) * (worker + 4 * 24 * sizeof(float));
}

TEST(BatchScheduler, TakesTheLargestBatchesThatTheBudgetHolds) {
  const Graph graph = fully_connected();
  for (const int workers : {1, 3}) {
    const std::size_t budget = budget_for_batches_of_four(graph, workers);
    const BatchScheduler exact(graph, {.memory_budget = budget, .latency_bound = kPatient, .workers = workers});
    ASSERT_EQ(exact.choices().size(), 4U);
    EXPECT_TRUE(exact.choices()[2].fits);
    EXPECT_FALSE(exact.choices()[3].fits);
    EXPECT_LE(exact.batch(), 4);
    EXPECT_LE(exact.bytes_in_use(), budget);

    const BatchScheduler less(graph, {.memory_budget = budget - 1, .latency_bound = kPatient, .workers = workers});
    ASSERT_EQ(less.choices().size(), 3U);
    EXPECT_FALSE(less.choices()[2].fits);
    EXPECT_LE(less.batch(), 2);
  }
}

TEST(BatchScheduler, CountsTheBytesOfThePlan) {
  const Graph graph = fully_connected();
  const BatchScheduler scheduler(graph, {.latency_bound = kPatient, .largest_batch = 4, .workers = 2});
  for (const BatchChoice& choice : scheduler.choices()) {
    EXPECT_EQ(choice.arena_bytes, compile(graph, {.input_shapes = {{choice.batch, 24}}}).arena_bytes());
    EXPECT_GT(choice.time.count(), 0);
    if (choice.batch == scheduler.batch()) {
      EXPECT_EQ(scheduler.worker_bytes(), 2 * choice.worker_bytes);
    }
  }
  EXPECT_EQ(scheduler.request_bytes(), 24 * sizeof(float));
  EXPECT_EQ(scheduler.weight_bytes(), compile(graph, {.input_shapes = {{1, 24}}}).weight_bytes());
  EXPECT_EQ(scheduler.bytes_in_use(), scheduler.weight_bytes() + scheduler.worker_bytes());
  EXPECT_EQ(scheduler.peak_bytes(), scheduler.weight_bytes() + scheduler.worker_bytes());
}

TEST(BatchScheduler, StaysWithinItsBudgetAndCapacity) {
  const Graph graph = fully_connected();
  const std::size_t budget = budget_for_batches_of_four(graph, 1) + 3 * 24 * sizeof(float);
  BatchScheduler scheduler(graph, {.memory_budget = budget, .latency_bound = kPatient, .largest_batch = 4});
  EXPECT_GE(scheduler.capacity(), 7);
  Random random(1);
  const std::vector<std::vector<Tensor>> requests(200, {random_tensor({1, 24}, random)});
  answers(scheduler, requests);
  scheduler.close();
  EXPECT_LE(scheduler.peak_bytes(), budget);
  EXPECT_GT(scheduler.peak_bytes(), scheduler.weight_bytes() + scheduler.worker_bytes());
  EXPECT_EQ(scheduler.bytes_in_use(), scheduler.weight_bytes() + scheduler.worker_bytes());
  EXPECT_EQ(scheduler.statistics().answered, 200);
}

TEST(BatchScheduler, RefusesBudgetsAndBoundsThatNothingFits) {
  const Graph graph = fully_connected();
  const auto make = [&](const BatchSchedulerOptions& options) {
    return [&graph, options] { BatchScheduler(graph, options); };
  };
  EXPECT_TRUE(throws<InvalidArgument>("budget is 500", make({.memory_budget = 500})));
  EXPECT_TRUE(throws<InvalidArgument>("bound of 0.001 us", make({.latency_bound = std::chrono::nanoseconds(1)})));
  EXPECT_TRUE(throws<InvalidArgument>("-7 ns", make({.latency_bound = std::chrono::nanoseconds(-7)})));
  EXPECT_TRUE(throws<InvalidArgument>("not 0", make({.largest_batch = 0})));
  EXPECT_TRUE(throws<InvalidArgument>("not 0", make({.workers = 0})));
  EXPECT_TRUE(throws<InvalidArgument>("not -1", make({.capacity = -1})));
  CompileOptions two;
  two.input_shapes = {{2, 24}};
  EXPECT_TRUE(throws<InvalidArgument>("(2 x 24) for the input 'features'", make({.program = two})));
  two.input_shapes.push_back({1});
  EXPECT_TRUE(throws<InvalidArgument>("2 shapes", make({.program = two})));
}

TEST(BatchScheduler, RefusesRequestsThatDoNotFit) {
  BatchScheduler scheduler(fully_connected(), {.latency_bound = kPatient, .largest_batch = 2});
  EXPECT_TRUE(throws<InvalidArgument>("'features' of a request is float32 (1 x 24), it is given float32 (2 x 24)", [&] {
    scheduler.submit({Tensor(DataType::float32, {2, 24})});
  }));
  EXPECT_TRUE(throws<InvalidArgument>("given int8 (1 x 24)", [&] {
    scheduler.submit({Tensor(DataType::int8, {1, 24})});
  }));
  EXPECT_TRUE(throws<InvalidArgument>("has 1 inputs, 0 tensors", [&] { scheduler.try_submit({}); }));
}

TEST(BatchScheduler, RefusesGraphsWhoseRequestsCannotBeTakenApart) {
  const auto making = [](const Graph& graph) {
    return [&graph] { BatchScheduler(graph, {.latency_bound = kPatient}); };
  };
  Graph constant_input;
  const Value x = constant_input.input("x", DataType::float32, {kDynamic, 2});
  constant_input.output(constant_input.add(graph::Mul{}, {x, constant_input.input("rate", DataType::float32, {})}));
  EXPECT_TRUE(throws<InvalidArgument>("'rate' of shape ()", making(constant_input)));

  Graph mixing;
  const Value y = mixing.input("y", DataType::float32, {kDynamic, 2});
  mixing.output(mixing.add(graph::Gemm{.trans_b = true}, {y, y}), "products");
  EXPECT_TRUE(throws<InvalidArgument>("'products' has shape (2 x 2) for a batch of 2", making(mixing)));

  Graph dynamic;
  const Value z = dynamic.input("z", DataType::float32, {kDynamic, 2});
  dynamic.output(dynamic.add(graph::DynamicQuantizeLinear{}, {z}, "codes"));
  EXPECT_TRUE(throws<Unsupported>("node 'codes' (DynamicQuantizeLinear)", making(dynamic)));
  EXPECT_TRUE(throws<InvalidArgument>("no inputs", making(Graph{})));
}

}  // namespace
}  // namespace condense::runtime
