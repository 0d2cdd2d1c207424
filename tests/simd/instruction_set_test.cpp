#include "condense/simd/instruction_set.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string_view>
#include <type_traits>
#include <vector>

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#endif

namespace condense::simd {
namespace {

std::vector<std::string_view> names() {
  std::vector<std::string_view> result;
  AllInstructionSets::for_each([&](auto isa) { result.push_back(isa.name); });
  return result;
}

TEST(InstructionSets, AreListedFromThePlainestToTheBest) {
  EXPECT_EQ(names(), (std::vector<std::string_view>{"scalar", "avx2", "avx_vnni", "avx512_vnni", "neon", "neon_dotprod",
                                                    "neon_i8mm"}));
}

TEST(InstructionSets, AreEmptyTypes) {
  AllInstructionSets::for_each([](auto isa) { static_assert(std::is_empty_v<decltype(isa)>); });
}

struct Mine {
  static constexpr std::string_view name = "mine";
  static bool available() noexcept { return true; }
};

TEST(InstructionSets, TakeTagsFromOutside) {
  static_assert(std::is_same_v<InstructionSets<Scalar, Avx2>::with<Mine>, InstructionSets<Scalar, Avx2, Mine>>);
  static_assert(!InstructionSet<int>);
  int visited = 0;
  AllInstructionSets::with<Mine>::for_each([&](auto) { ++visited; });
  EXPECT_EQ(visited, 8);
}

TEST(InstructionSets, OfOtherArchitecturesAreNotAvailable) {
  EXPECT_TRUE(Scalar::available());
#if !defined(__x86_64__)
  EXPECT_FALSE(Avx2::available() || AvxVnni::available() || Avx512Vnni::available());
#endif
#if !defined(__aarch64__)
  EXPECT_FALSE(Neon::available() || NeonDotprod::available() || NeonI8mm::available());
#endif
}

TEST(InstructionSets, ContainTheOnesThatTheyBuildOn) {
  EXPECT_LE(AvxVnni::available(), Avx2::available());
  EXPECT_LE(Avx512Vnni::available(), Avx2::available());
  EXPECT_LE(NeonDotprod::available(), Neon::available());
  EXPECT_LE(NeonI8mm::available(), NeonDotprod::available());
}

#if defined(__x86_64__)
TEST(InstructionSets, AreAvailableWhereTheCompilersRuntimeSaysSo) {
  __builtin_cpu_init();
  EXPECT_EQ(Avx2::available(), __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
  EXPECT_EQ(Avx512Vnni::available(), __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                                         __builtin_cpu_supports("avx512vnni"));
#if !defined(__clang__)
  EXPECT_EQ(AvxVnni::available(), __builtin_cpu_supports("avxvnni") != 0);
#endif
}
#elif defined(__aarch64__) && defined(__linux__)
TEST(InstructionSets, AreAvailableWhereTheKernelSaysSo) {
  EXPECT_TRUE(Neon::available());
  EXPECT_EQ(NeonDotprod::available(), (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0);
  EXPECT_EQ(NeonI8mm::available(), (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0);
}
#endif

}  // namespace
}  // namespace condense::simd
