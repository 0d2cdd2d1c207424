#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_ELEMENTWISE_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_ELEMENTWISE_HPP

#include "condense/graph/reference/broadcast.hpp"
#include "condense/runtime/detail/buffer_sizes.hpp"
#include "condense/runtime/detail/step_fields.hpp"

namespace condense::runtime::detail {

/// Elements that one task of an elementwise step works on.
inline constexpr Index kElementsPerTask = 16384;

/// Operands of an elementwise kernel from element `begin` on.
inline kernels::Codes block_of(kernels::Codes codes, const std::byte* base, Index begin) noexcept {
  codes.data = base + begin;
  return codes;
}
inline kernels::CodeOutput block_of(kernels::CodeOutput codes, std::byte* base, Index begin) noexcept {
  codes.data = base + begin;
  return codes;
}

inline void require_codes(std::initializer_list<kernels::ElementType> types) {
  for (const kernels::ElementType type : types) {
    require(kernels::is_code(type), "elements of type {} are no codes", static_cast<int>(type));
  }
}

/// Sum of two quantised tensors.
struct AddStep {
  static constexpr std::string_view kKind = "add";

  Reads a{};
  Reads b{};
  Writes output{};
  Index count = 0;
  kernels::AddArguments form{};

  static void fields(auto& s, auto&& visit) { visit(s.a, s.b, s.output, s.count, s.form); }

  void check(const BufferSizes& buffers) const {
    require_codes({form.a.type, form.b.type, form.output.type});
    buffers.require_readable(a, count, 1);
    buffers.require_readable(b, count, 1);
    buffers.require_writable(output, count, 1);
  }

  void run(const Execution& e) const {
    parallel_for(e.pool, count, kElementsPerTask, [&](Index begin, Index end) {
      kernels::AddArguments block = form;
      block.a = block_of(form.a, e.at<std::byte>(a), begin);
      block.b = block_of(form.b, e.at<std::byte>(b), begin);
      block.output = block_of(form.output, e.at<std::byte>(output), begin);
      block.count = end - begin;
      e.kernels.elementwise.add(block);
    });
  }
};

/// Product of two quantised tensors, element by element.
struct MultiplyStep {
  static constexpr std::string_view kKind = "multiply";

  Reads a{};
  Reads b{};
  Writes output{};
  Index count = 0;
  kernels::MultiplyArguments form{};

  static void fields(auto& s, auto&& visit) { visit(s.a, s.b, s.output, s.count, s.form); }

  void check(const BufferSizes& buffers) const {
    require_codes({form.a.type, form.b.type, form.output.type});
    buffers.require_readable(a, count, 1);
    buffers.require_readable(b, count, 1);
    buffers.require_writable(output, count, 1);
  }

  void run(const Execution& e) const {
    parallel_for(e.pool, count, kElementsPerTask, [&](Index begin, Index end) {
      kernels::MultiplyArguments block = form;
      block.a = block_of(form.a, e.at<std::byte>(a), begin);
      block.b = block_of(form.b, e.at<std::byte>(b), begin);
      block.output = block_of(form.output, e.at<std::byte>(output), begin);
      block.count = end - begin;
      e.kernels.elementwise.multiply(block);
    });
  }
};

/// A function of codes as a table of 256.
struct LookupStep {
  static constexpr std::string_view kKind = "lookup";

  Reads input{};
  Reads table{};
  Writes output{};
  Index count = 0;

  static void fields(auto& s, auto&& visit) { visit(s.input, s.table, s.output, s.count); }

  void check(const BufferSizes& buffers) const {
    buffers.require_readable(input, count, 1);
    buffers.require_readable(table, 256, 1);
    buffers.require_writable(output, count, 1);
  }

  void run(const Execution& e) const {
    parallel_for(e.pool, count, kElementsPerTask, [&](Index begin, Index end) {
      e.kernels.elementwise.lookup(e.at<std::uint8_t>(input) + begin, e.at<std::uint8_t>(table), end - begin,
                                   e.at<std::uint8_t>(output) + begin);
    });
  }
};

/// Floats to codes.
struct QuantizeStep {
  static constexpr std::string_view kKind = "quantize";

  Reads input{};
  Writes output{};
  Index count = 0;
  float scale = 1;
  kernels::CodeOutput form{};

  static void fields(auto& s, auto&& visit) { visit(s.input, s.output, s.count, s.scale, s.form); }

  void check(const BufferSizes& buffers) const {
    require_codes({form.type});
    buffers.require_readable(input, count, sizeof(float));
    buffers.require_writable(output, count, 1);
  }

  void run(const Execution& e) const {
    parallel_for(e.pool, count, kElementsPerTask, [&](Index begin, Index end) {
      e.kernels.elementwise.quantize(e.at<float>(input) + begin, scale, block_of(form, e.at<std::byte>(output), begin),
                                     end - begin);
    });
  }
};

/// Codes to floats.
struct DequantizeStep {
  static constexpr std::string_view kKind = "dequantize";

  Reads input{};
  Writes output{};
  Index count = 0;
  float scale = 1;
  kernels::Codes form{};

  static void fields(auto& s, auto&& visit) { visit(s.input, s.output, s.count, s.scale, s.form); }

  void check(const BufferSizes& buffers) const {
    require_codes({form.type});
    buffers.require_readable(input, count, 1);
    buffers.require_writable(output, count, sizeof(float));
  }

  void run(const Execution& e) const {
    parallel_for(e.pool, count, kElementsPerTask, [&](Index begin, Index end) {
      e.kernels.elementwise.dequantize(block_of(form, e.at<std::byte>(input), begin), scale, end - begin,
                                       e.at<float>(output) + begin);
    });
  }
};

/// Codes repeated along axes of one element.
struct ExpandStep {
  static constexpr std::string_view kKind = "expand";

  Reads input{};
  Writes output{};
  Shape input_shape{};
  Shape output_shape{};

  static void fields(auto& s, auto&& visit) { visit(s.input, s.output, s.input_shape, s.output_shape); }

  void check(const BufferSizes& buffers) const {
    require(input_shape.is_concrete() && output_shape.is_concrete() && input_shape.rank() == output_shape.rank(),
            "{} does not broadcast to {}", input_shape.to_string(), output_shape.to_string());
    for (int axis = 0; axis < input_shape.rank(); ++axis) {
      require(input_shape[axis] == 1 || input_shape[axis] == output_shape[axis], "{} does not broadcast to {}",
              input_shape.to_string(), output_shape.to_string());
    }
    buffers.require_readable(input, input_shape.count(), 1);
    buffers.require_writable(output, output_shape.count(), 1);
  }

  void run(const Execution& e) const {
    const graph::reference::Broadcast broadcast(output_shape, input_shape, output_shape);
    const auto* source = e.at<std::uint8_t>(input);
    auto* target = e.at<std::uint8_t>(output);
    parallel_for(e.pool, output_shape.count(), kElementsPerTask, [&](Index begin, Index end) {
      broadcast.for_each_run(begin, end, [&](Index first, Index, Index at, Index length, Index, Index step) {
        for (Index i = 0; i < length; ++i) target[first + i] = source[at + i * step];
      });
    });
  }
};

}  // namespace condense::runtime::detail

#endif
