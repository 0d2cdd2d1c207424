// error: condense tensors are row-major
#include "condense/core/tensor.hpp"

int main() {
  const Eigen::MatrixXf column_major(2, 3);
  const condense::TensorRef<const float> tensor(column_major);
  return static_cast<int>(tensor.count());
}
