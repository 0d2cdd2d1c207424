#ifndef CONDENSE_GRAPH_DETAIL_COMPILE_OPERATORS_HPP
#define CONDENSE_GRAPH_DETAIL_COMPILE_OPERATORS_HPP

#include <memory>
#include <tuple>

#include "condense/graph/operators.hpp"

// Only for the .ipp files of graph/compiled/: what the operators of condense compute, compiled once for
// condense::compiled.

namespace condense::graph::detail {

template <class T>
std::shared_ptr<const OperatorBase> compiled_model(T op) {
  return std::make_shared<OperatorModel<T>>(std::move(op));
}

/// Instantiated explicitly, it makes the models of a list: a pointer to each function that does.
template <class List>
struct CompiledOperators;
template <class... Ops>
struct CompiledOperators<OperatorList<Ops...>> {
  static const std::tuple<std::shared_ptr<const OperatorBase> (*)(Ops)...> functions;
};
template <class... Ops>
const std::tuple<std::shared_ptr<const OperatorBase> (*)(Ops)...> CompiledOperators<OperatorList<Ops...>>::functions{
    &compiled_model<Ops>...};

}  // namespace condense::graph::detail

#endif
