#ifndef CONDENSE_RUNTIME_DETAIL_STEP_HPP
#define CONDENSE_RUNTIME_DETAIL_STEP_HPP

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "condense/core/parallel.hpp"
#include "condense/kernels/kernel_set.hpp"

namespace condense::runtime {

/// What a step of a program does, for reports.
struct StepInfo {
  std::string name = {};       ///< The node that it came from; fused nodes go under the first one's name.
  std::string operation = {};  ///< Such as "Conv + Relu".
  /// "int8", "int4", "float32", "float32 x int4" for weights only, or "-" for moving data.
  std::string precision = {};
  std::string kernel = {};  ///< Kernel family, or "reference" where the operator's own evaluation runs.
  std::int64_t multiply_accumulates = 0;
  std::size_t weight_bytes = 0;   ///< Packed weights, biases, scales and other constants that it reads.
  std::size_t bytes_read = 0;     ///< Of the arena, each operand once and whole.
  std::size_t bytes_written = 0;  ///< To the arena.

  /// Those that do not follow from a plan.
  static void fields(auto& s, auto&& visit) {
    visit(s.name, s.operation, s.precision, s.kernel, s.multiply_accumulates);
  }
};

/// True if the products of a step are of integers.
inline bool multiplies_integers(const StepInfo& step) noexcept { return step.precision.starts_with("int"); }

namespace detail {

class BufferSizes;

/// A buffer that a step reads: of the arena, or constant. -1 for none.
struct Reads {
  int buffer = -1;

  bool exists() const noexcept { return buffer >= 0; }
};

/// A buffer of the arena that a step writes, be it only for its own use. -1 for none.
struct Writes {
  int buffer = -1;

  bool exists() const noexcept { return buffer >= 0; }
};

/// A buffer that a step writes, and those that it reads of which any may lie in the same memory: element i of the
/// result is written after element i of them has been read, and nothing else of them is read later.
struct InPlace {
  Writes output{};
  std::vector<Reads> operands{};
};

/// That steps are left out unless a boolean, the first byte of `condition`, is `runs_if`: those of a branch.
struct Branch {
  Reads condition{};  ///< None for a step that begins no branch.
  bool runs_if = true;
  std::size_t count = 0;  ///< Of the steps after this one.
};

/// What a step runs on: the address of every buffer, threads and kernels.
struct Execution {
  std::byte* const* buffers;
  const ThreadPool& pool;
  const kernels::KernelSet& kernels;

  /// The content of a buffer; null for none.
  template <class T>
  const T* at(Reads from) const noexcept {
    return from.exists() ? reinterpret_cast<const T*>(buffers[from.buffer]) : nullptr;
  }
  template <class T>
  T* at(Writes to) const noexcept {
    return to.exists() ? reinterpret_cast<T*>(buffers[to.buffer]) : nullptr;
  }

  /// How many of the steps that follow are left out.
  std::size_t left_out(const Branch& branch) const noexcept {
    if (!branch.condition.exists()) return 0;
    return (*at<unsigned char>(branch.condition) != 0) == branch.runs_if ? 0 : branch.count;
  }
};

/// A type whose fields can be listed: numbers, enumerations, `Reads` and `Writes`, vectors and optionals of these, and
/// structures of the kernels (see step_fields.hpp).
template <class T>
concept HasFields = requires(T& value) { T::fields(value, [](auto&...) {}); };

/// What a step does, as plain fields: whatever is larger than a few numbers is a constant buffer, so that it can be
/// shared by programs and read in place from a file.
///
///     struct ScaleStep {
///       static constexpr std::string_view kKind = "scale";  // in files
///       Reads input;
///       Writes output;
///       Index count = 0;
///       float factor = 1;
///
///       static void fields(auto& s, auto&& visit) { visit(s.input, s.output, s.count, s.factor); }
///       void check(const BufferSizes& buffers) const;  // throws if `run` would leave its buffers
///       void run(const Execution& e) const;            // allocates nothing
///       InPlace in_place() const { return {output, {input}}; }  // optional
///       Branch branch() const { return ...; }                   // optional
///       static constexpr bool kWritesInParts = true;            // optional
///     };
template <class T>
concept StepKind = HasFields<T> && requires(const T& step, const BufferSizes& buffers, const Execution& e) {
  { T::kKind } -> std::convertible_to<std::string_view>;
  step.check(buffers);
  step.run(e);
};

/// A step of any kind.
class StepWork {
 public:
  template <StepKind T>
  explicit StepWork(T step) : held_(std::make_shared<const Model<T>>(std::move(step))) {}

  void check(const BufferSizes& buffers) const { held_->check(buffers); }
  void run(const Execution& e) const { held_->run(e); }

  /// The step if it is a T, otherwise null.
  template <StepKind T>
  const T* get_if() const noexcept {
    const auto* model = dynamic_cast<const Model<T>*>(held_.get());
    return model == nullptr ? nullptr : &model->step;
  }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual void check(const BufferSizes& buffers) const = 0;
    virtual void run(const Execution& e) const = 0;
  };
  template <class T>
  struct Model final : Base {
    explicit Model(T value) : step(std::move(value)) {}
    void check(const BufferSizes& buffers) const override { step.check(buffers); }
    void run(const Execution& e) const override { step.run(e); }
    const T step;
  };

  std::shared_ptr<const Base> held_;
};

struct Step {
  StepInfo info;
  std::vector<int> reads;
  std::vector<int> writes;
  StepWork work;
  InPlace in_place = {};
  bool writes_in_parts = false;  ///< Several of its fields may name one buffer that it writes.
  Branch branch = {};
};

}  // namespace detail

}  // namespace condense::runtime

#endif
