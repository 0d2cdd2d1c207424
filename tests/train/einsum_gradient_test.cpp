#include <gtest/gtest.h>

#include "condense/graph/operators/einsum.hpp"
#include "train/gradient_check.hpp"

namespace condense::train {
namespace {

using testing::expect_gradients_agree;
using testing::normal_values;

void check(const std::string& equation, const std::vector<Shape>& shapes) {
  SCOPED_TRACE(equation);
  std::vector<Tensor> inputs;
  for (const Shape& shape : shapes) inputs.push_back(normal_values(shape, inputs.size() + 1));
  expect_gradients_agree(graph::Einsum{equation}, inputs);
}

TEST(EinsumGradient, AgreesForProductsOfTwo) {
  check("ij,jk->ik", {{2, 3}, {3, 4}});
  check("bij,bjk->bik", {{2, 2, 3}, {2, 3, 2}});
  check("bhid,bhjd->bhij", {{1, 2, 3, 2}, {1, 2, 2, 2}});
  check("ij,kj", {{2, 3}, {4, 3}});  // implicit result
  check("i,j->ij", {{2}, {3}});
  check("i,i->", {{3}, {3}});
  check("ij,ij->ij", {{2, 3}, {2, 3}});
}

TEST(EinsumGradient, AgreesForLabelsThatOneOperandHasAlone) {
  check("ij,k->i", {{2, 3}, {4}});
  check("ijk,jl->l", {{2, 3, 2}, {3, 4}});
}

TEST(EinsumGradient, AgreesForOneOperand) {
  check("ij->ji", {{2, 3}});
  check("ijk->j", {{2, 3, 2}});
  check("ii->i", {{3, 3}});
  check("ii->", {{3, 3}});
  check("iij->ji", {{3, 3, 2}});
}

TEST(EinsumGradient, AgreesForDiagonalsAndSeveralOperands) {
  check("ii,ij->j", {{3, 3}, {3, 2}});
  check("ij,jk,kl->il", {{2, 3}, {3, 2}, {2, 4}});
  check("a,b,c,d->bd", {{2}, {3}, {2}, {2}});
}

TEST(EinsumGradient, AgreesForEllipsesAndExtentsOfOne) {
  check("...ij,...jk->...ik", {{2, 1, 2, 3}, {4, 3, 2}});
  check("...i,...i->...", {{2, 3, 2}, {3, 2}});
  check("ij,jk->ik", {{2, 1}, {3, 4}});
  check("bij,bij->bi", {{1, 2, 3}, {2, 1, 3}});
}

}  // namespace
}  // namespace condense::train
