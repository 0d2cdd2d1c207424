#ifndef CONDENSE_TRAIN_GRADIENTS_BINARY_MATH_HPP
#define CONDENSE_TRAIN_GRADIENTS_BINARY_MATH_HPP

#include <cmath>

#include "condense/graph/operators/binary_math.hpp"
#include "condense/graph/operators/cast.hpp"
#include "condense/graph/operators/comparisons.hpp"
#include "condense/train/detail/backward.hpp"
#include "condense/train/detail/elementwise.hpp"

namespace condense::train {

namespace detail {

/// factor * dy.
inline Tensor scaled(const Backward& b, double factor) {
  const Tensor& from = b.output_gradient();
  Tensor result = b.memory.make(from.type(), from.shape());
  graph::with_float_type(from.type(), [&]<class T>() {
    const T* dy = from.data<T>();
    T* to = result.mutable_data<T>();
    parallel_for(b.pool, from.count(), graph::reference::kElementwiseGrain, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) to[i] = static_cast<T>(factor) * dy[i];
    });
  });
  return result;
}

/// dy goes to the input that the result is equal to, of several the first.
inline std::vector<Tensor> differentiate_choice(const Backward& b) {
  const Tensor& output_gradient = b.output_gradient();
  std::vector<Tensor> gradients(b.inputs.size());
  graph::with_float_type(output_gradient.type(), [&]<class T>() {
    const Shape& shape = output_gradient.shape();
    const T* y = b.output().data<T>();
    const T* dy = output_gradient.data<T>();
    std::vector<std::uint8_t> is_given(static_cast<std::size_t>(shape.count()), 0);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      const graph::reference::Broadcast broadcast(shape, b.input_shape(i), shape);
      const T* x = b.input(i).data<T>();
      Tensor terms = b.memory.make(output_gradient.type(), shape);
      T* to = terms.mutable_data<T>();
      parallel_for(b.pool, shape.count(), graph::reference::kElementwiseGrain, [&](Index begin, Index end) {
        broadcast.for_each_run(begin, end, [&](Index first, Index, Index from, Index length, Index, Index stride) {
          for (Index k = 0; k < length; ++k) {
            std::uint8_t& given = is_given[static_cast<std::size_t>(first + k)];
            const bool wins = given == 0 && x[from + k * stride] == y[first + k];
            to[first + k] = wins ? dy[first + k] : T{0};
            given = wins ? 1 : given;
          }
        });
      });
      if (b.wants(i)) gradients[i] = sum_to_shape(terms, b.input_shape(i), b.memory);
    }
  });
  return gradients;
}

}  // namespace detail

/// da = dy / b and db = -dy y / b, each summed over the axes along which it was broadcast.
template <>
struct Gradient<graph::Div> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Div&, const Backward& b) {
    std::vector<Tensor> gradients(2);
    if (b.wants(0)) {
      gradients[0] = detail::differentiate_broadcast(b, 0, b.input(0), b.input(1),
                                                     [](auto, auto divisor, auto dy) { return dy / divisor; });
    }
    if (b.wants(1)) {
      gradients[1] = detail::differentiate_broadcast(
          b, 1, b.input(0), b.input(1), [](auto x, auto divisor, auto dy) { return -dy * x / (divisor * divisor); });
    }
    return gradients;
  }
};

/// dy goes to the largest of the elements that meet, of equal ones to the first.
template <>
struct Gradient<graph::Max> {
  static constexpr Reads kReads = Reads::everything;

  static std::vector<Tensor> backward(const graph::Max&, const Backward& b) { return detail::differentiate_choice(b); }
};

/// dy goes to the least of the elements that meet, of equal ones to the first.
template <>
struct Gradient<graph::Min> {
  static constexpr Reads kReads = Reads::everything;

  static std::vector<Tensor> backward(const graph::Min&, const Backward& b) { return detail::differentiate_choice(b); }
};

/// dx = dy / n for each of n inputs, summed over the axes along which it was broadcast.
template <>
struct Gradient<graph::Mean> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Mean&, const Backward& b) {
    std::vector<Tensor> gradients(b.input_types.size());
    const Tensor share = detail::scaled(b, 1 / static_cast<double>(gradients.size()));
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (b.wants(i)) gradients[i] = detail::sum_to_shape(share, b.input_shape(i), b.memory);
    }
    return gradients;
  }
};

