#ifndef CONDENSE_QUANTIZE_CODED_TENSOR_IPP
#define CONDENSE_QUANTIZE_CODED_TENSOR_IPP

#include <cmath>
#include <limits>
#include <optional>

#include "condense/core/inline.hpp"
#include "condense/quantize/coded_tensor.hpp"
#include "condense/quantize/huffman_code.hpp"

namespace condense::quantize {

namespace detail {

inline constexpr int kDataTypeBits = 5;
inline constexpr int kMaximumGapBits = 12;

/// Bytes of one value of a coded tensor.
inline std::size_t value_bytes(DataType type) noexcept {
  return static_cast<std::size_t>(std::max(8, condense::bits(type))) / 8;
}

/// Values of a tensor as patterns of bits, its bytes in the order of little-endian machines.
inline std::uint64_t load_value(const std::byte* from, std::size_t width) noexcept {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t at = std::endian::native == std::endian::little ? i : width - 1 - i;
    value |= std::to_integer<std::uint64_t>(from[at]) << (8 * i);
  }
  return value;
}

inline void store_value(std::uint64_t value, std::size_t width, std::byte* to) noexcept {
  for (std::size_t i = 0; i < width; ++i) {
    const std::size_t at = std::endian::native == std::endian::little ? i : width - 1 - i;
    to[at] = static_cast<std::byte>(value >> (8 * i));
  }
}

/// Where the elements of a tensor lie that is walked along its first axis: element i of the walk.
class ElementOrder {
 public:
  ElementOrder(std::size_t count, std::size_t rows, bool first_axis_fastest)
      : rows_(first_axis_fastest ? rows : 1), columns_(rows_ == 0 ? 0 : count / rows_) {}

  std::size_t operator[](std::size_t i) const noexcept { return i % rows_ * columns_ + i / rows_; }

 private:
  std::size_t rows_;
  std::size_t columns_;
};

/// The values that occur, ascending as patterns.
struct ValueBook {
  std::vector<std::uint64_t> values;
  bool are_halves = false;  ///< Float32 that float16 holds exactly are stored as such.

  std::size_t index(std::uint64_t value) const noexcept {
    return static_cast<std::size_t>(std::ranges::lower_bound(values, value) - values.begin());
  }
};

inline std::uint64_t half_of(std::uint64_t pattern) noexcept {
  return std::bit_cast<std::uint16_t>(Float16(std::bit_cast<float>(static_cast<std::uint32_t>(pattern))));
}
inline std::uint64_t float_of_half(std::uint64_t half) noexcept {
  return std::bit_cast<std::uint32_t>(static_cast<float>(std::bit_cast<Float16>(static_cast<std::uint16_t>(half))));
}

/// None if there are more values than a code can have.
inline std::optional<ValueBook> value_book(std::vector<std::uint64_t> values, DataType type) {
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  if (values.size() > HuffmanCode::kMaximumSymbols) return {};
  const auto is_half = [](std::uint64_t value) { return float_of_half(half_of(value)) == value; };
  const bool are_halves = type == DataType::float32 && std::ranges::all_of(values, is_half);
  return ValueBook{std::move(values), are_halves};
}

inline int stored_bits(const ValueBook& book, std::size_t width) noexcept {
  return book.are_halves ? 16 : static_cast<int>(8 * width);
}

inline void write_book(BitWriter& out, const ValueBook& book, std::size_t width) {
  out.write_number(book.values.size());
  out.write(book.are_halves ? 1 : 0, 1);
  for (const std::uint64_t value : book.values) {
    out.write(book.are_halves ? half_of(value) : value, stored_bits(book, width));
  }
}

inline ValueBook read_book(BitReader& in, DataType type) {
  const std::size_t width = value_bytes(type);
  ValueBook book;
  const auto count = static_cast<std::size_t>(in.read_number(HuffmanCode::kMaximumSymbols));
  book.are_halves = in.read(1) != 0;
  if (book.are_halves && type != DataType::float32) in.refuse(fmt::format("halves in a codebook of {}", name(type)));
  if (count > in.remaining_bits() / 8) in.refuse(fmt::format("it is too short for a codebook of {}", count));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t stored = in.read(stored_bits(book, width));
    book.values.push_back(book.are_halves ? float_of_half(stored) : stored);
  }
  return book;
}

/// The elements of a sparse tensor as symbols.
struct SparseSymbols {
  std::vector<std::size_t> gaps;     ///< Zeros before each value that is not zero.
  std::vector<std::size_t> indices;  ///< Of those values in the codebook.
};

