#ifndef CONDENSE_GRAPH_OPERATORS_RECURRENT_HPP
#define CONDENSE_GRAPH_OPERATORS_RECURRENT_HPP

#include "condense/graph/operator_list.hpp"
#include "condense/graph/reference/halves.hpp"
#include "condense/graph/reference/recurrent_cells.hpp"

namespace condense::graph {

/// In which order a recurrent operator goes through its sequences.
enum class RecurrentDirection { forward, reverse, bidirectional };

}  // namespace condense::graph

template <>
inline constexpr std::pair<condense::graph::RecurrentDirection, std::string_view>
    condense::enum_names<condense::graph::RecurrentDirection>[] = {
        {graph::RecurrentDirection::forward, "forward"},
        {graph::RecurrentDirection::reverse, "reverse"},
        {graph::RecurrentDirection::bidirectional, "bidirectional"}};

namespace condense::graph {

namespace detail {

/// What RNN, GRU and LSTM have in common. Their inputs: x; weights of the input; weights of the state; optional biases;
/// optional lengths, int32; optional initial h; and for LSTM optional initial c and peephole weights.
template <class Op>
class Recurrent {
 public:
  explicit Recurrent(const Op& op) : op_(op) {}

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(3, Op::kHasCellState ? 8 : 6);
    reference::require_any_float(inputs, 0);
    require(op_.layout == 0 || op_.layout == 1, "its attribute layout is 0 or 1, not {}", op_.layout);
    inputs.require_rank(0, 3);
    inputs.require_rank(1, 3);
    inputs.require_rank(2, 3);
    const reference::RecurrenceSizes s = sizes(inputs.shape(0), inputs.shape(1), inputs.shape(2));
    require(!op_.hidden_size || *op_.hidden_size == s.hidden,
            "its attribute hidden_size is {}, the weights of its state are {}", op_.hidden_size.value_or(0),
            inputs.shape(2).to_string());
    static_cast<void>(activations(s.directions));
    const Shape state =
        op_.layout == 0 ? Shape{s.directions, s.batch, s.hidden} : Shape{s.batch, s.directions, s.hidden};
    const auto check = [&](std::size_t i, const Shape& shape) {
      if (i != 4) inputs.require_same_type(i);
      require(!inputs.has(i) || inputs.shape(i) == shape, "its input {} has shape {} instead of {}", i,
              inputs.has(i) ? inputs.shape(i).to_string() : "", shape.to_string());
    };
    check(1, {s.directions, s.width(), s.input});
    check(2, {s.directions, s.width(), s.hidden});
    check(3, {s.directions, 2 * s.width()});
    check(4, {s.batch});
    require(!inputs.has(4) || inputs.type(4) == DataType::int32, "its input 4, the lengths, is int32, this one is {}",
            inputs.has(4) ? name(inputs.type(4)) : "");
    check(5, state);
    if (Op::kHasCellState) {
      check(6, state);
      check(7, {s.directions, 3 * s.hidden});
    }
    const Shape y = op_.layout == 0 ? Shape{s.steps, s.directions, s.batch, s.hidden}
                                    : Shape{s.batch, s.steps, s.directions, s.hidden};
    std::vector<TensorType> types{{inputs.type(0), y}, {inputs.type(0), state}};
    if (Op::kHasCellState) types.push_back(types[1]);
    return types;
  }

