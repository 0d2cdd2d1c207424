#ifndef CONDENSE_GRAPH_REFERENCE_REQUIREMENTS_HPP
#define CONDENSE_GRAPH_REFERENCE_REQUIREMENTS_HPP

#include "condense/graph/operator.hpp"

// What operators require of their inputs, beyond what `InputTypes` checks itself.

namespace condense::graph::reference {

/// Throws unless input i, if present, is a float tensor of any width.
inline void require_any_float(const InputTypes& inputs, std::size_t i) {
  require(!inputs.has(i) || is_float(inputs.type(i)), "its input {} is a float tensor, this one is {}", i,
          inputs.has(i) ? name(inputs.type(i)) : "absent");
}

/// Throws unless input i, if present, is a float tensor that is float64 exactly if input 0 is.
inline void require_same_precision(const InputTypes& inputs, std::size_t i) {
  require_any_float(inputs, i);
  require(!inputs.has(i) || (inputs.type(i) == DataType::float64) == (inputs.type(0) == DataType::float64),
          "its input {} is {} and its first input {}; both or none are float64", i,
          inputs.has(i) ? name(inputs.type(i)) : "absent", name(inputs.type(0)));
}

/// Throws unless input i, if present, holds integers of 8 bits or more.
inline void require_any_integer(const InputTypes& inputs, std::size_t i) {
  if (!inputs.has(i)) return;
  const DataType type = inputs.type(i);
  require(!is_float(type) && !is_packed(type) && type != DataType::boolean,
          "its input {} holds integers of 8 bits or more, this one is {}", i, name(type));
}

/// Throws unless input i, if present, holds integers of 64 or 32 bits: axes, counts, indices.
inline void require_integers(const InputTypes& inputs, std::size_t i) {
  require(!inputs.has(i) || inputs.type(i) == DataType::int64 || inputs.type(i) == DataType::int32,
          "its input {} is int64 or int32, this one is {}", i, inputs.has(i) ? name(inputs.type(i)) : "absent");
}

/// Throws unless input i, if present, is a vector of such integers.
inline void require_integer_vector(const InputTypes& inputs, std::size_t i) {
  require_integers(inputs, i);
  if (inputs.has(i)) inputs.require_rank(i, 1);
}

/// Throws unless input i, if present, is boolean.
inline void require_boolean(const InputTypes& inputs, std::size_t i) {
  require(!inputs.has(i) || inputs.type(i) == DataType::boolean, "its input {} is boolean, this one is {}", i,
          inputs.has(i) ? name(inputs.type(i)) : "absent");
}

/// Throws unless input i, if present, is one element: a scalar or a vector of one.
inline void require_one_element(const InputTypes& inputs, std::size_t i) {
  require(!inputs.has(i) || (inputs.shape(i).rank() <= 1 && inputs.shape(i).count() == 1),
          "its input {} is a scalar, this one has shape {}", i, inputs.has(i) ? inputs.shape(i).to_string() : "");
}

/// Throws unless the elements of input i, if present, occupy whole bytes, so that they can be moved one by one.
inline void require_whole_bytes(const InputTypes& inputs, std::size_t i) {
  require(!inputs.has(i) || !is_packed(inputs.type(i)),
          "its input {} holds elements of 8 bits or more, this one is {}; cast it first", i,
          inputs.has(i) ? name(inputs.type(i)) : "absent");
}

}  // namespace condense::graph::reference

#endif
