#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "condense/runtime/program_file.hpp"
#include "support/file_bytes.hpp"
#include "support/program_networks.hpp"
#include "support/temporary_folder.hpp"
#include "support/throws.hpp"

namespace condense::runtime {
namespace {

/// A saved program, of which tests change bytes.
class SavedProgram {
 public:
  SavedProgram() {
    save_program(compile(float_sequence_network()), path());
    bytes = read_bytes(path());
  }
  std::filesystem::path path() const { return folder_ / "saved program"; }

  template <class Exception>
  testing::AssertionResult refused(std::string_view part, const LoadOptions& options = {}) const {
    write_bytes(path(), bytes);
    const testing::AssertionResult names_file =
        throws<Exception>("saved program", [&] { load_program(path(), options); });
    return names_file ? throws<Exception>(part, [&] { load_program(path(), options); }) : names_file;
  }

  std::vector<std::byte> bytes;

 private:
  TemporaryFolder folder_;
};

constexpr std::size_t kVersionAt = 16;
constexpr std::size_t kByteOrderAt = 20;

TEST(ProgramFileErrors, OtherFilesAreNoPrograms) {
  SavedProgram saved;
  saved.bytes[0] = std::byte{'C'};
  EXPECT_TRUE(saved.refused<FormatError>("it is no program"));
  saved.bytes.resize(20);
  EXPECT_TRUE(saved.refused<FormatError>("too short"));
  saved.bytes.clear();
  EXPECT_TRUE(saved.refused<FormatError>("too short"));
}

TEST(ProgramFileErrors, OtherVersionsAreNamed) {
  SavedProgram saved;
  saved.bytes[kVersionAt] = std::byte{77};
  EXPECT_TRUE(saved.refused<FormatError>("version 77"));
}

TEST(ProgramFileErrors, OtherByteOrdersAreRefusedBeforeTheVersion) {
  SavedProgram saved;
  std::reverse(saved.bytes.begin() + kByteOrderAt, saved.bytes.begin() + kByteOrderAt + 4);
  std::reverse(saved.bytes.begin() + kVersionAt, saved.bytes.begin() + kVersionAt + 4);
  EXPECT_TRUE(saved.refused<FormatError>("byte order"));
}

TEST(ProgramFileErrors, ShorterAndLongerFilesAreRefused) {
  SavedProgram saved;
  const std::size_t size = saved.bytes.size();
  saved.bytes.resize(size - 1);
  EXPECT_TRUE(saved.refused<FormatError>(fmt::format("{} bytes, {} were written", size - 1, size)));
  saved.bytes.resize(size + 1);
  EXPECT_TRUE(saved.refused<FormatError>(fmt::format("{} bytes, {} were written", size + 1, size)));
}

TEST(ProgramFileErrors, BackendsThatThisMachineLacksAreNamed) {
  const TemporaryFolder folder;
  kernels::KernelSet other = kernels::KernelSet::select("scalar");
  other.name = "my accelerator";
  save_program(compile(float_sequence_network(), {.kernels = other}), folder / "program");
  const auto load = [&](const LoadOptions& options) { return load_program(folder / "program", options); };
  EXPECT_TRUE(throws<InvalidArgument>("my accelerator", [&] { load({}); }));
  EXPECT_EQ(load({.kernels = other}).backend(), "my accelerator");

  save_program(compile(float_sequence_network(), {.kernels = kernels::KernelSet::select("scalar")}),
               folder / "program");
  EXPECT_TRUE(
      throws<InvalidArgument>("'scalar', the kernels given are 'my accelerator'", [&] { load({.kernels = other}); }));
}

TEST(ProgramFileErrors, LargeArenasAreRefused) {
  SavedProgram saved;
  const std::size_t arena = load_program(saved.path()).arena_bytes();
  EXPECT_EQ(load_program(saved.path(), {.maximum_arena_bytes = arena}).arena_bytes(), arena);
  EXPECT_TRUE(saved.refused<FormatError>("maximum_arena_bytes", {.maximum_arena_bytes = arena - 64}));
}

TEST(ProgramFileErrors, FilesThatCannotBeReadAreNamed) {
  const TemporaryFolder folder;
  EXPECT_TRUE(throws<Error>("missing", [&] { load_program(folder / "missing"); }));
  std::filesystem::create_directory(folder / "a folder");
  EXPECT_TRUE(throws<Error>("a folder", [&] { load_program(folder / "a folder"); }));
}

TEST(ProgramFileErrors, FilesThatCannotBeWrittenAreNamed) {
  const TemporaryFolder folder;
  const Program program = compile(resized_network());
  EXPECT_TRUE(throws<Error>("nowhere", [&] { save_program(program, folder / "nowhere" / "program"); }));
  EXPECT_TRUE(folder.names().empty());
}

TEST(ProgramFileErrors, ProgramsInMemoryMustBeAligned) {
  const SavedProgram saved;
  const auto memory = aligned_copy(saved.bytes);
  EXPECT_EQ(parse_program(memory, {memory->data(), memory->size()}, "image").output_count(), 1U);
  EXPECT_TRUE(throws<InvalidArgument>("image: a program in memory must lie at a multiple of 64", [&] {
    parse_program(memory, {memory->data() + 8, memory->size() - 8}, "image");
  }));
}

/// y = x, by an operator that condense does not have.
struct Mirror {
  static constexpr std::string_view kType = "Mirror";
  std::vector<graph::TensorType> infer(const graph::InputTypes& inputs) const { return {inputs[0]}; }
  void evaluate(const graph::Evaluation& e) const { std::memcpy(e.output().data, e.input().data, 12); }
  friend bool operator==(const Mirror&, const Mirror&) = default;
};

TEST(ProgramFileErrors, OperatorsOfOnesOwnAreNamedAndLeaveNoFile) {
  graph::Graph graph;
  graph.output(graph.add(Mirror{}, {graph.input("x", DataType::float32, {3})}));
  const TemporaryFolder folder;
  EXPECT_TRUE(throws<Unsupported>("Mirror", [&] { save_program(compile(graph), folder / "program"); }));
  EXPECT_TRUE(folder.names().empty());
}

}  // namespace
}  // namespace condense::runtime
