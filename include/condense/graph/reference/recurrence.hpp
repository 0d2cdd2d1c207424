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

  /// The bias of the input in a direction; null for 0.
  const T* input_bias(const RecurrenceSizes& sizes, Index direction) const noexcept {
    return biases == nullptr ? nullptr : biases + direction * 2 * sizes.width();
  }
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

/// Writes `rows` copies of a row of `width` elements, or zeros if it is null.
template <class T>
void repeat_row(const T* row, Index width, Index rows, T* target) {
  if (row == nullptr) {
    std::fill_n(target, rows * width, T{0});
    return;
  }
  for (Index i = 0; i < rows; ++i) std::copy_n(row, width, target + i * width);
}

/// Memory that a recurrence works in.
template <class T>
struct RecurrenceMemory {
  T* x = nullptr;      ///< (steps, batch, input) of sequences that come batch first.
  T* gates = nullptr;  ///< (steps, batch, gates * hidden)
  T* h = nullptr;      ///< (batch, hidden), as the rest.
  T* c = nullptr;
  T* next_h = nullptr;
  T* next_c = nullptr;

  static Index elements(const RecurrenceSizes& s) noexcept {
    return (s.batch_first ? s.steps * s.batch * s.input : 0) + s.steps * s.batch * s.width() + 4 * s.batch * s.hidden;
  }

  /// Takes `elements(sizes)` from `memory` on.
  RecurrenceMemory(const RecurrenceSizes& s, T* memory) noexcept
      : x(memory),
        gates(x + (s.batch_first ? s.steps * s.batch * s.input : 0)),
        h(gates + s.steps * s.batch * s.width()),
        c(h + s.batch * s.hidden),
        next_h(c + s.batch * s.hidden),
        next_c(next_h + s.batch * s.hidden) {}
};

/// The sequences as (steps, batch, input): where they lie, or brought into that order in `memory`.
template <class T>
const T* steps_first(const RecurrenceSizes& sizes, const T* x, T* memory) {
  if (!sizes.batch_first) return x;
  for (Index sequence = 0; sequence < sizes.batch; ++sequence) {
    for (Index step = 0; step < sizes.steps; ++step, x += sizes.input) {
      std::copy_n(x, sizes.input, memory + (step * sizes.batch + sequence) * sizes.input);
    }
  }
  return memory;
}

/// Runs a recurrent cell over sequences, in each direction on its own. `reversed(direction)` says whether it goes from
/// the last step to the first, `multiply(direction, x, gates)` writes the gates (steps, batch, gates * hidden): the
/// product of the sequences (steps, batch, input) and the direction's weights, for all steps at once, and the bias of
/// the input; `make_cell(direction)` gives a function of a `RecurrentStep`. A sequence's results beyond its length are
/// 0, and its last state is the one after its own steps.
template <class T, class Reversed, class Multiply, class MakeCell>
void run_recurrence(const RecurrenceSizes& sizes, const RecurrenceTensors<T>& tensors,
                    const RecurrenceMemory<T>& memory, Reversed&& reversed, Multiply&& multiply, MakeCell&& make_cell) {
  const T* x = steps_first(sizes, tensors.x, memory.x);
  for (Index direction = 0; direction < sizes.directions; ++direction) {
    multiply(direction, x, memory.gates);
    for (Index sequence = 0; sequence < sizes.batch; ++sequence) {
      const Index from = sizes.state(direction, sequence);
      const Index to = sequence * sizes.hidden;
      repeat_row(tensors.initial_h == nullptr ? nullptr : tensors.initial_h + from, sizes.hidden, 1, memory.h + to);
      repeat_row(tensors.initial_c == nullptr ? nullptr : tensors.initial_c + from, sizes.hidden, 1, memory.c + to);
      std::fill_n(memory.next_c + to, sizes.hidden, T{0});
    }
    auto&& cell = make_cell(direction);
    for (Index i = 0; i < sizes.steps; ++i) {
      const Index step = reversed(direction) ? sizes.steps - 1 - i : i;
      cell(RecurrentStep<T>{memory.gates + step * sizes.batch * sizes.width(), memory.h, memory.c, memory.next_h,
                            memory.next_c});
      for (Index sequence = 0; sequence < sizes.batch; ++sequence) {
        T* y = tensors.y + sizes.result(step, direction, sequence);
        if (tensors.lengths != nullptr && step >= tensors.lengths[sequence]) {
          std::fill_n(y, sizes.hidden, T{0});
          continue;
        }
        const Index first = sequence * sizes.hidden;
        std::copy_n(memory.next_h + first, sizes.hidden, memory.h + first);
        std::copy_n(memory.next_c + first, sizes.hidden, memory.c + first);
        std::copy_n(memory.next_h + first, sizes.hidden, y);
      }
    }
    for (Index sequence = 0; sequence < sizes.batch; ++sequence) {
      const Index from = sequence * sizes.hidden;
      const Index to = sizes.state(direction, sequence);
      if (tensors.last_h != nullptr) std::copy_n(memory.h + from, sizes.hidden, tensors.last_h + to);
      if (tensors.last_c != nullptr) std::copy_n(memory.c + from, sizes.hidden, tensors.last_c + to);
    }
  }
}

/// The same in memory of its own.
template <class T, class Reversed, class Multiply, class MakeCell>
void run_recurrence(const RecurrenceSizes& sizes, const RecurrenceTensors<T>& tensors, Reversed&& reversed,
                    Multiply&& multiply, MakeCell&& make_cell) {
  std::vector<T> memory(static_cast<std::size_t>(RecurrenceMemory<T>::elements(sizes)));
  run_recurrence<T>(sizes, tensors, RecurrenceMemory<T>(sizes, memory.data()), reversed, multiply, make_cell);
}

/// The same with the float weights `tensors.input_weights`.
template <class T, class Reversed, class MakeCell>
void run_recurrence(const RecurrenceSizes& sizes, const RecurrenceTensors<T>& tensors, const ThreadPool& pool,
                    Reversed&& reversed, MakeCell&& make_cell) {
  const auto multiply = [&](Index direction, const T* x, T* gates) {
    const Index rows = sizes.steps * sizes.batch;
    repeat_row(tensors.input_bias(sizes, direction), sizes.width(), rows, gates);
    add_product<T>({rows, sizes.width(), sizes.input}, T{1}, {x},
                   {tensors.input_weights + direction * sizes.width() * sizes.input, true}, gates, pool);
  };
  run_recurrence<T>(sizes, tensors, reversed, multiply, make_cell);
}

}  // namespace condense::graph::reference

#endif
