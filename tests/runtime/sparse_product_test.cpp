#include <gtest/gtest.h>

#include "condense/runtime/compile.hpp"
#include "condense/runtime/program_file.hpp"
#include "support/backends.hpp"
#include "support/file_bytes.hpp"
#include "support/program_networks.hpp"
#include "support/temporary_folder.hpp"

namespace condense::runtime {
namespace {

class SparseProduct : public BackendTest<kernels::Gemm> {
 protected:
  Program compiled(const graph::Graph& graph, SparseProducts products) const {
    return compile(graph, {.kernels = kernels(), .sparse_products = products});
  }
};
CONDENSE_TEST_ALL_BACKENDS(SparseProduct);

std::ptrdiff_t count_sparse(const Program& program) {
  return std::ranges::count(program.steps(), "sparse gemm", &StepInfo::kernel);
}

TEST_P(SparseProduct, OfIntegersHasTheBytesOfTheDenseOne) {
  const graph::Graph graph = quantized_pruned_network();
  Program dense = compiled(graph, SparseProducts::never);
  Program sparse = compiled(graph, SparseProducts::always);
  EXPECT_EQ(count_sparse(dense), 0);
  EXPECT_EQ(count_sparse(sparse), 3);
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const std::vector<Tensor> inputs = random_inputs(dense, seed);
    EXPECT_TRUE(dense.run(inputs) == sparse.run(inputs));
    EXPECT_TRUE(dense.run(inputs) == sparse.run(inputs, ThreadPool(3)));
  }
}

TEST_P(SparseProduct, OfFloatsAgreesWithTheDenseOne) {
  const graph::Graph graph = pruned_network();
  Program dense = compiled(graph, SparseProducts::never);
  Program sparse = compiled(graph, SparseProducts::always);
  EXPECT_EQ(count_sparse(sparse), 3);
  const std::vector<Tensor> inputs = random_inputs(dense, 4);
  const std::vector<Tensor> expected = dense.run(inputs);
  const std::vector<Tensor> actual = sparse.run(inputs);
  EXPECT_TRUE(actual == sparse.run(inputs, ThreadPool(3)));
  for (Index i = 0; i < expected[0].count(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    ASSERT_NEAR(actual[0].values<float>()[at], expected[0].values<float>()[at], 2e-3F) << i;  // of sums up to 1000
  }
}

TEST_P(SparseProduct, OfFloatsIsOnlyMadeWhenAskedFor) {
  EXPECT_EQ(count_sparse(compiled(pruned_network(), SparseProducts::measured_integers)), 0);
  EXPECT_EQ(CompileOptions{}.sparse_products, SparseProducts::measured_integers);
}

TEST_P(SparseProduct, ThatIsMeasuredHasTheBytesOfTheDenseOneWhateverIsChosen) {
  const graph::Graph graph = quantized_pruned_network();
  Program dense = compiled(graph, SparseProducts::never);
  Program chosen = compiled(graph, SparseProducts::measured_integers);
  const std::vector<Tensor> inputs = random_inputs(dense, 5);
  EXPECT_TRUE(dense.run(inputs) == chosen.run(inputs));
}

TEST_P(SparseProduct, NeedsManyZeros) {
  const graph::Graph graph = separable_network();
  EXPECT_EQ(count_sparse(compiled(graph, SparseProducts::always)), 0);
}

TEST_P(SparseProduct, CountsTheProductsThatItMakes) {
  const graph::Graph graph = quantized_pruned_network();
  const Program dense = compiled(graph, SparseProducts::never);
  const Program sparse = compiled(graph, SparseProducts::always);
  for (std::size_t i = 0; i < dense.steps().size(); ++i) {
    if (sparse.steps()[i].kernel != "sparse gemm") continue;
    EXPECT_GT(sparse.steps()[i].multiply_accumulates, 0);
    EXPECT_LT(sparse.steps()[i].multiply_accumulates, dense.steps()[i].multiply_accumulates / 4);
  }
}

TEST_P(SparseProduct, IsLoadedAsItWasSaved) {
  const TemporaryFolder folder;
  for (const graph::Graph& graph : {pruned_network(), quantized_pruned_network()}) {
    Program saved = compiled(graph, SparseProducts::always);
    save_program(saved, folder / "program");
    Program loaded = load_program(folder / "program");
    EXPECT_EQ(count_sparse(loaded), 3);
    const std::vector<Tensor> inputs = random_inputs(saved, 6);
    EXPECT_TRUE(loaded.run(inputs) == saved.run(inputs));
  }
}

/// A file is refused, or runs within its memory, whichever byte of its weights was changed.
TEST_P(SparseProduct, OfAChangedFileStaysInItsMemory) {
  const TemporaryFolder folder;
  Random random(7);
  for (const graph::Graph& graph : {pruned_network(), quantized_pruned_network()}) {
    save_program(compiled(graph, SparseProducts::always), folder / "program");
    const std::vector<std::byte> bytes = read_bytes(folder / "program");
    int refused = 0;
    for (int i = 0; i < 300; ++i) {
      std::vector<std::byte> changed = bytes;
      changed[random.below(static_cast<std::uint32_t>(bytes.size()))] = static_cast<std::byte>(random.below(256));
      const auto memory = aligned_copy(changed);
      try {
        Program program = parse_program(memory, {memory->data(), memory->size()}, "changed",
                                        {.maximum_arena_bytes = std::size_t{4} << 20});
        program.run(random_inputs(program, 8));
      } catch (const Error&) {
        ++refused;
      }
    }
    EXPECT_GT(refused, 0);
  }
}

}  // namespace
}  // namespace condense::runtime
