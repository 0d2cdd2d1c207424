#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "graph/operator_run.hpp"

namespace {

std::atomic<long> allocations = 0;

}  // namespace

// They replace the global ones in the whole test program; only this file looks at the count. Inlined, GCC would take
// `free` for the wrong partner of `new`.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size > 0 ? size : 1);
}
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept { return operator new(size, tag); }
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete[](void* memory, std::size_t) noexcept { operator delete(memory); }

namespace condense::graph {
namespace {

/// What the runtime counts on when it runs operators in its arena. Products take scratch memory.
TEST(EveryOperatorButProducts, DoesNotAllocateInEvaluate) {
  const ThreadPool pool(3);
  for (const OperatorRun& one : operator_runs()) {
    if (one.op.is<Conv>() || one.op.is<Gemm>() || one.op.is<MatMul>()) continue;
    std::vector<InputBuffer> inputs;
    std::vector<std::optional<InputTypes::Input>> known;
    for (const auto& input : one.inputs) {
      const TensorType type{input->type(), input->shape()};
      inputs.push_back({type, input->raw()});
      known.push_back(InputTypes::Input{type, &*input});
    }
    std::vector<Tensor> results;
    std::vector<OutputBuffer> outputs;
    for (const TensorType& type : one.op.infer(InputTypes(known))) results.emplace_back(type.type, type.shape);
    for (Tensor& tensor : results) outputs.push_back({{tensor.type(), tensor.shape()}, tensor.mutable_raw()});
    one.op.evaluate({inputs, outputs, pool});  // the first call on a thread may set up its thread-local state
    const long before = allocations;
    one.op.evaluate({inputs, outputs, pool});
    EXPECT_EQ(allocations - before, 0) << one.op.type();
  }
}

}  // namespace
}  // namespace condense::graph
