#include <gtest/gtest.h>

#include <limits>

#include "condense/graph/operators/average_pool.hpp"
#include "condense/graph/operators/conv.hpp"
#include "condense/graph/operators/global_average_pool.hpp"
#include "condense/graph/operators/max_pool.hpp"
#include "condense/graph/reference/im2col.hpp"
#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

using Triple = std::vector<Index>;

/// A window over the three axes of volumes, as its definition says it.
struct NaiveWindow {
  Triple kernel;
  Triple strides;
  Triple dilations;
  Triple pads;

  static NaiveWindow random(Random& random) {
    NaiveWindow w;
    for (int i = 0; i < 3; ++i) {
      w.kernel.push_back(random_index(random, 1, 3));
      w.strides.push_back(random_index(random, 1, 3));
      w.dilations.push_back(random_index(random, 1, 2));
    }
    for (int i = 0; i < 6; ++i) w.pads.push_back(random_index(random, 0, 2));
    return w;
  }

  /// Calls `visit(z, y, x, tap)` with the pixel that each tap sees at a position; false for those in the padding.
  template <class Visit>
  void at(const Triple& position, Visit&& visit) const {
    Index tap = 0;
    for (Index a = 0; a < kernel[0]; ++a) {
      for (Index b = 0; b < kernel[1]; ++b) {
        for (Index c = 0; c < kernel[2]; ++c, ++tap) {
          visit(position[0] * strides[0] + a * dilations[0] - pads[0],
                position[1] * strides[1] + b * dilations[1] - pads[1],
                position[2] * strides[2] + c * dilations[2] - pads[2], tap);
        }
      }
    }
  }
};

bool inside(const Shape& shape, Index z, Index y, Index x) {
  return z >= 0 && z < shape[2] && y >= 0 && y < shape[3] && x >= 0 && x < shape[4];
}

/// Calls `body(n, c, position)` for every element of a result.
template <class Body>
void for_each_position(const Shape& y, Body&& body) {
  for (Index n = 0; n < y[0]; ++n) {
    for (Index c = 0; c < y[1]; ++c) {
      for (Index i = 0; i < y[2]; ++i) {
        for (Index j = 0; j < y[3]; ++j) {
          for (Index k = 0; k < y[4]; ++k) body(n, c, Triple{i, j, k});
        }
      }
    }
  }
}

template <class T = float>
T at(const Tensor& tensor, Index n, Index c, const Triple& p) {
  return tensor.view<T, 5>()(n, c, p[0], p[1], p[2]);
}

TEST(Conv, OfVolumesEqualsTheDefinition) {
  Random random(31);
  for (int i = 0; i < 80; ++i) {
    SCOPED_TRACE(i);
    const NaiveWindow w = NaiveWindow::random(random);
    const Index group = random_index(random, 1, 3);
    const Index in = random_index(random, 1, 3);
    const Index out = random_index(random, 1, 2);
    const Tensor x = random_tensor({2, group * in, random_index(random, 5, 8), random_index(random, 5, 8), 7}, random);
    const Tensor weights = random_tensor({group * out, in, w.kernel[0], w.kernel[1], w.kernel[2]}, random);
    const Tensor bias = random_tensor({group * out}, random);
    const Tensor y = run(Conv{.strides = w.strides, .dilations = w.dilations, .pads = w.pads, .group = group},
                         {x, weights, bias}, ThreadPool(2));
    const auto pixels = x.view<float, 5>();
    for_each_position(y.shape(), [&](Index n, Index o, const Triple& position) {
      double sum = static_cast<double>(bias.data<float>()[o]);
      w.at(position, [&](Index a, Index b, Index c, Index tap) {
        if (!inside(x.shape(), a, b, c)) return;
        for (Index channel = 0; channel < in; ++channel) {
          sum += static_cast<double>(pixels(n, o / out * in + channel, a, b, c)) *
                 static_cast<double>(
                     weights.data<float>()[(o * in + channel) * (weights.count() / (group * out * in)) + tap]);
        }
      });
      ASSERT_NEAR(static_cast<double>(at(y, n, o, position)), sum, 82 * 82 * 0x1p-24);  // 81 products below 1, a bias
    });
  }
}

TEST(Pools, OfVolumesEqualTheDefinition) {
  Random random(32);
  for (int i = 0; i < 80; ++i) {
    SCOPED_TRACE(i);
    const NaiveWindow w = NaiveWindow::random(random);
    const Tensor x = random_tensor({2, 2, random_index(random, 5, 8), random_index(random, 5, 8), 7}, random);
    MaxPool op{.kernel_shape = w.kernel, .strides = w.strides, .dilations = w.dilations, .pads = w.pads};
    op.outputs.count = 2;
    op.storage_order = i % 2;
    const std::vector<Tensor> largest = run_all(op, {x}, ThreadPool(2));
    AveragePool mean{.kernel_shape = w.kernel, .strides = w.strides, .dilations = w.dilations, .pads = w.pads};
    const Tensor means = run(mean, {x}, ThreadPool(2));
    mean.count_include_pad = true;
    const Tensor padded = run(mean, {x});
    ASSERT_EQ(largest[1].type(), DataType::int64);
    op.outputs.count = 1;
    EXPECT_EQ(run(op, {x}), largest[0]);
    const Shape& s = x.shape();
    for_each_position(largest[0].shape(), [&](Index n, Index c, const Triple& position) {
      float expected = -std::numeric_limits<float>::infinity();
      std::int64_t index = -1;
      double sum = 0;
      int count = 0;
      int taps = 0;
      w.at(position, [&](Index z, Index y, Index k, Index) {
        ++taps;
        if (!inside(s, z, y, k)) return;
        ++count;
        const float value = at(x, n, c, {z, y, k});
        sum += static_cast<double>(value);
        if (value > expected) {
          expected = value;
          const Index place = i % 2 == 0 ? (z * s[3] + y) * s[4] + k : (k * s[3] + y) * s[2] + z;
          index = (n * s[1] + c) * s[2] * s[3] * s[4] + place;
        }
      });
      ASSERT_EQ(at(largest[0], n, c, position), expected);
      ASSERT_EQ(at<std::int64_t>(largest[1], n, c, position), index);
      ASSERT_NEAR(static_cast<double>(at(means, n, c, position)), count > 0 ? sum / count : 0, 1e-5);
      ASSERT_NEAR(static_cast<double>(at(padded, n, c, position)), sum / taps, 1e-5);
    });
  }
}

