#ifndef CONDENSE_COMPRESS_COVERAGE_HPP
#define CONDENSE_COMPRESS_COVERAGE_HPP

#include <cstdint>
#include <string>
#include <vector>

namespace condense::compress {

/// How a node of a quantised graph computes.
enum class Execution {
  integer,       ///< On quantised activations and weights.
  dynamic,       ///< On quantised weights and on activations that are quantised anew in every run.
  fused,         ///< As part of the node before it.
  weights_only,  ///< In float, on weights that are stored as integers.
  floating,      ///< In float.
};

constexpr const char* name(Execution execution) noexcept {
  switch (execution) {
    case Execution::integer: return "integer";
    case Execution::dynamic: return "dynamic";
    case Execution::fused: return "fused";
    case Execution::weights_only: return "weights only";
    default: return "float";
  }
}

/// What quantisation did with one node, and why.
struct NodeCoverage {
  std::string node;
  std::string operation;
  Execution execution = Execution::floating;
  std::string weights = {};  ///< Format of the weights, such as "int8/channel"; empty if it has none.
  std::string reason = {};   ///< Why it is not integer, or what was changed for it to be; may be empty.
};

/// What quantisation did with every node: nothing is skipped silently.
struct Coverage {
  std::vector<NodeCoverage> nodes;
  std::int64_t multiply_accumulates = 0;          ///< Of one inference at batch 1.
  std::int64_t integer_multiply_accumulates = 0;  ///< Of these, done on integers.

  /// Number of nodes that compute in a way.
  int count(Execution execution) const noexcept {
    int result = 0;
    for (const NodeCoverage& node : nodes) result += node.execution == execution ? 1 : 0;
    return result;
  }
};

}  // namespace condense::compress

#endif
