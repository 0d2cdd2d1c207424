// Runs ONNX's own test cases: a folder each, with model.onnx and test_data_set_*/{input,output}_*.pb.
//
//   onnx_conformance [--data FOLDER] [--filter TEXT] [--failures] [--least-nodes N] [--least-pytorch N]
//
// prints what passed, failed or is unsupported by operator and in all. The result is 0 if nothing failed and at least
// as many cases passed as asked for, 77 if there is no data, otherwise 1.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "condense/graph/evaluate.hpp"
#include "condense/graph/reference/cast.hpp"
#include "condense/io/onnx/import.hpp"
#include "condense/io/onnx/model_file.hpp"

namespace {

using condense::DataType;
using condense::Index;
using condense::Tensor;
namespace graph = condense::graph;
namespace onnx = condense::io::onnx;

/// Of ONNX's test runner (onnx/backend/test/runner). A step of bfloat16 is larger than that, and the cases of ONNX 1.12
/// cut bits off where the operator rounds: one step is allowed there.
constexpr double kRelative = 1e-3;
constexpr double kRelativeOfBFloat16 = 1.0 / 128;
constexpr double kAbsolute = 1e-7;

struct Mismatch : std::runtime_error {
  using std::runtime_error::runtime_error;
};

double number_at(const Tensor& tensor, Index i) {
  double value = 0;
  graph::reference::with_element_type(tensor.type(), [&]<class T>() {
    value = static_cast<double>(static_cast<graph::reference::Computation<T>>(tensor.data<T>()[i]));
  });
  return value;
}

void require_close(const Tensor& actual, const Tensor& expected, std::size_t output) {
  if (actual.type() != expected.type() || actual.shape() != expected.shape()) {
    throw Mismatch(fmt::format("output {} is {} {} instead of {} {}", output, name(actual.type()),
                               actual.shape().to_string(), name(expected.type()), expected.shape().to_string()));
  }
  for (Index i = 0; i < expected.count(); ++i) {
    const double a = number_at(actual, i);
    const double e = number_at(expected, i);
    const double relative = expected.type() == DataType::bfloat16 ? kRelativeOfBFloat16 : kRelative;
    const double tolerance = is_float(expected.type()) ? kAbsolute + relative * std::abs(e) : 0.0;
    if (a == e || (std::isnan(a) && std::isnan(e)) || std::abs(a - e) <= tolerance) continue;
    throw Mismatch(
        fmt::format("output {} is {} instead of {} at {} of {}", output, a, e, i, expected.shape().to_string()));
  }
}

std::vector<Tensor> read_tensors(const std::filesystem::path& folder, const std::string& kind) {
  std::vector<Tensor> tensors;
  for (int i = 0;; ++i) {
    const std::filesystem::path path = folder / fmt::format("{}_{}.pb", kind, i);
    if (!std::filesystem::exists(path)) return tensors;
    tensors.push_back(onnx::read_tensor(path));
  }
}

/// Some data of bfloat16 are stored as the integers of their bits.
Tensor as_declared(const Tensor& stored, std::optional<DataType> type) {
  if (type != DataType::bfloat16 || stored.type() != DataType::uint16) return stored;
  Tensor tensor(DataType::bfloat16, stored.shape());
  std::memcpy(tensor.mutable_raw(), stored.raw(), stored.bytes());
  return tensor;
}

void require_tensors(const std::vector<onnx::ValueInfo>& values) {
  for (const onnx::ValueInfo& value : values) {
    if (!value.type) throw condense::Unsupported(fmt::format("'{}' is a sequence, map or optional", value.name));
  }
}

/// Runs a case; throws `Unsupported`, or anything else if it fails.
void run_case(const std::filesystem::path& folder, onnx::Model model) {
  require_tensors(model.graph.inputs);
  require_tensors(model.graph.outputs);
  std::vector<onnx::ValueInfo*> fed;
  for (onnx::ValueInfo& input : model.graph.inputs) {
    const auto is_input = [&](const auto& initializer) { return initializer.first == input.name; };
    if (std::ranges::none_of(model.graph.initializers, is_input)) fed.push_back(&input);
  }
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    std::vector<Tensor> inputs = read_tensors(entry.path(), "input");
    onnx::ImportOptions options;
    for (std::size_t i = 0; i < fed.size(); ++i) {
      inputs.at(i) = as_declared(inputs.at(i), fed[i]->type);
      fed[i]->shape.reset();  // a few are declared otherwise than the data are
      options.example_shapes[fed[i]->name] = inputs[i].shape();
    }
    const graph::Graph network = onnx::import_graph(model, folder.filename().string(), options);
    const std::vector<Tensor> outputs = graph::evaluate(network, inputs);
    const std::vector<Tensor> expected = read_tensors(entry.path(), "output");
    for (std::size_t i = 0; i < expected.size(); ++i) {
      require_close(outputs.at(i), as_declared(expected[i], model.graph.outputs.at(i).type), i);
    }
  }
}

