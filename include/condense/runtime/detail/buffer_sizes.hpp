#ifndef CONDENSE_RUNTIME_DETAIL_BUFFER_SIZES_HPP
#define CONDENSE_RUNTIME_DETAIL_BUFFER_SIZES_HPP

#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "condense/core/error.hpp"
#include "condense/core/shape.hpp"
#include "condense/runtime/detail/step.hpp"

namespace condense::runtime::detail {

/// A buffer of the arena, or a constant, aligned to 64 bytes.
struct BufferInfo {
  std::size_t bytes = 0;
  std::shared_ptr<const std::byte> constant = nullptr;
  bool is_table = false;  ///< A constant that says where something lies: no weight.
};

/// The product of extents. Throws `InvalidArgument` unless all are 0 or more, and the product is below 2^48.
inline Index checked_product(std::initializer_list<Index> extents) {
  constexpr Index kMost = Index{1} << 48;
  Index product = 1;
  for (const Index extent : extents) {
    require(extent >= 0 && (extent == 0 || product <= kMost / extent), "an extent of {} is out of range", extent);
    product *= extent;
  }
  return product;
}

/// How large the buffers of a program are, and what kernels it is for: what a step that comes from a file is checked
/// against. Throws `InvalidArgument` where a buffer is too small.
class BufferSizes {
 public:
  BufferSizes(std::span<const BufferInfo> buffers, const kernels::KernelSet& kernels)
      : buffers_(buffers), kernels_(kernels) {}

  const kernels::KernelSet& kernels() const noexcept { return kernels_; }

  /// The bytes of a buffer that is read, 0 for none.
  std::size_t bytes(Reads from) const { return from.exists() ? at(from.buffer).bytes : 0; }

  bool is_constant(Reads from) const { return from.exists() && at(from.buffer).constant != nullptr; }

  /// Throws unless at least `count` elements of `element_bytes` may be read from a buffer, or written to it.
  void require_readable(Reads from, Index count, std::size_t element_bytes) const {
    require_bytes(from.buffer, count, element_bytes);
  }
  void require_writable(Writes to, Index count, std::size_t element_bytes) const {
    require(at(to.buffer).constant == nullptr, "buffer {} is constant, it cannot be written", to.buffer);
    require_bytes(to.buffer, count, element_bytes);
  }

  /// `count` elements of a constant buffer.
  template <class T>
  std::span<const T> constant(Reads from, Index count) const {
    require_bytes(from.buffer, count, sizeof(T));
    require(at(from.buffer).constant != nullptr, "buffer {} must be constant", from.buffer);
    return {reinterpret_cast<const T*>(at(from.buffer).constant.get()), static_cast<std::size_t>(count)};
  }

  /// The memory of a constant, which is not to be written.
  std::shared_ptr<std::byte[]> memory(Reads from) const {
    const std::shared_ptr<const std::byte>& constant = at(from.buffer).constant;
    return {constant, const_cast<std::byte*>(constant.get())};
  }

  /// Throws unless every offset of a constant table leaves `reach` elements of an image of `elements`; a negative one
  /// stands for something else.
  void require_offsets(Reads offsets, Index count, Index reach, Index elements) const {
    for (const std::int32_t offset : constant<std::int32_t>(offsets, count)) {
      require(offset < 0 || offset <= elements - reach, "an offset of {} leaves an image of {} elements", offset,
              elements);
    }
  }

 private:
  const BufferInfo& at(int buffer) const {
    require(buffer >= 0 && static_cast<std::size_t>(buffer) < buffers_.size(), "buffer {} of {} does not exist", buffer,
            buffers_.size());
    return buffers_[static_cast<std::size_t>(buffer)];
  }
  void require_bytes(int buffer, Index count, std::size_t element_bytes) const {
    const auto wanted = static_cast<std::size_t>(checked_product({count, static_cast<Index>(element_bytes)}));
    require(wanted <= at(buffer).bytes, "buffer {} has {} bytes, {} are needed", buffer, at(buffer).bytes, wanted);
  }

  std::span<const BufferInfo> buffers_;
  const kernels::KernelSet& kernels_;
};

}  // namespace condense::runtime::detail

#endif
