#ifndef CONDENSE_GRAPH_OPERATOR_LIST_HPP
#define CONDENSE_GRAPH_OPERATOR_LIST_HPP

#include "condense/graph/operator.hpp"

namespace condense::graph {

/// A list of operator types, to do something for each of them at compile time.
template <OperatorType... Types>
struct OperatorList {
  static constexpr std::size_t size = sizeof...(Types);

  /// Calls `body.operator()<T>()` for every type.
  template <class Body>
  static void for_each(Body&& body) {
    (body.template operator()<Types>(), ...);
  }
};

namespace detail {

template <class... Lists>
struct Join;
template <class List>
struct Join<List> {
  using Type = List;
};
template <class... First, class... Second, class... Others>
struct Join<OperatorList<First...>, OperatorList<Second...>, Others...> {
  using Type = typename Join<OperatorList<First..., Second...>, Others...>::Type;
};

}  // namespace detail

/// The types of several lists as one.
template <class... Lists>
using JoinedOperators = typename detail::Join<Lists...>::Type;

}  // namespace condense::graph

#endif