enum class Verdict { passed, failed, unsupported };

struct Tally {
  int passed = 0;
  int failed = 0;
  int unsupported = 0;

  void add(Verdict verdict) {
    ++(verdict == Verdict::passed ? passed : verdict == Verdict::failed ? failed : unsupported);
  }
  void print(const std::string& name) const {
    fmt::print("{:<32} {:>7} {:>7} {:>12}\n", name, passed, failed, unsupported);
  }
};

/// The operator that a case is about: the last one of the model.
std::string operator_of(const onnx::Model& model, const std::string& group) {
  return group != "node" || model.graph.nodes.empty() ? group : model.graph.nodes.back().type;
}

struct Options {
  std::filesystem::path data = "/usr/share/libonnx-testdata/data";
  std::string filter;
  bool failures = false;
  int least_nodes = 0;
  int least_pytorch = 0;
};

Options parse(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view option = arguments[i];
    const auto value = [&]() -> std::string {
      if (i + 1 >= count) throw condense::InvalidArgument(fmt::format("{} needs a value", option));
      return arguments[++i];
    };
    if (option == "--data")
      options.data = value();
    else if (option == "--filter")
      options.filter = value();
    else if (option == "--failures")
      options.failures = true;
    else if (option == "--least-nodes")
      options.least_nodes = std::stoi(value());
    else if (option == "--least-pytorch")
      options.least_pytorch = std::stoi(value());
    else
      throw condense::InvalidArgument(fmt::format("there is no option {}", option));
  }
  return options;
}

int run(const Options& options) {
  if (!std::filesystem::exists(options.data / "node")) {
    fmt::print("skipped: there are no ONNX test cases in {} (Debian package libonnx-testdata)\n",
               options.data.string());
    return 77;
  }
  std::map<std::string, Tally> by_operator;
  Tally nodes;
  Tally pytorch;
  std::vector<std::string> failures;
  for (const std::string group : {"node", "pytorch-converted", "pytorch-operator"}) {
    std::vector<std::filesystem::path> cases;
    for (const auto& entry : std::filesystem::directory_iterator(options.data / group)) cases.push_back(entry.path());
    std::ranges::sort(cases);
    for (const std::filesystem::path& folder : cases) {
      const std::string name = folder.filename().string();
      if (name.find("_expanded") != std::string::npos || name.find(options.filter) == std::string::npos) continue;
      std::string label = group;
      Verdict verdict = Verdict::passed;
      std::string complaint;
      try {
        const onnx::Model model = onnx::read_model(folder / "model.onnx");
        label = operator_of(model, group);
        run_case(folder, model);
      } catch (const condense::Unsupported& error) {
        verdict = Verdict::unsupported;
        complaint = error.what();
      } catch (const std::exception& error) {
        verdict = Verdict::failed;
        complaint = error.what();
      }
      by_operator[label].add(verdict);
      (group == "node" ? nodes : pytorch).add(verdict);
      if (verdict == Verdict::failed) failures.push_back(fmt::format("FAILED {}: {}", name, complaint));
      if (verdict == Verdict::unsupported && options.failures) {
        failures.push_back(fmt::format("unsupported {}: {}", name, complaint));
      }
    }
  }
  fmt::print("{:<32} {:>7} {:>7} {:>12}\n", "operator", "passed", "failed", "unsupported");
  for (const auto& [name, tally] : by_operator) tally.print(name);
  for (const std::string& line : failures) fmt::print("{}\n", line);
  fmt::print("{:<32} {:>7} {:>7} {:>12}\n", "in all", "passed", "failed", "unsupported");
  nodes.print("node");
  pytorch.print("pytorch");
  const bool enough = nodes.passed >= options.least_nodes && pytorch.passed >= options.least_pytorch;
  return nodes.failed == 0 && pytorch.failed == 0 && enough ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run(parse(count, arguments));
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
