#ifndef CONDENSE_TRAIN_DETAIL_RECURRENCE_HPP
#define CONDENSE_TRAIN_DETAIL_RECURRENCE_HPP

#include <cmath>
#include <concepts>
#include <vector>

#include "condense/graph/operators/recurrent.hpp"
#include "condense/train/detail/backward.hpp"

namespace condense::train::detail {

/// The slope of a recurrent activation where its value is y. All of them grow with their argument, so the value says
/// where it was.
template <class T>
class ActivationSlope {
 public:
  explicit ActivationSlope(const graph::reference::RecurrentActivation& activation) : activation_(activation) {
    using enum graph::reference::RecurrentFunction;
    const bool may_fall = activation.function == leaky_relu || activation.function == elu ||
                          activation.function == hard_sigmoid || activation.function == scaled_tanh;
    const bool is_flat = activation.function == scaled_tanh && activation.beta == 0;
    if (may_fall && (activation.alpha < 0 || (activation.alpha == 0 && activation.function != leaky_relu) || is_flat)) {
      throw Unsupported(fmt::format("its activation {} with alpha {} and beta {} has no gradient; one that grows has",
                                    name_of(activation.function), activation.alpha, activation.beta));
    }
    if (!activation.clip) return;
    lowest_ = -static_cast<T>(*activation.clip);
    highest_ = static_cast<T>(*activation.clip);
    activation.apply(&lowest_, 1);
    activation.apply(&highest_, 1);
  }

  T operator()(T y) const {
    using enum graph::reference::RecurrentFunction;
    if (activation_.clip && (y == lowest_ || y == highest_)) return T{0};
    const auto alpha = static_cast<T>(activation_.alpha);
    const auto beta = static_cast<T>(activation_.beta);
    switch (activation_.function) {
      case relu: return y > 0 ? T{1} : T{0};
      case tanh: return T{1} - y * y;
      case sigmoid: return y * (T{1} - y);
      case affine: return alpha;
      case leaky_relu: return y > 0 ? T{1} : alpha;
      case thresholded_relu: return y == 0 ? T{0} : T{1};
      case scaled_tanh: return alpha * beta * (T{1} - y / alpha * (y / alpha));
      case hard_sigmoid: return y > 0 && y < 1 ? alpha : T{0};
      case elu: return y < 0 ? y + alpha : T{1};
      case softsign: return (T{1} - std::abs(y)) * (T{1} - std::abs(y));
      case softplus: return -std::expm1(-y);
    }
    return T{0};
  }

 private:
  graph::reference::RecurrentActivation activation_;
  T lowest_ = 0;
  T highest_ = 0;
};

/// What the cells of one direction have seen and computed, rows of all steps (steps * batch, ...).
template <class T>
struct RecurrentTape {
  graph::reference::RecurrenceSizes sizes;
  std::vector<graph::reference::RecurrentActivation> activations;
  bool is_reversed = false;
  std::vector<T> gates;    ///< (gates * hidden): the values of the activations.
  std::vector<T> h;        ///< (hidden): the state before the step.
  std::vector<T> c;        ///< (hidden): the cell state before it.
  std::vector<T> next_c;   ///< (hidden): the cell state after it.
  std::vector<T> product;  ///< (hidden): of GRU's state before the reset gate acts on it.
  std::vector<T> reset;    ///< (hidden): GRU's state after the reset gate has acted on it.
  Index recorded = 0;      ///< Steps.

  /// The step that was or will be the i-th.
  Index step(Index i) const noexcept { return is_reversed ? sizes.steps - 1 - i : i; }
};

/// A cell of `graph::reference` that writes what it does on a tape.
template <class T, class Cell>
struct RecordingCell {
  Cell cell;
  RecurrentTape<T>* tape = nullptr;

  void operator()(const graph::reference::RecurrentStep<T>& step) {
    const graph::reference::RecurrenceSizes& sizes = tape->sizes;
    const Index states = sizes.batch * sizes.hidden;
    const Index row = tape->step(tape->recorded++) * sizes.batch;
    const auto keep = [&](std::vector<T>& target, const T* values, Index width) {
      if (target.empty()) target.resize(static_cast<std::size_t>(sizes.steps * sizes.batch * width));
      std::copy_n(values, sizes.batch * width, target.data() + row * width);
    };
    keep(tape->h, step.h, sizes.hidden);
    cell(step);
    using graph::reference::ElmanCell;
    using graph::reference::GruCell;
    if constexpr (std::same_as<Cell, ElmanCell<T>>) {
      keep(tape->gates, step.next_h, sizes.hidden);
    } else {
      keep(tape->gates, step.gates, sizes.width());
      if constexpr (std::same_as<Cell, GruCell<T>>) {
        if (!cell.linear_before_reset) return keep(tape->reset, cell.reset.data(), sizes.hidden);
        std::vector<T> last(static_cast<std::size_t>(states));
        for (Index i = 0; i < sizes.batch; ++i) {
          std::copy_n(cell.products.data() + (3 * i + 2) * sizes.hidden, sizes.hidden, last.data() + i * sizes.hidden);
        }
        keep(tape->product, last.data(), sizes.hidden);
      } else {
        keep(tape->c, step.c, sizes.hidden);
        keep(tape->next_c, step.next_c, sizes.hidden);
      }
    }
  }
};

/// Runs a recurrent operator again and records each direction. `make_cell(cell, evaluation, direction)` makes its cell.
template <class T, class Op, class MakeCell>
std::vector<RecurrentTape<T>> record(const Op& op, const Backward& b, MakeCell&& make_cell) {
  const std::vector<graph::InputBuffer> inputs = input_buffers(b);
  std::vector<Tensor> results;
  std::vector<graph::OutputBuffer> outputs;
  for (const graph::TensorType& type : b.output_types) results.push_back(b.memory.make(type.type, type.shape));
  for (Tensor& result : results) outputs.push_back({{result.type(), result.shape()}, result.mutable_raw()});
  std::vector<RecurrentTape<T>> tapes;
  tapes.reserve(2);  // cells point to them
  graph::detail::Recurrent(op).evaluate(
      {inputs, outputs, b.pool},
      [&]<class U>(const graph::reference::RecurrentCell<U>& cell, const graph::Evaluation& e, Index direction) {
        auto made = make_cell(cell, e, direction);
        if constexpr (std::same_as<U, T>) {
          RecurrentTape<T>& tape = tapes.emplace_back();
          tape.sizes = cell.sizes;
          tape.activations.assign(cell.activations.begin(), cell.activations.end());
          tape.is_reversed = direction == 1 || op.direction == graph::RecurrentDirection::reverse;
          return RecordingCell<T, decltype(made)>{std::move(made), &tape};
        } else {
          return made;  // of the type that the inputs do not have
        }
      });
  return tapes;
}

/// y += a * b in blocks of rows that depend on the sizes alone.
template <class T>
void add_strided_product(const linalg::Factor<T>& a, const linalg::Factor<T>& b, T* y, Index stride,
                         const ThreadPool& pool) {
  constexpr Index kBlockRows = 64;
  if (a.rows == 0 || a.columns == 0 || b.columns == 0) return;
  parallel_for(pool, a.rows, kBlockRows, [&](Index begin, Index end) {
    linalg::Factor<T> part = a;
    part.data += begin * (a.transposed ? 1 : a.stride);
    part.rows = end - begin;
    linalg::add_product(T{1}, part, b, y + begin * stride, stride);
  });
}

}  // namespace condense::train::detail

#endif
