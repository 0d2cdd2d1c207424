#ifndef CONDENSE_TESTS_CLI_PROGRAM_HPP
#define CONDENSE_TESTS_CLI_PROGRAM_HPP

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "condense/core/random.hpp"
#include "condense/graph/operators.hpp"
#include "condense/io/npy.hpp"
#include "condense/io/onnx.hpp"
#include "support/temporary_folder.hpp"

namespace condense {

inline Tensor random_tensor(const Shape& shape, std::uint64_t seed) {
  Random random(seed);
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.mutable_values<float>()) value = random.normal();
  return tensor;
}

/// Convolution, Relu, fully connected: images (n x 3 x 6 x 6) to 5 classes.
inline graph::Graph classifier() {
  graph::Graph graph;
  const graph::Value x = graph.input("image", DataType::float32, {kDynamic, 3, 6, 6});
  const graph::Value kernel = graph.constant("kernel", random_tensor({8, 3, 3, 3}, 1));
  const graph::Value weights = graph.constant("weights", random_tensor({5, 128}, 2));
  const graph::Value bias = graph.constant("bias", random_tensor({5}, 3));
  graph::Value y = graph.add(graph::Conv{}, {x, kernel}, "conv");
  y = graph.add(graph::Relu{}, {y}, "relu");
  y = graph.add(graph::Flatten{}, {y}, "flatten");
  y = graph.add(graph::Gemm{.trans_b = true}, {y, weights, bias}, "classifier");
  graph.output(y, "logits");
  return graph;
}

struct Outcome {
  int status = -1;
  std::string output;
  std::string errors;
};

inline std::string text_of(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = io::read_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Runs the built program in a folder with a network "net.onnx" and 40 images for it, "data.npy".
class CommandLine : public testing::Test {
 protected:
  CommandLine() {
    io::write_onnx(folder_ / "net.onnx",
                   {.graph = classifier(), .dimension_names = {{"image", {"batch", "", "", ""}}}});
    io::write_npy(folder_ / "data.npy", random_tensor({40, 3, 6, 6}, 4));
  }

  /// Runs `condense` in the folder.
  Outcome condense(const std::string& arguments) const {
    const std::string command =
        fmt::format("cd '{}' && '{}' {} >out 2>err", (folder_ / "").string(), CONDENSE_PROGRAM, arguments);
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(folder_ / "out"), text_of(folder_ / "err")};
  }

  /// What it prints as JSON; there is nothing on the standard error.
  nlohmann::json json(const std::string& arguments) const {
    const Outcome outcome = condense(arguments + " --json");
    EXPECT_EQ(outcome.status, 0) << outcome.errors;
    EXPECT_EQ(outcome.errors, "");
    return nlohmann::json::parse(outcome.output);
  }

  /// Whether it ends with that status and says why on the standard error alone.
  testing::AssertionResult fails(int status, const std::string& arguments, const std::string& reason) const {
    const Outcome outcome = condense(arguments);
    if (outcome.status == status && outcome.output.empty() && outcome.errors.find(reason) != std::string::npos) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "status " << outcome.status << "\n" << outcome.output << outcome.errors;
  }

  const TemporaryFolder folder_;
};

}  // namespace condense

#endif
