#ifndef CONDENSE_QUANTIZE_HUFFMAN_CODE_HPP
#define CONDENSE_QUANTIZE_HUFFMAN_CODE_HPP

#include <algorithm>
#include <array>
#include <cstdlib>
#include <numeric>

#include "condense/quantize/bit_stream.hpp"

namespace condense::quantize {

/// A prefix code of symbols 0, 1, ... with the least number of bits for given counts (Huffman, "A method for the
/// construction of minimum-redundancy codes", Proceedings of the IRE, 1952) among those of a limited length. It is
/// canonical (Schwartz and Kallick, Communications of the ACM, 1964): it follows from the lengths of its codes alone.
class HuffmanCode {
 public:
  /// No code is longer.
  static constexpr int kLongest = 24;
  static constexpr std::size_t kMaximumSymbols = std::size_t{1} << 16;

  /// A code without symbols.
  HuffmanCode() = default;

  /// The canonical code with these lengths; 0 for symbols without a code. Throws unless every row of bits is that of
  /// one symbol (Kraft's sum of 2^-length is 1). The code of a single symbol has one bit, 0.
  explicit HuffmanCode(std::vector<std::uint8_t> lengths) : lengths_(std::move(lengths)) {
    require(lengths_.size() <= kMaximumSymbols, "a code has at most {} symbols, not {}", kMaximumSymbols,
            lengths_.size());
    for (const std::uint8_t length : lengths_) {
      require(length <= kLongest, "a code has at most {} bits, not {}", kLongest, length);
      if (length > 0) ++of_length_[length];
    }
    const std::size_t used = lengths_.size() - static_cast<std::size_t>(std::ranges::count(lengths_, 0));
    std::uint64_t sum = 0;  // in units of 2^-kLongest
    for (std::size_t length = 1; length < of_length_.size(); ++length) {
      sum += of_length_[length] << (kLongest - length);
    }
    require(used == 0 || sum == std::uint64_t{1} << kLongest || (used == 1 && of_length_[1] == 1),
            "the lengths of {} codes are not those of a complete prefix code: Kraft's sum is {}", used,
            static_cast<double>(sum) / static_cast<double>(std::uint64_t{1} << kLongest));
    arrange();
  }

