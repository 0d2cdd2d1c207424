#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "condense/runtime/program_file.hpp"
#include "support/allocations.hpp"
#include "support/file_bytes.hpp"
#include "support/program_networks.hpp"
#include "support/temporary_folder.hpp"

namespace condense::runtime {
namespace {

constexpr std::size_t kFourMegabytes = std::size_t{4} << 20;

/// 1024 x 1024 floats of weights.
graph::Graph large_weights() {
  FloatNetwork n(1);
  return n.finished(n.add(graph::MatMul{}, {n.input({1, 1024}), n.floats({1024, 1024})}));
}

TEST(ProgramFileMemory, HoldsNoCopyOfTheWeights) {
  const TemporaryFolder folder;
  const Program saved = compile(large_weights());
  ASSERT_GE(saved.weight_bytes(), kFourMegabytes);
  save_program(saved, folder / "program");

  std::size_t before = allocated_bytes_so_far();
  const Program loaded = load_program(folder / "program");
  EXPECT_LT(allocated_bytes_so_far() - before, 65536U);
  EXPECT_GE(loaded.weight_bytes(), kFourMegabytes);

  before = allocated_bytes_so_far();
  const Program compiled = compile(large_weights());
  EXPECT_GT(allocated_bytes_so_far() - before, kFourMegabytes) << "nothing would be counted";
}

TEST(ProgramFileMemory, HasItsConstantsInTheFile) {
  const TemporaryFolder folder;
  for (const NamedGraph& network : program_networks()) {
    save_program(compile(network.graph), folder / "program");
    const auto memory = aligned_copy(read_bytes(folder / "program"));
    const Program program = parse_program(memory, {memory->data(), memory->size()}, network.name);
    std::size_t constants = 0;
    for (const detail::BufferInfo& buffer : program.plan().buffers) {
      if (!buffer.constant) continue;
      ++constants;
      EXPECT_GE(buffer.constant.get(), memory->data()) << network.name;
      EXPECT_LE(buffer.constant.get() + buffer.bytes, memory->data() + memory->size()) << network.name;
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.constant.get()) % 64, 0U) << network.name;
    }
    EXPECT_GT(constants, 0U) << network.name;
  }
}

TEST(ProgramFileMemory, KeepsTheMemoryThatItWasGiven) {
  const TemporaryFolder folder;
  Program saved = compile(resized_network());
  save_program(saved, folder / "program");
  auto memory = aligned_copy(read_bytes(folder / "program"));
  const std::weak_ptr<const AlignedBytes> watched = memory;
  {
    Program program = parse_program(memory, {memory->data(), memory->size()}, "image");
    memory.reset();
    EXPECT_FALSE(watched.expired());
    const std::vector<Tensor> inputs = random_inputs(saved, 2);
    EXPECT_TRUE(program.run(inputs) == saved.run(inputs));
  }
  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace condense::runtime
