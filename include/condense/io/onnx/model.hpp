#ifndef CONDENSE_IO_ONNX_MODEL_HPP
#define CONDENSE_IO_ONNX_MODEL_HPP

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "condense/core/tensor.hpp"

/// What an ONNX file says, before it means anything: the messages of onnx.proto ("Open Neural Network Exchange
/// Intermediate Representation", IR version 11) as plain structs.
namespace condense::io::onnx {

/// One extent of a declared shape: a number, or a name for one that is only known when the model is run.
struct Dimension {
  Index extent = kDynamic;
  std::string name = {};

  friend bool operator==(const Dimension&, const Dimension&) = default;
};

/// What a graph says of a value. Without a type it is no tensor, or nothing is known of it.
struct ValueInfo {
  std::string name;
  std::optional<DataType> type = {};
  std::optional<std::vector<Dimension>> shape = {};

  friend bool operator==(const ValueInfo&, const ValueInfo&) = default;
};

struct Graph;

struct Attribute {
  using Value = std::variant<std::monostate, float, std::int64_t, std::string, Tensor, std::shared_ptr<const Graph>,
                             std::vector<float>, std::vector<std::int64_t>, std::vector<std::string>>;

  std::string name;
  Value value = {};
  std::string refers_to = {};  ///< In a function: the attribute of the calling node that stands here.

  friend bool operator==(const Attribute&, const Attribute&) = default;
};

struct Node {
  std::string name = {};
  std::string type;         ///< "Conv"
  std::string domain = {};  ///< Empty for ONNX's own operators.
  std::vector<std::string> inputs = {};
  std::vector<std::string> outputs = {};  ///< As the inputs: empty where one is left out.
  std::vector<Attribute> attributes = {};

  const Attribute* find(std::string_view attribute) const {
    for (const Attribute& candidate : attributes) {
      if (candidate.name == attribute) return &candidate;
    }
    return nullptr;
  }
  void remove(std::string_view attribute) {
    std::erase_if(attributes, [&](const Attribute& candidate) { return candidate.name == attribute; });
  }

  friend bool operator==(const Node&, const Node&) = default;
};

struct Graph {
  std::string name = {};
  std::vector<Node> nodes = {};
  std::vector<std::pair<std::string, Tensor>> initializers = {};
  std::vector<ValueInfo> inputs = {};
  std::vector<ValueInfo> outputs = {};
  std::vector<ValueInfo> values = {};  ///< What is said of values inside.

  friend bool operator==(const Graph&, const Graph&) = default;
};

/// Versions of the operator sets by domain.
using OperatorSets = std::map<std::string, std::int64_t>;

/// An operator that a model defines by a graph of others.
struct Function {
  std::string name;
  std::string domain = {};
  std::vector<std::string> inputs = {};
  std::vector<std::string> outputs = {};
  std::vector<Attribute> defaults = {};  ///< Of attributes; those without a value must be given by the call.
  std::vector<Node> nodes = {};
  OperatorSets operator_sets = {};

  friend bool operator==(const Function&, const Function&) = default;
};

struct Model {
  std::int64_t ir_version = 0;
  OperatorSets operator_sets = {};
  std::string producer_name = {};
  std::string producer_version = {};
  std::string domain = {};
  std::int64_t model_version = 0;
  std::string documentation = {};
  std::map<std::string, std::string> metadata = {};
  Graph graph = {};
  std::vector<Function> functions = {};

  friend bool operator==(const Model&, const Model&) = default;
};

}  // namespace condense::io::onnx

#endif
