#ifndef CONDENSE_GRAPH_REFERENCE_ACCUMULATORS_HPP
#define CONDENSE_GRAPH_REFERENCE_ACCUMULATORS_HPP

#include <cmath>
#include <limits>

#include "condense/graph/reference/cast.hpp"
#include "condense/graph/reference/reduction.hpp"

// What reductions add elements of type C into: floats as doubles, integers so that they wrap.

namespace condense::graph::reference {

template <class C>
using Wide = std::conditional_t<std::floating_point<C>, double, std::uint64_t>;

/// The lowest number of a type, -infinity for floats, as C.
template <class C>
C lowest_number(DataType type) {
  if constexpr (std::floating_point<C>) {
    return -std::numeric_limits<C>::infinity();
  } else {
    return with_element_type(type, []<class T>() {
      if constexpr (std::integral<T>) return static_cast<C>(std::numeric_limits<T>::lowest());
      return C{0};
    });
  }
}

/// The highest number of a type, infinity for floats, as C.
template <class C>
C highest_number(DataType type) {
  if constexpr (std::floating_point<C>) {
    return std::numeric_limits<C>::infinity();
  } else {
    return with_element_type(type, []<class T>() {
      if constexpr (std::integral<T>) return static_cast<C>(std::numeric_limits<T>::max());
      return C{0};
    });
  }
}

template <class C>
struct SumOf {
  Wide<C> sum = 0;

  void add(C x) { sum += static_cast<Wide<C>>(x); }
  C result() const { return static_cast<C>(sum); }
};

template <class C>
struct MeanOf {
  Wide<C> sum = 0;
  Index count = 0;

  void add(C x) {
    sum += static_cast<Wide<C>>(x);
    ++count;
  }
  C result() const {
    if constexpr (std::floating_point<C>) {
      return static_cast<C>(sum / static_cast<double>(count));
    } else {
      return count == 0 ? C{0} : static_cast<C>(static_cast<C>(sum) / static_cast<C>(count));
    }
  }
};

template <class C>
struct ProductOf {
  Wide<C> product = 1;

  void add(C x) { product *= static_cast<Wide<C>>(x); }
  C result() const { return static_cast<C>(product); }
};

template <class C>
struct SumOfMagnitudes {
  Wide<C> sum = 0;

  void add(C x) {
    const auto wide = static_cast<Wide<C>>(x);
    sum += x < C{0} ? Wide<C>{0} - wide : wide;
  }
  C result() const { return static_cast<C>(sum); }
};

template <class C>
struct SumOfSquares {
  Wide<C> sum = 0;

  void add(C x) { sum += static_cast<Wide<C>>(x) * static_cast<Wide<C>>(x); }
  C result() const { return static_cast<C>(sum); }
};

/// The square root of the sum of squares, in double for integers too.
template <class C>
struct Norm {
  SumOfSquares<double> squares;

  void add(C x) { squares.add(static_cast<double>(x)); }
  C result() const { return cast_number<C>(std::sqrt(squares.sum)); }
};

/// The logarithm of the sum, in double for integers too.
template <class C>
struct LogOfSum {
  double sum = 0;

  void add(C x) { sum += static_cast<double>(x); }
  C result() const { return cast_number<C>(std::log(sum)); }
};

/// The logarithm of the sum of exponentials, in double for integers too. The sum is kept as a multiple of the largest
/// exponential so far, so that nothing overflows.
template <class C>
struct LogOfSumOfExponentials {
  double highest = -std::numeric_limits<double>::infinity();
  double sum = 0;

  void add(C x) {
    const auto wide = static_cast<double>(x);
    if (wide > highest) {
      sum = sum * std::exp(highest - wide) + 1;
      highest = wide;
    } else {
      sum += wide == highest ? 1 : std::exp(wide - highest);  // both may be infinite
    }
  }
  C result() const { return cast_number<C>(highest + std::log(sum)); }
};

/// The largest element, or what it began with; a NaN wins.
template <class C>
struct LargestOf {
  C best;

  void add(C x) { best = x > best || x != x ? x : best; }
  C result() const { return best; }
};

/// The least element, or what it began with; a NaN wins.
template <class C>
struct LeastOf {
  C best;

  void add(C x) { best = x < best || x != x ? x : best; }
  C result() const { return best; }
};

/// Which position counts as the best one.
struct PositionRule {
  bool largest = true;
  bool select_last = false;
};

/// The position of the largest element, or of the least; the first of equal ones, or the last. A NaN wins.
template <class C>
struct PositionOfBest {
  PositionRule rule = {};
  C best = 0;
  std::int64_t position = 0;
  std::int64_t next = 0;

  void add(C x) {
    const bool ties = x == best || (x != x && best != best);
    const bool wins = best == best && (x != x || (rule.largest ? x > best : x < best));
    if (next == 0 || wins || (ties && rule.select_last)) {
      best = x;
      position = next;
    }
    ++next;
  }
  std::int64_t result() const { return position; }
};

/// A tensor of numbers and an axis of one element or more; the output holds positions along it.
inline std::vector<TensorType> infer_position(const InputTypes& inputs, Index axis, bool keepdims) {
  inputs.require_count(1, 1);
  inputs.require_number(0);
  const Shape& shape = inputs.shape(0);
  const int along = shape.axis(axis);
  require(shape[along] > 0, "its input 0 of shape {} has no elements along its axis {}", shape.to_string(), along);
  AxisSet reduced{};
  reduced[static_cast<std::size_t>(along)] = true;
  return {{DataType::int64, reduced_shape(shape, reduced, keepdims)}};
}

inline void evaluate_position(const Evaluation& e, Index axis, const PositionRule& rule) {
  AxisSet reduced{};
  reduced[static_cast<std::size_t>(e.input().shape().axis(axis))] = true;
  with_computation_type(e.input().type.type,
                        [&]<class C>() { evaluate_reduction_as<C>(e, reduced, PositionOfBest<C>{.rule = rule}); });
}

}  // namespace condense::graph::reference

#endif
