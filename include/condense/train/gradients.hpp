#ifndef CONDENSE_TRAIN_GRADIENTS_HPP
#define CONDENSE_TRAIN_GRADIENTS_HPP

#include <functional>
#include <typeindex>
#include <unordered_map>
#include <vector>

#include "condense/graph/graph.hpp"
#include "condense/train/gradient.hpp"

namespace condense::train {

/// `Gradient<Op>` for a node whose operator is known at run time only.
struct GradientRule {
  Reads reads = Reads::everything;
  std::function<std::vector<Tensor>(const graph::Operator&, const Backward&)> backward;

  /// Whether all gradients of the operator are zeros; empty if they never are.
  std::function<bool(const graph::Operator&)> is_zero = {};

  /// The gradients of a node's inputs. Errors name the node and its operator.
  std::vector<Tensor> apply(const graph::Node& node, const Backward& b) const {
    return graph::naming_node(node, [&] { return backward(node.op, b); });
  }
};

/// Which gradient belongs to which operator. A new one knows every operator of condense; users add their own:
///
///     GradientRules rules;
///     rules.add<Tanh>();
class GradientRules {
 public:
  GradientRules();

  /// Takes `Gradient<Op>` for each of the operators, in the place of the rule that one may have.
  template <Differentiable... Ops>
  void add() {
    (set<Ops>(), ...);
  }

  /// The rule of a node's operator. Throws `Unsupported` naming the node if there is none.
  const GradientRule& of(const graph::Node& node) const {
    const auto found = rules_.find(node.op.id());
    if (found == rules_.end()) {
      throw Unsupported(
          fmt::format("node '{}' ({}): this operator has no gradient; specialise train::Gradient for it "
                      "and add it to the GradientRules, or train only what comes after the node",
                      node.name, node.op.type()));
    }
    return found->second;
  }

 private:
  template <Differentiable Op>
  void set() {
    GradientRule& rule = rules_[typeid(Op)];
    rule = {Gradient<Op>::kReads,
            [](const graph::Operator& op, const Backward& b) { return Gradient<Op>::backward(*op.get_if<Op>(), b); }};
    if constexpr (requires(const Op& op) { Gradient<Op>::is_zero(op); }) {
      rule.is_zero = [](const graph::Operator& op) { return Gradient<Op>::is_zero(*op.get_if<Op>()); };
    }
  }

  std::unordered_map<std::type_index, GradientRule> rules_;
};

}  // namespace condense::train

#ifndef CONDENSE_COMPILED
#include "condense/train/gradients.ipp"
#endif

#endif
