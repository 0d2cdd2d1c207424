#include "condense/compress/checkpoint.hpp"

#include <gtest/gtest.h>

#include "condense/io/safetensors.hpp"
#include "condense/train/gradients.hpp"
#include "support/file_bytes.hpp"
#include "support/temporary_folder.hpp"
#include "train/tiny_task.hpp"

namespace condense::compress {
namespace {

using train::testing::bars;
using train::testing::same_constants;
using train::testing::small_network;

/// What a killed process leaves: an exception in the middle of an epoch.
struct Killed {};

train::FitOptions four_epochs() {
  return {.epochs = 4, .batch_size = 20, .schedule = train::CosineSchedule{.rate = 0.01}, .validation = bars(40, 2)};
}

TEST(Checkpoint, GivesTheSameBytesWhereverARunIsKilled) {
  const TemporaryFolder folder;
  const train::FitResult whole = train::fit(small_network(1), bars(110, 1), four_epochs());
  const auto reference = folder / "whole";
  fit_with_checkpoints(reference, small_network(1), bars(110, 1), four_epochs());
  for (const int killed_after : {1, 6, 7, 13, 22}) {  // steps, of which 6 are an epoch
    const auto file = folder / fmt::format("killed{}", killed_after);
    int steps = 0;
    train::FitOptions options = four_epochs();
    options.after_step = [&](graph::Graph&) {
      if (++steps == killed_after) throw Killed{};
    };
    EXPECT_THROW(fit_with_checkpoints(file, small_network(1), bars(110, 1), options), Killed);
    const train::FitResult resumed = fit_with_checkpoints(file, small_network(1), bars(110, 1), four_epochs());
    EXPECT_TRUE(same_constants(whole.graph, resumed.graph));
    EXPECT_EQ(whole.best_epoch, resumed.best_epoch);
    EXPECT_EQ(read_bytes(reference), read_bytes(file));
  }
}

TEST(Checkpoint, ReturnsAFinishedRunAtOnce) {
  const TemporaryFolder folder;
  const train::FitResult whole = fit_with_checkpoints(folder / "run", small_network(1), bars(60, 1), four_epochs());
  train::FitOptions options = four_epochs();
  options.after_step = [](graph::Graph&) { FAIL() << "there is nothing left to train"; };
  const train::FitResult again = fit_with_checkpoints(folder / "run", small_network(1), bars(60, 1), options);
  EXPECT_TRUE(same_constants(whole.graph, again.graph));
  ASSERT_EQ(again.history.size(), 4U);
  EXPECT_EQ(whole.history[3].loss, again.history[3].loss);
  EXPECT_EQ(whole.history[3].validation->accuracy, again.history[3].validation->accuracy);
}

TEST(Checkpoint, RefusesAnotherRunByWhatDiffers) {
  const TemporaryFolder folder;
  fit_with_checkpoints(folder / "run", small_network(1), bars(60, 1), four_epochs());
  train::FitOptions options = four_epochs();
  options.seed = 7;
  try {
    fit_with_checkpoints(folder / "run", small_network(1), bars(60, 1), options);
    FAIL() << "a run of another seed was continued";
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("seed 1, this one 7"), std::string::npos) << error.what();
  }
  EXPECT_THROW(fit_with_checkpoints(folder / "run", small_network(1), bars(61, 1), four_epochs()), InvalidArgument);
}

TEST(Checkpoint, RefusesFilesOfOtherGraphsAndBrokenOnes) {
  const TemporaryFolder folder;
  fit_with_checkpoints(folder / "run", small_network(1), bars(60, 1), four_epochs());
  graph::Graph other = small_network(1);
  other.rename(other.find("fc.weight"), "head.weight");
  try {
    load_checkpoint(folder / "run", other);
    FAIL() << "a file of another graph was read";
  } catch (const FormatError& error) {
    EXPECT_NE(std::string(error.what()).find("weight.head.weight"), std::string::npos) << error.what();
  }
  std::vector<std::byte> bytes = read_bytes(folder / "run");
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{100}, bytes.size() - 1}) {
    io::write_file_atomically(folder / "cut", std::span(bytes).first(size));
    EXPECT_THROW(load_checkpoint(folder / "cut", small_network(1)), FormatError) << size;
  }
  io::write_safetensors(folder / "plain", {.tensors = {{"a", Tensor::scalar(1.0F)}}, .metadata = {}});
  EXPECT_THROW(load_checkpoint(folder / "plain", small_network(1)), FormatError);
}

TEST(Checkpoint, RefusesHistoriesThatCannotBe) {
  const TemporaryFolder folder;
  fit_with_checkpoints(folder / "run", small_network(1), bars(60, 1), four_epochs());
  const io::SafeTensors content = io::read_safetensors(folder / "run");
  for (const double epoch : {std::numeric_limits<double>::quiet_NaN(), -1.0, 0.5, 3.0, 1e300}) {
    io::SafeTensors changed = content;
    changed.tensors.at("history").mutable_data<double>()[0] = epoch;
    io::write_safetensors(folder / "changed", changed);
    EXPECT_THROW(load_checkpoint(folder / "changed", small_network(1)), FormatError) << epoch;
  }
  io::SafeTensors changed = content;
  changed.metadata["best_epoch"] = "9";
  io::write_safetensors(folder / "changed", changed);
  EXPECT_THROW(load_checkpoint(folder / "changed", small_network(1)), FormatError);
}

TEST(Checkpoint, RefusesTheStateOfAnotherOptimizer) {
  const TemporaryFolder folder;
  fit_with_checkpoints(folder / "run", small_network(1), bars(60, 1), four_epochs());
  train::FitState state = load_checkpoint(folder / "run", small_network(1));
  state.history.resize(2);
  train::FitOptions options = four_epochs();
  options.optimizer = train::Sgd{};
  EXPECT_THROW(train::resume(state, bars(60, 1), options), InvalidArgument);
}

}  // namespace
}  // namespace condense::compress
