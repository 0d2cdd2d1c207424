#include "condense/graph/operators/activations.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "condense/graph/operators/cast.hpp"
#include "condense/graph/operators/softmax.hpp"
#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

struct Activation {
  Operator op;
  double (*value)(double);
};

double normal(double x) { return (1 + std::erf(x / std::sqrt(2.0))) / 2; }

const Activation kActivations[] = {
    {Celu{.alpha = 2}, [](double x) { return std::max(0.0, x) + std::min(0.0, 2 * (std::exp(x / 2) - 1)); }},
    {Elu{.alpha = 2}, [](double x) { return x < 0 ? 2 * (std::exp(x) - 1) : x; }},
    {Gelu{}, [](double x) { return x * normal(x); }},
    {Gelu{.approximate = GeluApproximation::tanh},
     [](double x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x))); }},
    {HardSigmoid{}, [](double x) { return std::clamp(0.2 * x + 0.5, 0.0, 1.0); }},
    {Mish{}, [](double x) { return x * std::tanh(std::log(1 + std::exp(x))); }},
    {Selu{}, [](double x) { return 1.0507009873 * (x > 0 ? x : 1.6732632423 * (std::exp(x) - 1)); }},
    {Shrink{.bias = 1.5F, .lambd = 1}, [](double x) { return x < -1  ? x + 1.5
                                                             : x > 1 ? x - 1.5
                                                                     : 0; }},
    {Softplus{}, [](double x) { return std::log(1 + std::exp(x)); }},
    {Softsign{}, [](double x) { return x / (1 + std::abs(x)); }},
    {Swish{.alpha = 2}, [](double x) { return x / (1 + std::exp(-2 * x)); }},
    {ThresholdedRelu{.alpha = 2}, [](double x) { return x > 2 ? x : 0; }},
};

TEST(Activations, EqualTheirDefinitions) {
  Random random(2);
  const Tensor x = random_tensor({2, 700}, random, -6, 6);
  for (const Activation& activation : kActivations) {
    SCOPED_TRACE(activation.op.type());
    const Tensor y = run(activation.op, {x});
    const Tensor wide = run(activation.op, {run(Cast{.to = DataType::float64}, {x})});
    for (Index i = 0; i < x.count(); ++i) {
      const double expected = activation.value(static_cast<double>(x.data<float>()[i]));
      ASSERT_NEAR(static_cast<double>(y.data<float>()[i]), expected, 3e-6);
      ASSERT_NEAR(wide.data<double>()[i], expected, 3e-7) << "the attributes are floats";
    }
    const Tensor narrow = run(Cast{.to = DataType::float16}, {x});
    EXPECT_EQ(run(activation.op, {narrow}),
              run(Cast{.to = DataType::float16}, {run(activation.op, {run(Cast{}, {narrow})})}));
  }
}

TEST(Activations, DoNotOverflow) {
  const Tensor x = Tensor::of<float>({2}, {-1000, 1000});
  EXPECT_EQ(run(Softplus{}, {x}), Tensor::of<float>({2}, {0, 1000}));
  EXPECT_EQ(run(Elu{}, {x}), Tensor::of<float>({2}, {-1, 1000}));
  for (const Operator& op : {Operator(Mish{}), Operator(Swish{}), Operator(Gelu{})}) {
    const Tensor y = run(op, {x});
    EXPECT_EQ(y.data<float>()[0], 0.0F) << op.type();
    EXPECT_EQ(y.data<float>()[1], 1000.0F) << op.type();
  }
}

TEST(PRelu, HasASlopeForEachChannel) {
  const Tensor x = Tensor::of<float>({2, 2}, {-1, 2, 3, -4});
  EXPECT_EQ(run(PRelu{}, {x, Tensor::of<float>({2, 1}, {0.5F, 0.25F})}), Tensor::of<float>({2, 2}, {-0.5F, 2, 3, -1}));
  EXPECT_EQ(run(PRelu{}, {Tensor::of<std::int32_t>({2}, {-3, 3}), Tensor::scalar(2)}),
            Tensor::of<std::int32_t>({2}, {-6, 3}));
  EXPECT_TRUE(throws<InvalidArgument>("its input 1, the slope, has shape (3 x 1 x 1)", [&] {
    run(PRelu{}, {x, Tensor(DataType::float32, {3, 1, 1})});
  }));
}

TEST(Shrink, DropsTheFractionOfIntegers) {
  EXPECT_EQ(run(Shrink{.bias = 0.5F, .lambd = 1.5F}, {Tensor::of<std::int8_t>({5}, {-3, -1, 0, 2, 127})}),
            Tensor::of<std::int8_t>({5}, {-2, 0, 0, 1, 126}));
}

TEST(Celu, RefusesToDivideByZero) {
  EXPECT_TRUE(
      throws<InvalidArgument>("its attribute alpha is 0", [] { run(Celu{.alpha = 0}, {Tensor::scalar(1.0F)}); }));
}

TEST(LogSoftmax, IsTheLogarithmOfSoftmaxAlongEveryAxis) {
  Random random(3);
  const Tensor x = random_tensor({3, 4, 5}, random, -5, 5);
  for (const DataType type : {DataType::float32, DataType::float64, DataType::float16}) {
    for (const Index axis : {-3, -1, 0, 1, 2}) {
      const Tensor input = run(Cast{.to = type}, {x});
      const Tensor logarithms = run(LogSoftmax{.axis = axis}, {input});
      const Tensor shares = run(Softmax{.axis = axis}, {input});
      EXPECT_EQ(logarithms.type(), type);
      const Tensor y = run(Cast{}, {logarithms});
      const Tensor p = run(Cast{}, {shares});
      for (Index i = 0; i < x.count(); ++i) {
        ASSERT_NEAR(y.data<float>()[i], std::log(p.data<float>()[i]), type == DataType::float16 ? 2e-2 : 1e-5);
      }
    }
  }
  EXPECT_EQ(run(LogSoftmax{}, {Tensor::of<float>({2}, {-10000, 10000})}), Tensor::of<float>({2}, {-20000, 0}));
}

TEST(Hardmax, MarksTheFirstOfEqualOnes) {
  const Tensor x = Tensor::of<float>({2, 3}, {1, 3, 3, 5, 4, 2});
  EXPECT_EQ(run(Hardmax{}, {x}), Tensor::of<float>({2, 3}, {0, 1, 0, 1, 0, 0}));
  EXPECT_EQ(run(Hardmax{.axis = 0}, {x}), Tensor::of<float>({2, 3}, {0, 0, 1, 1, 1, 0}));
  EXPECT_EQ(run(Hardmax{}, {Tensor(DataType::float32, {2, 0})}).shape(), (Shape{2, 0}));
  EXPECT_TRUE(throws<InvalidArgument>("axis 2 does not exist", [&] { run(Hardmax{.axis = 2}, {x}); }));
}

}  // namespace
}  // namespace condense::graph
