#ifndef CONDENSE_IO_DETAIL_ZIP_DIRECTORY_HPP
#define CONDENSE_IO_DETAIL_ZIP_DIRECTORY_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "condense/core/error.hpp"

namespace condense::io::detail {

/// A file in a zip archive.
struct ZipEntry {
  std::string name;
  int method = 0;  ///< 0 stored, 8 deflated.
  std::uint32_t checksum = 0;
  std::uint64_t size = 0;           ///< Of the data, decompressed.
  std::span<const std::byte> data;  ///< As stored.
  std::uint64_t position = 0;       ///< Of the data in the archive.
};

/// Finds the files of a zip archive in memory by its central directory (PKWARE, "APPNOTE.TXT - .ZIP File Format
/// Specification", version 6.3, sections 4.3 and 4.5.3), which alone says what counts; zip64 included.
///
/// Throws `FormatError` unless each file lies before the directory and none over another: the data in all is then no
/// longer than the archive. Throws `Unsupported` for encrypted files and other methods of compression.
class ZipDirectory {
 public:
  ZipDirectory(std::span<const std::byte> bytes, std::string_view name) : bytes_(bytes), name_(name) {}

  std::vector<ZipEntry> read() {
    find_directory();
    std::vector<ZipEntry> entries;
    std::uint64_t position = begin_;
    for (std::uint64_t i = 0; i < count_; ++i) entries.push_back(read_entry(position));
    if (position != end_) fail(position, fmt::format("the end of the directory after {} files", count_));
    refuse_overlaps(entries);
    return entries;
  }

 private:
  static constexpr std::uint32_t kEndOfDirectory = 0x06054b50;
  static constexpr std::uint32_t kZip64Locator = 0x07064b50;
  static constexpr std::uint32_t kZip64EndOfDirectory = 0x06064b50;
  static constexpr std::uint32_t kDirectoryEntry = 0x02014b50;
  static constexpr std::uint32_t kLocalHeader = 0x04034b50;
  static constexpr std::uint64_t kEndBytes = 22;
  static constexpr std::uint64_t kLocatorBytes = 20;
  static constexpr std::uint64_t kEntryBytes = 46;
  static constexpr std::uint64_t kLocalBytes = 30;

  std::span<const std::byte> piece(std::uint64_t position, std::uint64_t count) const {
    if (position > bytes_.size() || count > bytes_.size() - position) {
      throw FormatError(
          fmt::format("{}: ends at byte {}, {} bytes were expected at byte {}", name_, bytes_.size(), count, position));
    }
    return bytes_.subspan(static_cast<std::size_t>(position), static_cast<std::size_t>(count));
  }

  /// A little-endian number of `width` bytes.
  std::uint64_t number(std::uint64_t position, std::uint64_t width) const {
    std::uint64_t value = 0;
    const std::span<const std::byte> source = piece(position, width);
    for (std::size_t i = 0; i < source.size(); ++i) value |= std::to_integer<std::uint64_t>(source[i]) << (8 * i);
    return value;
  }

  std::string text(std::uint64_t position, std::uint64_t count) const {
    const std::span<const std::byte> source = piece(position, count);
    return {reinterpret_cast<const char*>(source.data()), source.size()};
  }

  void expect_signature(std::uint64_t position, std::uint32_t signature, std::string_view what) const {
    if (number(position, 4) != signature) fail(position, what);
  }

  [[noreturn]] void fail(std::uint64_t position, std::string_view expected) const {
    throw FormatError(fmt::format("{}: {} was expected at byte {}", name_, expected, position));
  }

  /// The record at the end of the archive, behind which only its comment stands.
  std::uint64_t end_record() const {
    constexpr std::uint64_t kLongestComment = 0xFFFF;
    for (std::uint64_t comment = 0; comment <= kLongestComment && comment + kEndBytes <= bytes_.size(); ++comment) {
      const std::uint64_t position = bytes_.size() - kEndBytes - comment;
      if (number(position, 4) == kEndOfDirectory && number(position + 20, 2) == comment) return position;
    }
    throw FormatError(fmt::format("{}: is no zip archive, or was cut off: there is no directory at its end", name_));
  }

