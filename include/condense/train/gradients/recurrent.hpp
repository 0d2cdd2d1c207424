#ifndef CONDENSE_TRAIN_GRADIENTS_RECURRENT_HPP
#define CONDENSE_TRAIN_GRADIENTS_RECURRENT_HPP

#include "condense/train/detail/recurrent_reversals.hpp"

namespace condense::train {

namespace detail {

/// The gradients of a recurrent operator by back-propagation through time (Werbos, "Backpropagation through time: what
/// it does and how to do it", Proceedings of the IEEE 78, 1990): the forward pass is computed again and recorded, then
/// every direction is gone back step by step, and what all steps have in common is one product for each of the weights.
template <class T>
class BackpropagationThroughTime {
 public:
  explicit BackpropagationThroughTime(const Backward& b) : b_(b), gradients_(b.inputs.size()) {
    refuse(b, 4, "the lengths");
    for (std::size_t i = 0; i < gradients_.size(); ++i) {
      if (b.wants(i)) gradients_[i] = zeros(b, data_type_of<T>, b.input_shape(i));
    }
  }

  /// An input, null if it is absent, and its gradient, null if it is not wanted.
  const T* input(std::size_t i) const { return b_.has(i) ? b_.input(i).template data<T>() : nullptr; }
  T* gradient(std::size_t i) { return b_.wants(i) ? gradients_[i].template mutable_data<T>() : nullptr; }

  /// Goes back in one direction. `step_back` reverses a cell. The products with `separate` of the hidden * gates
  /// columns of state weights, the last ones, are of the reset state; `has_products` says whether the gradients of the
  /// products with the state are others than those of the products with the input.
  template <class StepBack>
  void run(const RecurrentTape<T>& tape, Index direction, Index separate, bool has_products, StepBack&& step_back) {
    const graph::reference::RecurrenceSizes& s = tape.sizes;
    const Index width = s.width();
    const Index together = width - separate;  // gates whose product is with the state itself
    const T* weights = input(2) + direction * width * s.hidden;
    std::vector<T> dgates(static_cast<std::size_t>(s.steps * s.batch * width));
    std::vector<T> dproducts(has_products ? dgates.size() : 0);
    const T* all_products = has_products ? dproducts.data() : dgates.data();
    std::vector<T> dh = initial(s, direction, 1);
    std::vector<T> dc = initial(s, direction, 2);
    for (Index i = s.steps; i-- > 0;) {
      const Index step = tape.step(i);
      const Index first = step * s.batch;
      for (Index sequence = 0; sequence < s.batch; ++sequence) {
        if (b_.has(4) && step >= b_.input(4).template data<std::int32_t>()[sequence]) continue;
        T* state = dh.data() + sequence * s.hidden;
        if (b_.output_gradients[0] != nullptr) {
          const T* dy = b_.output_gradients[0]->template data<T>() + s.result(step, direction, sequence);
          for (Index k = 0; k < s.hidden; ++k) state[k] += dy[k];
        }
        const Index row = first + sequence;
        step_back(RecurrentStepBack<T>{row, state, dc.data() + sequence * s.hidden, dgates.data() + row * width,
                                       has_products ? dproducts.data() + row * width : nullptr});
      }
      add_strided_product<T>({all_products + first * width, s.batch, together, width, false},
                             {weights, together, s.hidden, s.hidden, false}, dh.data(), s.hidden, b_.pool);
    }
    finish_states(s, direction, dh, dc);
    finish_weights(tape, direction, together, dgates.data(), all_products);
  }

  std::vector<Tensor> results() && { return std::move(gradients_); }

 private:
  /// The gradient of the last state, output i, as rows of (batch, hidden).
  std::vector<T> initial(const graph::reference::RecurrenceSizes& s, Index direction, std::size_t i) const {
    std::vector<T> result(static_cast<std::size_t>(s.batch * s.hidden));
    if (i >= b_.output_gradients.size() || b_.output_gradients[i] == nullptr) return result;
    const T* from = b_.output_gradients[i]->template data<T>();
    for (Index k = 0; k < s.batch; ++k) {
      std::copy_n(from + s.state(direction, k), s.hidden, result.data() + k * s.hidden);
    }
    return result;
  }

  void finish_states(const graph::reference::RecurrenceSizes& s, Index direction, const std::vector<T>& dh,
                     const std::vector<T>& dc) {
    T* const targets[] = {gradient(5), gradient(6)};
    const std::vector<T>* const sources[] = {&dh, &dc};
    for (std::size_t i = 0; i < 2; ++i) {
      for (Index k = 0; targets[i] != nullptr && k < s.batch; ++k) {
        std::copy_n(sources[i]->data() + k * s.hidden, s.hidden, targets[i] + s.state(direction, k));
      }
    }
  }

