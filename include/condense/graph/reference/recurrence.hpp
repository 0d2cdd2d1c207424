#ifndef CONDENSE_GRAPH_REFERENCE_RECURRENCE_HPP
#define CONDENSE_GRAPH_REFERENCE_RECURRENCE_HPP

#include <algorithm>
#include <vector>

#include "condense/graph/operator.hpp"
#include "condense/graph/reference/product.hpp"

namespace condense::graph::reference {

/// Extents of a recurrence: sequences (steps, batch, input), or (batch, steps, input) if `batch_first`; weights of the
/// input (directions, gates * hidden, input) and of the state (directions, gates * hidden, hidden).
struct RecurrenceSizes {
  Index steps = 0;
  Index batch = 0;
  Index input = 0;
  Index hidden = 0;
  Index gates = 1;
  Index directions = 1;
  bool batch_first = false;

  Index width() const noexcept { return gates * hidden; }

  /// The first element of the result of a step: (steps, directions, batch, hidden) or, batch first, (batch, steps,
  /// directions, hidden).
  Index result(Index step, Index direction, Index sequence) const noexcept {
    if (batch_first) return ((sequence * steps + step) * directions + direction) * hidden;
    return ((step * directions + direction) * batch + sequence) * hidden;
  }

  /// The first element of a state: (directions, batch, hidden) or, batch first, (batch, directions, hidden).
  Index state(Index direction, Index sequence) const noexcept {
    return (batch_first ? sequence * directions + direction : direction * batch + sequence) * hidden;
  }
};

/// The tensors of a recurrence. Optional ones are null.
template <class T>
struct RecurrenceTensors {
  const T* x = nullptr;
  const T* input_weights = nullptr;
  const T* biases = nullptr;              ///< (directions, 2 * gates * hidden): of the input, then of the state.
  const std::int32_t* lengths = nullptr;  ///< Steps of each sequence; the others are left out.
  const T* initial_h = nullptr;
  const T* initial_c = nullptr;
  T* y = nullptr;
  T* last_h = nullptr;
  T* last_c = nullptr;  ///< Null if there is no cell state.
};

/// What a cell sees and writes in one step of all sequences, each (batch, ...) row by row.
template <class T>
struct RecurrentStep {
  T* gates = nullptr;    ///< (batch, gates * hidden): input * weights^T + bias of the input; free to overwrite.
  const T* h = nullptr;  ///< (batch, hidden), the state before.
  const T* c = nullptr;  ///< The cell state before, if there is one.
  T* next_h = nullptr;
  T* next_c = nullptr;
};

/// The sequences as (steps, batch, input).
template <class T>
std::vector<T> steps_first(const RecurrenceSizes& sizes, const T* x) {
  std::vector<T> result(static_cast<std::size_t>(sizes.steps * sizes.batch * sizes.input));
  for (Index sequence = 0; sequence < sizes.batch; ++sequence) {
    for (Index step = 0; step < sizes.steps; ++step, x += sizes.input) {
      std::copy_n(x, sizes.input, result.data() + (step * sizes.batch + sequence) * sizes.input);
    }
  }
  return result;
}

/// Runs a recurrent cell over sequences, in each direction on its own. `reversed(direction)` says whether it goes from
/// the last step to the first, `multiply(direction, x, gates)` adds to the gates (steps, batch, gates * hidden) the
/// product of the sequences (steps, batch, input) and the direction's weights, for all steps at once, and
/// `make_cell(direction)` gives a function of a `RecurrentStep`. A sequence's results beyond its length are 0, and its
/// last state is the one after its own steps.
template <class T, class Reversed, class Multiply, class MakeCell>
void run_recurrence(const RecurrenceSizes& sizes, const RecurrenceTensors<T>& tensors, Reversed&& reversed,
                    Multiply&& multiply, MakeCell&& make_cell) {
  const std::vector<T> transposed = sizes.batch_first ? steps_first(sizes, tensors.x) : std::vector<T>();
  const T* x = sizes.batch_first ? transposed.data() : tensors.x;
  const Index width = sizes.width();
  const Index rows = sizes.steps * sizes.batch;
  const auto state_size = static_cast<std::size_t>(sizes.batch * sizes.hidden);
  std::vector<T> gates(static_cast<std::size_t>(rows * width));
  std::vector<T> h(state_size);
  std::vector<T> c(state_size);
  std::vector<T> next_h(state_size);
  std::vector<T> next_c(state_size);
  for (Index direction = 0; direction < sizes.directions; ++direction) {
    for (Index row = 0; row < rows; ++row) {
      T* target = gates.data() + row * width;
      if (tensors.biases != nullptr) {
        std::copy_n(tensors.biases + direction * 2 * width, width, target);
      } else {
        std::fill_n(target, width, T{0});
      }
    }
    multiply(direction, x, gates.data());
    for (Index sequence = 0; sequence < sizes.batch; ++sequence) {
      const Index from = sizes.state(direction, sequence);
      const auto start = [&](const T* initial, std::vector<T>& state) {
        T* target = state.data() + sequence * sizes.hidden;
        if (initial != nullptr) {
          std::copy_n(initial + from, sizes.hidden, target);
        } else {
          std::fill_n(target, sizes.hidden, T{0});
        }
      };
      start(tensors.initial_h, h);
      start(tensors.initial_c, c);
    }
    auto&& cell = make_cell(direction);
    for (Index i = 0; i < sizes.steps; ++i) {
      const Index step = reversed(direction) ? sizes.steps - 1 - i : i;
      cell(RecurrentStep<T>{gates.data() + step * sizes.batch * width, h.data(), c.data(), next_h.data(),
                            next_c.data()});
      for (Index sequence = 0; sequence < sizes.batch; ++sequence) {
        T* y = tensors.y + sizes.result(step, direction, sequence);
        if (tensors.lengths != nullptr && step >= tensors.lengths[sequence]) {
          std::fill_n(y, sizes.hidden, T{0});
          continue;
        }
        const Index first = sequence * sizes.hidden;
        std::copy_n(next_h.data() + first, sizes.hidden, h.data() + first);
        std::copy_n(next_c.data() + first, sizes.hidden, c.data() + first);
        std::copy_n(next_h.data() + first, sizes.hidden, y);
      }
    }
    for (Index sequence = 0; sequence < sizes.batch; ++sequence) {
      const Index to = sizes.state(direction, sequence);
      std::copy_n(h.data() + sequence * sizes.hidden, sizes.hidden, tensors.last_h + to);
      if (tensors.last_c != nullptr) {
        std::copy_n(c.data() + sequence * sizes.hidden, sizes.hidden, tensors.last_c + to);
      }
    }
  }
}

/// The same with the float weights `tensors.input_weights`.
template <class T, class Reversed, class MakeCell>
void run_recurrence(const RecurrenceSizes& sizes, const RecurrenceTensors<T>& tensors, const ThreadPool& pool,
                    Reversed&& reversed, MakeCell&& make_cell) {
  const auto multiply = [&](Index direction, const T* x, T* gates) {
    add_product<T>({sizes.steps * sizes.batch, sizes.width(), sizes.input}, T{1}, {x},
                   {tensors.input_weights + direction * sizes.width() * sizes.input, true}, gates, pool);
  };
  run_recurrence<T>(sizes, tensors, reversed, multiply, make_cell);
}

}  // namespace condense::graph::reference

#endif