inline std::vector<std::uint64_t> count_gaps(const std::vector<std::size_t>& gaps, int gap_bits) {
  const std::size_t filler = (std::size_t{1} << gap_bits) - 1;
  std::vector<std::uint64_t> counts(filler + 1, 0);
  for (const std::size_t gap : gaps) {
    counts[filler] += gap / filler;
    ++counts[gap % filler];
  }
  return counts;
}

inline std::vector<std::uint64_t> count_indices(const std::vector<std::size_t>& indices, std::size_t levels) {
  std::vector<std::uint64_t> counts(levels, 0);
  for (const std::size_t index : indices) ++counts[index];
  return counts;
}

inline double entropy_bits(std::span<const std::uint64_t> counts) {
  double total = 0;
  for (const std::uint64_t count : counts) total += static_cast<double>(count);
  double bits = 0;
  for (const std::uint64_t count : counts) {
    if (count > 0) bits += static_cast<double>(count) * std::log2(total / static_cast<double>(count));
  }
  return bits;
}

/// One way to write the elements down.
struct Candidate {
  CodedSize size;
  BitWriter bits;  ///< All but type and shape.
};

inline void consider(std::optional<Candidate>& best, Candidate candidate) {
  candidate.size.coded_bytes = static_cast<double>(candidate.bits.bits()) / 8;
  if (!best || candidate.bits.bits() < best->bits.bits()) best = std::move(candidate);
}

inline void write_coding(BitWriter& out, TensorCoding coding) { out.write(static_cast<std::uint64_t>(coding), 2); }

inline int bits_of_index(std::size_t levels) noexcept {
  return levels <= 1 ? 0 : static_cast<int>(std::bit_width(levels - 1));
}

/// The book in memory, with 4 bytes a float.
inline double packed_book_bits(const ValueBook& book, std::size_t width) noexcept {
  return static_cast<double>(book.values.size() * width * 8);
}

inline Candidate dense_candidate(const std::vector<std::uint64_t>& values, const ValueBook& book, std::size_t width) {
  Candidate result;
  std::vector<std::size_t> indices;
  for (const std::uint64_t value : values) indices.push_back(book.index(value));
  const std::vector<std::uint64_t> counts = count_indices(indices, book.values.size());
  const HuffmanCode code = HuffmanCode::of_counts(counts);
  write_coding(result.bits, TensorCoding::dense);
  write_book(result.bits, book, width);
  write_lengths(result.bits, code);
  for (const std::size_t index : indices) code.write(result.bits, index);
  const auto index_bits = static_cast<double>(bits_of_index(book.values.size()));
  const auto stored_book = static_cast<double>(book.values.size()) * stored_bits(book, width);
  result.size.coding = TensorCoding::dense;
  result.size.levels = static_cast<Index>(book.values.size());
  result.size.packed_bytes = (static_cast<double>(values.size()) * index_bits + packed_book_bits(book, width)) / 8;
  result.size.entropy_bytes = (entropy_bits(counts) + stored_book) / 8;
  return result;
}

/// The bits of gaps and indices of a fixed width with the best width of gaps, each filler taking an index.
inline double packed_sparse_bits(const std::vector<std::size_t>& gaps, int index_bits) {
  double best = std::numeric_limits<double>::infinity();
  for (int gap_bits = 1; gap_bits <= kMaximumGapBits; ++gap_bits) {
    const std::vector<std::uint64_t> counts = count_gaps(gaps, gap_bits);
    const auto entries = static_cast<double>(gaps.size() + counts.back());
    best = std::min(best, entries * static_cast<double>(gap_bits + index_bits));
  }
  return best;
}

