// Loads whatever libFuzzer makes up as a program, and runs what is accepted; anything but an `Error` of condense, and
// anything that takes long or much memory, is a finding. Built with clang where CONDENSE_FUZZ is on:
//
//   cmake --preset clang -DCONDENSE_FUZZ=ON && cmake --build --preset clang --target program_fuzzer
//   build/clang/tests/program_fuzzer -max_total_time=600 -timeout=5 -rss_limit_mb=2048 CORPUS
//
// Where CONDENSE_FUZZ_CORPUS names a folder, it writes the programs of small networks there first, to begin with.

#include <cstdlib>

#include "condense/runtime/compile.hpp"
#include "condense/runtime/program_file.hpp"
#include "support/file_bytes.hpp"
#include "support/program_networks.hpp"

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* folder = std::getenv("CONDENSE_FUZZ_CORPUS");
  if (folder == nullptr) return 0;
  for (const condense::NamedGraph& network : condense::program_networks()) {
    const condense::runtime::Program program = condense::runtime::compile(network.graph, {.quantize_rows = true});
    condense::runtime::save_program(program, std::filesystem::path(folder) / network.name);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto memory = condense::aligned_copy(std::as_bytes(std::span(data, size)));
  try {
    condense::runtime::Program program = condense::runtime::parse_program(
        memory, {memory->data(), memory->size()}, "fuzz", {.maximum_arena_bytes = std::size_t{1} << 20});
    program.run(condense::random_inputs(program, 1));
  } catch (const condense::Error&) {
  }
  return 0;
}
