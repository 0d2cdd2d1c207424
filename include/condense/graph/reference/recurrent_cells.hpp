#ifndef CONDENSE_GRAPH_REFERENCE_RECURRENT_CELLS_HPP
#define CONDENSE_GRAPH_REFERENCE_RECURRENT_CELLS_HPP

#include "condense/graph/reference/recurrence.hpp"
#include "condense/graph/reference/recurrent_activation.hpp"

namespace condense::graph::reference {

// Each cell takes what multiplies its state and applies its activations as `Shared`, which is `RecurrentCell` or has
// its functions and its `sizes`, and memory as `Memory`: a vector, or what has its `resize` and `data`.

/// What the cells of one direction have in common.
template <class T>
struct RecurrentCell {
  RecurrenceSizes sizes;
  const T* weights = nullptr;  ///< Of the state: (gates * hidden, hidden).
  const T* bias = nullptr;     ///< Of the state: (gates * hidden); null for 0.
  std::span<const RecurrentActivation> activations;
  const ThreadPool& pool;

  /// result (batch, count * hidden) = h * weights^T + bias of the gates [first, first + count).
  void multiply_state(const T* h, Index first, Index count, T* result) const {
    const Index width = count * sizes.hidden;
    repeat_row(bias == nullptr ? nullptr : bias + first * sizes.hidden, width, sizes.batch, result);
    add_product<T>({sizes.batch, width, sizes.hidden}, T{1}, {h}, {weights + first * sizes.hidden * sizes.hidden, true},
                   result, pool);
  }

  /// x = function(x) for `count` values; the function is one of `activations`.
  void activate(std::size_t function, T* x, Index count) const { activations[function].apply(x, count); }
};

/// h' = f(gates + h * R^T + bias).
template <class T, class Shared = RecurrentCell<T>>
struct ElmanCell {
  Shared shared;

  void operator()(const RecurrentStep<T>& step) const {
    const Index count = shared.sizes.batch * shared.sizes.hidden;
    shared.multiply_state(step.h, 0, 1, step.next_h);
    for (Index i = 0; i < count; ++i) step.next_h[i] += step.gates[i];
    shared.activate(0, step.next_h, count);
  }
};

/// The gates z, r, h: z and r = f(gates + h * R^T + bias), candidate = g(gates + (r * h) * R^T + bias), or with
/// `linear_before_reset` g(gates + r * (h * R^T + bias)); h' = (1 - z) * candidate + z * h.
template <class T, class Shared = RecurrentCell<T>, class Memory = std::vector<T>>
struct GruCell {
  Shared shared;
  bool linear_before_reset = false;
  Memory products = {};  ///< (3, batch, hidden)
  Memory reset = {};     ///< (batch, hidden)

  void operator()(const RecurrentStep<T>& step) {
    const Index hidden = shared.sizes.hidden;
    const Index gates = linear_before_reset ? 3 : 2;
    const auto state_size = static_cast<std::size_t>(shared.sizes.batch * hidden);
    products.resize(3 * state_size);
    reset.resize(state_size);
    shared.multiply_state(step.h, 0, gates, products.data());
    for (Index row = 0; row < shared.sizes.batch; ++row) {
      T* z = step.gates + row * 3 * hidden;
      T* r = z + hidden;
      const T* product = products.data() + row * gates * hidden;
      for (Index i = 0; i < 2 * hidden; ++i) z[i] += product[i];
      shared.activate(0, z, 2 * hidden);
      for (Index i = 0; i < hidden; ++i) {
        if (linear_before_reset) {
          r[hidden + i] += r[i] * product[2 * hidden + i];
        } else {
          reset.data()[row * hidden + i] = r[i] * step.h[row * hidden + i];
        }
      }
    }
    if (!linear_before_reset) shared.multiply_state(reset.data(), 2, 1, products.data());
    for (Index row = 0; row < shared.sizes.batch; ++row) {
      const T* z = step.gates + row * 3 * hidden;
      T* candidate = step.gates + (row * 3 + 2) * hidden;
      if (!linear_before_reset) {
        for (Index i = 0; i < hidden; ++i) candidate[i] += products.data()[row * hidden + i];
      }
      shared.activate(1, candidate, hidden);
      for (Index i = 0; i < hidden; ++i) {
        step.next_h[row * hidden + i] = (1 - z[i]) * candidate[i] + z[i] * step.h[row * hidden + i];
      }
    }
  }
};

/// The gates i, o, f, c, with sums = gates + h * R^T + bias: i = f(sum + P_i * c), f = f(sum + P_f * c) or, coupled,
/// 1 - i; c' = f * c + i * g(sum); o = f(sum + P_o * c'); h' = o * h(c').
template <class T, class Shared = RecurrentCell<T>, class Memory = std::vector<T>>
struct LstmCell {
  Shared shared;
  const T* peepholes = nullptr;  ///< (3 * hidden) for i, o, f; null for 0.
  bool couples_forget = false;
  Memory products = {};  ///< (batch, 4 * hidden)

  void operator()(const RecurrentStep<T>& step) {
    const Index hidden = shared.sizes.hidden;
    products.resize(static_cast<std::size_t>(shared.sizes.batch * 4 * hidden));
    shared.multiply_state(step.h, 0, 4, products.data());
    for (Index row = 0; row < shared.sizes.batch; ++row) {
      T* in = step.gates + row * 4 * hidden;
      T* out = in + hidden;
      T* forget = out + hidden;
      T* candidate = forget + hidden;
      const T* c = step.c + row * hidden;
      T* next_c = step.next_c + row * hidden;
      T* next_h = step.next_h + row * hidden;
      const T* product = products.data() + row * 4 * hidden;
      for (Index i = 0; i < 4 * hidden; ++i) in[i] += product[i];
      const auto look = [&](Index gate, const T* state, T* sums) {
        if (peepholes == nullptr) return;
        for (Index i = 0; i < hidden; ++i) sums[i] += peepholes[gate * hidden + i] * state[i];
      };
      look(0, c, in);
      look(2, c, forget);
      shared.activate(0, in, hidden);
      shared.activate(0, forget, hidden);
      shared.activate(1, candidate, hidden);
      for (Index i = 0; i < hidden; ++i) {
        next_c[i] = (couples_forget ? 1 - in[i] : forget[i]) * c[i] + in[i] * candidate[i];
      }
      look(1, next_c, out);
      shared.activate(0, out, hidden);
      std::copy_n(next_c, hidden, next_h);
      shared.activate(2, next_h, hidden);
      for (Index i = 0; i < hidden; ++i) next_h[i] *= out[i];
    }
  }
};

}  // namespace condense::graph::reference

#endif
