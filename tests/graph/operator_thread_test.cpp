#include <gtest/gtest.h>

#include <set>
#include <string_view>

#include "graph/operator_run.hpp"

namespace condense::graph {
namespace {

TEST(EveryOperator, GivesTheSameBytesForAnyNumberOfThreads) {
  std::set<std::string_view> seen;
  const ThreadPool two(2);
  const ThreadPool five(5);
  std::vector<OperatorRun> runs = operator_runs();
  for (OperatorRun& run : imported_operator_runs()) runs.push_back(std::move(run));
  for (const OperatorRun& one : runs) {
    seen.insert(one.op.type());
    const Node node{"node", one.op, {}, {}};
    std::vector<const Tensor*> inputs;
    for (const auto& input : one.inputs) inputs.push_back(input ? &*input : nullptr);
    const std::vector<Tensor> expected = evaluate_node(node, inputs);
    EXPECT_EQ(evaluate_node(node, inputs, two), expected) << one.op.type();
    EXPECT_EQ(evaluate_node(node, inputs, five), expected) << one.op.type();
  }
  EXPECT_GE(seen.size(), 69U);
}

}  // namespace
}  // namespace condense::graph