  /// `make_cell(cell, direction)` makes the cell of a direction from what all cells have.
  template <class MakeCell>
  void evaluate(const Evaluation& e, MakeCell&& make_cell) const {
    const reference::RecurrenceSizes s = sizes(e.input(0).shape(), e.input(1).shape(), e.input(2).shape());
    if (e.has(4)) {
      const std::int32_t* lengths = e.input(4).as<std::int32_t>();
      for (Index i = 0; i < s.batch; ++i) {
        require(lengths[i] >= 0 && lengths[i] <= s.steps,
                "its input 4 has the length {} at element {}, there are {} steps", lengths[i], i, s.steps);
      }
    }
    const std::vector<reference::RecurrentActivation> functions = activations(s.directions);
    const std::size_t per_direction = functions.size() / static_cast<std::size_t>(s.directions);
    reference::evaluate_floats(e, [&]<class T>(const Evaluation& floats) {
      const auto input = [&](std::size_t i) -> const T* {
        return floats.has(i) ? floats.input(i).template as<T>() : nullptr;
      };
      const reference::RecurrenceTensors<T> tensors{
          .x = input(0),
          .input_weights = input(1),
          .biases = input(3),
          .lengths = floats.has(4) ? floats.input(4).template as<std::int32_t>() : nullptr,
          .initial_h = input(5),
          .initial_c = input(6),
          .y = floats.output(0).template as<T>(),
          .last_h = floats.output(1).template as<T>(),
          .last_c = Op::kHasCellState ? floats.output(2).template as<T>() : nullptr};
      const auto reversed = [&](Index direction) {
        return direction == 1 || op_.direction == RecurrentDirection::reverse;
      };
      reference::run_recurrence<T>(s, tensors, floats.pool, reversed, [&](Index direction) {
        const reference::RecurrentCell<T> cell{
            .sizes = s,
            .weights = input(2) + direction * s.width() * s.hidden,
            .bias = input(3) == nullptr ? nullptr : input(3) + (direction * 2 + 1) * s.width(),
            .activations = std::span(functions).subspan(static_cast<std::size_t>(direction) * per_direction),
            .pool = floats.pool};
        return make_cell(cell, floats, direction);
      });
    });
  }

 private:
  reference::RecurrenceSizes sizes(const Shape& x, const Shape& weights, const Shape& state_weights) const {
    const bool batch_first = op_.layout == 1;
    const Index directions = op_.direction == RecurrentDirection::bidirectional ? 2 : 1;
    const Index hidden = state_weights[2];
    require(weights[1] == state_weights[1] && hidden <= weights[1] && hidden * Op::kGates == weights[1],
            "its inputs 1 and 2 are (directions x {} * hidden x ...) and (directions x {} * hidden x hidden), they "
            "have shapes {} and {}",
            Op::kGates, Op::kGates, weights.to_string(), state_weights.to_string());
    return {.steps = x[batch_first ? 1 : 0],
            .batch = x[batch_first ? 0 : 1],
            .input = x[2],
            .hidden = hidden,
            .gates = Op::kGates,
            .directions = directions,
            .batch_first = batch_first};
  }

  std::vector<reference::RecurrentActivation> activations(Index directions) const {
    return reference::RecurrentActivations{op_.activations, op_.activation_alpha, op_.activation_beta, op_.clip}.read(
        Op::kDefaultActivations, directions);
  }

  const Op& op_;
};

/// The attributes that RNN, GRU and LSTM have in common.
inline void recurrent_attributes(auto& op, auto&& visit) {
  visit("direction", op.direction);
  visit("hidden_size", op.hidden_size);
  visit("activations", op.activations);
  visit("activation_alpha", op.activation_alpha);
  visit("activation_beta", op.activation_beta);
  visit("clip", op.clip);
  visit("layout", op.layout);
}

}  // namespace detail

/// h' = f(x * W^T + Wb + h * R^T + Rb), step by step (Elman, "Finding structure in time", Cognitive Science 14, 1990).
/// ONNX RNN.
///
/// Inputs: x (steps, batch, input); W (directions, hidden, input); R (directions, hidden, hidden); optional biases
/// (directions, 2 * hidden), Wb then Rb; optional lengths (batch), int32: results beyond them are 0; optional initial h
/// (directions, batch, hidden). Outputs: all states (steps, directions, batch, hidden); the last ones (directions,
/// batch, hidden). With `layout` 1 the batch comes first in all of them. Floats; halves are computed in float.
struct Rnn {
  static constexpr std::string_view kType = "RNN";
  static constexpr Index kGates = 1;
  static constexpr bool kHasCellState = false;
  static constexpr reference::RecurrentFunction kDefaultActivations[] = {reference::RecurrentFunction::tanh};

  RecurrentDirection direction = RecurrentDirection::forward;
  std::optional<Index> hidden_size = {};
  std::vector<std::string> activations = {};  ///< f of each direction; empty for Tanh.
  std::vector<float> activation_alpha = {};   ///< In the order of the activations that take one.
  std::vector<float> activation_beta = {};
  std::optional<float> clip = {};  ///< Arguments of activations are clamped to [-clip, clip].
  Index layout = 0;

