#ifndef CONDENSE_GRAPH_COMPILED_STRUCTURAL_IPP
#define CONDENSE_GRAPH_COMPILED_STRUCTURAL_IPP

#include "condense/graph/detail/compile_operators.hpp"

#ifdef CONDENSE_COMPILED  // elsewhere everything is inline
template struct condense::graph::detail::CompiledOperators<condense::graph::StructuralOperators>;
#endif

#endif
