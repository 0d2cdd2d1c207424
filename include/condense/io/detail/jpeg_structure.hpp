#ifndef CONDENSE_IO_DETAIL_JPEG_STRUCTURE_HPP
#define CONDENSE_IO_DETAIL_JPEG_STRUCTURE_HPP

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "condense/core/error.hpp"

namespace condense::io::detail {

/// Checks a JPEG file's markers (ITU-T T.81, annex B) up to its end, and that a Huffman table has at most 256 codes,
/// which fit their lengths: stb_image 2.27 writes beyond its tables where they do not. Throws `FormatError` naming the
/// place.
class JpegStructure {
 public:
  JpegStructure(std::span<const std::byte> bytes, std::string_view name) : bytes_(bytes), name_(name) {}

  void check() {
    if (number(1) != 0xFF || number(1) != kStart) fail("the start of an image");
    for (int marker = next_marker(); marker != kEnd; marker = next_marker()) {
      const std::size_t begin = position_;
      const std::size_t length = number(2);
      if (length < 2 || length > bytes_.size() - begin) fail("a segment within the file");
      const std::size_t end = begin + length;
      if (marker == kHuffmanTables) check_tables(end);
      position_ = end;
      if (marker == kScan) skip_scan();
    }
  }

 private:
  static constexpr int kStart = 0xD8;
  static constexpr int kEnd = 0xD9;
  static constexpr int kScan = 0xDA;
  static constexpr int kHuffmanTables = 0xC4;

  std::size_t number(std::size_t width) {
    std::size_t value = 0;
    for (std::size_t i = 0; i < width; ++i) {
      if (position_ >= bytes_.size()) fail("more of a JPEG image");
      value = value << 8 | std::to_integer<std::size_t>(bytes_[position_++]);
    }
    return value;
  }

  int next_marker() {
    if (number(1) != 0xFF) fail("a marker");
    std::size_t marker = number(1);
    while (marker == 0xFF) marker = number(1);  // filling
    return static_cast<int>(marker);
  }

  void check_tables(std::size_t end) {
    while (position_ < end) {
      number(1);  // which table
      std::size_t codes = 0;
      std::size_t free = 1;  // prefixes of the present length that are left
      for (int length = 1; length <= 16; ++length) {
        const std::size_t count = number(1);
        free *= 2;
        if (count > free) fail("a Huffman table whose codes fit their lengths");
        free -= count;
        codes += count;
      }
      if (codes > 256 || position_ + codes > end) fail("a Huffman table of at most 256 codes");
      position_ += codes;
    }
    if (position_ != end) fail("the end of the Huffman tables");
  }

  /// To the marker after the coded data, in which 0xFF is followed by 0 or is a restart.
  void skip_scan() {
    while (true) {
      if (number(1) != 0xFF) continue;
      const std::size_t begin = position_ - 1;
      std::size_t marker = number(1);
      while (marker == 0xFF) marker = number(1);
      if (marker == 0 || (marker >= 0xD0 && marker <= 0xD7)) continue;
      position_ = begin;
      return;
    }
  }

  [[noreturn]] void fail(std::string_view expected) const {
    throw FormatError(
        fmt::format("{}: is malformed or was cut off near byte {}, {} was expected", name_, position_, expected));
  }

  std::span<const std::byte> bytes_;
  std::string_view name_;
  std::size_t position_ = 0;
};

}  // namespace condense::io::detail

#endif
