#ifndef CONDENSE_RUNTIME_DETAIL_LOWER_BRANCHES_HPP
#define CONDENSE_RUNTIME_DETAIL_LOWER_BRANCHES_HPP

#include "condense/runtime/detail/flatten_branches.hpp"
#include "condense/runtime/detail/lower.hpp"
#include "condense/runtime/detail/steps/branch.hpp"

namespace condense::runtime::detail {

/// Lowers all nodes of a flat graph. Each branch becomes a `BranchStep`, the steps of its nodes, and one for each
/// result, which ends in the same buffer from either branch.
///
/// The arena is planned over this list as if all of it were run: what is read after a branch is alive within it, and a
/// branch writes nothing but its own buffers and those of the results. Where a branch needs a value of outside in
/// another layout, it makes it for itself, since what is made within it may not be there after it.
class BranchLowering {
 public:
  BranchLowering(Lowering& lowering, std::span<const Conditional> conditionals)
      : lowering_(lowering), conditionals_(conditionals) {}

  void lower_all() { lower_nodes(0, static_cast<int>(lowering_.graph().nodes().size())); }

 private:
  void lower_nodes(int first, int last) {
    for (int n = first; n < last; ++n) {
      if (next_ < conditionals_.size() && conditionals_[next_].first == n) {
        const Conditional& conditional = conditionals_[next_++];
        lower_conditional(conditional);
        n = conditional.node;
      } else {
        lower(lowering_, node(n));
      }
    }
  }

  void lower_conditional(const Conditional& conditional) {
    const graph::Node& choice = node(conditional.node);
    const Reads condition{lowering_.request(choice.inputs[0], Layout::channels_first)};
    std::vector<Result> results(choice.outputs.size());
    lower_branch(choice, condition, true, conditional.first, conditional.first_of_else, results);
    lower_branch(choice, condition, false, conditional.first_of_else, conditional.node, results);
    for (std::size_t i = 0; i < results.size(); ++i) {
      lowering_.place(choice.outputs[i], results[i].layout, results[i].buffer);
    }
  }

  /// Where a result of both branches lies; decided by the first one.
  struct Result {
    Layout layout = Layout::channels_first;
    int buffer = -1;
  };

  void lower_branch(const graph::Node& choice, Reads condition, bool runs_if, int first, int last,
                    std::vector<Result>& results) {
    const std::string operation = runs_if ? "If" : "Else";
    const std::size_t begin = lowering_.plan().steps.size();
    lowering_.append({choice.name, operation, "-", "branch"}, BranchStep{condition, runs_if});
    const Lowering::Places places = lowering_.places();
    lower_nodes(first, last);
    for (std::size_t i = 0; i < results.size(); ++i) {
      const graph::Value value = choice.inputs[1 + (runs_if ? 0 : results.size()) + i];
      const auto bytes = lowering_.element_bytes(value) * static_cast<std::size_t>(lowering_.shape(value).count());
      if (runs_if) results[i] = {lowering_.present_layout(value), lowering_.scratch(bytes)};
      const int from = lowering_.request(value, results[i].layout);
      lowering_.append({choice.name, operation + " result", "-", "branch"},
                       BranchResultStep{{from}, {results[i].buffer}, static_cast<Index>(bytes)});
    }
    lowering_.set_places(places);
    std::vector<Step>& steps = lowering_.plan().steps;
    steps[begin] =
        make_step(steps[begin].info, BranchStep{condition, runs_if, static_cast<Index>(steps.size() - begin - 1)});
  }

  const graph::Node& node(int n) const { return lowering_.graph().nodes()[static_cast<std::size_t>(n)]; }

  Lowering& lowering_;
  std::span<const Conditional> conditionals_;
  std::size_t next_ = 0;
};

}  // namespace condense::runtime::detail

#endif