  void find_directory() {
    const std::uint64_t record = end_record();
    std::uint64_t disks = number(record + 4, 2) | number(record + 6, 2);
    count_ = number(record + 10, 2);
    std::uint64_t size = number(record + 12, 4);
    begin_ = number(record + 16, 4);
    std::uint64_t limit = record;
    if (count_ == 0xFFFF || size == 0xFFFFFFFF || begin_ == 0xFFFFFFFF) {
      if (record < kLocatorBytes) fail(0, "the place of the zip64 directory");
      expect_signature(record - kLocatorBytes, kZip64Locator, "the place of the zip64 directory");
      limit = number(record - kLocatorBytes + 8, 8);
      expect_signature(limit, kZip64EndOfDirectory, "the end of the zip64 directory");
      disks = number(limit + 16, 4) | number(limit + 20, 4);
      count_ = number(limit + 32, 8);
      size = number(limit + 40, 8);
      begin_ = number(limit + 48, 8);
    }
    if (disks != 0) throw Unsupported(fmt::format("{}: is a part of an archive of several; join them", name_));
    if (begin_ > limit || size != limit - begin_) {
      throw FormatError(
          fmt::format("{}: the directory of {} bytes at byte {} does not end at byte {}, where its end is "
                      "marked",
                      name_, size, begin_, limit));
    }
    end_ = limit;
  }

  /// The entry at `position`, which moves behind it.
  ZipEntry read_entry(std::uint64_t& position) const {
    if (end_ - position < kEntryBytes) fail(position, "another file of the directory");
    expect_signature(position, kDirectoryEntry, "a file of the directory");
    const std::uint64_t flags = number(position + 8, 2);
    const std::uint64_t name_bytes = number(position + 28, 2);
    const std::uint64_t extra_bytes = number(position + 30, 2);
    ZipEntry entry{.name = text(position + kEntryBytes, name_bytes),
                   .method = static_cast<int>(number(position + 10, 2)),
                   .checksum = static_cast<std::uint32_t>(number(position + 16, 4)),
                   .size = number(position + 24, 4),
                   .data = {},
                   .position = 0};
    std::uint64_t stored = number(position + 20, 4);
    std::uint64_t local = number(position + 42, 4);
    read_zip64(position + kEntryBytes + name_bytes, extra_bytes, {&entry.size, &stored, &local});
    if ((flags & 1) != 0) throw Unsupported(fmt::format("{}: '{}' is encrypted; decrypt it first", name_, entry.name));
    if (entry.method != 0 && entry.method != 8) {
      throw Unsupported(
          fmt::format("{}: '{}' is compressed by method {}; store it, or deflate it", name_, entry.name, entry.method));
    }
    position += kEntryBytes + name_bytes + extra_bytes + number(position + 32, 2);
    if (position > end_) fail(position, fmt::format("the end of '{}' before that of the directory", entry.name));
    locate(entry, local, stored);
    return entry;
  }

  /// Replaces the fields that do not fit into 32 bits by those of the zip64 extra field.
  void read_zip64(std::uint64_t position, std::uint64_t count, std::initializer_list<std::uint64_t*> fields) const {
    const std::uint64_t end = position + count;
    while (end - position >= 4) {
      const std::uint64_t id = number(position, 2);
      const std::uint64_t field_end = position + 4 + number(position + 2, 2);
      position += 4;
      if (field_end > end) fail(position, "an extra field within its file's entry");
      for (std::uint64_t* field : fields) {
        if (id != 1 || *field != 0xFFFFFFFF) continue;
        if (field_end - position < 8) fail(position, "a size of 64 bits");
        *field = number(position, 8);
        position += 8;
      }
      position = field_end;
    }
  }

  void locate(ZipEntry& entry, std::uint64_t local, std::uint64_t stored) const {
    expect_signature(local, kLocalHeader, fmt::format("the header of '{}'", entry.name));
    const std::uint64_t name_bytes = number(local + 26, 2);
    if (text(local + kLocalBytes, name_bytes) != entry.name) {
      fail(local + kLocalBytes, fmt::format("the name '{}' of the directory", entry.name));
    }
    entry.position = local + kLocalBytes + name_bytes + number(local + 28, 2);
    if (entry.position > begin_ || stored > begin_ - entry.position) {
      throw FormatError(fmt::format("{}: the {} bytes of '{}' at byte {} reach into the directory at byte {}", name_,
                                    stored, entry.name, entry.position, begin_));
    }
    entry.data = piece(entry.position, stored);
  }

  void refuse_overlaps(const std::vector<ZipEntry>& entries) const {
    std::vector<const ZipEntry*> order;
    for (const ZipEntry& entry : entries) order.push_back(&entry);
    std::ranges::sort(order, {}, &ZipEntry::position);
    for (std::size_t i = 1; i < order.size(); ++i) {
      if (order[i]->position < order[i - 1]->position + order[i - 1]->data.size() + kLocalBytes) {
        throw FormatError(
            fmt::format("{}: '{}' and '{}' lie over each other", name_, order[i - 1]->name, order[i]->name));
      }
    }
  }

  std::span<const std::byte> bytes_;
  std::string_view name_;
  std::uint64_t begin_ = 0;  ///< Of the directory.
  std::uint64_t end_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace condense::io::detail

#endif
