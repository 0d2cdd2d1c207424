#ifndef CONDENSE_TESTS_IO_DEFLATE_FIXTURE_HPP
#define CONDENSE_TESTS_IO_DEFLATE_FIXTURE_HPP

#include <zlib.h>

#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

namespace condense::io {

/// `data` compressed by zlib; `window_bits` says what is around it, as `deflateInit2` wants it.
inline std::vector<std::byte> deflated(std::span<const std::byte> data, int window_bits) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("deflateInit2 failed");
  }
  std::vector<std::byte> compressed(deflateBound(&stream, data.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  const int status = deflate(&stream, Z_FINISH);
  compressed.resize(stream.total_out);
  deflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("deflate failed");
  return compressed;
}

/// A gzip file of one member.
inline std::vector<std::byte> gzip(std::span<const std::byte> data) { return deflated(data, 15 + 16); }

}  // namespace condense::io

#endif
