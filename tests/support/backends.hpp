#ifndef CONDENSE_TESTS_SUPPORT_BACKENDS_HPP
#define CONDENSE_TESTS_SUPPORT_BACKENDS_HPP

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "condense/kernels/all_versions.hpp"
#include "condense/kernels/kernel_set.hpp"

namespace condense {

/// The names of all instruction sets of condense, whether or not this machine runs them.
inline std::vector<std::string> all_backends() {
  std::vector<std::string> names;
  simd::AllInstructionSets::for_each([&](auto isa) { names.emplace_back(isa.name); });
  return names;
}

/// Why there is no version of `Kernel` for a backend to test; empty if there is one that this machine runs.
template <template <class> class Kernel>
std::string reason_to_skip(const std::string& backend) {
  std::string reason = "there is no instruction set '" + backend + "'";
  simd::AllInstructionSets::for_each([&](auto isa) {
    using Isa = decltype(isa);
    if (Isa::name != backend) return;
    reason.clear();
    if (!Isa::available()) reason = "this machine does not run " + backend;
    if (!simd::Implemented<Kernel, Isa>) reason = "the kernel has no version for " + backend;
  });
  return reason;
}

/// Tests of a kernel, run for each backend: a new specialisation is covered as soon as it exists.
template <template <class> class Kernel>
class BackendTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::string reason = reason_to_skip<Kernel>(GetParam());
    if (!reason.empty()) GTEST_SKIP() << reason;
    kernels_ = kernels::KernelSet::select(GetParam());
  }

  /// The kernels of the backend under test.
  const kernels::KernelSet& kernels() const { return kernels_; }

 private:
  kernels::KernelSet kernels_ = kernels::KernelSet::select("scalar");
};

inline std::string backend_name(const testing::TestParamInfo<std::string>& info) { return info.param; }

}  // namespace condense

/// Instantiates the tests of a fixture for all backends.
#define CONDENSE_TEST_ALL_BACKENDS(Fixture) \
  INSTANTIATE_TEST_SUITE_P(Backends, Fixture, testing::ValuesIn(condense::all_backends()), condense::backend_name)

#endif
