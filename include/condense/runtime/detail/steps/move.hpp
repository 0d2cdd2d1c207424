#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_MOVE_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_MOVE_HPP

#include <algorithm>
#include <cstring>

#include "condense/kernels/copy_piece.hpp"
#include "condense/runtime/detail/buffer_sizes.hpp"
#include "condense/runtime/detail/step_fields.hpp"

namespace condense::runtime::detail {

/// Transposes each matrix (rows x columns) of a batch: a change of layout.
struct TransposeStep {
  static constexpr std::string_view kKind = "transpose";

  Reads input{};
  Writes output{};
  Index batch = 1;
  Index rows = 0;
  Index columns = 0;
  Index element_bytes = 1;

  static void fields(auto& s, auto&& visit) { visit(s.input, s.output, s.batch, s.rows, s.columns, s.element_bytes); }

  void check(const BufferSizes& buffers) const {
    require(element_bytes > 0, "elements of {} bytes cannot be transposed", element_bytes);
    const Index count = checked_product({batch, rows, columns});
    buffers.require_readable(input, count, static_cast<std::size_t>(element_bytes));
    buffers.require_writable(output, count, static_cast<std::size_t>(element_bytes));
  }

  /// Several small matrices are a task, or a part of a large one: of the longer of its sides, and 64 or more of that,
  /// so that none is a narrow one.
  void run(const Execution& e) const {
    constexpr Index kBytesPerTask = 65536;
    constexpr Index kLeast = 64;
    const Index matrix = rows * columns * element_bytes;
    if (matrix == 0) return;
    const Index longer = std::max(rows, columns);
    const Index parts = std::clamp<Index>(matrix / kBytesPerTask, 1, std::max<Index>(1, longer / kLeast));
    const auto* from = e.at<std::byte>(input);
    auto* to = e.at<std::byte>(output);
    if (parts == 1) {
      parallel_for(e.pool, batch, std::max<Index>(1, kBytesPerTask / matrix), [&](Index begin, Index end) {
        e.kernels.layout.transpose(
            {from + begin * matrix, end - begin, rows, columns, element_bytes, to + begin * matrix});
      });
      return;
    }
    parallel_for(e.pool, batch * parts, [&](Index task) {
      const auto first_of = [&](Index part) { return part == parts ? longer : longer / parts * part; };
      const Index first = first_of(task % parts);
      const Index count = first_of(task % parts + 1) - first;
      const std::byte* of = from + task / parts * matrix;
      std::byte* into = to + task / parts * matrix;
      if (rows >= columns) {
        e.kernels.layout.transpose({of + first * columns * element_bytes, 1, count, columns, element_bytes,
                                    into + first * element_bytes, columns, rows});
      } else {
        e.kernels.layout.transpose({of + first * element_bytes, 1, rows, count, element_bytes,
                                    into + first * rows * element_bytes, columns, rows});
      }
    });
  }
};

/// Images of few channels with the padding written around them. The taps of a line of a window then lie in line and are
/// one piece of a row, where looking up pieces of 1 to 4 elements would cost more than multiplying them.
struct PaddedImages {
  Index height = 0;  ///< Of the image, and of the padded one.
  Index width = 0;
  Index padded_height = 0;
  Index padded_width = 0;
  Index top = 0;
  Index left = 0;
  Index channels = 0;
  Index tail = 0;  ///< Elements of padding after the last line.

  static void fields(auto& s, auto&& visit) {
    visit(s.height, s.width, s.padded_height, s.padded_width, s.top, s.left, s.channels, s.tail);
  }

  Index elements() const noexcept { return padded_height * padded_width * channels + tail; }
  bool are_the_input() const noexcept {
    return top == 0 && left == 0 && padded_height == height && padded_width == width && tail == 0;
  }

