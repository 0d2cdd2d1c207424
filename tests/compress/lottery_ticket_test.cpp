#include "condense/compress/lottery_ticket.hpp"

#include <gtest/gtest.h>

#include "condense/prune/keep.hpp"
#include "condense/train/gradients.hpp"
#include "support/file_bytes.hpp"
#include "support/temporary_folder.hpp"
#include "support/throws.hpp"
#include "train/tiny_task.hpp"

namespace condense::compress {
namespace {

using train::testing::bars;
using train::testing::same_constants;
using train::testing::small_network;

LotteryTicketConfig three_levels() {
  LotteryTicketConfig config{.levels = 3, .pruned_share = 0.4, .evaluation_interval = 4};
  config.fit.epochs = 3;
  config.fit.batch_size = 20;
  config.fit.schedule = train::ConstantSchedule{0.01};
  config.fit.validation = bars(40, 2);
  config.test = bars(40, 3);
  return config;
}

TEST(LotteryTicket, PrunesTheShareOfEveryLayerInEachRound) {
  const graph::Graph network = small_network(1);
  const LotteryTicketResult result = find_lottery_tickets(network, bars(110, 1), three_levels());
  ASSERT_EQ(result.masks.size(), 4U);
  for (std::size_t level = 0; level < 4; ++level) {
    for (const auto& [value, mask] : result.masks[level]) {
      const double share = network.name(value) == "fc.weight" ? 0.2 : 0.4;
      Index kept = mask.count();
      for (std::size_t round = 0; round < level; ++round) kept = prune::kept_count(kept, share);
      EXPECT_EQ(mask.kept(), kept) << network.name(value) << " at level " << level;
    }
  }
  for (std::size_t level = 1; level < 4; ++level) {
    for (std::size_t i = 0; i < result.masks[level].size(); ++i) {  // nothing comes back
      EXPECT_EQ((result.masks[level][i].mask - result.masks[level - 1][i].mask).kept(), 0);
    }
  }
}

TEST(LotteryTicket, TrainsTicketsAndControlsOfEveryLevel) {
  const LotteryTicketResult result = find_lottery_tickets(small_network(1), bars(110, 1), three_levels());
  ASSERT_EQ(result.trainings.size(), 10U);  // the dense network, and three of each level
  EXPECT_EQ(result.trainings[0].kept_share, 1.0);
  for (std::size_t i = 1; i < 10; ++i) {
    const TicketTraining& training = result.trainings[i];
    EXPECT_EQ(training.level, static_cast<int>((i + 2) / 3));
    EXPECT_EQ(training.kind, static_cast<TicketKind>((i - 1) % 3));
    EXPECT_EQ(training.kept_share, result.trainings[(i - 1) / 3 * 3 + 1].kept_share);
    EXPECT_TRUE(training.early_stop_step % 4 == 0 || training.early_stop_step == 18) << training.early_stop_step;
  }
}

TEST(LotteryTicket, StartsFromTheInitialWeightsOrThoseOfTheRewindingStep) {
  for (const Index rewind_step : {0, 5}) {
    LotteryTicketConfig config = three_levels();
    config.levels = 1;
    config.controls = {};
    config.rewind_step = rewind_step;
    config.fit.optimizer = train::Sgd{.momentum = 0};
    const LotteryTicketResult result = find_lottery_tickets(small_network(9), bars(110, 1), config);

    const graph::Graph initial = train::initialize(small_network(9), config.seed);
    graph::Graph expected = initial;
    if (rewind_step > 0) {
      train::FitOptions options = config.fit;
      options.validation = std::nullopt;
      Index step = 0;
      options.after_step = [&](graph::Graph& graph) {
        if (++step != rewind_step) return;
        for (int i = 0; i < expected.value_count(); ++i) {
          if (expected.is_constant({i})) expected.set_constant({i}, graph.constant({i}));
        }
      };
      train::fit(initial, bars(110, 1), options);
    }
    EXPECT_TRUE(same_constants(result.rewound, expected)) << rewind_step;
  }
}

TEST(LotteryTicket, KeepsTheLargestWeightsOfTheTrainedNetwork) {
  LotteryTicketConfig config = three_levels();
  config.levels = 1;
  config.controls = {};
  const LotteryTicketResult result = find_lottery_tickets(small_network(1), bars(110, 1), config);
  train::FitOptions options = config.fit;
  options.validation = std::nullopt;
  const graph::Graph trained =
      train::fit(train::initialize(small_network(1), config.seed), bars(110, 1), options).graph;
  for (const auto& [value, mask] : result.masks[1]) {
    float largest_pruned = 0;
    float smallest_kept = std::numeric_limits<float>::infinity();
    const float* weights = trained.constant(value).data<float>();
    for (Index i = 0; i < mask.count(); ++i) {
      const float magnitude = std::abs(weights[i]);
      if (mask.keeps(i)) smallest_kept = std::min(smallest_kept, magnitude);
      if (!mask.keeps(i)) largest_pruned = std::max(largest_pruned, magnitude);
    }
    EXPECT_LE(largest_pruned, smallest_kept) << trained.name(value);
  }
}

TEST(LotteryTicket, GivesTheSameBytesWhereverItIsKilled) {
  struct Killed {};
  const TemporaryFolder folder;
  LotteryTicketConfig config = three_levels();
  config.levels = 2;
  config.rewind_step = 3;
  config.state_file = folder / "whole";
  const LotteryTicketResult whole = find_lottery_tickets(small_network(1), bars(110, 1), config);
  for (const int killed_after : {2, 20, 40, 61, 100}) {  // steps, of which a training has 15 to 18
    config.state_file = folder / fmt::format("killed{}", killed_after);
    int steps = 0;
    config.fit.after_step = [&](graph::Graph&) {
      if (++steps == killed_after) throw Killed{};
    };
    EXPECT_THROW(find_lottery_tickets(small_network(1), bars(110, 1), config), Killed);
    config.fit.after_step = {};
    const LotteryTicketResult resumed = find_lottery_tickets(small_network(1), bars(110, 1), config);
    EXPECT_EQ(read_bytes(folder / "whole"), read_bytes(config.state_file)) << killed_after;
    EXPECT_TRUE(same_constants(whole.rewound, resumed.rewound));
    EXPECT_EQ(whole.trainings.size(), resumed.trainings.size());
  }
}

TEST(LotteryTicket, RefusesWhatDoesNotFitByName) {
  const auto refuses = [](LotteryTicketConfig config, const std::string& text) {
    EXPECT_TRUE(throws<InvalidArgument>(text, [&] { find_lottery_tickets(small_network(1), bars(110, 1), config); }));
  };
  LotteryTicketConfig config = three_levels();
  config.fit.validation = std::nullopt;
  refuses(config, "validation set");
  config = three_levels();
  config.pruned_share = 1.5;
  refuses(config, "1.5");
  config = three_levels();
  config.pruned_share_of = {{"nowhere", 0.5}};
  refuses(config, "nowhere");
  config = three_levels();
  config.rewind_step = 18;
  refuses(config, "0 to 17, not 18");
  config = three_levels();
  config.control_levels = {4};
  refuses(config, "not 4");
}

TEST(LotteryTicket, RefusesTheStateOfAnotherSearch) {
  const TemporaryFolder folder;
  LotteryTicketConfig config = three_levels();
  config.levels = 1;
  config.state_file = folder / "state";
  find_lottery_tickets(small_network(1), bars(110, 1), config);
  config.pruned_share = 0.3;
  EXPECT_TRUE(
      throws<InvalidArgument>("pruned shares", [&] { find_lottery_tickets(small_network(1), bars(110, 1), config); }));
}

}  // namespace
}  // namespace condense::compress
