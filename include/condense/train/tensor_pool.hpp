#ifndef CONDENSE_TRAIN_TENSOR_POOL_HPP
#define CONDENSE_TRAIN_TENSOR_POOL_HPP

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <new>

#include "condense/core/tensor.hpp"

namespace condense::train {

/// Memory for tensors that come and go in the same sizes at every training step.
///
/// A buffer returns to the pool with the last tensor on it, and the next tensor of about its size takes it over: after
/// the first step nothing is asked of the system, which would otherwise zero every page again, a third of a step's time
/// on small networks. A handle: copies share the memory, and it lives as long as a handle or one of its tensors does.
/// Safe to use from several threads.
class TensorPool {
 public:
  TensorPool() : memory_(std::make_shared<Memory>()) {}

  /// A tensor of unspecified content. The shape is concrete.
  Tensor make(DataType type, const Shape& shape) const {
    const std::size_t size = bytes(type, shape.count());
    std::byte* block = nullptr;
    std::size_t capacity = size;
    {
      const std::lock_guard lock(memory_->mutex);
      // The smallest block that fits, unless half of it would lie idle.
      const auto found = memory_->free.lower_bound(size);
      if (found != memory_->free.end() && found->first <= 2 * size) {
        capacity = found->first;
        block = found->second;
        memory_->free.erase(found);
      }
    }
    if (block == nullptr) {
      block = static_cast<std::byte*>(::operator new[](size > 0 ? size : 1, std::align_val_t{Tensor::kAlignment}));
    }
    const auto give_back = [memory = memory_, capacity](std::byte* returned) { memory->put(returned, capacity); };
    return Tensor::on(std::shared_ptr<std::byte[]>(block, give_back), type, shape);
  }

 private:
  struct Memory {
    Memory() = default;
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    ~Memory() {
      for (const auto& [size, block] : free) release(block);
    }

    void put(std::byte* block, std::size_t size) noexcept {
      try {
        const std::lock_guard lock(mutex);
        free.emplace(size, block);
      } catch (...) {  // no memory for the entry: the block is not kept
        release(block);
      }
    }

    static void release(std::byte* block) noexcept { ::operator delete[](block, std::align_val_t{Tensor::kAlignment}); }

    std::mutex mutex;
    std::multimap<std::size_t, std::byte*> free;
  };

  std::shared_ptr<Memory> memory_;
};

}  // namespace condense::train

#endif
