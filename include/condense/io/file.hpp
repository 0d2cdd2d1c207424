#ifndef CONDENSE_IO_FILE_HPP
#define CONDENSE_IO_FILE_HPP

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "condense/core/error.hpp"

namespace condense::io {

namespace detail {

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using FileHandle = std::unique_ptr<std::FILE, CloseFile>;

[[noreturn]] inline void throw_system_error(const std::filesystem::path& path, std::string_view action,
                                            const std::error_code& code) {
  throw Error(fmt::format("{}: cannot {}: {}", path.string(), action, code.message()));
}
[[noreturn]] inline void throw_system_error(const std::filesystem::path& path, std::string_view action) {
  throw_system_error(path, action, std::error_code(errno, std::generic_category()));
}

[[noreturn]] inline void throw_end_of_file(std::string_view name, std::uint64_t end, std::uint64_t position,
                                           std::uint64_t wanted) {
  throw FormatError(fmt::format("{}: ends at byte {}, {} bytes were expected at byte {}", name, end, wanted, position));
}

}  // namespace detail

/// A regular file that is read from front to back. Throws `Error` with the path and the system's reason if it cannot be
/// opened or read.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path) : path_(path), name_(path.string()) {
    std::error_code code;
    size_ = std::filesystem::file_size(path, code);
    if (code) detail::throw_system_error(path, "open the file for reading", code);
    file_.reset(std::fopen(path.string().c_str(), "rb"));
    if (!file_) detail::throw_system_error(path, "open the file for reading");
  }

  const std::string& name() const noexcept { return name_; }
  std::uint64_t position() const noexcept { return position_; }

  /// Bytes not yet read, by the size that the file had when it was opened: what a reader checks before it allocates.
  std::uint64_t remaining() const noexcept { return size_ - position_; }

  /// The next bytes. Throws `FormatError` if the file ends before `into` is full.
  void read(std::span<std::byte> into) {
    if (into.size() > remaining()) detail::throw_end_of_file(name_, size_, position_, into.size());
    if (into.empty()) return;  // may be null, which fread does not take
    if (std::fread(into.data(), 1, into.size(), file_.get()) != into.size()) {
      if (std::ferror(file_.get()) != 0) detail::throw_system_error(path_, "read the file");
      throw FormatError(fmt::format("{}: became shorter while it was read, at byte {}", name_, position_));
    }
    position_ += into.size();
  }

 private:
  std::filesystem::path path_;
  std::string name_;
  std::uint64_t size_ = 0;
  std::uint64_t position_ = 0;
  detail::FileHandle file_;
};

/// Bytes in memory, read like an `InputFile`; `name` stands for the path in messages. It does not own the bytes.
class InputBytes {
 public:
  InputBytes(std::span<const std::byte> bytes, std::string_view name) : bytes_(bytes), name_(name) {}

  const std::string& name() const noexcept { return name_; }
  std::uint64_t position() const noexcept { return position_; }
  std::uint64_t remaining() const noexcept { return bytes_.size() - position_; }

  void read(std::span<std::byte> into) {
    const std::span<const std::byte> bytes = take(into.size());
    std::copy(bytes.begin(), bytes.end(), into.begin());
  }

  /// The next bytes in place.
  std::span<const std::byte> take(std::size_t count) {
    if (count > remaining()) detail::throw_end_of_file(name_, bytes_.size(), position_, count);
    position_ += count;
    return bytes_.subspan(position_ - count, count);
  }

 private:
  std::span<const std::byte> bytes_;
  std::string name_;
  std::size_t position_ = 0;
};

/// All bytes of a file. Throws `FormatError` if there are more than `maximum_bytes`, before any is read.
inline std::vector<std::byte> read_file(const std::filesystem::path& path,
                                        std::size_t maximum_bytes = std::numeric_limits<std::size_t>::max()) {
  InputFile file(path);
  if (file.remaining() > maximum_bytes) {
    throw FormatError(fmt::format("{}: has {} bytes, more than the {} that are allowed here", file.name(),
                                  file.remaining(), maximum_bytes));
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(file.remaining()));
  file.read(bytes);
  return bytes;
}

/// A file that appears under its name only when it is complete: it is written under a name of its own in the same
/// folder, which `commit` changes, replacing a file of that name at once. Without `commit` nothing is left behind.
///
/// A reader sees the old file or the new one, never a part. The bytes are not forced to the disk, so after a loss of
/// power either may be there. Throws `Error` with the path and the system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
    constexpr int kAttempts = 1000;  // each concurrent or abandoned writer takes one name
    for (int attempt = 0; !file_ && attempt < kAttempts; ++attempt) {
      partial_ = path_;
      partial_ += fmt::format(".partial{}", attempt);
      file_.reset(std::fopen(partial_.string().c_str(), "wbx"));  // x: fails if the file exists
      if (!file_ && errno != EEXIST) break;
    }
    if (!file_) detail::throw_system_error(path_, "create the file");
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    if (!partial_.empty()) discard();
  }

  void write(std::span<const std::byte> bytes) {
    if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size()) {
      detail::throw_system_error(path_, "write the file");
    }
  }

  /// Gives the file its name. Nothing can be written after it.
  void commit() {
    if (std::fclose(file_.release()) != 0) detail::throw_system_error(path_, "write the file");
    std::error_code code;
    std::filesystem::rename(partial_, path_, code);
    if (code) detail::throw_system_error(path_, "replace the file", code);
    partial_.clear();
  }

 private:
  void discard() noexcept {
    file_.reset();
    std::remove(partial_.string().c_str());
  }

  std::filesystem::path path_;
  std::filesystem::path partial_;
  detail::FileHandle file_;
};

/// Writes a file that holds `bytes`, or leaves everything as it was; see `AtomicFile`.
inline void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace condense::io

#endif
