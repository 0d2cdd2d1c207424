#ifndef CONDENSE_TESTS_SUPPORT_FILE_BYTES_HPP
#define CONDENSE_TESTS_SUPPORT_FILE_BYTES_HPP

#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <vector>

#include "condense/core/aligned_bytes.hpp"

namespace condense {

inline std::vector<std::byte> read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::byte> bytes(std::filesystem::file_size(path));
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

inline void write_bytes(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// Bytes as a program in memory has to lie.
inline std::shared_ptr<const AlignedBytes> aligned_copy(std::span<const std::byte> bytes) {
  AlignedBytes copy(bytes.size());
  std::ranges::copy(bytes, copy.data());
  return std::make_shared<const AlignedBytes>(std::move(copy));
}

}  // namespace condense

#endif
