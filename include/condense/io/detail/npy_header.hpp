#ifndef CONDENSE_IO_DETAIL_NPY_HEADER_HPP
#define CONDENSE_IO_DETAIL_NPY_HEADER_HPP

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "condense/core/data_type.hpp"
#include "condense/core/error.hpp"
#include "condense/io/detail/shape_of_file.hpp"

namespace condense::io::detail {

/// An element type of NumPy: its kind and width in a file, such as "f4".
struct NpyType {
  std::string_view code;
  DataType type;
};

inline constexpr NpyType kNpyTypes[] = {
    {"f4", DataType::float32}, {"f8", DataType::float64}, {"f2", DataType::float16}, {"b1", DataType::boolean},
    {"i1", DataType::int8},    {"i2", DataType::int16},   {"i4", DataType::int32},   {"i8", DataType::int64},
    {"u1", DataType::uint8},   {"u2", DataType::uint16},  {"u4", DataType::uint32},  {"u8", DataType::uint64},
};

/// NumPy's own headers have some hundred bytes; those of structured types, which are refused, may have more.
inline constexpr std::uint64_t kLargestNpyHeader = std::uint64_t{1} << 16;

struct NpyHeader {
  DataType type = DataType::float32;
  bool swapped = false;  ///< The bytes of an element are in the other order than this machine's.
  bool fortran_order = false;
  Shape shape;

  std::size_t data_bytes() const { return bytes(type, shape.count()); }
};

/// Reads the dictionary of a .npy header, a literal of Python: 'descr', 'fortran_order' and 'shape', in any order.
class NpyHeaderParser {
 public:
  /// `start` is where the text begins in the file.
  NpyHeaderParser(std::string_view text, std::uint64_t start, std::string_view name)
      : text_(text), start_(start), name_(name) {}

  NpyHeader parse() {
    expect('{');
    while (!take('}')) {
      entry();
      if (take('}')) break;
      expect(',');
    }
    skip_spaces();
    if (position_ < text_.size()) fail("the end of the header");
    if (!descr_ || !fortran_order_ || !shape_) fail("the entries 'descr', 'fortran_order' and 'shape' before the end");
    NpyHeader header = described(*descr_);
    header.fortran_order = *fortran_order_;
    header.shape = *shape_;
    return header;
  }

 private:
  void entry() {
    const std::string_view key = string();
    expect(':');
    if (key == "descr" && !descr_) {
      skip_spaces();
      if (position_ < text_.size() && text_[position_] == '[') {
        throw Unsupported(fmt::format("{}: holds records of several fields; save each field as an array", name_));
      }
      descr_ = string();
    } else if (key == "fortran_order" && !fortran_order_) {
      fortran_order_ = boolean();
    } else if (key == "shape" && !shape_) {
      shape_ = shape_of_file(tuple(), name_);
    } else {
      fail(fmt::format("each of 'descr', 'fortran_order' and 'shape' once before '{}'", key));
    }
  }

  /// The type of, say, "<f4".
  NpyHeader described(std::string_view descr) const {
    NpyHeader header;
    const char order = descr.empty() ? '\0' : descr.front();
    const bool ordered = order == '<' || order == '>' || order == '|' || order == '=';
    const auto found = std::ranges::find(kNpyTypes, descr.substr(ordered ? 1 : 0), &NpyType::code);
    if (found == std::end(kNpyTypes)) {
      throw Unsupported(fmt::format(
          "{}: holds elements of type '{}'; convert the array to an integer, boolean or real type before it "
          "is saved",
          name_, descr));
    }
    header.type = found->type;
    const bool little = std::endian::native == std::endian::little;
    header.swapped = bits(found->type) > 8 && (order == '<' || order == '>') && (order == '<') != little;
    return header;
  }

  std::string_view string() {
    skip_spaces();
    const char quote = position_ < text_.size() ? text_[position_] : '\0';
    if (quote != '\'' && quote != '"') fail("a string in quotes");
    const std::size_t end = text_.find(quote, position_ + 1);
    if (end == std::string_view::npos) fail("the end of a string");
    const std::string_view result = text_.substr(position_ + 1, end - position_ - 1);
    position_ = end + 1;
    return result;
  }

  bool boolean() {
    skip_spaces();
    for (const std::string_view word : {"True", "False"}) {
      if (!text_.substr(position_).starts_with(word)) continue;
      position_ += word.size();
      return word == "True";
    }
    fail("True or False");
  }

  std::vector<Index> tuple() {
    std::vector<Index> result;
    expect('(');
    while (!take(')')) {
      skip_spaces();
      Index extent = 0;
      const char* begin = text_.data() + position_;
      const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), extent);
      if (error != std::errc() || extent < 0) fail("an extent, 0 to 2^63 - 1");
      position_ += static_cast<std::size_t>(end - begin);
      if (position_ < text_.size() && text_[position_] == 'L') ++position_;  // as Python 2 wrote it
      result.push_back(extent);
      if (take(')')) break;
      expect(',');
    }
    return result;
  }

  void skip_spaces() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n')) ++position_;
  }
  bool take(char c) {
    skip_spaces();
    if (position_ >= text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(fmt::format("'{}'", c));
  }

  [[noreturn]] void fail(std::string_view expected) const {
    throw FormatError(
        fmt::format("{}: the header is malformed at byte {}, {} was expected", name_, start_ + position_, expected));
  }

  std::string_view text_;
  std::uint64_t start_;
  std::string_view name_;
  std::size_t position_ = 0;
  std::optional<std::string_view> descr_;
  std::optional<bool> fortran_order_;
  std::optional<Shape> shape_;
};

}  // namespace condense::io::detail

#endif
