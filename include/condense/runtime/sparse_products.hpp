#ifndef CONDENSE_RUNTIME_SPARSE_PRODUCTS_HPP
#define CONDENSE_RUNTIME_SPARSE_PRODUCTS_HPP

#include <cstdint>

namespace condense::runtime {

/// Which products with many weights of zero run without them. The weights say so themselves; whichever pattern their
/// zeros have is used. Products of integers have the same bytes either way, those of floats sums in another order.
enum class SparseProducts : std::uint8_t {
  never,
  measured_integers,  ///< Those of integers that are faster so on this machine.
  measured,           ///< Those of floats too: their results depend, within rounding, on what was measured.
  always,             ///< All whose weights are zeros for the most part, faster or not.
};

}  // namespace condense::runtime

#endif
