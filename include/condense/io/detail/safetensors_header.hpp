#ifndef CONDENSE_IO_DETAIL_SAFETENSORS_HEADER_HPP
#define CONDENSE_IO_DETAIL_SAFETENSORS_HEADER_HPP

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "condense/core/data_type.hpp"
#include "condense/core/error.hpp"
#include "condense/io/detail/shape_of_file.hpp"

namespace condense::io::detail {

struct SafeTensorsType {
  std::string_view name;
  DataType type;
};

inline constexpr SafeTensorsType kSafeTensorsTypes[] = {
    {"F64", DataType::float64}, {"I64", DataType::int64},   {"F32", DataType::float32},
    {"I32", DataType::int32},   {"F16", DataType::float16}, {"BF16", DataType::bfloat16},
    {"I8", DataType::int8},     {"U8", DataType::uint8},    {"BOOL", DataType::boolean},
};

inline constexpr std::string_view kSafeTensorsMetadata = "__metadata__";
inline constexpr std::uint64_t kLargestSafeTensorsHeader = 100'000'000;

/// A tensor as the header describes it; its bytes are [begin, end) of the data behind the header.
struct SafeTensorsEntry {
  std::string name;
  DataType type = DataType::float32;
  Shape shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

struct SafeTensorsHeader {
  std::vector<SafeTensorsEntry> entries;  ///< In the order of their data.
  std::map<std::string, std::string> metadata;
};

/// Takes the events of the JSON parser. No document is built, so nothing nests deeper than the format does and a key
/// that occurs twice is seen. What the format does not provide for throws `FormatError`.
class SafeTensorsHeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit SafeTensorsHeaderReader(std::string_view file) : file_(file) {}

  SafeTensorsHeader take() && { return std::move(header_); }

