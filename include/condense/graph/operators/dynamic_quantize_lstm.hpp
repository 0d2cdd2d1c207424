#ifndef CONDENSE_GRAPH_OPERATORS_DYNAMIC_QUANTIZE_LSTM_HPP
#define CONDENSE_GRAPH_OPERATORS_DYNAMIC_QUANTIZE_LSTM_HPP

#include "condense/graph/operators/dynamic_quantize_linear.hpp"
#include "condense/graph/operators/recurrent.hpp"
#include "condense/graph/reference/integer_product.hpp"

namespace condense::graph {

namespace reference {

/// Weights (depth, columns) as codes of 8 bits less their zero points, with one scale or one for each column.
struct DynamicWeights {
  std::vector<Centred> codes;
  std::span<const float> scales;

  /// y (rows, columns) += x (rows, depth) * weights, where x is quantised as a whole by DynamicQuantizeLinear: the sums
  /// of products of codes are exact.
  void add_product(const float* x, Index rows, Index depth, float* y, const ThreadPool& pool) const {
    if (depth == 0) return;
    const quantize::Affine affine = dynamic_parameters(x, rows * depth);
    std::vector<Centred> quantized(static_cast<std::size_t>(rows * depth));
    for (std::size_t i = 0; i < quantized.size(); ++i) {
      const std::int32_t code = quantize::quantize_value(x[i], affine, quantize::kUint8);
      quantized[i] = static_cast<Centred>(code - affine.zero_point);
    }
    const Index columns = static_cast<Index>(codes.size()) / depth;
    constexpr Index kRows = 16;
    parallel_for(pool, rows, kRows, [&](Index begin, Index end) {
      std::vector<std::int32_t> sums(static_cast<std::size_t>((end - begin) * columns));
      add_integer_product({end - begin, columns, depth}, quantized.data() + begin * depth, codes.data(), sums.data(),
                          columns);
      for (std::size_t i = 0; i < sums.size(); ++i) {
        const std::size_t column = i % static_cast<std::size_t>(columns);
        const float multiplier = affine.scale * scales[scales.size() == 1 ? 0 : column];
        y[static_cast<std::size_t>(begin * columns) + i] += static_cast<float>(sums[i]) * multiplier;
      }
    });
  }
};

/// What `RecurrentCell` is for float weights of the state. `Weights` is `DynamicWeights`, or has its `add_product`.
template <class Weights>
struct DynamicRecurrentCell {
  RecurrenceSizes sizes;
  Weights weights;
  const float* bias = nullptr;  ///< Of the state: (gates * hidden); null for 0.
  std::span<const RecurrentActivation> activations;
  const ThreadPool& pool;

  /// result (batch, gates * hidden) = h * weights + bias, for all gates.
  void multiply_state(const float* h, Index, Index, float* result) const {
    repeat_row(bias, sizes.width(), sizes.batch, result);
    weights.add_product(h, sizes.batch, sizes.hidden, result, pool);
  }

  void activate(std::size_t function, float* x, Index count) const { activations[function].apply(x, count); }
};

}  // namespace reference

/// `Lstm` with weights of 8 bits, whose products with x and with h are exact sums of integers: x as a whole, as far as
/// the longest sequence, and h of the whole batch in each step are quantised to uint8 as by `DynamicQuantizeLinear`.
/// Everything else is computed in float32. DynamicQuantizeLSTM of the domain com.microsoft.
///
/// Inputs: x (steps, batch, input), float32; W (directions, input, 4 * hidden) and R (directions, hidden, 4 * hidden),
/// int8 or uint8, with the gates i, o, f, c one beside the other; as for `Lstm` optional biases, lengths, initial h,
/// initial c and peephole weights; then scale and zero point of W, and of R, each (directions) or (directions, 4 *
/// hidden). Zero points of a direction are all the same, those of int8 with a scale for each column 0. Outputs are
/// those of `Lstm`.
struct DynamicQuantizeLstm {
  static constexpr std::string_view kType = "DynamicQuantizeLSTM";
  static constexpr std::string_view kDomain = "com.microsoft";

