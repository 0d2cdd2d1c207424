#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "condense/graph/operators/relu.hpp"
#include "train/tiny_task.hpp"

namespace condense::train {
namespace {

using testing::bars;
using testing::small_network;

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

std::string refusal(const Dataset& data, const FitOptions& options = {}) {
  return message_of([&] { fit(small_network(1), data, options); });
}

#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(Fit, RefusesDataThatDoNotFitTogether) {
  const Dataset good = bars(10, 1);
  EXPECT_CONTAINS(refusal({Tensor(DataType::float32, {0, 1, 6, 6}), Tensor(DataType::int64, {0})}),
                  "training set is empty: its inputs have shape (0 x 1 x 6 x 6)");
  EXPECT_CONTAINS(refusal({good.inputs, Tensor(DataType::int64, {9})}), "10 inputs and 9 targets");
  EXPECT_CONTAINS(refusal({Tensor(DataType::uint8, {10, 1, 6, 6}), good.targets}), "uint8");
  EXPECT_CONTAINS(refusal({good.inputs, Tensor(DataType::int64, {10, 2})}), "(10 x 2)");
  EXPECT_CONTAINS(refusal({Tensor(DataType::float32, {10, 1, 5, 6}), good.targets}), "(10 x 1 x 5 x 6)");
  EXPECT_CONTAINS(refusal({good.inputs, Tensor(DataType::float32, {10, 3})}), "(10 x 3)");
}

TEST(Fit, RefusesLabelsThatTheNetworkHasNoOutputFor) {
  Dataset data = bars(10, 1);
  data.targets.mutable_data<std::int64_t>()[6] = 4;
  EXPECT_CONTAINS(refusal(data), "label 6 of the training set is 4; the network has 4 classes");
  data.targets.mutable_data<std::int64_t>()[6] = -1;
  FitOptions options;
  options.validation = data;
  EXPECT_CONTAINS(refusal(bars(10, 1), options), "label 6 of the validation set is -1");
}

TEST(Fit, RefusesOptionsOutsideTheirDomain) {
  const Dataset data = bars(10, 1);
  FitOptions options;
  options.batch_size = 0;
  EXPECT_CONTAINS(refusal(data, options), "1 sample or more, not 0");
  options = {};
  options.epochs = -2;
  EXPECT_CONTAINS(refusal(data, options), "not -2");
  options = {};
  options.patience = 3;
  EXPECT_CONTAINS(refusal(data, options), "patience 3 needs a validation set");
  options = {};
  options.monitor = Monitor::accuracy;
  EXPECT_CONTAINS(refusal(data, options), "validation set");
  options = {};
  options.largest_gradient_norm = -1;
  EXPECT_CONTAINS(refusal(data, options), "not -1");
}

TEST(Fit, RefusesAGraphWithNothingToTrain) {
  graph::Graph g;
  g.output(g.add(graph::Relu{}, {g.input("x", DataType::float32, {kDynamic, 4})}));
  EXPECT_CONTAINS(message_of([&] {
                    fit(g, {Tensor(DataType::float32, {3, 4}), Tensor(DataType::int64, {3})});
                  }),
                  "no parameters to train");
}

TEST(Fit, NamesEpochAndBatchWhereTheLossIsNoNumber) {
  Dataset data = bars(30, 1);
  data.inputs.mutable_data<float>()[100] = std::numeric_limits<float>::quiet_NaN();
  FitOptions options;
  options.batch_size = 30;
  const std::string message = refusal(data, options);
  EXPECT_CONTAINS(message, "epoch 1, batch 1 of 1");
  EXPECT_CONTAINS(message, "nan");
  EXPECT_CONTAINS(message, "learning rate");
  EXPECT_THROW(fit(small_network(1), data, options), Diverged);
}

TEST(Accuracy, CountsTheLabelsWithTheLargestOutput) {
  graph::Graph g;
  g.output(g.add(graph::Relu{}, {g.input("x", DataType::float32, {kDynamic, 3})}));
  const Dataset data{Tensor::of<float>({5, 3}, {1, 2, 3, 3, 2, 1, 1, 3, 2, 5, 5, 1, 0, 0, 1}),
                     Tensor::of<std::int64_t>({5}, {2, 1, 1, 0, 2})};  // of equal outputs the first counts
  for (const Index batch : {1, 2, 5, 100}) EXPECT_DOUBLE_EQ(accuracy(g, data, {}, batch), 0.8);
  EXPECT_CONTAINS(message_of([&] { static_cast<void>(accuracy(g, data, {}, 0)); }), "not 0");
  EXPECT_CONTAINS(message_of([&] { static_cast<void>(accuracy(g, {data.inputs, data.inputs})); }), "float32");
}

TEST(Dataset, IsSlicedByTheNumbersOfItsSamples) {
  const Dataset data = bars(10, 1);
  const Dataset part = slice(data, 4, 7);
  EXPECT_EQ(part.size(), 3);
  EXPECT_EQ(part.targets.data<std::int64_t>()[0], data.targets.data<std::int64_t>()[4]);
  EXPECT_EQ(part.inputs.data<float>()[36], data.inputs.data<float>()[5 * 36]);
  EXPECT_CONTAINS(message_of([&] { static_cast<void>(slice(data, 4, 11)); }), "[4, 11)");
}

}  // namespace
}  // namespace condense::train
