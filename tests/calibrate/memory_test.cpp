// Ten million values pass: no observer holds more than it was made with, and none allocates.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include "calibrate/samples.hpp"
#include "condense/calibrate/calibrator.hpp"

namespace {

std::atomic<long> allocations = 0;

}  // namespace

// They replace the global ones in the whole test program; only this file looks at the count. Inlined, GCC would take
// `free` for the wrong partner of `new`.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size > 0 ? size : 1);
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept { return operator new(size, tag); }
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { operator delete(memory); }

namespace condense::calibrate {
namespace {

/// Ten million ReLU activations, one of which is an outlier five times as large as the next.
class TenMillionActivations : public testing::Test {
 protected:
  static constexpr std::size_t kValues = 1'000'000;
  static constexpr int kRepeats = 10;
  static constexpr float kOutlier = 80;

  static void SetUpTestSuite() { values_ = activations(kValues, 1); }

  static void observe(Calibrator& calibrator) {
    for (int repeat = 0; repeat < kRepeats; ++repeat) {
      for (std::size_t begin = 0; begin < kValues; begin += 10'000) {
        calibrator.observe(std::span(values_).subspan(begin, 10'000));
      }
    }
    calibrator.observe(std::vector<float>{kOutlier});
  }

  static double error(quantize::Range range, const Target& target) {
    const double outlier = mean_squared_error({kOutlier}, range, target);
    return mean_squared_error(values_, range, target) + outlier / (kRepeats * static_cast<double>(kValues));
  }

  static inline std::vector<float> values_;
};

TEST_F(TenMillionActivations, PassWithoutAnAllocationAndWithoutGrowth) {
  for (const Method method : kMethods) {
    Calibrator calibrator({.method = method});
    const std::size_t bytes = calibrator.bytes();
    EXPECT_LE(bytes, 33'200U) << name(method);
    const std::vector<float> outlier = {kOutlier};
    const long before = allocations;
    for (std::size_t i = 0; i < kValues * kRepeats; i += 10'000) {
      calibrator.observe(std::span(values_).subspan(i % kValues, 10'000));
    }
    calibrator.observe(outlier);
    EXPECT_EQ(allocations - before, 0) << name(method);
    EXPECT_EQ(calibrator.bytes(), bytes) << name(method);
  }
}

TEST_F(TenMillionActivations, PassACrossValidationWithoutAnAllocation) {
  Calibrator calibrator({.cross_validated = true});
  const std::size_t bytes = calibrator.bytes();
  EXPECT_LE(bytes, 300'000U);
  const long before = allocations;
  for (std::size_t i = 0; i < kValues; i += 10'000) calibrator.observe(std::span(values_).subspan(i, 10'000));
  EXPECT_EQ(allocations - before, 0);
  EXPECT_EQ(calibrator.bytes(), bytes);
}

TEST_F(TenMillionActivations, AreQuantizedBetterByEveryClippingMethodThanByMinMax) {
  const Target target{quantize::kInt8, false};
  Calibrator min_max({.method = Method::min_max}, target);
  observe(min_max);
  ASSERT_EQ(min_max.range().max, kOutlier);
  const double reference = error(min_max.range(), target);
  for (const Method method : {Method::percentile, Method::entropy, Method::mean_squared_error}) {
    Calibrator calibrator({.method = method}, target);
    observe(calibrator);
    EXPECT_LT(error(calibrator.range(), target), 0.5 * reference) << name(method) << " " << calibrator.range().max;
  }
}

TEST_F(TenMillionActivations, AllocationsWouldBeCounted) {
  const long before = allocations;
  Calibrator calibrator;
  observe(calibrator);
  EXPECT_GE(allocations - before, 1);
  EXPECT_GT(calibrator.bytes(), 32'768U);
}

}  // namespace
}  // namespace condense::calibrate
