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
  for (const OperatorRun& one : operator_runs()) {
    seen.insert(one.op.type());
    const Node node{"node", one.op, {}, {}};
    std::vector<const Tensor*> inputs;
    for (const auto& input : one.inputs) inputs.push_back(&*input);
    const std::vector<Tensor> expected = evaluate_node(node, inputs);
    EXPECT_EQ(evaluate_node(node, inputs, two), expected) << one.op.type();
    EXPECT_EQ(evaluate_node(node, inputs, five), expected) << one.op.type();
  }
  EXPECT_EQ(seen.size(), Operators::size);
}

}  // namespace
}  // namespace condense::graph
