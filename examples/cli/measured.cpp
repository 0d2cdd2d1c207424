#include "measured.hpp"

#include "condense/compress/post_training.hpp"
#include "condense/core/random.hpp"
#include "condense/runtime/compile.hpp"
#include "runner.hpp"

namespace cli {

using namespace condense;

namespace {

Tensor random_tensor(const graph::TensorType& type, const Shape& shape, Random& random) {
  Tensor tensor(type.type, shape);
  if (type.type == DataType::float32) {
    for (float& value : tensor.mutable_values<float>()) value = random.uniform();
  } else if (type.type == DataType::uint8 || type.type == DataType::int8) {
    for (std::size_t i = 0; i < tensor.bytes(); ++i)
      tensor.mutable_raw()[i] = static_cast<std::byte>(random.below(256));
  }
  return tensor;
}

std::vector<Tensor> random_inputs(const graph::Graph& network, Index batch, std::uint64_t seed) {
  Random random(seed);
  std::vector<Tensor> inputs;
  for (const graph::Value value : network.inputs()) {
    const Shape& declared = network.declared_shape(value);
    Shape shape = network.type(value).shape;
    if (declared.rank() > 0 && declared[0] == kDynamic) shape = shape.with(0, batch);
    inputs.push_back(random_tensor(network.type(value), shape, random));
  }
  return inputs;
}

std::vector<Tensor> inputs_of(const graph::Graph& network, const MeasureOptions& options) {
  if (!options.data.given()) return random_inputs(network, options.data.batch, options.seed);
  DataOptions data = options.data;
  data.samples = data.batch;  // the first run needs no more
  return read_feed(network, data).batches.front();
}

std::vector<Shape> shapes_of(const std::vector<Tensor>& tensors) {
  std::vector<Shape> shapes;
  for (const Tensor& tensor : tensors) shapes.push_back(tensor.shape());
  return shapes;
}

}  // namespace

void MeasureOptions::add_to(CLI::App& command) {
  data.add_to(command);
  command.add_option("--rounds", rounds, "Runs that are measured")->capture_default_str()->check(CLI::PositiveNumber);
  command.add_option("--seed", seed, "Of the random inputs where there is no data")->capture_default_str();
}

Measured measured(const std::string& model, const MeasureOptions& options) {
  Network file = read_network(model);
  const graph::Graph& network = file.graph;
  std::vector<Tensor> inputs = inputs_of(network, options);
  const Index samples = inputs.empty() || inputs[0].shape().rank() == 0 ? 1 : inputs[0].shape()[0];
  runtime::Program program = file.program
                                 ? *std::move(file.program)
                                 : runtime::compile(compress::simplified(network), {.input_shapes = shapes_of(inputs)});
  return {.inputs = std::move(inputs), .samples = samples, .program = std::move(program)};
}

}  // namespace cli
