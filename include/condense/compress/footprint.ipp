#ifndef CONDENSE_COMPRESS_FOOTPRINT_IPP
#define CONDENSE_COMPRESS_FOOTPRINT_IPP

#include "condense/compress/coded_file.hpp"
#include "condense/compress/footprint.hpp"
#include "condense/core/inline.hpp"
#include "condense/core/timing.hpp"
#include "condense/graph/statistics.hpp"
#include "condense/runtime/compile.hpp"
#include "condense/runtime/profile.hpp"

namespace condense::compress {

CONDENSE_INLINE Footprint measure_footprint(const graph::Graph& graph, int rounds) {
  Footprint result{.parameters = graph::parameter_count(graph), .stored_bytes = graph::stored_bytes(graph)};
  CodedReport coded;
  encode_graph(graph, &coded);
  result.mask_sparsity = coded.mask_sparsity;
  result.packed_bytes = coded.packed_bytes;
  result.entropy_bytes = coded.entropy_bytes;
  result.file_bytes = coded.file_bytes;
  for (const graph::Node& node : graph.nodes()) result.multiply_accumulates += graph::multiply_accumulates(graph, node);
  if (rounds > 0) {
    runtime::Program program = runtime::compile(graph);
    std::vector<Tensor> inputs;
    for (const graph::Value input : graph.inputs()) {
      inputs.emplace_back(graph.type(input).type, graph.type(input).shape);
    }
    result.seconds = median(runtime::latencies(program, inputs, {.rounds = rounds}));
  }
  return result;
}

}  // namespace condense::compress

#endif
