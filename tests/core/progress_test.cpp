#include "condense/core/progress.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace condense {
namespace {

TEST(Progress, MayBeEmpty) {
  EXPECT_NO_THROW(notify({}, {.stage = "training", .done = 1, .total = 2}));
  EXPECT_NO_THROW(notify(nullptr, {}));
}

TEST(Progress, PassesTheReportOn) {
  ProgressReport seen;
  const Progress progress = [&](const ProgressReport& state) { seen = state; };
  notify(progress, {.stage = "calibrating", .done = 3, .total = 8, .detail = "loss 0.25"});
  EXPECT_EQ(seen.stage, "calibrating");
  EXPECT_EQ(seen.done, 3);
  EXPECT_EQ(seen.total, 8);
  EXPECT_EQ(seen.detail, "loss 0.25");
}

TEST(Progress, StopsTheWorkByThrowing) {
  const Progress progress = [](const ProgressReport& state) {
    if (state.done == 2) throw std::runtime_error("enough");
  };
  Index steps = 0;
  EXPECT_THROW(
      {
        for (Index i = 1; i <= 10; ++i) {
          steps = i;
          notify(progress, {.stage = "training", .done = i, .total = 10});
        }
      },
      std::runtime_error);
  EXPECT_EQ(steps, 2);
}

}  // namespace
}  // namespace condense
