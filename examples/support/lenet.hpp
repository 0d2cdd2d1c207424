#ifndef CONDENSE_EXAMPLES_SUPPORT_LENET_HPP
#define CONDENSE_EXAMPLES_SUPPORT_LENET_HPP

#include "condense/graph/operators.hpp"
#include "fashion_network.hpp"

namespace examples {

/// LeNet-300-100 (LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition",
/// Proceedings of the IEEE, 1998, section III.C): two hidden layers with Relu, 266,610 parameters, for 28 x 28 grey
/// images of ten classes. Weights are zeros until they are initialised.
inline condense::graph::Graph lenet_300_100() {
  NetworkBuilder network({condense::kDynamic, 1, 28, 28});
  network.flatten();
  network.fully_connected("fc1", 300, true);
  network.fully_connected("fc2", 100, true);
  network.fully_connected("fc3", 10, false);
  return network.finish("logits");
}

/// LeNet-5 as the pruning literature has it, after the network that comes with Caffe: two convolutions of 20 and 50
/// channels, each with a maximum of 2 x 2 after it, and a hidden layer of 500 with Relu; 431,080 parameters.
inline condense::graph::Graph lenet_5() {
  NetworkBuilder network({condense::kDynamic, 1, 28, 28});
  network.plain_convolution("conv1", 20, 5);  // 24 x 24
  network.max_pool();
  network.plain_convolution("conv2", 50, 5);  // 8 x 8
  network.max_pool();
  network.flatten();
  network.fully_connected("fc1", 500, true);
  network.fully_connected("fc2", 10, false);
  return network.finish("logits");
}

}  // namespace examples

#endif
