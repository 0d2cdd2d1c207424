#ifndef CONDENSE_GRAPH_REFERENCE_CAST_HPP
#define CONDENSE_GRAPH_REFERENCE_CAST_HPP

#include <cmath>
#include <limits>

#include "condense/graph/reference/codes.hpp"
#include "condense/graph/reference/elementwise.hpp"

namespace condense::graph::reference {

/// A number in another type as ONNX Cast defines it: floats round to the nearest, half to even, and overflow to
/// infinity; integers keep their low bits; of a float that becomes an integer the fraction is dropped; everything but 0
/// is true. Beyond that: floats outside the range of an integer type become its nearest end, and NaN becomes 0.
template <class To, class From>
To cast_number(From x) {
  if constexpr (std::same_as<To, bool>) {
    return x != From{0};
  } else if constexpr (std::integral<To> && std::floating_point<From>) {
    using Limits = std::numeric_limits<To>;
    if (std::isnan(x)) return 0;
    // The upper end is not representable where To has more digits than From, so compare with the power of two above it.
    if (x >= std::ldexp(From{1}, Limits::digits)) return Limits::max();
    if (x <= static_cast<From>(Limits::lowest())) return Limits::lowest();
    return static_cast<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

namespace detail {

/// Elements of any type, packed ones too, as C.
template <class C>
void read_any(DataType type, const std::byte* data, Index first, Index count, C* to) {
  if (is_packed(type)) {
    with_codes(type, [&]<class Code>() {
      for (Index i = 0; i < count; ++i) to[i] = static_cast<C>(Code::load(data, first + i));
    });
    return;
  }
  const C* elements = read_elements<C>(type, data, first, count, to);
  if (elements != to) std::copy_n(elements, count, to);
}

}  // namespace detail

/// Input 0 in the type of the output.
inline void cast(const Evaluation& e) {
  const DataType from = e.input().type.type;
  const DataType to = e.output().type.type;
  static_assert(kElementwiseGrain % 8 == 0 && kChunk % 8 == 0, "elements of few bits come in whole bytes");
  parallel_for(e.pool, e.output().count(), kElementwiseGrain, [&](Index begin, Index end) {
    for (; begin < end; begin += kChunk) {
      const Index count = std::min(kChunk, end - begin);
      with_computation_type(from, [&]<class C>() {
        C x[kChunk];
        detail::read_any(from, e.input().data, begin, count, x);
        if (is_packed(to)) {
          with_codes(to, [&]<class Code>() {
            for (Index i = 0; i < count; ++i) Code::store(e.output().data, begin + i, cast_number<std::int32_t>(x[i]));
          });
          return;
        }
        with_element_type(to, [&]<class T>() {
          T* y = e.output().as<T>() + begin;
          for (Index i = 0; i < count; ++i) y[i] = cast_number<T>(x[i]);
        });
      });
    }
  });
}

/// The number as a scalar of an unpacked type.
inline Tensor scalar_of(DataType type, double value) {
  Tensor tensor(type, {});
  with_element_type(type, [&]<class T>() { *tensor.mutable_data<T>() = cast_number<T>(value); });
  return tensor;
}

}  // namespace condense::graph::reference

#endif
