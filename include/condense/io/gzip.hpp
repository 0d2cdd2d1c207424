#ifndef CONDENSE_IO_GZIP_HPP
#define CONDENSE_IO_GZIP_HPP

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <string>
#include <string_view>

#include "condense/core/error.hpp"

namespace condense::io {

/// True if the bytes begin as a gzip file does.
inline bool is_gzip(std::span<const std::byte> bytes) noexcept {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1F} && bytes[1] == std::byte{0x8B};
}

/// Decompresses a gzip file in memory piece by piece (P. Deutsch, "GZIP file format specification version 4.3",
/// RFC 1952), so that the reader decides how much it takes from a file that may be hostile. Members that follow each
/// other are one stream. It does not own the compressed bytes.
///
/// Throws `FormatError` if the file is truncated, corrupted (the checksum counts) or followed by anything else.
class GzipReader {
 public:
  GzipReader(std::span<const std::byte> compressed, std::string_view name) : compressed_(compressed), name_(name) {
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;
  ~GzipReader() { inflateEnd(&stream_); }

  const std::string& name() const noexcept { return name_; }

  /// Fills `into` from the front and returns the number of bytes, which is smaller only if the data ended.
  std::size_t read_some(std::span<std::byte> into) {
    std::size_t produced = 0;
    while (produced < into.size() && !ended_) produced += inflate_step(into.subspan(produced));
    position_ += produced;
    return produced;
  }

  /// Fills `into`. Throws `FormatError` if the data ends before.
  void read(std::span<std::byte> into) {
    const std::uint64_t start = position_;
    const std::size_t produced = read_some(into);
    if (produced < into.size()) {
      throw FormatError(fmt::format("{}: decompressed, it ends at byte {}, {} bytes were expected at byte {}", name_,
                                    position_, into.size(), start));
    }
  }

 private:
  static constexpr int kGzipOnly = 15 + 16;  ///< The largest window, and no zlib or raw streams.

  std::size_t inflate_step(std::span<std::byte> into) {
    constexpr std::size_t kLargest = std::numeric_limits<uInt>::max();
    const auto input = static_cast<uInt>(std::min(compressed_.size() - consumed_, kLargest));
    const auto room = static_cast<uInt>(std::min(into.size(), kLargest));
    // zlib does not write through next_in, which is not const by default.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(compressed_.data() + consumed_));
    stream_.avail_in = input;
    stream_.next_out = reinterpret_cast<Bytef*>(into.data());
    stream_.avail_out = room;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    consumed_ += input - stream_.avail_in;
    if (status == Z_STREAM_END) {
      begin_next_member();
    } else if (status == Z_BUF_ERROR) {
      throw FormatError(fmt::format("{}: the compressed data breaks off at byte {}", name_, consumed_));
    } else if (status == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (status != Z_OK) {
      throw FormatError(fmt::format("{}: the compressed data is corrupted near byte {}: {}", name_, consumed_,
                                    stream_.msg != nullptr ? stream_.msg : "no reason given"));
    }
    return room - stream_.avail_out;
  }

  void begin_next_member() {
    const std::span<const std::byte> rest = compressed_.subspan(consumed_);
    if (rest.empty()) {
      ended_ = true;
    } else if (is_gzip(rest)) {
      inflateReset(&stream_);
    } else {
      throw FormatError(fmt::format("{}: {} bytes that are not gzip follow the compressed data at byte {}", name_,
                                    rest.size(), consumed_));
    }
  }

  std::span<const std::byte> compressed_;
  std::string name_;
  z_stream stream_{};
  std::size_t consumed_ = 0;
  std::uint64_t position_ = 0;
  bool ended_ = false;
};

}  // namespace condense::io

#endif
