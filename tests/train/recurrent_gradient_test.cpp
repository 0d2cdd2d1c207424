#include <gtest/gtest.h>

#include "condense/graph/operators/recurrent.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::normal_values;

using graph::RecurrentDirection;

struct Sizes {
  Index steps = 3, batch = 2, input = 3, hidden = 2;
};

/// Inputs of an operator with so many gates; from the bias on all are optional.
std::vector<Tensor> inputs_of(const Sizes& s, Index gates, Index directions, bool batch_first, bool has_cell) {
  const Shape state = batch_first ? Shape{s.batch, directions, s.hidden} : Shape{directions, s.batch, s.hidden};
  std::vector<Tensor> inputs = {
      normal_values(batch_first ? Shape{s.batch, s.steps, s.input} : Shape{s.steps, s.batch, s.input}, 1),
      normal_values({directions, gates * s.hidden, s.input}, 2),
      normal_values({directions, gates * s.hidden, s.hidden}, 3),
      normal_values({directions, 2 * gates * s.hidden}, 4),
      Tensor::of<std::int32_t>({2}, {2, 3}),
      normal_values(state, 5)};
  if (has_cell) {
    inputs.push_back(normal_values(state, 6));
    inputs.push_back(normal_values({directions, 3 * s.hidden}, 7));
  }
  return inputs;
}

/// All directions and layouts, with all inputs and with none that is optional.
template <class Op>
void check(Op op) {
  const std::size_t outputs = Op::kHasCellState ? 3 : 2;
  for (const auto direction :
       {RecurrentDirection::forward, RecurrentDirection::reverse, RecurrentDirection::bidirectional}) {
    for (const Index layout : {0, 1}) {
      op.direction = direction;
      op.layout = layout;
      const Index directions = direction == RecurrentDirection::bidirectional ? 2 : 1;
      std::vector<Tensor> inputs = inputs_of({}, Op::kGates, directions, layout == 1, Op::kHasCellState);
      expect_gradients_agree(op, inputs, {}, outputs);
      expect_gradients_agree(op, inputs, {}, 1);  // the last states are not used
      inputs.resize(3);
      expect_gradients_agree(op, inputs, {}, outputs);
    }
  }
}

TEST(RnnGradient, AgreesForEveryDirectionAndLayout) { check(graph::Rnn{}); }

TEST(GruGradient, AgreesForEveryDirectionAndLayout) {
  check(graph::Gru{});
  check(graph::Gru{.linear_before_reset = true});
}

TEST(LstmGradient, AgreesForEveryDirectionAndLayout) {
  check(graph::Lstm{});
  check(graph::Lstm{.input_forget = true});
}

TEST(RecurrentGradient, AgreesForEveryActivation) {
  for (const char* name : {"Relu", "Tanh", "Sigmoid", "Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh",
                           "HardSigmoid", "Elu", "Softsign", "Softplus"}) {
    SCOPED_TRACE(name);
    const std::vector<Tensor> inputs = inputs_of({}, 1, 1, false, false);
    expect_gradients_agree(graph::Rnn{.activations = {name}}, inputs, {}, 2);
    expect_gradients_agree(graph::Rnn{.activations = {name}, .clip = 0.8F}, inputs, {}, 2);
  }
  const std::vector<Tensor> inputs = inputs_of({}, 4, 1, false, true);
  const std::vector<std::string> names = {"HardSigmoid", "Softsign", "ScaledTanh"};
  expect_gradients_agree(
      graph::Lstm{.activations = names, .activation_alpha = {0.3F, 1.5F}, .activation_beta = {0.4F, 0.7F}}, inputs, {},
      3);
  expect_gradients_agree(graph::Lstm{.clip = 0.5F}, inputs, {}, 3);
}

TEST(RecurrentGradient, RefusesAnActivationThatFalls) {
  std::vector<Tensor> inputs = inputs_of({}, 1, 1, false, false);
  const graph::Rnn op{.activations = {"LeakyRelu"}, .activation_alpha = {-0.5F}};
  const std::string message = testing::refusal_of(op, inputs, 0);
  EXPECT_NE(message.find("activation LeakyRelu with alpha -0.5"), std::string::npos) << message;
  const std::string lengths = testing::refusal_of(graph::Rnn{}, inputs, 4);
  EXPECT_NE(lengths.find("its input 4, the lengths"), std::string::npos) << lengths;
}

TEST(RecurrentGradient, IsTheSameOnAnyNumberOfThreads) {
  std::vector<Tensor> inputs = inputs_of({.steps = 5, .batch = 70, .input = 9, .hidden = 40}, 4, 2, false, true);
  inputs.resize(4);
  const graph::Lstm op{.direction = RecurrentDirection::bidirectional};
  testing::expect_threads_agree(testing::graph_of(op, inputs, {}, 3), inputs);
}

}  // namespace
}  // namespace condense::train
