#ifndef CONDENSE_IO_MAPPED_FILE_HPP
#define CONDENSE_IO_MAPPED_FILE_HPP

#include <memory>

#include "condense/core/aligned_bytes.hpp"
#include "condense/io/file.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#define CONDENSE_HAS_MEMORY_MAPS
#endif

namespace condense::io {

/// The bytes of a file in memory without a copy of them: the system reads pages when they are first touched, and all
/// programs that map the file share them. Where the system has no memory maps the file is read as a whole.
///
/// The file must not be shortened while it is mapped: touching a page that has gone ends the program. To replace it,
/// write another one and rename it, as `AtomicFile` does. The first byte is aligned to 64 bytes.
class MappedFile {
 public:
  /// Throws `Error` with the path and the system's reason if the file cannot be mapped.
  explicit MappedFile(const std::filesystem::path& path) : name_(path.string()) {
#if defined(CONDENSE_HAS_MEMORY_MAPS)
    const int file = ::open(name_.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) detail::throw_system_error(path, "open the file for reading");
    struct stat status {};
    const bool is_regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    if (is_regular && status.st_size > 0) {
      size_ = static_cast<std::size_t>(status.st_size);
      void* memory = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
      if (memory != MAP_FAILED) bytes_ = static_cast<const std::byte*>(memory);
    }
    const std::error_code code(is_regular ? errno : EINVAL, std::generic_category());
    ::close(file);  // the map holds the file
    if (bytes_ == nullptr && (size_ > 0 || !is_regular)) detail::throw_system_error(path, "map the file", code);
#else
    InputFile file(path);
    size_ = static_cast<std::size_t>(file.remaining());
    content_ = AlignedBytes(size_);
    file.read({content_.data(), size_});
    bytes_ = content_.data();
#endif
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
#if defined(CONDENSE_HAS_MEMORY_MAPS)
    if (bytes_ != nullptr) ::munmap(const_cast<std::byte*>(bytes_), size_);
#endif
  }

  const std::string& name() const noexcept { return name_; }
  std::span<const std::byte> bytes() const noexcept { return {bytes_, size_}; }

 private:
  std::string name_;
  const std::byte* bytes_ = nullptr;
  std::size_t size_ = 0;
#if !defined(CONDENSE_HAS_MEMORY_MAPS)
  AlignedBytes content_;
#endif
};

}  // namespace condense::io

#endif