  RecurrentDirection direction = RecurrentDirection::forward;
  std::optional<Index> hidden_size = {};
  std::vector<std::string> activations = {};  ///< f, g, h of each direction; empty for Sigmoid, Tanh, Tanh.
  std::vector<float> activation_alpha = {};   ///< In the order of the activations that take one.
  std::vector<float> activation_beta = {};
  std::optional<float> clip = {};  ///< Arguments of activations are clamped to [-clip, clip].
  bool input_forget = false;       ///< The forget gate is 1 - i.

  static void attributes(auto& op, auto&& visit) {
    visit("direction", op.direction);
    visit("hidden_size", op.hidden_size);
    visit("activations", op.activations);
    visit("activation_alpha", op.activation_alpha);
    visit("activation_beta", op.activation_beta);
    visit("clip", op.clip);
    visit("input_forget", op.input_forget);
  }

  std::vector<TensorType> infer(const InputTypes& inputs) const {
    inputs.require_count(3, 12);
    for (const std::size_t i : {0U, 1U, 2U}) inputs.require_rank(i, 3);
    const reference::RecurrenceSizes s = sizes(inputs.shape(0), inputs.shape(2));
    require(!hidden_size || *hidden_size == s.hidden,
            "its attribute hidden_size is {}, the weights of its state are {}", hidden_size.value_or(0),
            inputs.shape(2).to_string());
    static_cast<void>(functions(s.directions));
    const auto check = [&](std::size_t i, DataType type, const Shape& shape) {
      require(!inputs.has(i) || (inputs.type(i) == type && inputs.shape(i) == shape),
              "its input {} is {} of shape {}, this one is {} of shape {}", i, name(type), shape.to_string(),
              inputs.has(i) ? name(inputs.type(i)) : "", inputs.has(i) ? inputs.shape(i).to_string() : "");
    };
    const Shape state{s.directions, s.batch, s.hidden};
    check(0, DataType::float32, inputs.shape(0));
    check(1, inputs.type(1), {s.directions, s.input, s.width()});
    check(2, inputs.type(2), {s.directions, s.hidden, s.width()});
    check(3, DataType::float32, {s.directions, 2 * s.width()});
    check(4, DataType::int32, {s.batch});
    check(5, DataType::float32, state);
    check(6, DataType::float32, state);
    check(7, DataType::float32, {s.directions, 3 * s.hidden});
    for (const std::size_t weights : {1U, 2U}) {
      reference::require_code(inputs, weights);
      reference::require_exact_sums(inputs.shape(weights)[1]);
      const std::size_t scale = weights == 1 ? 8 : 10;
      for (const std::size_t i : {scale, scale + 1}) {
        require(inputs.has(i), "its input {} is required", i);
        const bool by_column = inputs.shape(i).rank() == 2;
        check(i, i == scale ? DataType::float32 : inputs.type(weights),
              by_column ? Shape{s.directions, s.width()} : Shape{s.directions});
      }
    }
    return {{DataType::float32, {s.steps, s.directions, s.batch, s.hidden}},
            {DataType::float32, state},
            {DataType::float32, state}};
  }

  template <class = void>
  void evaluate(const Evaluation& e) const {
    run<reference::DynamicWeights>(
        e, [&](std::size_t input, Index d) { return weights(e, input, input == 1 ? 8 : 10, d); });
  }

