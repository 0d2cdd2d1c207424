#include "condense/simd/resolver.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "support/throws.hpp"

namespace condense::simd {
namespace {

// Instruction sets of an imagined machine, in order: two that run, one that does not, one that runs.
template <int Number, bool Available>
struct Level {
  static constexpr std::string_view name = std::string_view("level_0level_1level_2level_3").substr(Number * 7, 7);
  static bool available() noexcept { return Available; }
};
using Level0 = Level<0, true>;
using Level1 = Level<1, true>;
using Level2 = Level<2, false>;
using Level3 = Level<3, true>;
using Levels = InstructionSets<Level0, Level1, Level2, Level3>;

template <class Isa>
struct Twice;
template <>
struct Twice<Level0> {
  static int run(int x) noexcept { return 2 * x; }
};
template <>
struct Twice<Level1> {
  static int run(int x) noexcept { return x + x; }
};
template <>
struct Twice<Level2> {
  static int run(int x) noexcept { return x << 1; }
};

struct TwiceKernel {
  int (*run)(int) noexcept;
  std::string_view backend;

  template <class Isa>
  static constexpr TwiceKernel of() noexcept {
    return {&Twice<Isa>::run, Isa::name};
  }
};

std::string_view selected(std::string_view backend = {}) { return select<Twice, TwiceKernel, Levels>(backend).backend; }

TEST(Implemented, HoldsForSpecialisationsOnly) {
  static_assert(Implemented<Twice, Level0>);
  static_assert(Implemented<Twice, Level2>);
  static_assert(!Implemented<Twice, Level3>);
  static_assert(!Implemented<Twice, Scalar>);
}

TEST(Select, TakesTheBestVersionThatExistsAndRuns) {
  EXPECT_EQ(selected(), "level_1");  // level_2 does not run, level_3 is not implemented
  EXPECT_EQ((select<Twice, TwiceKernel, Levels>().run(21)), 42);
}

TEST(Select, TakesTheForcedVersion) {
  EXPECT_EQ(selected("level_0"), "level_0");
  EXPECT_EQ(selected("level_1"), "level_1");
}

TEST(Select, FallsBackToTheNextBelowWhereTheKernelLacksTheForcedOne) { EXPECT_EQ(selected("level_3"), "level_1"); }

TEST(Select, RefusesUnknownAndUnavailableNames) {
  for (const char* name : {"level_2", "level_4", "LEVEL_0", "level", " level_0", "avx2"}) {
    EXPECT_TRUE(throws<InvalidArgument>("no backend '" + std::string(name) + "'", [&] { selected(name); }));
    EXPECT_TRUE(throws<InvalidArgument>("may be level_0, level_1, level_3", [&] { selected(name); }));
  }
}

TEST(Select, RefusesAKernelWithoutAnyVersionThatRuns) {
  using Upper = InstructionSets<Level2, Level3>;
  EXPECT_TRUE(throws<Unsupported>("which runs level_3", [] { select<Twice, TwiceKernel, Upper>(); }));
  EXPECT_TRUE(throws<Unsupported>("below 'level_3'", [] { select<Twice, TwiceKernel, Upper>("level_3"); }));
}

TEST(ForEachAvailable, VisitsTheVersionsThatExistAndRun) {
  std::vector<std::string_view> visited;
  for_each_available<Twice, Levels>([&](auto isa) {
    EXPECT_EQ(Twice<decltype(isa)>::run(4), 8);
    visited.push_back(isa.name);
  });
  EXPECT_EQ(visited, (std::vector<std::string_view>{"level_0", "level_1"}));
}

// What a user does: a tag and a version of a kernel of condense's, in code of the user's own.
struct Accelerator {
  static constexpr std::string_view name = "accelerator";
  static bool available() noexcept { return true; }
};
template <>
struct Twice<Accelerator> {
  static int run(int x) noexcept { return x * 2; }
};

TEST(Select, TakesAVersionFromOutsideWhereItIsInTheList) {
  using Mine = Levels::with<Accelerator>;
  EXPECT_EQ((select<Twice, TwiceKernel, Mine>().backend), "accelerator");
  EXPECT_EQ((select<Twice, TwiceKernel, Mine>("level_1").backend), "level_1");
  EXPECT_EQ(TwiceKernel::of<Accelerator>().run(3), 6);
  EXPECT_EQ(selected(), "level_1");
}

/// Sets CONDENSE_BACKEND for the time of a test.
class Environment {
 public:
  explicit Environment(const char* value) : before_(backend_of_environment()) { setenv("CONDENSE_BACKEND", value, 1); }
  ~Environment() { before_.empty() ? unsetenv("CONDENSE_BACKEND") : setenv("CONDENSE_BACKEND", before_.c_str(), 1); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  std::string before_;
};

/// A type of its own, and so a choice of its own.
struct ForcedKernel : TwiceKernel {
  template <class Isa>
  static ForcedKernel of() noexcept {
    return {TwiceKernel::of<Isa>()};
  }
};

TEST(Resolve, HonoursTheEnvironmentAtTheFirstCallOnly) {
  {
    const Environment unknown("level_9");
    EXPECT_TRUE(throws<InvalidArgument>("'level_9'", [] { resolve<Twice, ForcedKernel, Levels>(); }));
  }
  const ForcedKernel* first = nullptr;
  {
    const Environment forced("level_0");
    first = &resolve<Twice, ForcedKernel, Levels>();
    EXPECT_EQ(first->backend, "level_0");
  }
  const Environment later("level_1");
  EXPECT_EQ((&resolve<Twice, ForcedKernel, Levels>()), first);
  EXPECT_EQ(first->backend, "level_0");
}

TEST(Resolve, TakesTheBestWhenTheVariableIsEmpty) {
  const Environment empty("");
  EXPECT_EQ((resolve<Twice, TwiceKernel, Levels>().backend), "level_1");
}

TEST(AvailableNames, BeginWithScalar) { EXPECT_EQ(available_names().substr(0, 6), "scalar"); }

}  // namespace
}  // namespace condense::simd