inline Candidate sparse_candidate(const SparseSymbols& symbols, const ValueBook& book, std::size_t width,
                                  bool first_axis_fastest) {
  std::optional<HuffmanCode> gap_code;
  std::vector<std::uint64_t> gap_counts;
  std::uint64_t least = 0;
  for (int gap_bits = 1; gap_bits <= kMaximumGapBits; ++gap_bits) {
    std::vector<std::uint64_t> counts = count_gaps(symbols.gaps, gap_bits);
    HuffmanCode code = HuffmanCode::of_counts(counts);
    BitWriter lengths;
    write_lengths(lengths, code);
    const std::uint64_t bits = lengths.bits() + code.bits(counts);
    if (gap_code && bits >= least) continue;
    least = bits;
    gap_code = std::move(code);
    gap_counts = std::move(counts);
  }
  const std::vector<std::uint64_t> index_counts = count_indices(symbols.indices, book.values.size());
  const HuffmanCode index_code = HuffmanCode::of_counts(index_counts);
  const std::size_t filler = gap_counts.size() - 1;

  Candidate result;
  write_coding(result.bits, TensorCoding::sparse);
  result.bits.write(first_axis_fastest ? 1 : 0, 1);
  result.bits.write_number(symbols.gaps.size());
  write_book(result.bits, book, width);
  write_lengths(result.bits, index_code);
  result.bits.write(static_cast<std::uint64_t>(std::bit_width(filler)), 4);
  write_lengths(result.bits, *gap_code);
  for (std::size_t i = 0; i < symbols.gaps.size(); ++i) {
    for (std::size_t filled = symbols.gaps[i]; filled >= filler; filled -= filler) gap_code->write(result.bits, filler);
    gap_code->write(result.bits, symbols.gaps[i] % filler);
    index_code.write(result.bits, symbols.indices[i]);
  }
  const auto stored_book = static_cast<double>(book.values.size()) * stored_bits(book, width);
  result.size.coding = TensorCoding::sparse;
  result.size.levels = static_cast<Index>(book.values.size());
  result.size.packed_bytes =
      (packed_sparse_bits(symbols.gaps, bits_of_index(book.values.size())) + packed_book_bits(book, width)) / 8;
  result.size.entropy_bytes = (entropy_bits(gap_counts) + entropy_bits(index_counts) + stored_book) / 8;
  return result;
}

inline Candidate raw_candidate(const Tensor& tensor) {
  Candidate result;
  write_coding(result.bits, TensorCoding::raw);
  const std::size_t width = value_bytes(tensor.type());
  for (std::size_t i = 0; i < tensor.bytes(); i += width) {
    result.bits.write(load_value(tensor.raw() + i, width), static_cast<int>(8 * width));
  }
  result.size.packed_bytes = static_cast<double>(tensor.bytes());
  return result;
}

/// Reads the elements of a tensor that starts as zeros.
class ElementReader {
 public:
  ElementReader(BitReader& in, Tensor& tensor)
      : in_(in),
        type_(tensor.type()),
        width_(value_bytes(type_)),
        bytes_(tensor.mutable_raw()),
        count_(tensor.bytes() / width_),
        rows_(rows_of(tensor.shape())) {}

  static std::size_t rows_of(const Shape& shape) noexcept {
    return shape.rank() == 0 ? 1 : static_cast<std::size_t>(shape[0]);
  }

  void read_dense() {
    const ValueBook book = read_book(in_, type_);
    const HuffmanCode code = read_lengths(in_, book.values.size());
    for (std::size_t i = 0; i < count_; ++i) store(i, book.values[code.read(in_)]);
  }

  void read_sparse(bool first_axis_fastest) {
    const auto kept = static_cast<std::size_t>(in_.read_number(count_));
    const ValueBook book = read_book(in_, type_);
    const HuffmanCode index_code = read_lengths(in_, book.values.size());
    const auto gap_bits = static_cast<int>(in_.read(4));
    if (gap_bits < 1 || gap_bits > kMaximumGapBits) in_.refuse(fmt::format("gaps of {} bits", gap_bits));
    const std::size_t filler = (std::size_t{1} << gap_bits) - 1;
    const HuffmanCode gap_code = read_lengths(in_, filler + 1);
    const ElementOrder order(count_, rows_, first_axis_fastest);
    std::size_t position = 0;
    for (std::size_t i = 0; i < kept; ++i) {
      std::size_t gap = filler;
      while (gap == filler) {
        gap = gap_code.read(in_);
        if (gap >= count_ - position) in_.refuse(fmt::format("a gap of {} after {} of {}", gap, position, count_));
        position += gap;
      }
      store(order[position++], book.values[index_code.read(in_)]);
    }
  }

 private:
  void store(std::size_t i, std::uint64_t value) noexcept { store_value(value, width_, bytes_ + i * width_); }

  BitReader& in_;
  DataType type_;
  std::size_t width_;
  std::byte* bytes_;
  std::size_t count_;
  std::size_t rows_;
};

}  // namespace detail

CONDENSE_INLINE std::string_view name(TensorCoding coding) noexcept {
  constexpr std::string_view kNames[] = {"raw", "dense", "sparse"};
  return kNames[static_cast<std::size_t>(coding)];
}

