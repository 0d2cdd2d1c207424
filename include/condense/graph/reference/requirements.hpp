#ifndef CONDENSE_GRAPH_REFERENCE_REQUIREMENTS_HPP
#define CONDENSE_GRAPH_REFERENCE_REQUIREMENTS_HPP

#include "condense/graph/operator.hpp"

namespace condense::graph::reference {

/// Throws unless input i holds integers of 8 bits or more.
inline void require_integer(const InputTypes& inputs, std::size_t i) {
  const DataType type = inputs.type(i);
  require(!is_float(type) && !is_packed(type) && type != DataType::boolean,
          "its input {} holds integers of 8 bits or more, this one is {}", i, name(type));
}

/// Throws unless input i is boolean.
inline void require_boolean(const InputTypes& inputs, std::size_t i) {
  require(inputs.type(i) == DataType::boolean, "its input {} is boolean, this one is {}", i, name(inputs.type(i)));
}

}  // namespace condense::graph::reference

#endif
