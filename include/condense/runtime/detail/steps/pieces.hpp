#ifndef CONDENSE_RUNTIME_DETAIL_STEPS_PIECES_HPP
#define CONDENSE_RUNTIME_DETAIL_STEPS_PIECES_HPP

#include <algorithm>

#include "condense/kernels/copy_piece.hpp"
#include "condense/runtime/detail/buffer_sizes.hpp"
#include "condense/runtime/detail/step_fields.hpp"

namespace condense::runtime::detail {

/// Pieces of the input, or of padding, one after the other: what operators that move elements come down to.
struct PieceStep {
  static constexpr std::string_view kKind = "pieces";

  Reads input{};
  Reads sources{};  ///< int32 (pieces): the element of the input where a piece begins; negative for padding.
  Reads ends{};     ///< int32 (pieces): the element of the output where it ends; none if all have the same length.
  Reads padding{};  ///< As many elements as the longest piece of padding has.
  Writes output{};
  Index pieces = 0;
  Index length = 0;  ///< Of all pieces, in elements, unless there are `ends`.
  Index element_bytes = 1;

  static void fields(auto& s, auto&& visit) {
    visit(s.input, s.sources, s.ends, s.padding, s.output, s.pieces, s.length, s.element_bytes);
  }

  void check(const BufferSizes& buffers) const {
    require(element_bytes > 0 && length >= 0, "elements of {} bytes in pieces of {} cannot be copied", element_bytes,
            length);
    const auto bytes = static_cast<std::size_t>(element_bytes);
    const Index readable = static_cast<Index>(buffers.bytes(input) / bytes);
    const auto from = buffers.constant<std::int32_t>(sources, pieces);
    const auto to = ends.exists() ? buffers.constant<std::int32_t>(ends, pieces) : std::span<const std::int32_t>{};
    Index longest_filled = 0;
    Index begin = 0;
    for (std::size_t i = 0; i < from.size(); ++i) {
      const Index count = to.empty() ? length : to[i] - begin;
      begin += count;
      require(count >= 0 && (from[i] < 0 || from[i] <= readable - count),
              "a piece of {} elements from {} on leaves a buffer of {}", count, from[i], readable);
      if (from[i] < 0) longest_filled = std::max(longest_filled, count);
    }
    if (longest_filled > 0) buffers.require_readable(padding, longest_filled, bytes);
    buffers.require_writable(output, to.empty() ? checked_product({pieces, length}) : begin, bytes);
  }

  void run(const Execution& e) const {
    constexpr Index kBytesPerTask = 32768;
    if (pieces == 0) return;
    const Index elements = ends.exists() ? Index{e.at<std::int32_t>(ends)[pieces - 1]} : pieces * length;
    const Index mean = std::max<Index>(1, elements * element_bytes / pieces);
    parallel_for(e.pool, pieces, std::max<Index>(1, kBytesPerTask / mean), [&](Index begin, Index end) {
      if (ends.exists()) return copy_unequal(e, begin, end);
      switch (length * element_bytes) {
        case 1: return copy_equal<1>(e, begin, end);
        case 2: return copy_equal<2>(e, begin, end);
        case 4: return copy_equal<4>(e, begin, end);
        case 8: return copy_equal<8>(e, begin, end);
        case 16: return copy_equal<16>(e, begin, end);
        case 32: return copy_equal<32>(e, begin, end);
        default: return copy_equal<0>(e, begin, end);
      }
    });
  }

 private:
  const std::byte* source(const std::byte* data, const std::byte* filled, std::int32_t from) const noexcept {
    return from < 0 ? filled : data + from * element_bytes;
  }

  /// Pieces [begin, end), of `kBytes` bytes each unless that is 0.
  template <std::size_t kBytes>
  void copy_equal(const Execution& e, Index begin, Index end) const noexcept {
    const std::int32_t* from = e.at<std::int32_t>(sources);
    const std::byte* const data = e.at<std::byte>(input);
    const std::byte* const filled = e.at<std::byte>(padding);
    const Index bytes = kBytes > 0 ? static_cast<Index>(kBytes) : length * element_bytes;
    std::byte* to = e.at<std::byte>(output) + begin * bytes;
    for (Index i = begin; i < end; ++i, to += bytes) {
      if constexpr (kBytes > 0) {
        std::memcpy(to, source(data, filled, from[i]), kBytes);
      } else {
        kernels::copy_piece(to, source(data, filled, from[i]), bytes);
      }
    }
  }

  void copy_unequal(const Execution& e, Index begin, Index end) const noexcept {
    const std::int32_t* from = e.at<std::int32_t>(sources);
    const std::int32_t* last = e.at<std::int32_t>(ends);
    const std::byte* const data = e.at<std::byte>(input);
    const std::byte* const filled = e.at<std::byte>(padding);
    Index first = begin == 0 ? 0 : last[begin - 1];
    for (Index i = begin; i < end; first = last[i++]) {
      kernels::copy_piece(e.at<std::byte>(output) + first * element_bytes, source(data, filled, from[i]),
                          (last[i] - first) * element_bytes);
    }
  }
};

}  // namespace condense::runtime::detail

#endif
