#include "condense/train/training_mode.hpp"

#include <gtest/gtest.h>

#include "condense/graph/operators/batch_normalization.hpp"
#include "train/tiny_task.hpp"

namespace condense::train {
namespace {

using testing::bars;
using testing::small_network;

int training_nodes(const graph::Graph& g) {
  int count = 0;
  for (const graph::Node& node : g.nodes()) {
    const auto* op = node.op.get_if<graph::BatchNormalization>();
    if (op != nullptr && op->training_mode) ++count;
  }
  return count;
}

TEST(TrainingMode, IsUndoneByInferenceMode) {
  const graph::Graph g = small_network(1);
  const graph::Graph training = to_training(g);
  EXPECT_EQ(training_nodes(training), 2);
  const graph::Graph back = to_inference(training);
  EXPECT_EQ(training_nodes(back), 0);
  ASSERT_EQ(back.nodes().size(), g.nodes().size());
  for (std::size_t i = 0; i < g.nodes().size(); ++i) {
    EXPECT_EQ(back.nodes()[i].name, g.nodes()[i].name);
    EXPECT_EQ(back.nodes()[i].op, g.nodes()[i].op);
    EXPECT_EQ(back.nodes()[i].inputs, g.nodes()[i].inputs);
    EXPECT_EQ(back.nodes()[i].outputs, g.nodes()[i].outputs);
  }
  const Tensor images = bars(3, 1).inputs;
  EXPECT_EQ(graph::evaluate(back, {images})[0], graph::evaluate(g, {images})[0]);
  const graph::Graph again = to_training(back);
  EXPECT_EQ(again.nodes()[1].outputs.size(), 3U);  // names of removed outputs are free again
}

TEST(TrainingMode, NormalisesByTheBatch) {
  const graph::Graph g = to_training(small_network(1));
  const graph::Value normalized = g.find("stem.norm");
  const Tensor images = bars(50, 1).inputs;
  const ForwardPass pass(g, {&images, 1}, {}, {.keep = {normalized}});
  const Tensor& y = pass.value(normalized);
  for (Index channel = 0; channel < 6; ++channel) {
    double sum = 0, squares = 0;
    for (Index image = 0; image < 50; ++image) {
      for (Index i = 0; i < 36; ++i) {
        const auto value = static_cast<double>(y.data<float>()[(image * 6 + channel) * 36 + i]);
        sum += value;
        squares += value * value;
      }
    }
    EXPECT_NEAR(sum / 1800, 0, 1e-5);
    EXPECT_NEAR(squares / 1800, 1, 1e-3);  // epsilon takes a little away
  }
}

TEST(TrainingMode, KeepsRunningStatisticsByOnnxMomentum) {
  graph::Graph g;
  const auto constant = [&](const std::string& name, float value) {
    return g.constant(name, Tensor::of<float>({1}, {value}));
  };
  const graph::Value x = g.input("x", DataType::float32, {kDynamic, 1});
  g.output(g.add(graph::BatchNormalization{.momentum = 0.75F},
                 {x, constant("scale", 1), constant("bias", 0), constant("mean", 4), constant("variance", 8)}));
  Trainer trainer(g, objective(g, MeanSquaredError{}), {});
  const Tensor batch = Tensor::of<float>({4, 1}, {0, 2, 4, 2});  // mean 2, population variance 2
  trainer.step({batch, Tensor(DataType::float32, {4, 1})}, 0.1);
  const auto value = [&](const std::string& name) {
    return trainer.graph().constant(trainer.graph().find(name)).data<float>()[0];
  };
  EXPECT_FLOAT_EQ(value("mean"), 4 * 0.75F + 2 * 0.25F);
  EXPECT_FLOAT_EQ(value("variance"), 8 * 0.75F + 2 * 0.25F);
}

TEST(TrainingMode, RefusesStatisticsThatAreComputed) {
  graph::Graph g;
  const graph::Value x = g.input("x", DataType::float32, {kDynamic, 2}), mean = g.input("m", DataType::float32, {2});
  const graph::Value one = g.constant("one", Tensor::of<float>({2}, {1, 1}));
  g.output(g.add(graph::BatchNormalization{}, {x, one, one, mean, one}, "norm"));
  try {
    static_cast<void>(to_training(g));
    FAIL() << "accepted";
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find("node 'norm': its running mean"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace condense::train