/// The law of a transpose, and rows counted through the planes. Exact on small integers.
TEST(Col2im, IsTheTransposeOfIm2colOverVolumes) {
  Random random(33);
  for (int i = 0; i < 50; ++i) {
    const NaiveWindow w = NaiveWindow::random(random);
    const Window window =
        make_window({1, 1, 5, 6, 7}, w.kernel, {.strides = w.strides, .dilations = w.dilations, .pads = w.pads});
    const Tensor image = random_tensor<double>({2, window.pixels()}, random, 0, 100);
    const Tensor weights = random_tensor<double>({2 * window.taps(), window.positions()}, random, 0, 100);
    std::vector<double> columns(static_cast<std::size_t>(weights.count()));
    std::vector<double> back(static_cast<std::size_t>(image.count()));
    double left = 0;
    for (Index row = 0; row < window.rows(); ++row) {
      reference::im2col(image.data<double>(), 2, window, row, 1, columns.data());
      for (Index k = 0; k < 2 * window.taps(); ++k) {
        for (Index p = 0; p < window.width.output; ++p) {
          left += columns[static_cast<std::size_t>(k * window.width.output + p)] *
                  weights.data<double>()[k * window.positions() + row * window.width.output + p];
        }
      }
    }
    reference::col2im(weights.data<double>(), 2, window, back.data());
    double right = 0;
    for (std::size_t k = 0; k < back.size(); ++k) right += image.values<double>()[k] * back[k];
    ASSERT_NEAR(left, right, 1e-12 * left);
  }
}

/// Halves are computed in float and rounded once: the nearest half to the float result.
TEST(ConvolutionsAndPools, TakeHalves) {
  Random random(34);
  const Tensor x = random_tensor<Float16>({1, 2, 6, 6}, random);
  const Tensor w = random_tensor<Float16>({3, 2, 3, 3}, random);
  const auto widened = [](const Tensor& tensor) {
    Tensor result(DataType::float32, tensor.shape());
    std::ranges::transform(tensor.values<Float16>(), result.mutable_data<float>(),
                           [](Float16 v) { return static_cast<float>(v); });
    return result;
  };
  const auto expect_same = [&](const Operator& op, std::initializer_list<std::optional<Tensor>> halves,
                               std::initializer_list<std::optional<Tensor>> floats) {
    const Tensor actual = run(op, halves);
    const Tensor expected = run(op, floats);
    ASSERT_EQ(actual.type(), DataType::float16);
    for (Index i = 0; i < actual.count(); ++i) {
      ASSERT_EQ(actual.data<Float16>()[i], static_cast<Float16>(expected.data<float>()[i])) << op.type();
    }
  };
  expect_same(Conv{}, {x, w}, {widened(x), widened(w)});
  expect_same(MaxPool{.kernel_shape = {2, 2}}, {x}, {widened(x)});
  expect_same(AveragePool{.kernel_shape = {2, 2}}, {x}, {widened(x)});
  expect_same(GlobalAveragePool{}, {x}, {widened(x)});
}

TEST(MaxPool, RefusesMoreOutputsAndOtherOrders) {
  const Tensor x = filled({1, 1, 3}, 1);
  MaxPool op{.kernel_shape = {2}, .storage_order = 2};
  EXPECT_TRUE(throws<InvalidArgument>("storage_order is 0 or 1, not 2", [&] { run(op, {x}); }));
  op = {.kernel_shape = {2}};
  op.outputs.count = 3;
  EXPECT_TRUE(throws<InvalidArgument>("1 or 2 outputs, not 3", [&] { run(op, {x}); }));
  EXPECT_TRUE(throws<InvalidArgument>("its attribute strides holds 2147483648, the largest is",
                                      [&] { run(MaxPool{.kernel_shape = {2}, .strides = {Index{1} << 31}}, {x}); }));
  constexpr Index kWide = Index{1} << 29;
  const MaxPool wide{.kernel_shape = {kWide, kWide, kWide}, .pads = std::vector<Index>(6, kWide)};
  EXPECT_TRUE(throws<InvalidArgument>("its window of 536870912 x 536870912 x 536870912 taps is too large", [&] {
    run(wide, {filled({1, 1, 1, 1, 1}, 1)});
  }));
}

}  // namespace
}  // namespace condense::graph
