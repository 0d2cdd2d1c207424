#ifndef CONDENSE_RUNTIME_DETAIL_BATCH_WORKER_HPP
#define CONDENSE_RUNTIME_DETAIL_BATCH_WORKER_HPP

#include <algorithm>
#include <set>

#include "condense/runtime/batch_plan.hpp"
#include "condense/runtime/program.hpp"

namespace condense::runtime::detail {

/// Programs of the batch sizes 1, 2, 4, ... in one arena, and one block of memory in which their inputs and outputs are
/// gathered. Runs one batch at a time.
class BatchWorker {
 public:
  /// `programs[i]` runs batches of 2^i; their first one is of a single request. The worker has copies of them.
  explicit BatchWorker(std::span<const Program> programs) : gathered_(gathered_bytes(programs.back())) {
    const Program largest = *std::ranges::max_element(programs, {}, &Program::arena_bytes);
    for (const Program& program : programs) programs_.push_back(program.in_arena_of(largest));
    std::size_t offset = 0;
    const auto place = [&](const graph::TensorType& type) {
      // The block outlives the tensor. Each has an owner of its own, for a shared one would be copied when written to.
      std::shared_ptr<std::byte[]> memory(gathered_.data() + offset, [](std::byte*) {});
      offset += aligned(bytes(type));
      return Tensor::on(std::move(memory), type.type, type.shape);
    };
    for (const Program& program : programs_) {
      offset = 0;
      Views& views = views_.emplace_back();
      for (std::size_t i = 0; i < program.input_count(); ++i) views.inputs.push_back(place(program.input_type(i)));
      for (std::size_t i = 0; i < program.output_count(); ++i) views.outputs.push_back(place(program.output_type(i)));
    }
  }

  /// What a worker with these programs takes: the largest arena, the gathered inputs and outputs of the largest batch,
  /// and the outputs that are cut from them.
  static std::size_t planned_bytes(std::span<const Program> programs) {
    const Program& largest = *std::ranges::max_element(programs, {}, &Program::arena_bytes);
    return largest.arena_bytes() + gathered_bytes(programs.back()) + output_bytes(programs.back());
  }

  /// Bytes of the constants of all programs, each counted once.
  static std::size_t constant_bytes(std::span<const Program> programs) {
    std::set<const std::byte*> counted;
    std::size_t total = 0;
    for (const Program& program : programs) {
      for (const BufferInfo& buffer : program.plan().buffers) {
        if (buffer.constant && counted.insert(buffer.constant.get()).second) total += buffer.bytes;
      }
    }
    return total;
  }

  static std::size_t input_bytes(const Program& program) {
    std::size_t total = 0;
    for (std::size_t i = 0; i < program.input_count(); ++i) total += bytes(program.input_type(i));
    return total;
  }
  static std::size_t output_bytes(const Program& program) {
    std::size_t total = 0;
    for (std::size_t i = 0; i < program.output_count(); ++i) total += bytes(program.output_type(i));
    return total;
  }

  const std::vector<Program>& programs() const noexcept { return programs_; }

  /// Runs requests, `inputs_of(r)` being the tensors of request r < count, and returns the outputs of each.
  template <class InputsOf>
  std::vector<std::vector<Tensor>> run(std::size_t count, const InputsOf& inputs_of, const ThreadPool& pool) {
    const std::size_t size = BatchPlan::size_index(static_cast<Index>(count));
    Views& views = views_[size];
    for (std::size_t i = 0; i < views.inputs.size(); ++i) {
      std::byte* gathered = views.inputs[i].mutable_raw();
      std::byte* const end = gathered + views.inputs[i].bytes();
      const std::size_t sample = bytes(programs_.front().input_type(i));
      for (std::size_t r = 0; r < count; ++r, gathered += sample) {
        std::memcpy(gathered, inputs_of(r)[i].raw(), sample);
      }
      // Where no request is, zeros: what a request of an earlier batch left there could make the run throw.
      std::fill(gathered, end, std::byte{0});
    }
    programs_[size].run(views.inputs, views.outputs, pool);

    std::vector<std::vector<Tensor>> results(count);
    for (std::size_t i = 0; i < views.outputs.size(); ++i) {
      const graph::TensorType& sample = programs_.front().output_type(i);
      const std::byte* gathered = views.outputs[i].raw();
      for (std::vector<Tensor>& result : results) {
        Tensor& output = result.emplace_back(sample.type, sample.shape);
        std::memcpy(output.mutable_raw(), gathered, output.bytes());
        gathered += output.bytes();
      }
    }
    return results;
  }

  /// The median time of runs of the largest program on zeros.
  BatchPlan::Duration measure(const ThreadPool& pool) {
    using Clock = std::chrono::steady_clock;
    constexpr std::size_t kFewest = 9;
    constexpr std::size_t kMost = 101;
    constexpr BatchPlan::Duration kEnough = std::chrono::milliseconds(2);
    Views& views = views_.back();
    for (Tensor& input : views.inputs) std::memset(input.mutable_raw(), 0, input.bytes());
    for (int warm_up = 0; warm_up < 2; ++warm_up) programs_.back().run(views.inputs, views.outputs, pool);
    std::vector<BatchPlan::Duration> times;
    BatchPlan::Duration total{0};
    while (times.size() < kFewest || (times.size() < kMost && total < kEnough)) {
      const Clock::time_point start = Clock::now();
      programs_.back().run(views.inputs, views.outputs, pool);
      times.push_back(Clock::now() - start);
      total += times.back();
    }
    std::ranges::nth_element(times, times.begin() + std::ssize(times) / 2);
    return std::max(times[times.size() / 2], BatchPlan::Duration(1));
  }

 private:
  static std::size_t bytes(const graph::TensorType& type) { return condense::bytes(type.type, type.shape.count()); }

  struct Views {
    std::vector<Tensor> inputs;
    std::vector<Tensor> outputs;
  };

  static constexpr std::size_t aligned(std::size_t size) noexcept {
    return (size + Tensor::kAlignment - 1) / Tensor::kAlignment * Tensor::kAlignment;
  }

  static std::size_t gathered_bytes(const Program& program) {
    std::size_t total = 0;
    for (std::size_t i = 0; i < program.input_count(); ++i) total += aligned(bytes(program.input_type(i)));
    for (std::size_t i = 0; i < program.output_count(); ++i) total += aligned(bytes(program.output_type(i)));
    return total;
  }

  std::vector<Program> programs_;
  AlignedBytes gathered_;
  std::vector<Views> views_;
};

}  // namespace condense::runtime::detail

#endif