CONDENSE_INLINE CodedSize write_tensor(BitWriter& out, const Tensor& tensor) {
  const DataType type = tensor.type();
  const std::size_t width = detail::value_bytes(type);
  std::vector<std::uint64_t> values(tensor.bytes() / width);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = detail::load_value(tensor.raw() + i * width, width);

  std::optional<detail::Candidate> best;
  detail::consider(best, detail::raw_candidate(tensor));
  std::vector<std::uint64_t> nonzero = values;
  std::erase(nonzero, std::uint64_t{0});
  const std::size_t kept = nonzero.size();
  if (const auto book = detail::value_book(values, type)) {
    detail::consider(best, detail::dense_candidate(values, *book, width));
  }
  const auto book = detail::value_book(std::move(nonzero), type);
  const std::size_t rows = detail::ElementReader::rows_of(tensor.shape());
  const bool has_columns = !is_packed(type) && rows > 1 && rows < values.size();
  for (const bool first_axis_fastest : {false, true}) {
    if (!book || (first_axis_fastest && !has_columns)) continue;
    const detail::ElementOrder order(values.size(), rows, first_axis_fastest);
    detail::SparseSymbols symbols;
    std::size_t next = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint64_t value = values[order[i]];
      if (value == 0) continue;
      symbols.gaps.push_back(i - next);
      symbols.indices.push_back(book->index(value));
      next = i + 1;
    }
    detail::consider(best, detail::sparse_candidate(symbols, *book, width, first_axis_fastest));
  }

  out.write(static_cast<std::uint64_t>(type), detail::kDataTypeBits);
  out.write_number(static_cast<std::uint64_t>(tensor.shape().rank()));
  for (const Index extent : tensor.shape()) out.write_number(static_cast<std::uint64_t>(extent));
  BitWriter& bits = best->bits;
  for (std::uint64_t i = 0; i < bits.bits(); i += 8) {
    out.write(std::to_integer<std::uint64_t>(bits.bytes()[static_cast<std::size_t>(i / 8)]),
              static_cast<int>(std::min<std::uint64_t>(8, bits.bits() - i)));
  }
  best->size.elements = tensor.count();
  best->size.kept = static_cast<Index>(kept);
  return best->size;
}

CONDENSE_INLINE Tensor read_tensor(BitReader& in, std::size_t maximum_bytes) {
  const std::uint64_t type_number = in.read(detail::kDataTypeBits);
  if (type_number > static_cast<std::uint64_t>(DataType::boolean)) {
    in.refuse(fmt::format("there is no element type {}", type_number));
  }
  const auto type = static_cast<DataType>(type_number);
  std::vector<Index> extents(static_cast<std::size_t>(in.read_number(kMaximumRank)));
  for (Index& extent : extents) {
    extent = static_cast<Index>(in.read_number(static_cast<std::uint64_t>(Shape::kMaximumCount)));
  }
  Shape shape;
  try {
    shape = Shape(std::span<const Index>(extents));
  } catch (const InvalidArgument& error) {
    in.refuse(error.what());
  }
  const std::size_t bytes = condense::bytes(type, shape.count());
  if (bytes > maximum_bytes) {
    in.refuse(fmt::format("a tensor of shape {} with {} bytes, at most {} are allowed", shape.to_string(), bytes,
                          maximum_bytes));
  }
  const std::uint64_t coding = in.read(2);
  if (coding > static_cast<std::uint64_t>(TensorCoding::sparse)) in.refuse("elements are written in no known way");
  const bool is_raw = coding == static_cast<std::uint64_t>(TensorCoding::raw);
  const bool is_dense = coding == static_cast<std::uint64_t>(TensorCoding::dense);
  const std::size_t width = detail::value_bytes(type);
  if ((is_raw && bytes > in.remaining_bits() / 8) || (is_dense && bytes / width > in.remaining_bits())) {
    in.refuse(fmt::format("it is too short for the {} elements of a tensor", shape.count()));
  }
  Tensor tensor(type, shape);
  std::byte* to = tensor.mutable_raw();
  if (is_raw) {
    for (std::size_t i = 0; i < bytes; i += width) {
      detail::store_value(in.read(static_cast<int>(8 * width)), width, to + i);
    }
    return tensor;
  }
  detail::ElementReader reader(in, tensor);
  if (is_dense) {
    reader.read_dense();
  } else {
    reader.read_sparse(in.read(1) != 0);
  }
  return tensor;
}

}  // namespace condense::quantize

#endif
