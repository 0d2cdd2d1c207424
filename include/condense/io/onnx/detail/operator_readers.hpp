#ifndef CONDENSE_IO_ONNX_DETAIL_OPERATOR_READERS_HPP
#define CONDENSE_IO_ONNX_DETAIL_OPERATOR_READERS_HPP

#include <map>

#include "condense/graph/operators.hpp"
#include "condense/io/onnx/detail/read_attributes.hpp"

namespace condense::io::onnx::detail {

/// Where a name of an operator becomes the operator: all of condense's, by domain and name.
class OperatorReaders {
 public:
  using Reader = graph::Operator (*)(const Node&, std::string_view place);

  OperatorReaders() {
    graph::Operators::for_each([this]<class Op>() { readers_.emplace(full_name_of<Op>(), &read_operator<Op>); });
  }

  /// The reader of a node's operator, null if there is none.
  Reader find(const Node& node) const {
    const auto found = readers_.find(node.domain.empty() ? node.type : node.domain + "." + node.type);
    return found == readers_.end() ? nullptr : found->second;
  }

  std::vector<std::string> names() const {
    std::vector<std::string> result;
    for (const auto& [name, reader] : readers_) result.push_back(name);
    return result;
  }

 private:
  template <class Op>
  static std::string full_name_of() {
    std::string name(Op::kType);
    if constexpr (requires { Op::kDomain; }) name = std::string(Op::kDomain) + "." + name;
    return name;
  }

  std::map<std::string, Reader> readers_;
};

inline const OperatorReaders& operator_readers() {
  static const OperatorReaders readers;
  return readers;
}

}  // namespace condense::io::onnx::detail

#endif
