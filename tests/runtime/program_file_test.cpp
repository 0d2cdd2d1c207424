#include "condense/runtime/program_file.hpp"

#include <gtest/gtest.h>

#include <set>

#include "condense/runtime/compile.hpp"
#include "condense/runtime/detail/steps.hpp"
#include "support/backends.hpp"
#include "support/program_networks.hpp"
#include "support/temporary_folder.hpp"

namespace condense::runtime {
namespace {

void expect_same_steps(const Program& loaded, const Program& saved) {
  const std::vector<StepInfo> a = loaded.steps();
  const std::vector<StepInfo> b = saved.steps();
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    EXPECT_EQ(a[i].operation, b[i].operation);
    EXPECT_EQ(a[i].precision, b[i].precision);
    EXPECT_EQ(a[i].kernel, b[i].kernel);
    EXPECT_EQ(a[i].multiply_accumulates, b[i].multiply_accumulates);
    EXPECT_EQ(a[i].weight_bytes, b[i].weight_bytes);
    EXPECT_EQ(a[i].bytes_read, b[i].bytes_read);
    EXPECT_EQ(a[i].bytes_written, b[i].bytes_written);
  }
}

void expect_same_program(Program& loaded, Program& saved) {
  expect_same_steps(loaded, saved);
  EXPECT_EQ(loaded.backend(), saved.backend());
  EXPECT_EQ(loaded.arena_bytes(), saved.arena_bytes());
  EXPECT_EQ(loaded.arena_lower_bound(), saved.arena_lower_bound());
  EXPECT_EQ(loaded.weight_bytes(), saved.weight_bytes());
  ASSERT_EQ(loaded.input_count(), saved.input_count());
  for (std::size_t i = 0; i < saved.input_count(); ++i) EXPECT_EQ(loaded.input_type(i), saved.input_type(i));
  ASSERT_EQ(loaded.output_count(), saved.output_count());
  for (std::size_t i = 0; i < saved.output_count(); ++i) EXPECT_EQ(loaded.output_type(i), saved.output_type(i));
  for (const int threads : {1, 3}) {
    const ThreadPool pool(threads);
    const std::vector<Tensor> inputs = random_inputs(saved, 5);
    EXPECT_TRUE(loaded.run(inputs, pool) == saved.run(inputs, pool)) << threads << " threads";
  }
}

class ProgramFile : public BackendTest<kernels::Gemm> {};
CONDENSE_TEST_ALL_BACKENDS(ProgramFile);

TEST_P(ProgramFile, IsLoadedAsTheProgramThatWasSaved) {
  const TemporaryFolder folder;
  for (const NamedGraph& network : program_networks()) {
    SCOPED_TRACE(network.name);
    Program saved = compile(network.graph,
                            {.kernels = kernels(), .quantize_rows = true, .sparse_products = SparseProducts::always});
    save_program(saved, folder / "a");
    Program loaded = load_program(folder / "a");
    expect_same_program(loaded, saved);
    save_program(loaded, folder / "b");
    Program again = load_program(folder / "b");
    expect_same_program(again, saved);
  }
  EXPECT_EQ(folder.names(), (std::vector<std::string>{"a", "b"}));
}

TEST(ProgramFiles, OfTheTestsHaveEveryKindOfStep) {
  std::set<std::string_view> kinds;
  const auto insert_all = [&]<class T>() {
    kinds.insert(T::kKind);
    return false;
  };
  detail::StepKinds::any_of(insert_all);
  std::set<std::string_view> seen;
  for (const NamedGraph& network : program_networks()) {
    const Program program = compile(network.graph, {.quantize_rows = true, .sparse_products = SparseProducts::always});
    for (const detail::Step& step : program.plan().steps) {
      const bool is_known = detail::StepKinds::any_of([&]<class T>() {
        if (step.work.get_if<T>() == nullptr) return false;
        seen.insert(T::kKind);
        return true;
      });
      EXPECT_TRUE(is_known) << "no file has the step " << step.info.operation << " of " << network.name;
    }
  }
  for (const std::string_view kind : kinds) EXPECT_TRUE(seen.contains(kind)) << "no network has the step " << kind;
}

TEST(ProgramFiles, AreSharedBySeveralPrograms) {
  const TemporaryFolder folder;
  Program saved = compile(float_sequence_network());
  save_program(saved, folder / "program");
  Program one = load_program(folder / "program");
  Program copy = one;
  one = load_program(folder / "program");
  std::filesystem::remove(folder / "program");  // the map outlives the name
  const std::vector<Tensor> inputs = random_inputs(saved, 1);
  EXPECT_TRUE(copy.run(inputs) == saved.run(inputs));
  EXPECT_TRUE(one.run(inputs) == saved.run(inputs));
}

TEST(ProgramFiles, ReplaceOthersWhileThoseRun) {
  const TemporaryFolder folder;
  Program first = compile(float_sequence_network());
  save_program(first, folder / "program");
  Program loaded = load_program(folder / "program");
  save_program(compile(resized_network()), folder / "program");
  const std::vector<Tensor> inputs = random_inputs(first, 1);
  EXPECT_TRUE(loaded.run(inputs) == first.run(inputs));
  EXPECT_EQ(load_program(folder / "program").input_type(0).shape, (Shape{1, 3, 5, 6}));
}

}  // namespace
}  // namespace condense::runtime