  /// The best code for symbols that occur so often, by the algorithm of Larmore and Hirschberg, "A fast algorithm for
  /// optimal length-limited Huffman codes", Journal of the ACM, 1990 (package-merge). Symbols with count 0 get none.
  /// O(longest * symbols) after sorting. Throws if `longest` is not in [1, 24] or too small for so many symbols.
  static HuffmanCode of_counts(std::span<const std::uint64_t> counts, int longest = kLongest) {
    require(longest >= 1 && longest <= kLongest, "codes may have up to 1 to {} bits, not {}", kLongest, longest);
    require(counts.size() <= kMaximumSymbols, "a code has at most {} symbols, not {}", kMaximumSymbols, counts.size());
    std::vector<std::size_t> symbols;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] > 0) symbols.push_back(i);
    }
    require(symbols.size() <= std::size_t{1} << longest, "{} symbols cannot have codes of at most {} bits",
            symbols.size(), longest);
    std::ranges::stable_sort(symbols, {}, [&](std::size_t symbol) { return counts[symbol]; });
    std::vector<std::uint8_t> lengths(counts.size(), 0);
    if (symbols.size() == 1) lengths[symbols[0]] = 1;
    if (symbols.size() > 1) package_merge(counts, symbols, longest, lengths);
    return HuffmanCode(std::move(lengths));
  }

  /// Bits of each symbol's code; 0 where it has none.
  std::span<const std::uint8_t> lengths() const noexcept { return lengths_; }

  /// Bits of symbols that occur so often; those with a count have a code.
  std::uint64_t bits(std::span<const std::uint64_t> counts) const noexcept {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) sum += counts[i] * lengths_[i];
    return sum;
  }

  /// Appends the code of a symbol, which has one.
  void write(BitWriter& out, std::size_t symbol) const { out.write(codes_[symbol], lengths_[symbol]); }

  /// The next symbol. Throws `FormatError` where no code fits.
  std::size_t read(BitReader& in) const {
    std::uint64_t code = 0;
    std::uint64_t first = 0;  // the first code of this length
    std::uint64_t index = 0;  // the symbols of shorter codes
    for (std::size_t length = 1; length < of_length_.size(); ++length) {
      code = code << 1 | in.read(1);
      first <<= 1;
      if (code - first < of_length_[length]) return ordered_[static_cast<std::size_t>(index + code - first)];
      index += of_length_[length];
      first += of_length_[length];
    }
    in.refuse("these bits are not the code of a symbol");
  }

 private:
  static void package_merge(std::span<const std::uint64_t> counts, const std::vector<std::size_t>& symbols, int longest,
                            std::vector<std::uint8_t>& lengths) {
    // Row by row, from the longest codes on: the symbols, and pairs of what the row before holds, both by their counts.
    struct Item {
      std::uint64_t count;
      bool is_pair;
    };
    std::vector<std::vector<Item>> rows(static_cast<std::size_t>(longest));
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const std::vector<Item> none;
      const std::vector<Item>& before = row == 0 ? none : rows[row - 1];
      std::size_t pair = 0;
      for (const std::size_t symbol : symbols) {
        for (; 2 * pair + 1 < before.size(); ++pair) {
          const std::uint64_t sum = before[2 * pair].count + before[2 * pair + 1].count;
          if (sum >= counts[symbol]) break;
          rows[row].push_back({sum, true});
        }
        rows[row].push_back({counts[symbol], false});
      }
      for (; 2 * pair + 1 < before.size(); ++pair) {
        rows[row].push_back({before[2 * pair].count + before[2 * pair + 1].count, true});
      }
    }
    // The 2 n - 2 smallest of the last row; each symbol gets a bit for each row in which it is taken.
    std::size_t taken = 2 * symbols.size() - 2;
    for (std::size_t row = rows.size(); row-- > 0;) {
      const auto end = rows[row].begin() + static_cast<std::ptrdiff_t>(taken);
      const auto pairs = static_cast<std::size_t>(std::count_if(rows[row].begin(), end, [](const Item& item) {  //
        return item.is_pair;
      }));
      for (std::size_t i = 0; i < taken - pairs; ++i) ++lengths[symbols[i]];
      taken = 2 * pairs;
    }
  }

  /// Codes of one length count up in the order of their symbols, and go on after those that are shorter. Their first
  /// bit comes first, while a stream takes the lowest one first: so they are kept turned around.
  void arrange() {
    ordered_.resize(lengths_.size());
    std::iota(ordered_.begin(), ordered_.end(), std::uint16_t{0});
    std::erase_if(ordered_, [&](std::uint16_t symbol) { return lengths_[symbol] == 0; });
    std::ranges::stable_sort(ordered_, {}, [&](std::uint16_t symbol) { return lengths_[symbol]; });
    codes_.assign(lengths_.size(), 0);
    std::uint32_t code = 0;
    int before = 0;
    for (const std::uint16_t symbol : ordered_) {
      const int length = lengths_[symbol];
      code <<= length - before;
      before = length;
      for (int bit = 0; bit < length; ++bit) codes_[symbol] |= ((code >> bit) & 1U) << (length - 1 - bit);
      ++code;
    }
  }

  std::vector<std::uint8_t> lengths_;
  std::vector<std::uint32_t> codes_;
  std::vector<std::uint16_t> ordered_;                   ///< Symbols in the order of their codes.
  std::array<std::uint64_t, kLongest + 1> of_length_{};  ///< How many codes there are of each length.
};

/// Appends the lengths of a code, as differences of neighbours: a symbol is seldom much rarer than the one before.
inline void write_lengths(BitWriter& out, const HuffmanCode& code) {
  int before = 0;
  for (const std::uint8_t length : code.lengths()) {
    const int change = length - before;
    out.write_number(static_cast<std::uint64_t>(change > 0 ? 2 * change - 1 : -2 * change));
    before = length;
  }
}

/// The code of `symbols` symbols whose lengths `write_lengths` wrote. Throws `FormatError` where it is none.
inline HuffmanCode read_lengths(BitReader& in, std::size_t symbols) {
  if (symbols > in.remaining_bits()) in.refuse(fmt::format("it is too short for a code of {} symbols", symbols));
  std::vector<std::uint8_t> lengths(symbols);
  int before = 0;
  for (std::uint8_t& length : lengths) {
    const auto change = static_cast<int>(in.read_number(2 * HuffmanCode::kLongest));
    before += change % 2 == 1 ? (change + 1) / 2 : -change / 2;
    if (before < 0 || before > HuffmanCode::kLongest) in.refuse(fmt::format("a code of {} bits", before));
    length = static_cast<std::uint8_t>(before);
  }
  try {
    return HuffmanCode(std::move(lengths));
  } catch (const InvalidArgument& error) {
    in.refuse(error.what());
  }
}

}  // namespace condense::quantize

#endif
