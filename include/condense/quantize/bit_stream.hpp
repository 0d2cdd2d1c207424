#ifndef CONDENSE_QUANTIZE_BIT_STREAM_HPP
#define CONDENSE_QUANTIZE_BIT_STREAM_HPP

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "condense/core/error.hpp"

namespace condense::quantize {

/// Bits in a row of bytes, from the lowest bit of each byte on. What was begun ends with zeros.
class BitWriter {
 public:
  /// Appends the lowest `count` bits of `bits`, the lowest one first; 0 <= count <= 64.
  void write(std::uint64_t bits, int count) {
    for (int done = 0; done < count;) {
      const int at = static_cast<int>(written_ % 8);
      if (at == 0) bytes_.push_back(std::byte{0});
      const int taken = std::min(8 - at, count - done);
      const std::uint64_t part = (bits >> done) & ((std::uint64_t{1} << taken) - 1);
      bytes_.back() |= static_cast<std::byte>(part << at);
      done += taken;
      written_ += static_cast<std::uint64_t>(taken);
    }
  }

  /// Appends a number >= 0, smaller ones in fewer bits: that of number + 1 after Elias, "Universal codeword sets and
  /// representations of the integers", IEEE Transactions on Information Theory, 1975, code gamma, of 1 + 2 floor(log2)
  /// bits.
  void write_number(std::uint64_t number) {
    require(number < ~std::uint64_t{0}, "the number {} is too large for a stream of bits", number);
    const auto width = static_cast<int>(std::bit_width(number + 1));
    write(std::uint64_t{1} << (width - 1), width);  // the position of the first one says how many bits follow
    write(number + 1, width - 1);
  }

  /// Appends whole bytes at the next whole byte.
  void write_bytes(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    written_ = 8 * static_cast<std::uint64_t>(bytes_.size());
  }

  std::uint64_t bits() const noexcept { return written_; }
  const std::vector<std::byte>& bytes() const noexcept { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
  std::uint64_t written_ = 0;
};

/// Reads what a `BitWriter` wrote, from bytes that it does not own. Any bytes may be given: every call throws
/// `FormatError`, with the name of the stream and the place, where they end too early or cannot have been written.
class BitReader {
 public:
  BitReader(std::span<const std::byte> bytes, std::string_view name) : bytes_(bytes), name_(name) {}

  std::uint64_t read(int count) {
    require_bits(static_cast<std::uint64_t>(count));
    std::uint64_t bits = 0;
    for (int done = 0; done < count;) {
      const int at = static_cast<int>(read_ % 8);
      const int taken = std::min(8 - at, count - done);
      const auto part = (std::to_integer<std::uint64_t>(bytes_[static_cast<std::size_t>(read_ / 8)]) >> at) &
                        ((std::uint64_t{1} << taken) - 1);
      bits |= part << done;
      done += taken;
      read_ += static_cast<std::uint64_t>(taken);
    }
    return bits;
  }

  /// A number of `write_number`, at most `largest`.
  std::uint64_t read_number(std::uint64_t largest) {
    int zeros = 0;
    while (read(1) == 0) {
      if (++zeros > 63) refuse("a number has more than 64 bits");
    }
    const std::uint64_t number = ((std::uint64_t{1} << zeros) | read(zeros)) - 1;
    if (number > largest) refuse(fmt::format("the number {} is above {}", number, largest));
    return number;
  }

  /// The next whole bytes, in place.
  std::span<const std::byte> read_bytes(std::size_t count) {
    const auto first = static_cast<std::size_t>((read_ + 7) / 8);
    if (count > bytes_.size() - first) refuse(fmt::format("{} bytes were expected, it ends", count));
    read_ = 8 * static_cast<std::uint64_t>(first + count);
    return bytes_.subspan(first, count);
  }

  /// Throws unless nothing is left but the zeros that fill the last byte up.
  void require_end() {
    if (remaining_bits() >= 8 || read(static_cast<int>(remaining_bits())) != 0) {
      refuse(fmt::format("it should end here, it has {} bytes", bytes_.size()));
    }
  }

  std::uint64_t remaining_bits() const noexcept { return 8 * static_cast<std::uint64_t>(bytes_.size()) - read_; }
  const std::string& name() const noexcept { return name_; }

  [[noreturn]] void refuse(std::string_view why) const {
    throw FormatError(fmt::format("{}: at byte {}: {}", name_, read_ / 8, why));
  }

 private:
  void require_bits(std::uint64_t count) const {
    if (count > remaining_bits()) refuse(fmt::format("{} bits were expected, it ends", count));
  }

  std::span<const std::byte> bytes_;
  std::string name_;
  std::uint64_t read_ = 0;
};

}  // namespace condense::quantize

#endif
