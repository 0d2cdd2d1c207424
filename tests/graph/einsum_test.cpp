#include "condense/graph/operators/einsum.hpp"

#include <gtest/gtest.h>

#include <map>

#include "graph/run.hpp"
#include "support/throws.hpp"

namespace condense::graph {
namespace {

/// The definition: the sum over every assignment of indices to letters, one at a time. Terms without ellipsis.
template <class T>
Tensor naive(const std::vector<std::string>& terms, const std::string& output, const std::vector<Tensor>& operands) {
  std::map<char, Index> extents;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    for (std::size_t axis = 0; axis < terms[i].size(); ++axis) {
      Index& extent = extents[terms[i][axis]];
      extent = std::max(extent, operands[i].shape()[static_cast<int>(axis)]);
    }
  }
  std::vector<Index> shape;
  for (const char c : output) shape.push_back(extents[c]);
  Tensor y(operands[0].type(), Shape(std::span<const Index>(shape)));
  std::map<char, Index> index;
  const auto place = [&](const std::string& term, const Shape& s) {
    Index result = 0;
    for (std::size_t axis = 0; axis < term.size(); ++axis) {
      const Index extent = s[static_cast<int>(axis)];
      result = result * extent + (extent == 1 ? 0 : index[term[axis]]);
    }
    return result;
  };
  Index total = 1;
  for (const auto& [letter, extent] : extents) total *= extent;
  for (Index i = 0; i < total; ++i) {
    Index rest = i;
    for (const auto& [letter, extent] : extents) {
      index[letter] = rest % extent;
      rest /= extent;
    }
    T product{1};
    for (std::size_t k = 0; k < terms.size(); ++k) {
      product = static_cast<T>(product * operands[k].data<T>()[place(terms[k], operands[k].shape())]);
    }
    T& target = y.mutable_data<T>()[place(output, y.shape())];
    target = static_cast<T>(target + product);
  }
  return y;
}

std::string joined(const std::vector<std::string>& terms) {
  std::string result = terms[0];
  for (std::size_t i = 1; i < terms.size(); ++i) result += ", " + terms[i];
  return result;
}

Tensor evaluate_einsum(const std::string& equation, const std::vector<Tensor>& operands) {
  const Node node{"node", Einsum{equation}, {}, {}};
  std::vector<const Tensor*> pointers;
  for (const Tensor& tensor : operands) pointers.push_back(&tensor);
  return evaluate_node(node, pointers, ThreadPool(2))[0];
}

/// Terms of random letters, repeated ones and extents of 1 among them, and a random choice of them as the result. Exact
/// on small integers, in every type of computation.
template <class T>
void sweep(int cases, std::uint64_t seed) {
  Random random(seed);
  for (int i = 0; i < cases; ++i) {
    std::vector<std::string> terms;
    std::vector<Tensor> operands;
    std::map<char, Index> extents;
    std::string seen;
    for (Index k = random_index(random, 1, 4); k > 0; --k) {
      std::string term;
      std::vector<Index> shape;
      for (Index axis = random_index(random, 0, 4); axis > 0; --axis) {
        const char c = "ijKLmn"[random.below(6)];
        if (!extents.contains(c)) extents[c] = random_index(random, 1, 3);
        term += c;
        shape.push_back(random.below(8) == 0 ? 1 : extents[c]);
        if (seen.find(c) == std::string::npos) seen += c;
      }
      terms.push_back(term);
      Tensor operand(data_type_of<T>, Shape(std::span<const Index>(shape)));
      for (T& value : operand.template mutable_values<T>()) value = static_cast<T>(random_index(random, -3, 3));
      operands.push_back(operand);
    }
    std::string output;
    for (const char c : seen) {
      if (random.below(2) == 0) output.insert(random.below(static_cast<std::uint32_t>(output.size() + 1)), 1, c);
    }
    SCOPED_TRACE(joined(terms) + " -> " + output);
    ASSERT_EQ(evaluate_einsum(joined(terms) + " -> " + output, operands), naive<T>(terms, output, operands));
  }
}

TEST(Einsum, EqualsTheDefinitionOverSeededEquations) {
  sweep<float>(400, 81);
  sweep<double>(100, 82);
  sweep<std::int64_t>(100, 83);
  sweep<std::int8_t>(100, 84);
  sweep<std::uint64_t>(50, 85);
}

TEST(Einsum, OrdersTheImplicitResultByLetters) {
  Random random(86);
  const Tensor a = random_tensor({2, 3}, random);
  const Tensor b = random_tensor({3, 4}, random);
  EXPECT_EQ(evaluate_einsum("ba", {a}), naive<float>({"ba"}, "ab", {a}));
  EXPECT_EQ(evaluate_einsum("aB", {a}), naive<float>({"aB"}, "Ba", {a}));
  expect_near(evaluate_einsum("ij,jk", {a, b}), naive<float>({"ij", "jk"}, "ik", {a, b}), 1e-6);
  EXPECT_EQ(evaluate_einsum("ii", {Tensor::of<float>({2, 2}, {1, 2, 4, 8})}), Tensor::scalar(9.0F));
}

TEST(Einsum, BroadcastsTheEllipsisFromTheBack) {
  Random random(87);
  const Tensor a = random_tensor({3, 1, 2, 4}, random);
  const Tensor b = random_tensor({5, 4, 6}, random);
  const Tensor expected = naive<float>({"xyij", "yjk"}, "xyik", {a, b});
  expect_near(evaluate_einsum("...ij,...jk->...ik", {a, b}), expected, 1e-6);
  expect_near(evaluate_einsum("...ij,...jk", {a, b}), expected, 1e-6);
  EXPECT_EQ(evaluate_einsum("i...->...i", {b}), naive<float>({"iab"}, "abi", {b}));
  EXPECT_EQ(evaluate_einsum("...,...->...", {b, Tensor::scalar(1.0F)}), b);
}

TEST(Einsum, TakesScalarsAndEmptyAxes) {
  EXPECT_EQ(evaluate_einsum(",->", {Tensor::scalar(3.0F), Tensor::scalar(5.0F)}), Tensor::scalar(15.0F));
  EXPECT_EQ(evaluate_einsum("ij,jk->ik", {Tensor(DataType::float32, {2, 0}), Tensor(DataType::float32, {0, 3})}),
            Tensor(DataType::float32, {2, 3}));
  EXPECT_EQ(evaluate_einsum("ij->ji", {Tensor(DataType::float32, {2, 0})}).shape(), (Shape{0, 2}));
}

TEST(Einsum, RefusesEquationsThatDoNotFit) {
  const Tensor a = filled({2, 3}, 1);
  const auto refuses = [](std::string_view part, const std::string& equation, const std::vector<Tensor>& operands) {
    EXPECT_TRUE(throws<InvalidArgument>(part, [&] { evaluate_einsum(equation, operands); })) << equation;
  };
  refuses("has the term 'ijk' for its input 0, which has shape (2 x 3)", "ijk->i", {a});
  refuses("has the term 'i' for its input 0", "i->i", {a});
  refuses("'ij' has 1 terms, it has 2 inputs", "ij", {a, a});
  refuses("'ij,jk' has more terms than its 1 inputs", "ij,jk", {a});
  refuses("has 2 elements along axis 0, its equation 'ij,jk' has 3 there before", "ij,jk", {a, a});
  refuses("has a label that no term has", "ij->k", {a});
  refuses("repeats a label", "ij->ii", {a});
  refuses("lacks the '...'", "i...->i", {a});
  refuses("has '.j' where a letter", "i.j->i", {a});
  refuses("has '1' where a letter", "i1->i", {a});
  refuses("has '...' where a letter or the only '...'", "......->", {a});
  refuses("has '>j'", "i>j", {a});
}

}  // namespace
}  // namespace condense::graph
