#include "condense/compress/deep_compression.hpp"

#include <gtest/gtest.h>

#include <set>

#include "compress/small_task.hpp"

namespace condense::compress {
namespace {

DeepCompressionConfig config() {
  const train::FitOptions training{.epochs = 2, .batch_size = 32, .schedule = train::ConstantSchedule{.rate = 5e-3}};
  DeepCompressionConfig config{.kept = 0.25,
                               .rounds = 3,
                               .pruning = training,
                               .retraining = training,
                               .sharing = {.weight_bits = 2, .other_bits = 2},
                               .centroid_training = training};
  config.retraining.epochs = 8;
  return config;
}

graph::Graph trained() {
  return train::fit(small_network(3), small_data(600, 1),
                    {.epochs = 8, .schedule = train::ConstantSchedule{.rate = 5e-3}})
      .graph;
}

Index kept(const graph::Graph& graph, const std::string& name) {
  const std::span<const float> values = graph.constant(graph.find(name)).values<float>();
  return graph.constant(graph.find(name)).count() - std::ranges::count(values, 0.0F);
}

bool same(const graph::Graph& a, const graph::Graph& b) {
  for (int i = 0; i < a.value_count(); ++i) {
    if (a.is_constant({i}) && !(a.constant({i}) == b.constant({i}))) return false;
  }
  return true;
}

TEST(DeepCompression, PrunesInRoundsAndSharesWhatIsLeft) {
  const Index all = 12 * 16 + 16 * 3;
  std::vector<Index> counts;
  DeepCompressionConfig with_stages = config();
  with_stages.after_stage = [&](const DeepCompressionState& state) {
    EXPECT_EQ(state.stage, static_cast<Index>(counts.size()) + 1);
    counts.push_back(kept(state.graph, "fc1.weight") + kept(state.graph, "fc2.weight"));
  };
  const graph::Graph graph = deep_compression(trained(), small_data(600, 1), with_stages);
  // kept + (1 - kept) (1 - r / 3)^3 of 240 weights
  EXPECT_EQ(counts, (std::vector<Index>{113, 67, 60, 60}));
  EXPECT_EQ(counts.back(), all / 4);
  for (const char* name : {"fc1.weight", "fc2.weight", "fc1.bias", "fc2.bias"}) {
    const std::span<const float> values = graph.constant(graph.find(name)).values<float>();
    std::set<float> different(values.begin(), values.end());
    different.erase(0);
    EXPECT_LE(different.size(), 4U) << name;
    for (const float value : different) EXPECT_EQ(static_cast<float>(Float16(value)), value);
  }
  EXPECT_GT(train::accuracy(graph, small_data(500, 2)), 0.9);
}

TEST(DeepCompression, ContinuesFromAnyStageToTheSameBytes) {
  std::vector<DeepCompressionState> states;
  DeepCompressionConfig with_stages = config();
  with_stages.after_stage = [&](const DeepCompressionState& state) { states.push_back(state); };
  const train::Dataset data = small_data(300, 1);
  const graph::Graph whole = deep_compression(trained(), data, with_stages);
  ASSERT_EQ(static_cast<Index>(states.size()), stages(config()));
  for (const DeepCompressionState& state : states) {
    EXPECT_TRUE(same(resume_deep_compression(state, data, config()), whole)) << state.stage;
  }
}

TEST(DeepCompression, SharesOfSingleWeightsAndTheLeastHold) {
  DeepCompressionConfig some = config();
  some.kept = 0.1;
  some.kept_of = {{"fc2.weight", 1}};
  EXPECT_EQ(kept(deep_compression(trained(), small_data(300, 1), some), "fc2.weight"), 48);
  some.kept_of = {};
  some.least_kept = 0.5;
  const graph::Graph graph = deep_compression(trained(), small_data(300, 1), some);
  EXPECT_GE(kept(graph, "fc1.weight"), 96);
  EXPECT_GE(kept(graph, "fc2.weight"), 24);
}

TEST(DeepCompression, SharesInRoundsFromTheLargestOn) {
  DeepCompressionConfig in_rounds = config();
  in_rounds.sharing_rounds = 3;
  std::vector<std::size_t> different;
  std::vector<DeepCompressionState> states;
  in_rounds.after_stage = [&](const DeepCompressionState& state) {
    states.push_back(state);
    const std::span<const float> values = state.graph.constant(state.graph.find("fc1.weight")).values<float>();
    different.push_back(std::set<float>(values.begin(), values.end()).size());
    EXPECT_EQ(kept(state.graph, "fc1.weight"),
              kept(states[std::min<std::size_t>(2, states.size() - 1)].graph, "fc1.weight"));
  };
  const train::Dataset data = small_data(300, 1);
  const graph::Graph graph = deep_compression(trained(), data, in_rounds);
  ASSERT_EQ(different.size(), 6U);
  EXPECT_GT(different[2], different[3]);  // half of them, three quarters, all
  EXPECT_GT(different[3], different[4]);
  EXPECT_GT(different[4], different[5]);
  EXPECT_LE(different[5], 5U);
  in_rounds.after_stage = {};
  EXPECT_TRUE(same(resume_deep_compression(states[3], data, in_rounds), graph));
}

TEST(DeepCompression, WholeWeightsAreOnlyShared) {
  DeepCompressionConfig all = config();
  all.kept = 1;
  const graph::Graph graph = deep_compression(trained(), small_data(300, 1), all);
  EXPECT_EQ(kept(graph, "fc1.weight"), 192);
}

TEST(DeepCompression, RefusesWhatCannotBe) {
  const auto message = [](auto change) -> std::string {
    DeepCompressionConfig bad = config();
    change(bad);
    try {
      deep_compression(small_network(1), small_data(50, 1), bad);
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message([](auto& bad) { bad.kept = 0; }).find("not 0"), std::string::npos);
  EXPECT_NE(message([](auto& bad) { bad.kept = 1.5; }).find("not 1.5"), std::string::npos);
  EXPECT_NE(message([](auto& bad) { bad.rounds = 0; }).find("not 0"), std::string::npos);
  EXPECT_NE(message([](auto& bad) { bad.sharing_rounds = 0; }).find("not 0"), std::string::npos);
  EXPECT_NE(message([](auto& bad) { bad.least_kept = 2; }).find("not 2"), std::string::npos);
  EXPECT_NE(message([](auto& bad) { bad.kept_of = {{"fc1.bias", 0.5}}; }).find("'fc1.bias'"), std::string::npos);
  EXPECT_NE(message([](auto& bad) { bad.kept_of = {{"fc1.weight", 0}}; }).find("'fc1.weight'"), std::string::npos);
  graph::Graph empty;
  empty.output(empty.add(graph::Relu{}, {empty.input("x", DataType::float32, {1})}));
  EXPECT_THROW(deep_compression(empty, small_data(50, 1)), InvalidArgument);
  EXPECT_THROW(resume_deep_compression({.stage = 9, .graph = small_network(1)}, small_data(50, 1), config()),
               InvalidArgument);
}

}  // namespace
}  // namespace condense::compress