  /// The same with weights from elsewhere: `weights_of(input, direction)` gives those of input 1 or 2, a `Weights` with
  /// the `add_product` of `reference::DynamicWeights`. Of input 2 the shape is read, of 1 and 8 to 11 nothing.
  template <class Weights, class WeightsOf>
  void run(const Evaluation& e, WeightsOf&& weights_of) const {
    const reference::RecurrenceSizes s = sizes(e.input(0).shape(), e.input(2).shape());
    const auto input = [&](std::size_t i) { return e.has(i) ? e.input(i).as<float>() : nullptr; };
    const std::int32_t* lengths = e.has(4) ? e.input(4).as<std::int32_t>() : nullptr;
    Index longest = lengths == nullptr ? s.steps : 0;
    for (Index i = 0; lengths != nullptr && i < s.batch; ++i) {
      require(lengths[i] >= 0 && lengths[i] <= s.steps,
              "its input 4 has the length {} at element {}, there are {} steps", lengths[i], i, s.steps);
      longest = std::max<Index>(longest, lengths[i]);
    }
    const std::vector<reference::RecurrentActivation> all = functions(s.directions);
    const std::size_t per_direction = all.size() / static_cast<std::size_t>(s.directions);
    const reference::RecurrenceTensors<float> tensors{.x = input(0),
                                                      .biases = input(3),
                                                      .lengths = lengths,
                                                      .initial_h = input(5),
                                                      .initial_c = input(6),
                                                      .y = e.output(0).as<float>(),
                                                      .last_h = e.output(1).as<float>(),
                                                      .last_c = e.output(2).as<float>()};
    const auto reversed = [&](Index d) { return d == 1 || direction == RecurrentDirection::reverse; };
    const auto multiply = [&](Index d, const float* x, float* gates) {
      reference::repeat_row(tensors.input_bias(s, d), s.width(), s.steps * s.batch, gates);
      weights_of(1, d).add_product(x, longest * s.batch, s.input, gates, e.pool);
    };
    reference::run_recurrence<float>(s, tensors, reversed, multiply, [&](Index d) {
      const float* bias = input(3) == nullptr ? nullptr : input(3) + (d * 2 + 1) * s.width();
      const float* peepholes = input(7) == nullptr ? nullptr : input(7) + d * 3 * s.hidden;
      return reference::LstmCell<float, reference::DynamicRecurrentCell<Weights>>{
          {s, weights_of(2, d), bias, std::span(all).subspan(static_cast<std::size_t>(d) * per_direction), e.pool},
          peepholes,
          input_forget};
    });
  }

  friend bool operator==(const DynamicQuantizeLstm&, const DynamicQuantizeLstm&) = default;

 private:
  reference::RecurrenceSizes sizes(const Shape& x, const Shape& state_weights) const {
    return {.steps = x[0],
            .batch = x[1],
            .input = x[2],
            .hidden = state_weights[1],
            .gates = Lstm::kGates,
            .directions = direction == RecurrentDirection::bidirectional ? 2 : 1};
  }

  std::vector<reference::RecurrentActivation> functions(Index directions) const {
    return reference::RecurrentActivations{activations, activation_alpha, activation_beta, clip}.read(
        Lstm::kDefaultActivations, directions);
  }

  /// The weights that are input i, of one direction; input `scale` holds their scales and the one behind it their zero
  /// points.
  static reference::DynamicWeights weights(const Evaluation& e, std::size_t i, std::size_t scale, Index direction) {
    const InputBuffer& codes = e.input(i);
    const InputBuffer& scales = e.input(scale);
    const InputBuffer& zero_points = e.input(scale + 1);
    const Index count = codes.shape().count(1, 3);
    const Index columns = codes.shape()[2];
    const Index scale_count = scales.shape().rank() == 2 ? columns : 1;
    const Index zero_point_count = zero_points.shape().rank() == 2 ? columns : 1;
    reference::DynamicWeights result{
        std::vector<reference::Centred>(static_cast<std::size_t>(count)),
        {scales.as<float>() + direction * scale_count, static_cast<std::size_t>(scale_count)}};
    reference::with_codes(codes.type.type, [&]<class Code>() {
      for (Index k = 0; k < count; ++k) {
        const Index zero = direction * zero_point_count + (zero_point_count == 1 ? 0 : k % columns);
        result.codes[static_cast<std::size_t>(k)] = static_cast<reference::Centred>(
            Code::load(codes.data, direction * count + k) - Code::load(zero_points.data, zero));
      }
    });
    return result;
  }
};

}  // namespace condense::graph

#endif
