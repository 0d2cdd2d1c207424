#ifndef CONDENSE_TESTS_IO_SAFETENSORS_FIXTURE_HPP
#define CONDENSE_TESTS_IO_SAFETENSORS_FIXTURE_HPP

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "condense/io/safetensors.hpp"
#include "support/bytes.hpp"

namespace condense::io {

/// A safetensors file of this header and this many bytes of data: 0, 1, 2, ...
inline std::vector<std::byte> safetensors_file(std::string_view header, std::size_t data_bytes) {
  std::vector<std::byte> file;
  for (int shift = 0; shift < 64; shift += 8) {
    file.push_back(static_cast<std::byte>(std::uint64_t{header.size()} >> shift & 0xFF));
  }
  file = file + to_bytes(header);
  for (std::size_t i = 0; i < data_bytes; ++i) file.push_back(static_cast<std::byte>(i));
  return file;
}

inline SafeTensors parse(const std::vector<std::byte>& file) { return parse_safetensors(file, "model.safetensors"); }

inline SafeTensors parse(std::string_view header, std::size_t data_bytes) {
  return parse(safetensors_file(header, data_bytes));
}

}  // namespace condense::io

#endif
