#ifndef CONDENSE_RUNTIME_PROGRAM_HPP
#define CONDENSE_RUNTIME_PROGRAM_HPP

#include <concepts>
#include <memory>
#include <string>

#include "condense/core/aligned_bytes.hpp"
#include "condense/graph/operator.hpp"
#include "condense/runtime/arena.hpp"
#include "condense/runtime/detail/buffer_sizes.hpp"

namespace condense::runtime {

namespace detail {

/// An input or output of the program, channels first as in the graph.
struct Port {
  std::string name;
  graph::TensorType type;
  int buffer = -1;
};

/// Everything about a program that does not change when it runs.
struct Plan {
  std::vector<BufferInfo> buffers;
  std::vector<Step> steps;
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  ArenaPlan arena;
  std::size_t weight_bytes = 0;
  kernels::KernelSet kernels;
};

}  // namespace detail

/// A compiled network: packed weights, fused steps and one planned arena. Made by `compile`.
///
/// Running allocates nothing, and gives the same bytes for any number of threads. Only a "reference" step takes scratch
/// memory, if the evaluation of its operator does. One program runs one inference at a time; a copy has an arena of its
/// own and shares the weights, so each thread that serves requests takes a copy. Programs of which only one runs at a
/// time may share an arena, too: see `in_arena_of`.
class Program {
 public:
  explicit Program(std::shared_ptr<const detail::Plan> plan) : Program(std::move(plan), nullptr) {}
  Program(const Program& other) : Program(other.plan_) {}
  Program(Program&&) noexcept = default;
  Program& operator=(Program other) noexcept {
    plan_ = std::move(other.plan_);
    arena_ = std::move(other.arena_);
    addresses_ = std::move(other.addresses_);
    return *this;
  }
  ~Program() = default;

  /// This program in the memory of another one, whose arena is as large or larger. Of all programs in one arena one may
  /// run at a time; the memory lives as long as one of them. Throws `InvalidArgument` if the arena is too small.
  Program in_arena_of(const Program& other) const {
    require(other.arena_->size() >= arena_bytes(), "the program needs an arena of {} bytes, the one given has {}",
            arena_bytes(), other.arena_->size());
    return Program(plan_, other.arena_);
  }

  std::size_t input_count() const noexcept { return plan_->inputs.size(); }
  std::size_t output_count() const noexcept { return plan_->outputs.size(); }
  const graph::TensorType& input_type(std::size_t i) const { return plan_->inputs.at(i).type; }
  const graph::TensorType& output_type(std::size_t i) const { return plan_->outputs.at(i).type; }

  /// Runs on tensors of the types that it was compiled for; allocates the outputs and nothing else. Throws
  /// `InvalidArgument` naming the input that does not fit.
  std::vector<Tensor> run(std::span<const Tensor> inputs, const ThreadPool& pool = {}) {
    std::vector<Tensor> outputs;
    for (const detail::Port& port : plan_->outputs) outputs.emplace_back(port.type.type, port.type.shape);
    run(inputs, outputs, pool);
    return outputs;
  }
  std::vector<Tensor> run(std::initializer_list<Tensor> inputs, const ThreadPool& pool = {}) {
    return run(std::span<const Tensor>(inputs.begin(), inputs.size()), pool);
  }

  /// The same into tensors that exist already and have the types of the outputs; allocates nothing.
  void run(std::span<const Tensor> inputs, std::span<Tensor> outputs, const ThreadPool& pool = {}) {
    run(inputs, outputs, pool, [](std::size_t) {});
  }

  /// The same, and calls `observer(i)` on this thread before step i of `steps()`, then once with their number: from one
  /// call to the next is the time of a step. Steps of a branch that is not taken are left out. See `profile`.
  template <std::invocable<std::size_t> Observer>
  void run(std::span<const Tensor> inputs, std::span<Tensor> outputs, const ThreadPool& pool, Observer&& observer) {
    require(inputs.size() == input_count(), "the program has {} inputs, {} tensors are given", input_count(),
            inputs.size());
    require(outputs.size() == output_count(), "the program has {} outputs, {} tensors are given", output_count(),
            outputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) check("input", plan_->inputs[i], inputs[i]);
    for (std::size_t i = 0; i < outputs.size(); ++i) check("output", plan_->outputs[i], outputs[i]);

    for (std::size_t i = 0; i < inputs.size(); ++i) {
      std::memcpy(address(plan_->inputs[i]), inputs[i].raw(), inputs[i].bytes());
    }
    const detail::Execution execution{addresses_.data(), pool, plan_->kernels};
    for (std::size_t i = 0; i < plan_->steps.size(); ++i) {
      observer(i);
      plan_->steps[i].work.run(execution);
      i += execution.left_out(plan_->steps[i].branch);
    }
    observer(plan_->steps.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      std::memcpy(outputs[i].mutable_raw(), address(plan_->outputs[i]), outputs[i].bytes());
    }
  }

  /// What each step does, in order.
  std::vector<StepInfo> steps() const {
    std::vector<StepInfo> result;
    for (const detail::Step& step : plan_->steps) result.push_back(step.info);
    return result;
  }

  /// Bytes of the arena, of the least that any arena needs, and of the packed weights with their biases and scales.
  std::size_t arena_bytes() const noexcept { return plan_->arena.bytes; }
  std::size_t arena_lower_bound() const noexcept { return plan_->arena.lower_bound; }
  std::size_t weight_bytes() const noexcept { return plan_->weight_bytes; }

  /// Name of the backend whose kernels run.
  const std::string& backend() const noexcept { return plan_->kernels.name; }

  /// Everything about the program that does not change when it runs, for files.
  const detail::Plan& plan() const noexcept { return *plan_; }

 private:
  /// In an arena of its own, if none is given.
  Program(std::shared_ptr<const detail::Plan> plan, std::shared_ptr<AlignedBytes> arena)
      : plan_(std::move(plan)), arena_(arena ? std::move(arena) : std::make_shared<AlignedBytes>(plan_->arena.bytes)) {
    bind();
  }

  static void check(std::string_view kind, const detail::Port& port, const Tensor& tensor) {
    if (tensor.type() == port.type.type && tensor.shape() == port.type.shape) return;
    throw InvalidArgument(fmt::format(  // not by `require`, whose arguments would allocate where nothing is wrong
        "the {} '{}' is {} {} in this program, it is given {} {}; compile for another shape, or convert", kind,
        port.name, name(port.type.type), port.type.shape.to_string(), name(tensor.type()), tensor.shape().to_string()));
  }

  std::byte* address(const detail::Port& port) const noexcept {
    return addresses_[static_cast<std::size_t>(port.buffer)];
  }

  void bind() {
    addresses_.reserve(plan_->buffers.size());
    for (std::size_t i = 0; i < plan_->buffers.size(); ++i) {
      const detail::BufferInfo& buffer = plan_->buffers[i];
      // Steps only read constants; the table has one type for both.
      addresses_.push_back(buffer.constant ? const_cast<std::byte*>(buffer.constant.get())
                                           : arena_->data() + plan_->arena.offsets[i]);
    }
  }

  std::shared_ptr<const detail::Plan> plan_;
  std::shared_ptr<AlignedBytes> arena_;
  std::vector<std::byte*> addresses_;
};

}  // namespace condense::runtime

#endif
