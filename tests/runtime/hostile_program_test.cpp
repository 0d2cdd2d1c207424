#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "condense/runtime/program_file.hpp"
#include "support/backends.hpp"
#include "support/file_bytes.hpp"
#include "support/program_networks.hpp"
#include "support/temporary_folder.hpp"

// Files that someone has changed. What is accepted is run, so that the sanitizers see what it reads and writes.

namespace condense::runtime {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kDescriptionBytesAt = 24;
constexpr std::size_t kFileBytesAt = 32;
constexpr std::size_t kHeadBytes = 40;

std::uint64_t number_at(const Bytes& bytes, std::size_t at) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof(number));
  return number;
}
void set_number(Bytes& bytes, std::size_t at, std::uint64_t number) {
  std::memcpy(bytes.data() + at, &number, sizeof(number));
}

/// True if it is a program; runs it.
bool accepts(const Bytes& bytes) {
  const auto memory = aligned_copy(bytes);
  try {
    Program program = parse_program(memory, {memory->data(), memory->size()}, "hostile",
                                    {.maximum_arena_bytes = std::size_t{4} << 20});
    program.run(random_inputs(program, 3));
  } catch (const FormatError&) {
    return false;
  } catch (const Error&) {  // of the backend's name, of a shape that is too large, of a step that runs
    return false;
  }
  return true;
}

/// Of a network, for a backend.
class HostileProgram : public testing::TestWithParam<std::tuple<std::size_t, std::string>> {
 protected:
  void SetUp() override {
    const auto& [number, backend] = GetParam();
    const std::string reason = reason_to_skip<kernels::Gemm>(backend);
    if (!reason.empty()) GTEST_SKIP() << reason;
    const TemporaryFolder folder;
    const CompileOptions options{.kernels = kernels::KernelSet::select(backend),
                                 .quantize_rows = true,
                                 .sparse_products = SparseProducts::always};
    save_program(compile(program_networks()[number].graph, options), folder / "program");
    saved_ = read_bytes(folder / "program");
    description_ = kHeadBytes + number_at(saved_, kDescriptionBytesAt);
    ASSERT_TRUE(accepts(saved_));
  }

  /// A place in the description where a small number seems to be.
  std::size_t place_of_number(Random& random) const {
    while (true) {
      const std::size_t at = kHeadBytes + random.below(static_cast<std::uint32_t>(description_ - kHeadBytes - 8));
      if (number_at(saved_, at) < (1U << 20) || number_at(saved_, at) == ~std::uint64_t{0}) return at;
    }
  }

  static std::uint64_t seed() { return std::get<0>(GetParam()); }

  static constexpr int kCount = 100;
  Bytes saved_;
  std::size_t description_ = 0;  ///< Where it ends.
};

TEST_P(HostileProgram, StaysInItsMemoryWhereBitsWereFlipped) {
  Random random(seed(), 1);
  for (int i = 0; i < kCount; ++i) {
    Bytes bytes = saved_;
    for (std::uint32_t flips = 1 + random.below(3); flips > 0; --flips) {
      bytes[kHeadBytes + random.below(static_cast<std::uint32_t>(description_ - kHeadBytes))] ^=
          static_cast<std::byte>(1U << random.below(8));
    }
    accepts(bytes);
  }
}

TEST_P(HostileProgram, StaysInItsMemoryWhateverNumbersItHas) {
  constexpr std::uint64_t kNumbers[] = {0,  1,   2,   3,    5,          16,         17,         63,         64,
                                        65, 127, 255, 1024, 0x7FFFFFFF, 0x80000000, 1ULL << 40, 1ULL << 62, ~0ULL};
  Random random(seed(), 2);
  int accepted = 0;
  for (int i = 0; i < kCount; ++i) {
    Bytes bytes = saved_;
    for (std::uint32_t changes = 1 + random.below(2); changes > 0; --changes) {
      const std::size_t at = place_of_number(random);
      const std::uint64_t there = number_at(saved_, at);
      const std::uint64_t other = number_at(saved_, place_of_number(random));
      const std::uint32_t kind = random.below(4);
      const std::uint64_t numbers[] = {other, there + 1, there - 1, kNumbers[random.below(std::size(kNumbers))]};
      set_number(bytes, at, numbers[kind]);
    }
    accepted += accepts(bytes);
  }
  EXPECT_LT(accepted, kCount);
}

TEST_P(HostileProgram, StaysInItsMemoryWhateverItsConstantsAre) {
  if (saved_.size() <= description_ + 64) GTEST_SKIP() << "there are no constants";
  Random random(seed(), 3);
  for (int i = 0; i < kCount; ++i) {
    Bytes bytes = saved_;
    for (std::uint32_t changes = 1 + random.below(20); changes > 0; --changes) {
      const std::size_t at = description_ + random.below(static_cast<std::uint32_t>(bytes.size() - description_));
      bytes[at] = random.below(2) == 0 ? static_cast<std::byte>(random.below(256)) : std::byte{0x7F};
    }
    accepts(bytes);
  }
}

TEST_P(HostileProgram, IsRefusedWhereItEndsEarly) {
  Random random(seed(), 4);
  for (int i = 0; i < kCount; ++i) {
    Bytes bytes = saved_;
    bytes.resize(random.below(static_cast<std::uint32_t>(saved_.size())));
    EXPECT_FALSE(accepts(bytes));
    if (bytes.size() < kHeadBytes) continue;
    set_number(bytes, kFileBytesAt, bytes.size());
    accepts(bytes);
    set_number(bytes, kDescriptionBytesAt, std::min<std::uint64_t>(description_, bytes.size()) - kHeadBytes);
    accepts(bytes);
  }
}

TEST_P(HostileProgram, StaysInItsMemoryWherePartsAreMissingOrTwice) {
  Random random(seed(), 5);
  for (int i = 0; i < kCount; ++i) {
    const auto room = static_cast<std::uint32_t>(description_ - kHeadBytes);
    const auto at = static_cast<std::ptrdiff_t>(kHeadBytes + random.below(room));
    const auto count =
        std::min<std::ptrdiff_t>(8 * (1 + random.below(8)), static_cast<std::ptrdiff_t>(description_) - at);
    Bytes bytes = saved_;
    std::uint64_t length = number_at(saved_, kDescriptionBytesAt);
    if (random.below(2) == 0) {
      bytes.erase(bytes.begin() + at, bytes.begin() + at + count);
      length -= static_cast<std::uint64_t>(count);
    } else {
      bytes.insert(bytes.begin() + at, saved_.begin() + at, saved_.begin() + at + count);
      length += static_cast<std::uint64_t>(count);
    }
    set_number(bytes, kDescriptionBytesAt, length);
    set_number(bytes, kFileBytesAt, bytes.size());
    accepts(bytes);
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, HostileProgram,
                         testing::Combine(testing::Range<std::size_t>(0, program_networks().size()),
                                          testing::ValuesIn(all_backends())));

}  // namespace
}  // namespace condense::runtime
