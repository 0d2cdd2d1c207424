#ifndef CONDENSE_RUNTIME_DETAIL_BUFFER_SIZES_HPP
#define CONDENSE_RUNTIME_DETAIL_BUFFER_SIZES_HPP

#include <algorithm>
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

/// The product of extents. Throws `InvalidArgument` unless all are 0 or more, and the product of those above 0 is at
/// most 2^48.
inline Index checked_product(std::initializer_list<Index> extents) {
  constexpr Index kMost = Index{1} << 48;
  Index product = 1;
  bool is_zero = false;
  for (const Index extent : extents) {
    require(extent >= 0 && (extent == 0 || product <= kMost / extent), "an extent of {} is out of range", extent);
    is_zero = is_zero || extent == 0;
    product *= std::max<Index>(extent, 1);
  }
  return is_zero ? 0 : product;
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

  /// Throws unless a constant holds `count` weights for integer products, from one to the next `stride` bytes.
  void require_packed(Reads packed, const kernels::WeightShape& weights, Index count, Index stride) const {
    require((weights.bits == 8 || weights.bits == 4 || weights.bits == 2) && weights.group_size >= 0 &&
                weights.group_size <= kMostGroup,
            "weights of {} bits in groups of {} do not exist", weights.bits, weights.group_size);
    checked_product({weights.columns + 64, weights.taps, weights.depth + 64});
    const Index bytes = require_stride(static_cast<Index>(kernels_.gemm.packed_bytes(weights)), count, stride);
    const auto content = constant<std::byte>(packed, bytes);
    for (Index i = 0; i < count; ++i) {
      require(kernels_.gemm.is_packed(weights, content.data() + i * stride), "weights {} are not packed for {}", i,
              kernels_.name);
    }
  }
  void require_packed(Reads packed, const kernels::FloatWeightShape& weights, Index count, Index stride) const {
    require(weights.type <= kernels::WeightType::int2 && weights.group_size >= 0 && weights.group_size <= kMostGroup,
            "weights of type {} in groups of {} do not exist", static_cast<int>(weights.type), weights.group_size);
    checked_product({weights.columns + 64, weights.taps, weights.depth + 64});
    const auto least = static_cast<Index>(kernels_.float_gemm.packed_bytes(weights));
    require_readable(packed, require_stride(least, count, stride), 1);
  }

  /// The same for weights of which zeros are left out; their bytes depend on which these are.
  void require_sparse(Reads packed, const kernels::WeightShape& weights, Index count, Index stride) const {
    require(weights.group_size == 0 && !weights.has_zero_points, "sparse weights have no groups and no zero points");
    require_each_packed(packed, weights, kernels_.sparse_gemm, count, stride);
  }
  void require_sparse(Reads packed, const kernels::FloatWeightShape& weights, Index count, Index stride) const {
    require(weights.type == kernels::WeightType::float32, "sparse weights of floats are of 32 bits");
    require_each_packed(packed, weights, kernels_.float_sparse_gemm, count, stride);
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
  static constexpr Index kMostGroup = Index{1} << 31;

  /// The bytes of `count` things of `bytes` each.
  static Index require_stride(Index bytes, Index count, Index stride) {
    require(count <= 1 || (stride % 64 == 0 && stride >= bytes), "packed weights have {} bytes, {} are needed", stride,
            bytes);
    return count == 0 ? 0 : checked_product({count - 1, stride}) + bytes;
  }

  template <class Weights, class Kernel>
  void require_each_packed(Reads packed, const Weights& weights, const Kernel& kernel, Index count,
                           Index stride) const {
    checked_product({weights.columns + 64, weights.taps + 1, weights.depth + 64, 64});
    const auto size = static_cast<Index>(bytes(packed));
    require_stride(0, count, stride);
    for (Index i = 0; i < count; ++i) {
      const Index first = i == 0 ? 0 : checked_product({i, stride});
      require(first <= size, "sparse weights {} of {} are beyond their {} bytes", i, count, size);
      const auto content = constant<std::byte>(packed, size).subspan(static_cast<std::size_t>(first));
      require(kernel.is_packed(weights, content.data(), content.size()), "sparse weights {} are not packed for {}", i,
              kernels_.name);
    }
  }

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
