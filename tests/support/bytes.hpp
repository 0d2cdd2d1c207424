#ifndef CONDENSE_TESTS_SUPPORT_BYTES_HPP
#define CONDENSE_TESTS_SUPPORT_BYTES_HPP

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace condense {

/// The bytes of a text, for files written out in a test.
inline std::vector<std::byte> to_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline std::vector<std::byte> to_bytes(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

inline std::vector<std::byte> operator+(std::vector<std::byte> first, std::span<const std::byte> second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace condense

#endif
