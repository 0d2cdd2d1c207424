#ifndef CONDENSE_TESTS_IO_ZIP_FIXTURE_HPP
#define CONDENSE_TESTS_IO_ZIP_FIXTURE_HPP

#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

#include "io/deflate_fixture.hpp"
#include "support/bytes.hpp"

namespace condense::io {

/// Writes zip archives by the format's description, with what a test wants to be wrong.
class ZipWriter {
 public:
  struct Entry {
    std::string name;
    std::vector<std::byte> data;
    bool deflate = false;
    int flags = 0;
    int method = -1;                  ///< -1: the one that is true.
    std::int64_t declared_size = -1;  ///< -1: the true one.
    std::int64_t checksum = -1;
    std::int64_t local_offset = -1;
    std::string local_name = {};  ///< Empty: the same.
  };

  explicit ZipWriter(bool zip64 = false, std::string comment = {}) : zip64_(zip64), comment_(std::move(comment)) {}

  void add(const Entry& entry) {
    constexpr int kNoHeader = -15;
    const std::vector<std::byte> stored = entry.deflate ? deflated(entry.data, kNoHeader) : entry.data;
    const std::uint64_t offset =
        entry.local_offset >= 0 ? static_cast<std::uint64_t>(entry.local_offset) : files_.size();
    const std::uint64_t size =
        entry.declared_size >= 0 ? static_cast<std::uint64_t>(entry.declared_size) : entry.data.size();
    const std::uint64_t checksum =
        entry.checksum >= 0 ? static_cast<std::uint64_t>(entry.checksum)
                            : crc32_z(0, reinterpret_cast<const Bytef*>(entry.data.data()), entry.data.size());
    const auto method = static_cast<std::uint64_t>(entry.method >= 0 ? entry.method : entry.deflate ? 8 : 0);
    const std::string& local = entry.local_name.empty() ? entry.name : entry.local_name;
    const auto common = [&](std::vector<std::byte>& to) {  // version, flags, method, time, date, checksum
      numbers(to, {{20, 2}, {static_cast<std::uint64_t>(entry.flags), 2}, {method, 2}, {0, 4}, {checksum, 4}});
    };
    numbers(files_, {{0x04034b50, 4}});
    common(files_);
    numbers(files_, {{stored.size(), 4}, {size, 4}, {local.size(), 2}, {0, 2}});
    files_ = std::move(files_) + to_bytes(local) + stored;

    numbers(directory_, {{0x02014b50, 4}, {20, 2}});
    common(directory_);
    const std::uint64_t wide = 0xFFFFFFFF;
    numbers(directory_, {{zip64_ ? wide : stored.size(), 4},
                         {zip64_ ? wide : size, 4},
                         {entry.name.size(), 2},
                         {zip64_ ? 28U : 0U, 2},
                         {0, 2},
                         {0, 2},
                         {0, 2},
                         {0, 4},
                         {zip64_ ? wide : offset, 4}});
    directory_ = std::move(directory_) + to_bytes(entry.name);
    if (zip64_) numbers(directory_, {{1, 2}, {24, 2}, {size, 8}, {stored.size(), 8}, {offset, 8}});
    ++count_;
  }

  std::vector<std::byte> finish() const {
    std::vector<std::byte> archive = files_ + directory_;
    const std::uint64_t end = archive.size();
    if (zip64_) {
      numbers(archive, {{0x06064b50, 4}, {44, 8}, {45, 2}, {45, 2}, {0, 4}, {0, 4}, {count_, 8}, {count_, 8}});
      numbers(archive, {{directory_.size(), 8}, {files_.size(), 8}});
      numbers(archive, {{0x07064b50, 4}, {0, 4}, {end, 8}, {1, 4}});
    }
    const std::uint64_t wide = 0xFFFFFFFF;
    const std::uint64_t count = zip64_ ? 0xFFFF : count_;
    numbers(archive, {{0x06054b50, 4},
                      {0, 4},
                      {count, 2},
                      {count, 2},
                      {zip64_ ? wide : directory_.size(), 4},
                      {zip64_ ? wide : files_.size(), 4},
                      {comment_.size(), 2}});
    return archive + to_bytes(comment_);
  }

 private:
  struct Number {
    std::uint64_t value;
    int width;
  };
  static void numbers(std::vector<std::byte>& to, std::initializer_list<Number> list) {
    for (const Number& number : list) {
      for (int i = 0; i < number.width; ++i) to.push_back(static_cast<std::byte>(number.value >> (8 * i) & 0xFF));
    }
  }

  bool zip64_;
  std::string comment_;
  std::vector<std::byte> files_;
  std::vector<std::byte> directory_;
  std::uint64_t count_ = 0;
};

}  // namespace condense::io

#endif
