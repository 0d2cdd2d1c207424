#ifndef CONDENSE_COMPRESS_FOOTPRINT_HPP
#define CONDENSE_COMPRESS_FOOTPRINT_HPP

#include <cstdint>
#include <optional>

#include "condense/graph/graph.hpp"

namespace condense::compress {

/// What a network takes, in each sense in which it can be small or fast. None of them stands for another: masked
/// weights take bytes and time like others until they are coded, or run on sparse kernels.
struct Footprint {
  Index parameters = 0;                   ///< Elements of all float constants and of quantised weights.
  double mask_sparsity = 0;               ///< The share of the elements of all constants that is zero.
  std::size_t stored_bytes = 0;           ///< All constants as a graph holds them.
  double packed_bytes = 0;                ///< In codes and gaps of fixed widths, with codebooks.
  double entropy_bytes = 0;               ///< Shannon's bound for the same codes.
  std::size_t file_bytes = 0;             ///< The whole file that `save_coded` writes.
  std::int64_t multiply_accumulates = 0;  ///< Of one run.
  std::optional<double> seconds = {};     ///< Median of runs at batch 1 on one thread; by the clock on the wall.
};

/// Measures a network. With `rounds` > 0 it is compiled and run as often, on inputs of zeros.
///
/// Throws `Unsupported` for a graph that ONNX has no operators for, as the coded file needs them.
Footprint measure_footprint(const graph::Graph& graph, int rounds = 0);

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/footprint.ipp"
#endif

#endif
