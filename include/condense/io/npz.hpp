#ifndef CONDENSE_IO_NPZ_HPP
#define CONDENSE_IO_NPZ_HPP

#include <zlib.h>

#include <filesystem>
#include <limits>
#include <map>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "condense/io/detail/zip_directory.hpp"
#include "condense/io/npy.hpp"

namespace condense::io {

namespace detail {

/// Decompresses the data of a zip archive's file, which is exactly as long as the directory says.
class ZipInflater {
 public:
  ZipInflater(const ZipEntry& entry, std::string_view place) : entry_(entry), place_(place) {
    if (inflateInit2(&stream_, kRaw) != Z_OK) throw std::bad_alloc();
  }
  ZipInflater(const ZipInflater&) = delete;
  ZipInflater& operator=(const ZipInflater&) = delete;
  ~ZipInflater() { inflateEnd(&stream_); }

  std::vector<std::byte> inflate_all() {
    std::vector<std::byte> result(static_cast<std::size_t>(entry_.size));
    std::byte beyond{};  // zlib wants somewhere to write even at the end
    std::size_t consumed = 0;
    std::size_t produced = 0;
    int status = Z_OK;
    while (status == Z_OK) {
      constexpr std::size_t kLargest = std::numeric_limits<uInt>::max();
      const bool full = produced == result.size();
      const auto input = static_cast<uInt>(std::min(entry_.data.size() - consumed, kLargest));
      const auto room = full ? uInt{1} : static_cast<uInt>(std::min(result.size() - produced, kLargest));
      // zlib does not write through next_in, which is not const by default.
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(entry_.data.data() + consumed));
      stream_.avail_in = input;
      stream_.next_out = reinterpret_cast<Bytef*>(full ? &beyond : result.data() + produced);
      stream_.avail_out = room;
      status = inflate(&stream_, Z_NO_FLUSH);
      consumed += input - stream_.avail_in;
      const std::size_t step = room - stream_.avail_out;
      if (full && step > 0) fail(consumed, fmt::format("gives more than the {} bytes declared", entry_.size));
      produced += step;
    }
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    if (status == Z_BUF_ERROR) fail(consumed, "breaks off");
    if (status != Z_STREAM_END) fail(consumed, stream_.msg != nullptr ? stream_.msg : "is corrupted");
    if (produced < result.size() || consumed < entry_.data.size()) {
      fail(consumed, fmt::format("ends after {} bytes, {} are declared", produced, entry_.size));
    }
    return result;
  }

 private:
  static constexpr int kRaw = -15;  ///< The largest window, without the header of zlib.

  [[noreturn]] void fail(std::size_t consumed, std::string_view what) const {
    throw FormatError(fmt::format("{}: the compressed data {} at byte {}", place_, what, entry_.position + consumed));
  }

  const ZipEntry& entry_;
  std::string_view place_;
  z_stream stream_{};
};

/// The data of an archive's file. What it may allocate is bounded by what is there: deflate never does better than
/// 1032 : 1.
inline std::vector<std::byte> zip_data(const ZipEntry& entry, std::string_view place) {
  constexpr std::uint64_t kBestRatio = 1032;
  const std::uint64_t stored = entry.data.size();
  const bool possible = entry.method == 0 ? entry.size == stored : entry.size / kBestRatio <= stored;
  if (!possible) {
    throw FormatError(
        fmt::format("{}: {} bytes are declared, the {} that are there cannot hold them", place, entry.size, stored));
  }
  std::vector<std::byte> data = entry.method == 0 ? std::vector<std::byte>(entry.data.begin(), entry.data.end())
                                                  : ZipInflater(entry, place).inflate_all();
  const auto checksum = crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size());
  if (checksum != entry.checksum) {
    throw FormatError(fmt::format("{}: is corrupted, its checksum is {:#010x} and should be {:#010x}", place, checksum,
                                  entry.checksum));
  }
  return data;
}

}  // namespace detail

/// The arrays of an .npz file in memory, by name; `name` stands for the path in messages.
///
/// It is a zip archive of .npy files, stored or deflated, as `numpy.savez` and `numpy.savez_compressed` write it. See
/// `read_npy` for the arrays. Memory is bounded by 1032 times the size of the archive, which deflate's best ratio
/// is. Throws `FormatError` naming the file and the array if anything is malformed, cut off or does not give its
/// checksum, and `Unsupported` for encryption and other methods of compression.
inline std::map<std::string, Tensor> parse_npz(std::span<const std::byte> bytes, std::string_view name) {
  constexpr std::string_view kSuffix = ".npy";
  std::map<std::string, Tensor> arrays;
  for (const detail::ZipEntry& entry : detail::ZipDirectory(bytes, name).read()) {
    const std::string place = fmt::format("{}: '{}'", name, entry.name);
    if (!entry.name.ends_with(kSuffix)) {
      throw FormatError(fmt::format("{}: is not an array, whose name would end in .npy; take it out", place));
    }
    Tensor array = parse_npy(detail::zip_data(entry, place), place);
    const std::string key = entry.name.substr(0, entry.name.size() - kSuffix.size());
    if (!arrays.emplace(key, std::move(array)).second) {
      throw FormatError(fmt::format("{}: is there twice; give each array a name of its own", place));
    }
  }
  return arrays;
}

/// The arrays of an .npz file; see `parse_npz`.
inline std::map<std::string, Tensor> read_npz(const std::filesystem::path& path) {
  return parse_npz(read_file(path), path.string());
}

}  // namespace condense::io

#endif