  void finish_weights(const RecurrentTape<T>& tape, Index direction, Index together, const T* dgates,
                      const T* dproducts) {
    const graph::reference::RecurrenceSizes& s = tape.sizes;
    const Index width = s.width();
    const Index rows = s.steps * s.batch;
    if (T* dx = gradient(0)) {
      std::vector<T> sum(static_cast<std::size_t>(rows * s.input));
      add_strided_product<T>({dgates, rows, width, width, false},
                             {input(1) + direction * width * s.input, width, s.input, s.input, false}, sum.data(),
                             s.input, b_.pool);
      add_sequences(s, sum.data(), dx);
    }
    if (T* target = gradient(1)) {
      std::vector<T> moved(static_cast<std::size_t>(s.batch_first ? rows * s.input : 0));
      const T* x = graph::reference::steps_first(s, input(0), moved.data());
      add_strided_product<T>({dgates, width, rows, width, true}, {x, rows, s.input, s.input, false},
                             target + direction * width * s.input, s.input, b_.pool);
    }
    if (T* target = gradient(2)) {
      target += direction * width * s.hidden;
      add_strided_product<T>({dproducts, together, rows, width, true}, {tape.h.data(), rows, s.hidden, s.hidden, false},
                             target, s.hidden, b_.pool);
      add_strided_product<T>({dproducts + together, width - together, rows, width, true},
                             {tape.reset.data(), rows, s.hidden, s.hidden, false}, target + together * s.hidden,
                             s.hidden, b_.pool);
    }
    if (T* target = gradient(3)) {
      target += direction * 2 * width;
      for (Index i = 0; i < rows * width; ++i) {
        target[i % width] += dgates[i];
        target[width + i % width] += dproducts[i];
      }
    }
  }

  /// dx += the gradient of the sequences with the steps first.
  static void add_sequences(const graph::reference::RecurrenceSizes& s, const T* from, T* dx) {
    for (Index step = 0; step < s.steps; ++step) {
      for (Index k = 0; k < s.batch; ++k) {
        T* target = dx + (s.batch_first ? k * s.steps + step : step * s.batch + k) * s.input;
        for (Index i = 0; i < s.input; ++i) target[i] += *from++;
      }
    }
  }

  const Backward& b_;
  std::vector<Tensor> gradients_;
};

}  // namespace detail

/// That of `detail::BackpropagationThroughTime` with `detail::ElmanReversal`.
template <>
struct Gradient<graph::Rnn> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Rnn& op, const Backward& b) {
    return graph::with_float_type(detail::gradient_type(b), [&]<class T>() {
      const auto tapes = detail::record<T>(
          op, b, []<class U>(const graph::reference::RecurrentCell<U>& cell, const graph::Evaluation&, Index) {
            return graph::reference::ElmanCell<U>{cell};
          });
      detail::BackpropagationThroughTime<T> back(b);
      for (std::size_t d = 0; d < tapes.size(); ++d) {
        back.run(tapes[d], static_cast<Index>(d), 0, false, detail::ElmanReversal<T>(tapes[d]));
      }
      return std::move(back).results();
    });
  }
};

/// That of `detail::BackpropagationThroughTime` with `detail::GruReversal`.
template <>
struct Gradient<graph::Gru> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Gru& op, const Backward& b) {
    return graph::with_float_type(detail::gradient_type(b), [&]<class T>() {
      const auto tapes = detail::record<T>(
          op, b, [&]<class U>(const graph::reference::RecurrentCell<U>& cell, const graph::Evaluation&, Index) {
            return graph::reference::GruCell<U>{cell, op.linear_before_reset};
          });
      detail::BackpropagationThroughTime<T> back(b);
      for (std::size_t d = 0; d < tapes.size(); ++d) {
        const auto direction = static_cast<Index>(d);
        const Index hidden = tapes[d].sizes.hidden;
        back.run(
            tapes[d], direction, op.linear_before_reset ? 0 : hidden, op.linear_before_reset,
            detail::GruReversal<T>(tapes[d], back.input(2) + direction * 3 * hidden * hidden, op.linear_before_reset));
      }
      return std::move(back).results();
    });
  }
};

/// That of `detail::BackpropagationThroughTime` with `detail::LstmReversal`.
template <>
struct Gradient<graph::Lstm> {
  static constexpr Reads kReads = Reads::inputs;

  static std::vector<Tensor> backward(const graph::Lstm& op, const Backward& b) {
    return graph::with_float_type(detail::gradient_type(b), [&]<class T>() {
      const auto tapes = detail::record<T>(
          op, b, [&]<class U>(const graph::reference::RecurrentCell<U>& cell, const graph::Evaluation& e, Index d) {
            const U* peepholes = e.has(7) ? e.input(7).template as<U>() + d * 3 * cell.sizes.hidden : nullptr;
            return graph::reference::LstmCell<U>{cell, peepholes, op.input_forget};
          });
      detail::BackpropagationThroughTime<T> back(b);
      for (std::size_t d = 0; d < tapes.size(); ++d) {
        const auto direction = static_cast<Index>(d);
        const Index first = direction * 3 * tapes[d].sizes.hidden;
        const T* peepholes = back.input(7);
        T* dpeepholes = back.gradient(7);
        back.run(tapes[d], direction, 0, false,
                 detail::LstmReversal<T>(tapes[d], peepholes == nullptr ? nullptr : peepholes + first,
                                         dpeepholes == nullptr ? nullptr : dpeepholes + first, op.input_forget));
      }
      return std::move(back).results();
    });
  }
};

}  // namespace condense::train

#endif
