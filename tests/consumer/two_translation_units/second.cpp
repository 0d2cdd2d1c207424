// The second translation unit: a function of a header that is not inline is defined twice, and does not link.
#include "condense/condense.hpp"

condense::Tensor ones(condense::Index count) {
  condense::Tensor tensor(condense::DataType::float32, condense::Shape{count});
  for (float& value : tensor.mutable_values<float>()) value = 1;
  return tensor;
}