  bool null() override { refuse("null"); }
  bool boolean(bool) override { refuse("a boolean"); }
  bool number_integer(number_integer_t) override { refuse("a negative number"); }
  bool number_float(number_float_t, const string_t& text) override { refuse("the number " + text); }
  bool binary(binary_t&) override { refuse("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::shape) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<Index>::max())) {
        fail(fmt::format("the extent {} is too large", value));
      }
      if (shape_->size() == static_cast<std::size_t>(kMaximumRank)) {
        fail(fmt::format("the tensor has more than {} dimensions", kMaximumRank));
      }
      shape_->push_back(static_cast<Index>(value));
    } else if (place_ == Place::offsets && offsets_->size() < 2) {
      offsets_->push_back(value);
    } else {
      refuse(fmt::format("the number {}", value));
    }
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::metadata) {
      header_.metadata[key_] = std::move(value);
    } else if (place_ == Place::tensor && key_ == "dtype") {
      type_ = type_named(value);
    } else {
      refuse(fmt::format("the string '{}'", value));
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::start) {
      place_ = Place::top;
    } else if (place_ == Place::top) {
      place_ = key_ == kSafeTensorsMetadata ? Place::metadata : Place::tensor;
      if (place_ == Place::tensor) name_ = key_;
      keys_.clear();
      type_.reset();
      shape_.reset();
      offsets_.reset();
    } else {
      refuse("an object");
    }
    return true;
  }

  bool key(string_t& value) override {
    key_ = std::move(value);
    if (!(place_ == Place::top ? names_ : keys_).insert(key_).second) fail(fmt::format("'{}' occurs twice", key_));
    if (place_ == Place::tensor && key_ != "dtype" && key_ != "shape" && key_ != "data_offsets") {
      fail(fmt::format("'{}' is not one of dtype, shape and data_offsets", key_));
    }
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor) finish_tensor();
    place_ = place_ == Place::top ? Place::start : Place::top;
    name_.clear();
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::tensor && key_ == "shape") {
      place_ = Place::shape;
      shape_.emplace();
    } else if (place_ == Place::tensor && key_ == "data_offsets") {
      place_ = Place::offsets;
      offsets_.emplace();
    } else {
      refuse("an array");
    }
    return true;
  }

  bool end_array() override {
    place_ = Place::tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    throw FormatError(fmt::format("{}: the header is not JSON at its byte {}: {}", file_, position, error.what()));
  }

 private:
  enum class Place { start, top, metadata, tensor, shape, offsets };

  [[noreturn]] void fail(std::string_view what) const {
    const std::string place = name_.empty() ? file_ : fmt::format("{}: tensor '{}'", file_, name_);
    throw FormatError(fmt::format("{}: {}", place, what));
  }
  [[noreturn]] void refuse(std::string_view what) const {
    fail(fmt::format("the header has {} {}, where the format has none", what,
                     key_.empty() ? "at its top" : fmt::format("behind '{}'", key_)));
  }

  DataType type_named(std::string_view name) const {
    const auto found = std::ranges::find(kSafeTensorsTypes, name, &SafeTensorsType::name);
    if (found != std::end(kSafeTensorsTypes)) return found->type;
    throw Unsupported(
        fmt::format("{}: tensor '{}' has the type '{}'; condense reads F64, F32, F16, BF16, I64, I32, "
                    "I8, U8 and BOOL",
                    file_, name_, name));
  }

  void finish_tensor() {
    if (!type_ || !shape_ || !offsets_) fail("dtype, shape or data_offsets is missing");
    if (offsets_->size() != 2) fail(fmt::format("data_offsets has {} numbers instead of 2", offsets_->size()));
    const std::uint64_t begin = (*offsets_)[0];
    const std::uint64_t end = (*offsets_)[1];
    const Shape shape = shape_of_file(*shape_, fmt::format("{}: tensor '{}'", file_, name_));
    const std::size_t expected = bytes(*type_, shape.count());
    if (begin > end || end - begin != expected) {
      fail(fmt::format("{} of shape {} has {} bytes, data_offsets are [{}, {}]", condense::name(*type_),
                       shape.to_string(), expected, begin, end));
    }
    header_.entries.push_back({name_, *type_, shape, begin, end});
  }

  std::string file_;
  SafeTensorsHeader header_;
  Place place_ = Place::start;
  std::string key_;
  std::string name_;             ///< Of the tensor being described.
  std::set<std::string> names_;  ///< Keys of the outer object.
  std::set<std::string> keys_;   ///< Keys of the object inside it.
  std::optional<DataType> type_;
  std::optional<std::vector<Index>> shape_;
  std::optional<std::vector<std::uint64_t>> offsets_;
};

/// Parses the JSON text of a header and checks that its tensors cover `data_bytes` bytes without overlap or hole.
inline SafeTensorsHeader parse_safetensors_header(std::string_view text, std::uint64_t data_bytes,
                                                  std::string_view file) {
  if (text.empty() || text.front() != '{')
    throw FormatError(fmt::format("{}: the header does not begin with {{", file));
  if (const auto zero = text.find('\0'); zero != text.npos) {  // where the parser would take the text to end
    throw FormatError(fmt::format("{}: the header has a zero byte at its byte {}", file, zero));
  }
  SafeTensorsHeaderReader reader(file);
  nlohmann::json::sax_parse(text.begin(), text.end(), &reader);
  SafeTensorsHeader header = std::move(reader).take();
  std::ranges::sort(header.entries, {},
                    [](const SafeTensorsEntry& entry) { return std::pair(entry.begin, entry.end); });
  std::uint64_t covered = 0;
  for (const SafeTensorsEntry& entry : header.entries) {
    if (entry.begin != covered) {
      throw FormatError(fmt::format("{}: tensor '{}' begins at byte {} of the data, the one before it ends at {}", file,
                                    entry.name, entry.begin, covered));
    }
    covered = entry.end;
  }
  if (covered != data_bytes) {
    throw FormatError(
        fmt::format("{}: the tensors have {} bytes, the file has {} for them", file, covered, data_bytes));
  }
  return header;
}

}  // namespace condense::io::detail

#endif
