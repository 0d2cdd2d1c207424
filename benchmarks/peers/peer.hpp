#ifndef CONDENSE_BENCHMARKS_PEERS_PEER_HPP
#define CONDENSE_BENCHMARKS_PEERS_PEER_HPP

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "condense/kernels/operands.hpp"

namespace condense::benchmarks {

using kernels::Index;

/// What is multiplied, and what becomes of the sums.
enum class Work {
  sums,         ///< uint8 x int8 -> int32
  signed_sums,  ///< int8 x int8 -> int32
  requantized,  ///< uint8 x int8 -> uint8: clamp(round_half_even(float(sum) * multipliers[n]), 0, 255)
  int4_groups,  ///< int8 rows with a scale each x int4 in groups of 32 with a float scale each -> float
  dynamic,      ///< float x int8 -> float, rows quantised to uint8 as they come
  floats,       ///< float x float -> float
};

/// output (m x n) = input (m x k) * weights^T (weights are n x k), row-major, on one thread.
struct Product {
  Work work = Work::sums;
  Index m = 0;
  Index n = 0;
  Index k = 0;
  const void* input = nullptr;
  const void* weights = nullptr;
  const float* multipliers = nullptr;  ///< (n), for `requantized`.
  void* output = nullptr;
};

/// A product with its weights packed.
struct PreparedProduct {
  std::function<void()> run;      ///< Empty if the library does not have the work.
  std::function<void()> collect;  ///< Brings the result into the product's output; empty if `run` does.
};

/// Another library. Its file, peers/<name>.cpp, is built where the library is found, and has an object of
/// `RegisterPeer`.
struct Peer {
  std::string name;
  /// Keeps it from instructions beyond an instruction set of condense, from before its first use on; false if the
  /// library cannot be kept from them.
  std::function<bool(std::string_view isa)> limit_to;
  std::function<PreparedProduct(const Product&)> prepare;
};

inline std::vector<Peer>& peers() {
  static std::vector<Peer> all;
  return all;
}

struct RegisterPeer {
  explicit RegisterPeer(Peer peer) { peers().push_back(std::move(peer)); }
};

}  // namespace condense::benchmarks

#endif
