#ifndef CONDENSE_CORE_ALIGNED_BYTES_HPP
#define CONDENSE_CORE_ALIGNED_BYTES_HPP

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace condense {

/// A block of zeroed bytes on a 64-byte boundary, for packed weights and arenas.
///
/// Blocks of 2 MiB and more lie on a boundary of 2 MiB and ask the system for pages of that size where it grants them
/// on request (transparent huge pages, `madvise`): with pages of 4 KiB, reading large weights from memory waits for
/// address translation as much as for the bytes.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(std::size_t size) : size_(size), data_(allocate(size), Free{alignment_of(size)}) {}

  AlignedBytes(AlignedBytes&& other) noexcept : size_(std::exchange(other.size_, 0)), data_(std::move(other.data_)) {}
  AlignedBytes& operator=(AlignedBytes&& other) noexcept {
    size_ = std::exchange(other.size_, 0);
    data_ = std::move(other.data_);
    return *this;
  }
  ~AlignedBytes() = default;

  std::byte* data() noexcept { return data_.get(); }
  const std::byte* data() const noexcept { return data_.get(); }
  std::size_t size() const noexcept { return size_; }

 private:
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;

  struct Free {
    std::align_val_t alignment;
    void operator()(std::byte* memory) const noexcept { ::operator delete[](memory, alignment); }
  };

  static std::align_val_t alignment_of(std::size_t size) noexcept {
    return std::align_val_t{size >= kHugePage ? kHugePage : 64};
  }

  static std::byte* allocate(std::size_t size) {
    auto* memory = static_cast<std::byte*>(::operator new[](size > 0 ? size : 1, alignment_of(size)));
#if defined(__linux__)
    // Before the first touch. A refusal costs nothing but the speed.
    if (size >= kHugePage) ::madvise(memory, size / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
    std::fill_n(memory, size, std::byte{0});
    return memory;
  }

  std::size_t size_ = 0;
  std::unique_ptr<std::byte[], Free> data_;
};

}  // namespace condense

#endif