  /// Writes one image, of elements of `element_bytes` whose padding consists of bytes `fill`.
  void write(const std::byte* input, Index element_bytes, int fill, std::byte* output) const noexcept {
    const Index pixel = channels * element_bytes;
    const Index columns = std::clamp<Index>(padded_width - left, 0, width);
    const Index lines = columns == 0 ? 0 : std::clamp<Index>(padded_height - top, 0, height);
    Index written = 0;
    const auto fill_up_to = [&](Index end) {
      std::memset(output + written, fill, static_cast<std::size_t>(end - written));
      written = end;
    };
    for (Index y = 0; y < lines; ++y) {
      fill_up_to(((y + top) * padded_width + left) * pixel);
      std::memcpy(output + written, input + y * width * pixel, static_cast<std::size_t>(columns * pixel));
      written += columns * pixel;
    }
    fill_up_to(elements() * element_bytes);
  }
};

/// Writes padding around images.
struct PadStep {
  static constexpr std::string_view kKind = "pad";

  Reads input{};
  Writes output{};
  Index images = 1;
  Index element_bytes = 1;
  int fill = 0;  ///< A byte.
  PaddedImages form{};

  static void fields(auto& s, auto&& visit) { visit(s.input, s.output, s.images, s.element_bytes, s.fill, s.form); }

  void check(const BufferSizes& buffers) const {
    require(form.top >= 0 && form.left >= 0 && form.tail >= 0 && form.left <= form.padded_width && element_bytes > 0,
            "a padding of {} and {} is out of range", form.top, form.left);
    const auto bytes = static_cast<std::size_t>(element_bytes);
    buffers.require_readable(input, checked_product({images, form.height, form.width, form.channels}), bytes);
    const Index padded = checked_product({form.padded_height, form.padded_width, form.channels});
    buffers.require_writable(output, checked_product({images, padded + form.tail}), bytes);
  }

  void run(const Execution& e) const {
    const Index read = form.height * form.width * form.channels * element_bytes;
    const Index written = form.elements() * element_bytes;
    if (written == 0) return;  // of however many images
    parallel_for(e.pool, images, [&](Index image) {
      form.write(e.at<std::byte>(input) + image * read, element_bytes, fill, e.at<std::byte>(output) + image * written);
    });
  }
};

/// Joins tensors piece by piece: for each of `outer` positions the pieces of all of them.
struct JoinStep {
  static constexpr std::string_view kKind = "join";

  struct Piece {
    Reads input{};
    Index bytes = 0;

    static void fields(auto& s, auto&& visit) { visit(s.input, s.bytes); }
  };

  std::vector<Piece> pieces{};
  Writes output{};
  Index outer = 1;

  static void fields(auto& s, auto&& visit) { visit(s.pieces, s.output, s.outer); }

  Index stride() const noexcept {
    Index sum = 0;
    for (const Piece& piece : pieces) sum += piece.bytes;
    return sum;
  }

  void check(const BufferSizes& buffers) const {
    Index sum = 0;
    for (const Piece& piece : pieces) {
      buffers.require_readable(piece.input, checked_product({outer, piece.bytes}), 1);
      sum = checked_product({1, sum + piece.bytes});
    }
    buffers.require_writable(output, checked_product({outer, sum}), 1);
  }

  void run(const Execution& e) const {
    constexpr Index kBytesPerTask = 65536;
    const Index stride = this->stride();
    if (stride == 0) return;  // at however many positions
    parallel_for(
        e.pool, outer, std::max<Index>(1, kBytesPerTask / std::max<Index>(stride, 1)), [&](Index begin, Index end) {
          Index start = 0;
          for (const Piece& piece : pieces) {
            const std::byte* from = e.at<std::byte>(piece.input);
            for (Index i = begin; i < end; ++i) {
              kernels::copy_piece(e.at<std::byte>(output) + i * stride + start, from + i * piece.bytes, piece.bytes);
            }
            start += piece.bytes;
          }
        });
  }
};

}  // namespace condense::runtime::detail

#endif