/// With y = a - b trunc(a / b), the remainder of floats: da = dy and db = -dy trunc(a / b), each summed over the axes
/// along which it was broadcast.
template <>
struct Gradient<graph::Mod> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Mod&, const Backward& b) {
    std::vector<Tensor> gradients(2);
    if (b.wants(0)) gradients[0] = detail::sum_to_shape(b.output_gradient(), b.input_shape(0), b.memory);
    if (b.wants(1)) {
      gradients[1] = detail::differentiate_broadcast(
          b, 1, b.input(0), b.input(1), [](auto x, auto divisor, auto dy) { return -dy * std::trunc(x / divisor); });
    }
    return gradients;
  }
};

/// da = dy b a^(b - 1), 0 where b is, and db = dy a^b log(a), 0 where a is, each summed over the axes along which it
/// was broadcast. An exponent of integers has no gradient.
template <>
struct Gradient<graph::Pow> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Pow&, const Backward& b) {
    std::vector<Tensor> gradients(2);
    const DataType type = b.output_gradient().type();
    const bool is_same = b.input(1).type() == type;
    if (!is_float(b.input(1).type())) detail::refuse(b, 1, "an exponent of integers");
    const Tensor exponent = is_same ? b.input(1) : detail::evaluate(b, graph::Cast{type}, {&b.input(1)});
    if (b.wants(0)) {
      gradients[0] = detail::differentiate_broadcast(b, 0, b.input(0), exponent, []<class T>(T x, T power, T dy) {
        return power == 0 ? T{0} : dy * power * std::pow(x, power - T{1});
      });
    }
    if (b.wants(1)) {
      gradients[1] = detail::differentiate_broadcast(b, 1, b.input(0), exponent, []<class T>(T x, T power, T dy) {
        return x == 0 ? T{0} : dy * std::pow(x, power) * std::log(x);
      });
      if (!is_same) gradients[1] = detail::evaluate(b, graph::Cast{gradient_type_of(b.input(1))}, {&gradients[1]});
    }
    return gradients;
  }

 private:
  static DataType gradient_type_of(const Tensor& tensor) {
    return tensor.type() == DataType::float64 ? DataType::float64 : DataType::float32;
  }
};

/// da = dy and db = -dy, each summed over the axes along which it was broadcast.
template <>
struct Gradient<graph::Sub> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Sub&, const Backward& b) {
    std::vector<Tensor> gradients(2);
    if (b.wants(0)) gradients[0] = detail::sum_to_shape(b.output_gradient(), b.input_shape(0), b.memory);
    if (b.wants(1)) gradients[1] = detail::sum_to_shape(detail::scaled(b, -1), b.input_shape(1), b.memory);
    return gradients;
  }
};

/// dx = dy for every input, summed over the axes along which it was broadcast.
template <>
struct Gradient<graph::Sum> {
  static constexpr Reads kReads = Reads::nothing;

  static std::vector<Tensor> backward(const graph::Sum&, const Backward& b) {
    std::vector<Tensor> gradients(b.input_types.size());
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (b.wants(i)) gradients[i] = detail::sum_to_shape(b.output_gradient(), b.input_shape(i), b.memory);
    }
    return gradients;
  }
};

/// da = dy where the condition holds and db = dy where it does not, each summed over the axes along which it was
/// broadcast.
template <>
struct Gradient<graph::Where> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Where&, const Backward& b) {
    detail::refuse(b, 0, "the condition");
    const Tensor& dy = b.output_gradient();
    const Tensor nothing = detail::zeros(b, dy.type(), Shape{});
    std::vector<Tensor> gradients(3);
    for (const std::size_t i : {1U, 2U}) {
      if (!b.wants(i)) continue;
      const Tensor* const chosen = i == 1 ? &dy : &nothing;
      const Tensor* const other = i == 1 ? &nothing : &dy;
      gradients[i] = detail::sum_to_shape(detail::evaluate(b, graph::Where{}, {&b.input(0), chosen, other}),
                                          b.input_shape(i), b.memory);
    }
    return gradients;
  }
};

}  // namespace condense::train

#endif
