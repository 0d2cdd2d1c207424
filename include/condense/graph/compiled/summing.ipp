#ifndef CONDENSE_GRAPH_COMPILED_SUMMING_IPP
#define CONDENSE_GRAPH_COMPILED_SUMMING_IPP

#include "condense/graph/detail/compile_operators.hpp"

#ifdef CONDENSE_COMPILED  // elsewhere everything is inline
template struct condense::graph::detail::CompiledOperators<condense::graph::SummingOperators>;
#endif

#endif
