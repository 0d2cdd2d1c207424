#include <gtest/gtest.h>

#include "condense/core/random.hpp"
#include "io/onnx_models.hpp"
#include "support/temporary_folder.hpp"

#if defined(__unix__)
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace condense::io::onnx {
namespace {

/// A model of a few megabytes, of which every weight is `value`.
Model large_model(float value) {
  Model model = model_of({node("MatMul", {"x", "w"}, {"y"})});
  Tensor weights(DataType::float32, {3, 400'000});
  for (float& element : weights.mutable_values<float>()) element = value;
  model.graph.initializers = {{"w", weights}};
  return model;
}

/// Saves two models in turn until it is killed.
[[noreturn]] void save_for_ever(const std::filesystem::path& path, const WriteOptions& options) {
  const Model models[] = {large_model(1), large_model(2)};
  for (int i = 0;; ++i) write_model(path, models[i % 2], options);
}

void expect_whole_after_kills(const WriteOptions& options) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "model.onnx";
  write_model(path, large_model(1), options);
  Random random(9);
  for (int round = 0; round < 20; ++round) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) save_for_ever(path, options);
    usleep(2000 + random.below(30'000));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);
    const Model read = read_model(path);  // throws if it is broken
    const float value = read.graph.initializers.at(0).second.data<float>()[0];
    EXPECT_TRUE(value == 1 || value == 2);
    EXPECT_EQ(read, large_model(value)) << round;
  }
}

TEST(OnnxModelFile, IsWholeWheneverAWriterIsKilled) { expect_whole_after_kills({}); }

TEST(OnnxModelFile, IsWholeWithItsExternalDataWheneverAWriterIsKilled) {
  expect_whole_after_kills({.external_from_bytes = 1000});
}

}  // namespace
}  // namespace condense::io::onnx

#endif
