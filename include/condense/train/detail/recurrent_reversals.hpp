#ifndef CONDENSE_TRAIN_DETAIL_RECURRENT_REVERSALS_HPP
#define CONDENSE_TRAIN_DETAIL_RECURRENT_REVERSALS_HPP

#include "condense/train/detail/recurrence.hpp"

namespace condense::train::detail {

/// One step of one sequence on the way back. Rows of the tape belong to it.
template <class T>
struct RecurrentStepBack {
  Index row = 0;           ///< Of the tape.
  T* dh = nullptr;         ///< (hidden): of the state after the step; becomes that of the one before it, as far as it
                           ///< does not go through the product with the weights of the state.
  T* dc = nullptr;         ///< (hidden): likewise of the cell state.
  T* dgates = nullptr;     ///< (gates * hidden): of input * weights^T; zeros before.
  T* dproducts = nullptr;  ///< (gates * hidden): of state * weights^T; where it may be other than `dgates`.
};

/// The reversal of `graph::reference::ElmanCell`.
template <class T>
class ElmanReversal {
 public:
  explicit ElmanReversal(const RecurrentTape<T>& tape) : tape_(tape), slope_(tape.activations[0]) {}

  void operator()(const RecurrentStepBack<T>& s) const {
    const Index hidden = tape_.sizes.hidden;
    const T* h = tape_.gates.data() + s.row * hidden;
    for (Index i = 0; i < hidden; ++i) {
      s.dgates[i] = s.dh[i] * slope_(h[i]);
      s.dh[i] = 0;
    }
  }

 private:
  const RecurrentTape<T>& tape_;
  ActivationSlope<T> slope_;
};

/// The reversal of `graph::reference::GruCell`: with h' = (1 - z) n + z h, dz = dh' (h - n) and dn = dh' (1 - z); then
/// r has dn p, where p is the product that it acts on, or, if it acts on the state, the gradient of r * h times h.
template <class T>
class GruReversal {
 public:
  /// `weights` are those of the state, (3 * hidden, hidden).
  GruReversal(const RecurrentTape<T>& tape, const T* weights, bool linear_before_reset)
      : tape_(tape),
        gate_slope_(tape.activations[0]),
        candidate_slope_(tape.activations[1]),
        weights_(weights),
        linear_before_reset_(linear_before_reset),
        reset_gradient_(static_cast<std::size_t>(tape.sizes.hidden)) {}

  void operator()(const RecurrentStepBack<T>& s) {
    const Index hidden = tape_.sizes.hidden;
    const T* z = tape_.gates.data() + s.row * 3 * hidden;
    const T* r = z + hidden;
    const T* n = r + hidden;
    const T* h = tape_.h.data() + s.row * hidden;
    T* dn = s.dgates + 2 * hidden;
    for (Index i = 0; i < hidden; ++i) {
      s.dgates[i] = s.dh[i] * (h[i] - n[i]) * gate_slope_(z[i]);
      dn[i] = s.dh[i] * (T{1} - z[i]) * candidate_slope_(n[i]);
      s.dh[i] *= z[i];
    }
    if (linear_before_reset_) {
      const T* product = tape_.product.data() + s.row * hidden;
      for (Index i = 0; i < hidden; ++i) s.dgates[hidden + i] = dn[i] * product[i] * gate_slope_(r[i]);
      std::copy_n(s.dgates, 2 * hidden, s.dproducts);
      for (Index i = 0; i < hidden; ++i) s.dproducts[2 * hidden + i] = dn[i] * r[i];
      return;
    }
    linalg::multiply({dn, 1, hidden, hidden, false}, {weights_ + 2 * hidden * hidden, hidden, hidden, hidden, false},
                     reset_gradient_.data(), hidden);
    for (Index i = 0; i < hidden; ++i) {
      const T gradient = reset_gradient_[static_cast<std::size_t>(i)];
      s.dgates[hidden + i] = gradient * h[i] * gate_slope_(r[i]);
      s.dh[i] += gradient * r[i];
    }
  }

 private:
  const RecurrentTape<T>& tape_;
  ActivationSlope<T> gate_slope_;
  ActivationSlope<T> candidate_slope_;
  const T* weights_;
  bool linear_before_reset_;
  std::vector<T> reset_gradient_;
};

/// The reversal of `graph::reference::LstmCell` (Hochreiter and Schmidhuber 1997, appendix A, without truncation; the
/// forget gate and peepholes: Graves and Schmidhuber, "Framewise phoneme classification with bidirectional LSTM", 2005,
/// appendix A).
template <class T>
class LstmReversal {
 public:
  /// `peepholes` and their gradient, which is added to, are (3 * hidden), each null if it is not there.
  LstmReversal(const RecurrentTape<T>& tape, const T* peepholes, T* peephole_gradient, bool couples_forget)
      : tape_(tape),
        gate_slope_(tape.activations[0]),
        candidate_slope_(tape.activations[1]),
        output_slope_(tape.activations[2]),
        peepholes_(peepholes),
        peephole_gradient_(peephole_gradient),
        couples_forget_(couples_forget),
        squashed_(static_cast<std::size_t>(tape.sizes.hidden)) {}

  void operator()(const RecurrentStepBack<T>& s) {
    const Index hidden = tape_.sizes.hidden;
    const T* in = tape_.gates.data() + s.row * 4 * hidden;
    const T* out = in + hidden;
    const T* forget = out + hidden;
    const T* candidate = forget + hidden;
    const T* c = tape_.c.data() + s.row * hidden;
    const T* next_c = tape_.next_c.data() + s.row * hidden;
    T* din = s.dgates;
    T* dout = din + hidden;
    T* dforget = dout + hidden;
    T* dcandidate = dforget + hidden;
    std::copy_n(next_c, hidden, squashed_.data());
    tape_.activations[2].apply(squashed_.data(), hidden);
    for (Index i = 0; i < hidden; ++i) {
      const T squashed = squashed_[static_cast<std::size_t>(i)];
      const T kept = couples_forget_ ? T{1} - in[i] : forget[i];
      dout[i] = s.dh[i] * squashed * gate_slope_(out[i]);
      const T dcell = s.dc[i] + s.dh[i] * out[i] * output_slope_(squashed) + peephole(1, i) * dout[i];
      din[i] = dcell * (couples_forget_ ? candidate[i] - c[i] : candidate[i]) * gate_slope_(in[i]);
      dforget[i] = couples_forget_ ? T{0} : dcell * c[i] * gate_slope_(forget[i]);
      dcandidate[i] = dcell * in[i] * candidate_slope_(candidate[i]);
      s.dc[i] = dcell * kept + peephole(0, i) * din[i] + peephole(2, i) * dforget[i];
      s.dh[i] = 0;
      if (peephole_gradient_ == nullptr) continue;
      peephole_gradient_[i] += din[i] * c[i];
      peephole_gradient_[hidden + i] += dout[i] * next_c[i];
      peephole_gradient_[2 * hidden + i] += dforget[i] * c[i];
    }
  }

 private:
  T peephole(Index gate, Index i) const {
    return peepholes_ == nullptr ? T{0} : peepholes_[gate * tape_.sizes.hidden + i];
  }

  const RecurrentTape<T>& tape_;
  ActivationSlope<T> gate_slope_;
  ActivationSlope<T> candidate_slope_;
  ActivationSlope<T> output_slope_;
  const T* peepholes_;
  T* peephole_gradient_;
  bool couples_forget_;
  std::vector<T> squashed_;
};

}  // namespace condense::train::detail

#endif
