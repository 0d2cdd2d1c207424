#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_ELEMENTWISE_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_ELEMENTWISE_HPP

#include <cstring>

#include "condense/graph/reference/broadcast.hpp"
#include "condense/runtime/detail/buffer_sizes.hpp"
#include "condense/runtime/detail/step_fields.hpp"
#include "condense/runtime/detail/steps/broadcast.hpp"

namespace condense::runtime::detail {

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

/// The least and the largest code of 8 bits, signed or not: where zero points lie.
inline bool is_code(std::int32_t value) noexcept { return value >= -128 && value <= 255; }

inline void require_codes(const kernels::Codes& codes) {
  require_codes({codes.type});
  require(is_code(codes.zero_point), "a zero point of {} is none of 8 bits", codes.zero_point);
}
inline void require_codes(const kernels::CodeOutput& codes) {
  require_codes({codes.type});
  require(is_code(codes.zero_point) && is_code(codes.lowest) && is_code(codes.highest) && codes.lowest <= codes.highest,
          "codes from {} to {} with the zero point {} are none of 8 bits", codes.lowest, codes.highest,
          codes.zero_point);
}
inline void require_codes(const kernels::AddArguments& form) {
  require_codes(form.a);
  require_codes(form.b);
  require_codes(form.output);
}

/// The codes of an operand for some rows of a block: where they lie, or, where they repeat or do not lie in line,
/// copied to a small memory.
class CodeRows {
 public:
  static constexpr Index kMost = 1024;  ///< Codes that are copied at a time.

  CodeRows(const std::byte* base, const RepeatedOperand& form, Index columns)
      : base_(base), form_(form), is_in_line_(form.step == 1 && form.row_stride == columns) {}

  bool is_in_line() const noexcept { return is_in_line_; }

  /// The codes of the rows [row, row + rows) and columns [column, column + columns).
  const std::byte* at(Index row, Index rows, Index column, Index columns) noexcept {
    const std::byte* from = base_ + row * form_.row_stride + column * form_.step;
    if (is_in_line_ || (rows == 1 && form_.step == 1)) return from;
    if (form_.row_stride == 0 && filled_ >= rows * columns && filled_column_ == column * form_.step) return copied_;
    const auto bytes = static_cast<std::size_t>(columns);
    for (Index r = 0; r < rows; ++r, from += form_.row_stride) {
      std::byte* to = copied_ + r * columns;
      form_.step == 1 ? std::memcpy(to, from, bytes) : std::memset(to, static_cast<int>(*from), bytes);
    }
    filled_ = rows * columns;
    filled_column_ = column * form_.step;
    return copied_;
  }

 private:
  const std::byte* base_;
  RepeatedOperand form_;
  bool is_in_line_;
  Index filled_ = 0;
  Index filled_column_ = 0;
  std::byte copied_[kMost];
};

/// Calls `body(a, b, output, count)` for runs of codes of two broadcast operands.
template <class Body>
void for_code_runs(const ThreadPool& pool, const BroadcastExtents& extents, const std::byte* a, const std::byte* b,
                   std::byte* output, Body&& body) {
  extents.for_blocks(pool, [&](const BroadcastExtents::Block& block) {
    CodeRows left(a + block.a, extents.a, block.columns);
    CodeRows right(b + block.b, extents.b, block.columns);
    const bool in_line = block.rows == 1 && extents.a.step == 1 && extents.b.step == 1;
    if (in_line || (left.is_in_line() && right.is_in_line())) {
      return body(a + block.a, b + block.b, output + block.output, block.rows * block.columns);
    }
    const Index most_columns = std::min(block.columns, CodeRows::kMost);
    const Index most_rows = CodeRows::kMost / most_columns;
    for (Index row = 0; row < block.rows; row += most_rows) {
      const Index rows = std::min(most_rows, block.rows - row);
      for (Index column = 0; column < block.columns; column += most_columns) {
        const Index columns = std::min(most_columns, block.columns - column);
        body(left.at(row, rows, column, columns), right.at(row, rows, column, columns),
             output + block.output + row * block.columns + column, rows * columns);
      }
    }
  });
}

/// Sum of two quantised tensors.
struct AddStep {
  static constexpr std::string_view kKind = "add";

  Reads a{};
  Reads b{};
  Writes output{};
  BroadcastExtents extents{};
  kernels::AddArguments form{};

  static void fields(auto& s, auto&& visit) { visit(s.a, s.b, s.output, s.extents, s.form); }

  InPlace in_place() const { return extents.in_place(output, a, b); }

  void check(const BufferSizes& buffers) const {
    require_codes(form);
    extents.check(buffers, a, b, output, 1);
  }

  void run(const Execution& e) const {
    const auto run = [&](const std::byte* left, const std::byte* right, std::byte* result, Index count) {
      kernels::AddArguments codes = form;
      codes.a.data = left;
      codes.b.data = right;
      codes.output.data = result;
      codes.count = count;
      e.kernels.elementwise.add(codes);
    };
    for_code_runs(e.pool, extents, e.at<std::byte>(a), e.at<std::byte>(b), e.at<std::byte>(output), run);
  }
};

/// Product of two quantised tensors, element by element.
struct MultiplyStep {
  static constexpr std::string_view kKind = "multiply";

  Reads a{};
  Reads b{};
  Writes output{};
  BroadcastExtents extents{};
  kernels::MultiplyArguments form{};

  static void fields(auto& s, auto&& visit) { visit(s.a, s.b, s.output, s.extents, s.form); }

  InPlace in_place() const { return extents.in_place(output, a, b); }

  void check(const BufferSizes& buffers) const {
    require_codes(form.a);
    require_codes(form.b);
    require_codes(form.output);
    extents.check(buffers, a, b, output, 1);
  }

  void run(const Execution& e) const {
    const auto run = [&](const std::byte* left, const std::byte* right, std::byte* result, Index count) {
      kernels::MultiplyArguments codes = form;
      codes.a.data = left;
      codes.b.data = right;
      codes.output.data = result;
      codes.count = count;
      e.kernels.elementwise.multiply(codes);
    };
    for_code_runs(e.pool, extents, e.at<std::byte>(a), e.at<std::byte>(b), e.at<std::byte>(output), run);
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

  InPlace in_place() const { return {output, {input}}; }

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
    require_codes(form);
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
    require_codes(form);
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