  static void attributes(auto& op, auto&& visit) { detail::recurrent_attributes(op, visit); }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return detail::Recurrent(*this).infer(inputs); }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    detail::Recurrent(*this).evaluate(e, []<class T>(const reference::RecurrentCell<T>& cell, const Evaluation&,
                                                     Index) { return reference::ElmanCell<T>{cell}; });
  }

  friend bool operator==(const Rnn&, const Rnn&) = default;
};

/// A gated recurrent unit; see `reference::GruCell` for its formula (Cho et al., "Learning phrase representations using
/// RNN encoder-decoder", EMNLP 2014). ONNX GRU.
///
/// Inputs and outputs are those of `Rnn`, with the weights and biases of the gates z, r, h one below the other: W
/// (directions, 3 * hidden, input) and so on.
struct Gru {
  static constexpr std::string_view kType = "GRU";
  static constexpr Index kGates = 3;
  static constexpr bool kHasCellState = false;
  static constexpr reference::RecurrentFunction kDefaultActivations[] = {reference::RecurrentFunction::sigmoid,
                                                                         reference::RecurrentFunction::tanh};

  RecurrentDirection direction = RecurrentDirection::forward;
  std::optional<Index> hidden_size = {};
  std::vector<std::string> activations = {};  ///< f, g of each direction; empty for Sigmoid, Tanh.
  std::vector<float> activation_alpha = {};   ///< In the order of the activations that take one.
  std::vector<float> activation_beta = {};
  std::optional<float> clip = {};  ///< Arguments of activations are clamped to [-clip, clip].
  Index layout = 0;
  bool linear_before_reset = false;  ///< The reset gate acts on the product with R instead of on the state.

  static void attributes(auto& op, auto&& visit) {
    detail::recurrent_attributes(op, visit);
    visit("linear_before_reset", op.linear_before_reset);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return detail::Recurrent(*this).infer(inputs); }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    detail::Recurrent(*this).evaluate(
        e, [this]<class T>(const reference::RecurrentCell<T>& cell, const Evaluation&, Index) {
          return reference::GruCell<T>{cell, linear_before_reset};
        });
  }

  friend bool operator==(const Gru&, const Gru&) = default;
};

/// Long short-term memory; see `reference::LstmCell` for its formula (Hochreiter and Schmidhuber, "Long short-term
/// memory", Neural Computation 9, 1997; peepholes: Gers and Schmidhuber, "Recurrent nets that time and count", 2000).
/// ONNX LSTM.
///
/// Inputs and outputs are those of `Rnn`, with the weights and biases of the gates i, o, f, c one below the other: W
/// (directions, 4 * hidden, input) and so on; further the optional initial c, like h, and the optional peephole weights
/// (directions, 3 * hidden) of i, o, f. A third output holds the last cell states.
struct Lstm {
  static constexpr std::string_view kType = "LSTM";
  static constexpr Index kGates = 4;
  static constexpr bool kHasCellState = true;
  static constexpr reference::RecurrentFunction kDefaultActivations[] = {
      reference::RecurrentFunction::sigmoid, reference::RecurrentFunction::tanh, reference::RecurrentFunction::tanh};

  RecurrentDirection direction = RecurrentDirection::forward;
  std::optional<Index> hidden_size = {};
  std::vector<std::string> activations = {};  ///< f, g, h of each direction; empty for Sigmoid, Tanh, Tanh.
  std::vector<float> activation_alpha = {};   ///< In the order of the activations that take one.
  std::vector<float> activation_beta = {};
  std::optional<float> clip = {};  ///< Arguments of activations are clamped to [-clip, clip].
  Index layout = 0;
  bool input_forget = false;  ///< The forget gate is 1 - i.

  static void attributes(auto& op, auto&& visit) {
    detail::recurrent_attributes(op, visit);
    visit("input_forget", op.input_forget);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const { return detail::Recurrent(*this).infer(inputs); }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    detail::Recurrent(*this).evaluate(
        e, [this]<class T>(const reference::RecurrentCell<T>& cell, const Evaluation& floats, Index d) {
          const T* peepholes = floats.has(7) ? floats.input(7).template as<T>() + d * 3 * cell.sizes.hidden : nullptr;
          return reference::LstmCell<T>{cell, peepholes, input_forget};
        });
  }

  friend bool operator==(const Lstm&, const Lstm&) = default;
};

using RecurrentOperators = OperatorList<Gru, Lstm, Rnn>;

}  // namespace condense::graph

#endif
