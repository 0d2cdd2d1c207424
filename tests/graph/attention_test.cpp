#include "condense/graph/operators/attention.hpp"

#include "condense/graph/operators.hpp"
#include "graph/run.hpp"

namespace condense::graph {
namespace {

float at(const Tensor& tensor, Index a, Index b, Index c, Index d) {
  const Shape& s = tensor.shape();
  return tensor.data<float>()[((a * s[1] + b) * s[2] + c) * s[3] + d];
}

/// The formula, one element after the other, in double. `sees(query, key)` and `bias(b, h, query, key)` are the mask.
template <class Sees, class Bias>
Tensor expected(const Tensor& q, const Tensor& k, const Tensor& v, double scale, double cap, Sees&& sees, Bias&& bias) {
  const Index heads = q.shape()[1];
  const Index per_key_head = heads / k.shape()[1];
  Tensor result(DataType::float32, {q.shape()[0], heads, q.shape()[2], v.shape()[3]});
  float* y = result.mutable_data<float>();
  for (Index b = 0; b < q.shape()[0]; ++b) {
    for (Index h = 0; h < heads; ++h) {
      for (Index i = 0; i < q.shape()[2]; ++i) {
        std::vector<double> weights;
        double sum = 0;
        for (Index j = 0; j < k.shape()[2]; ++j) {
          double score = 0;
          for (Index c = 0; c < q.shape()[3]; ++c) {
            score += static_cast<double>(at(q, b, h, i, c)) * static_cast<double>(at(k, b, h / per_key_head, j, c));
          }
          score *= scale;
          if (cap != 0) score = cap * std::tanh(score / cap);
          weights.push_back(sees(i, j) ? std::exp(score + bias(b, h, i, j)) : 0);
          sum += weights.back();
        }
        for (Index c = 0; c < v.shape()[3]; ++c) {
          double value = 0;
          for (Index j = 0; j < k.shape()[2]; ++j) {
            value += weights[static_cast<std::size_t>(j)] * static_cast<double>(at(v, b, h / per_key_head, j, c));
          }
          *y++ = static_cast<float>(sum == 0 ? 0 : value / sum);
        }
      }
    }
  }
  return result;
}

/// (batch, heads, rows, size) as (batch, rows, heads * size).
Tensor packed(const Tensor& tensor) {
  const Shape& s = tensor.shape();
  return run(Transpose{.perm = {0, 2, 1, 3}}, {tensor}).reshaped({s[0], s[2], s[1] * s[3]});
}

class AttentionTest : public testing::Test {
 protected:
  Random random{41};
  Tensor q = random_tensor({2, 4, 5, 3}, random);
  Tensor k = random_tensor({2, 4, 6, 3}, random);
  Tensor v = random_tensor({2, 4, 6, 2}, random);
  double scale = 1 / std::sqrt(3.0);
  static bool all(Index, Index) { return true; }
  static double none(Index, Index, Index, Index) { return 0; }
};

TEST_F(AttentionTest, IsTheFormula) {
  expect_near(run(Attention{}, {q, k, v}), expected(q, k, v, scale, 0, all, none), 1e-6);
  expect_near(run(Attention{.scale = 2.5F, .softcap = 0.5F}, {q, k, v}), expected(q, k, v, 2.5, 0.5, all, none), 1e-6);
}

TEST_F(AttentionTest, CausalQueriesSeeNoLaterKeys) {
  const auto earlier = [](Index query, Index key) { return key <= query; };
  expect_near(run(Attention{.is_causal = true}, {q, k, v}), expected(q, k, v, scale, 0, earlier, none), 1e-6);
}

TEST_F(AttentionTest, AddsFloatMasksAndHidesByBooleanOnes) {
  const Tensor mask = random_tensor({4, 1, 6}, random);
  const auto bias = [&](Index, Index h, Index, Index j) { return static_cast<double>(mask.data<float>()[h * 6 + j]); };
  expect_near(run(Attention{}, {q, k, v, mask}), expected(q, k, v, scale, 0, all, bias), 1e-6);
  const Tensor seen = Tensor::of<bool>({5, 1}, {true, false, true, true, false});
  const auto sees = [](Index query, Index) { return query != 1 && query != 4; };
  expect_near(run(Attention{}, {q, k, v, seen}), expected(q, k, v, scale, 0, sees, none), 1e-6);
}

TEST_F(AttentionTest, FewerHeadsOfKeysServeSeveralQueries) {
  const Tensor few_k = random_tensor({2, 2, 6, 3}, random);
  const Tensor few_v = random_tensor({2, 2, 6, 2}, random);
  const Tensor wanted = expected(q, few_k, few_v, scale, 0, all, none);
  expect_near(run(Attention{}, {q, few_k, few_v}), wanted, 1e-6);
  const Attention op{.q_num_heads = 4, .kv_num_heads = 2};
  expect_near(run(op, {packed(q), packed(few_k), packed(few_v)}), packed(wanted), 1e-6);
}

TEST_F(AttentionTest, RefusesWhatDoesNotBelongTogether) {
  const auto message = [](const Operator& op, std::initializer_list<std::optional<Tensor>> inputs) -> std::string {
    try {
      run(op, inputs);
    } catch (const InvalidArgument& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_NE(message(Attention{}, {q, v, v}).find("(2 x 4 x 6 x 2)"), std::string::npos);
  EXPECT_NE(message(Attention{}, {packed(q), packed(k), packed(v)}).find("q_num_heads"), std::string::npos);
  EXPECT_NE(message(Attention{}, {q, k, v, filled({5}, 0)}).find("(5)"), std::string::npos);
  EXPECT_NE(message(Attention{.q_num_heads = 5, .kv_num_heads = 4}, {packed(q), packed(k), packed(v)}).find("5 and 4"),
            std::string::npos);
  EXPECT_NE(message(Attention{}, {q, random_tensor({2, 3, 6, 3}, random), random_tensor({2, 3, 6, 2}, random)})
                .find("3 heads"),
            std::string::npos);
}

}  // namespace
}  // namespace condense::graph
