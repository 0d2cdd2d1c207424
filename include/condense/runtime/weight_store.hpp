#ifndef CONDENSE_RUNTIME_WEIGHT_STORE_HPP
#define CONDENSE_RUNTIME_WEIGHT_STORE_HPP

#include <cstring>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "condense/core/aligned_bytes.hpp"

namespace condense::runtime {

/// The constants of programs: packed weights, biases, scales and tables. Those of the same content are kept once,
/// within a program and between all that are compiled with one store, such as those of one network for several batch
/// sizes.
///
/// A constant lives as long as a program has it. Safe to use from several threads.
class WeightStore {
 public:
  /// The bytes themselves, or those of the same content that came before.
  std::shared_ptr<const std::byte> keep(AlignedBytes bytes) {
    const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::size_t hash = std::hash<std::string_view>{}(content);
    const std::lock_guard lock(mutex_);
    auto [entry, end] = constants_.equal_range(hash);
    while (entry != end) {
      if (const std::shared_ptr<const AlignedBytes> kept = entry->second.lock()) {
        const bool is_same = kept->size() == bytes.size() && std::memcmp(kept->data(), bytes.data(), bytes.size()) == 0;
        if (is_same) return address_of(kept);
        ++entry;
      } else {
        entry = constants_.erase(entry);
      }
    }
    const auto kept = std::make_shared<const AlignedBytes>(std::move(bytes));
    constants_.emplace(hash, kept);
    return address_of(kept);
  }

  /// Bytes of the constants that are alive.
  std::size_t bytes() const {
    const std::lock_guard lock(mutex_);
    std::size_t sum = 0;
    for (const auto& [hash, constant] : constants_) {
      if (const auto kept = constant.lock()) sum += kept->size();
    }
    return sum;
  }

 private:
  static std::shared_ptr<const std::byte> address_of(const std::shared_ptr<const AlignedBytes>& bytes) {
    return {bytes, bytes->data()};
  }

  mutable std::mutex mutex_;
  std::unordered_multimap<std::size_t, std::weak_ptr<const AlignedBytes>> constants_;
};

}  // namespace condense::runtime

#endif
