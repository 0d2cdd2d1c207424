// How long it takes until a program is there: compiled from a graph, or loaded from a file that lies in the page cache,
// for a residual network of images (3 x 32 x 32) like ResNet-8 of MLPerf Tiny, quantised to 8 bits, and for four of its
// size in weights. Also the page faults of each, and the bytes asked of `operator new`.
//
//   program_start_benchmark

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <new>

#include "condense/core/random.hpp"
#include "condense/graph/operators.hpp"
#include "condense/runtime/compile.hpp"
#include "condense/runtime/program_file.hpp"

namespace {

std::atomic<std::size_t> allocated = 0;

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  allocated += size;
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  allocated += size;
  const auto unit = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(unit, (size + unit - 1) / unit * unit)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new[](std::size_t size) { return operator new(size); }
[[gnu::noinline]] void* operator new[](std::size_t size, std::align_val_t alignment) {
  return operator new(size, alignment);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace condense::benchmarks {
namespace {

/// Builds a quantised residual network whose weights are random.
class Builder {
 public:
  graph::Graph resnet(Index width) {
    graph::Value x = quantized(graph_.input("image", DataType::float32, {1, 3, 32, 32}));
    x = convolution(x, 3, width, 3, 1, true);
    for (const Index channels : {width, 2 * width, 4 * width}) {
      const Index before = graph_.type(x).shape[1];
      const Index stride = before == channels ? 1 : 2;
      const graph::Value y =
          convolution(convolution(x, before, channels, 3, stride, true), channels, channels, 3, 1, false);
      if (before != channels) x = convolution(x, before, channels, 1, stride, false);
      x = quantized(graph_.add(graph::Relu{}, {graph_.add(graph::Add{}, {x, y})}));
    }
    x = graph_.add(graph::Flatten{}, {quantized(graph_.add(graph::GlobalAveragePool{}, {x}))});
    x = graph_.add(graph::Gemm{.trans_b = true}, {x, weights({10, 4 * width}), floats({10})});
    graph_.output(graph_.add(graph::Softmax{}, {quantized(x)}), "classes");
    return std::move(graph_);
  }

 private:
  graph::Value constant(Tensor tensor) { return graph_.constant(fmt::format("c{}", ++constants_), std::move(tensor)); }

  graph::Value floats(const Shape& shape) {
    Tensor tensor(DataType::float32, shape);
    for (float& value : tensor.mutable_values<float>()) value = random_.uniform(-1, 1);
    return constant(std::move(tensor));
  }
  graph::Value weights(const Shape& shape) {
    Tensor codes(DataType::int8, shape);
    for (std::int8_t& code : codes.mutable_values<std::int8_t>()) {
      code = static_cast<std::int8_t>(static_cast<int>(random_.below(255)) - 127);
    }
    return graph_.add(graph::DequantizeLinear{}, {constant(std::move(codes)), constant(Tensor::scalar(0.002F))});
  }
  graph::Value quantized(graph::Value x) {
    const graph::Value scale = constant(Tensor::scalar(1.0F / 32));
    const graph::Value zero = constant(Tensor::scalar(std::int8_t{0}));
    return graph_.add(graph::DequantizeLinear{}, {graph_.add(graph::QuantizeLinear{}, {x, scale, zero}), scale, zero});
  }
  graph::Value convolution(graph::Value x, Index from, Index to, Index kernel, Index stride, bool rectified) {
    const graph::Conv conv{.strides = {stride, stride}, .auto_pad = graph::AutoPad::same_upper};
    graph::Value y = graph_.add(conv, {x, weights({to, from, kernel, kernel}), floats({to})});
    if (rectified) y = graph_.add(graph::Relu{}, {y});
    return quantized(y);
  }

  Random random_{1};
  graph::Graph graph_;
  int constants_ = 0;
};

long page_faults() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}

/// Runs `start` in the loop of a benchmark and counts what it costs beside time.
template <class Start>
void measure(benchmark::State& state, const Start& start) {
  start();
  const std::size_t bytes = allocated;
  const long faults = page_faults();
  for (auto _ : state) benchmark::DoNotOptimize(start());
  const auto per_start = [&](auto count) {
    return static_cast<double>(count) / static_cast<double>(state.iterations());
  };
  state.counters["allocated_bytes"] = per_start(allocated - bytes);
  state.counters["page_faults"] = per_start(page_faults() - faults);
}

std::filesystem::path file() {
  return std::filesystem::temp_directory_path() / "condense_program_start_benchmark.program";
}

void compile(benchmark::State& state) {
  const graph::Graph graph = Builder().resnet(state.range(0));
  state.counters["weight_bytes"] = static_cast<double>(runtime::compile(graph).weight_bytes());
  measure(state, [&] { return runtime::compile(graph); });
}
BENCHMARK(compile)->Arg(16)->Arg(32)->Unit(benchmark::kMicrosecond);

void load(benchmark::State& state) {
  runtime::save_program(runtime::compile(Builder().resnet(state.range(0))), file());
  state.counters["file_bytes"] = static_cast<double>(std::filesystem::file_size(file()));
  measure(state, [] { return runtime::load_program(file()); });
  std::filesystem::remove(file());
}
BENCHMARK(load)->Arg(16)->Arg(32)->Unit(benchmark::kMicrosecond);

/// With the first run, which touches every page of the weights and the arena.
void load_and_run(benchmark::State& state) {
  runtime::save_program(runtime::compile(Builder().resnet(state.range(0))), file());
  const Tensor image(DataType::float32, {1, 3, 32, 32});
  measure(state, [&] {
    runtime::Program program = runtime::load_program(file());
    return program.run({image});
  });
  std::filesystem::remove(file());
}
BENCHMARK(load_and_run)->Arg(16)->Arg(32)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace condense::benchmarks

BENCHMARK_MAIN();
