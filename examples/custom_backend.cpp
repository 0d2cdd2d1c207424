// Brings a backend of one's own for one kernel, and runs a quantised network on it: here one that counts what it is
// asked for and passes it on, where an accelerator would be called.
//
//   custom_backend

#include <fmt/format.h>

#include <atomic>

#include "condense/compress/post_training.hpp"
#include "condense/core/random.hpp"
#include "condense/graph/operators/gemm.hpp"
#include "condense/graph/operators/relu.hpp"
#include "condense/kernels/kernel_set.hpp"
#include "condense/runtime/compile.hpp"

using namespace condense;

/// The backend: a tag with a name and the question whether this machine has it.
struct Counting {
  static constexpr std::string_view name = "counting";
  static bool available() noexcept { return true; }
  static inline std::atomic<std::int64_t> multiply_accumulates = 0;
};

/// Its integer product. Weights are packed as it likes, and only it reads them.
template <>
struct kernels::Gemm<Counting> {
  static const GemmKernel& below() noexcept {
    static const GemmKernel kernel = KernelSet::best().gemm;
    return kernel;
  }

  static std::size_t packed_bytes(const WeightShape& shape) noexcept { return below().packed_bytes(shape); }
  static void pack(const WeightShape& shape, const WeightValues& weights, std::byte* packed) noexcept {
    below().pack(shape, weights, packed);
  }
  static void run(const GemmArguments& g) noexcept {
    Counting::multiply_accumulates += g.input.rows * g.weights.columns * g.input.taps * g.input.depth;
    below().run(g);
  }
};

Tensor random_tensor(const Shape& shape, Random& random) {
  Tensor tensor(DataType::float32, shape);
  for (float& value : tensor.mutable_values<float>()) value = random.normal();
  return tensor;
}

int main() try {
  Random random(/*seed=*/1);
  graph::Graph network;
  graph::Value x = network.input("input", DataType::float32, {kDynamic, 64});
  x = network.add(graph::Gemm{}, {x, network.constant("weights1", random_tensor({64, 128}, random))}, "hidden");
  x = network.add(graph::Relu{}, {x});
  x = network.add(graph::Gemm{}, {x, network.constant("weights2", random_tensor({128, 10}, random))}, "output");
  network.output(x, "scores");
  const Tensor batch = random_tensor({32, 64}, random);
  const std::vector<std::vector<Tensor>> batches = {{batch}};
  const graph::Graph quantized = compress::post_training(network, batches).graph;

  kernels::KernelSet kernels = kernels::KernelSet::best();
  kernels.gemm = kernels::GemmKernel::of<Counting>();
  runtime::Program counted = runtime::compile(quantized, {.input_shapes = {{32, 64}}, .kernels = kernels});
  runtime::Program usual = runtime::compile(quantized, {.input_shapes = {{32, 64}}});
  const bool same = counted.run({batch})[0] == usual.run({batch})[0];
  fmt::print("{} multiply-accumulates passed through the backend; {}\n", Counting::multiply_accumulates.load(),
             same ? "the bytes are those of the usual one" : "the bytes differ");
  return same ? 0 : 1;
} catch (const Error& error) {
  fmt::print(stderr, "custom_backend: {}\n", error.what());
  return 1;
}
