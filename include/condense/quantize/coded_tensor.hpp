#ifndef CONDENSE_QUANTIZE_CODED_TENSOR_HPP
#define CONDENSE_QUANTIZE_CODED_TENSOR_HPP

#include "condense/core/tensor.hpp"
#include "condense/quantize/bit_stream.hpp"

namespace condense::quantize {

/// How the elements of a tensor are written down.
enum class TensorCoding : std::uint8_t {
  raw,     ///< As they are in memory.
  dense,   ///< A codebook of the values that occur, and the Huffman code of each element's index into it.
  sparse,  ///< The same for the elements that are not zero, each after the Huffman code of the zeros before it.
};

std::string_view name(TensorCoding coding) noexcept;

/// What a coded tensor takes. The three sizes, of all but its type and shape, are those of one tensor in three ways:
/// Shannon's bound cannot be reached by a code of whole bits, and is 0 for what is raw or all zero beside its codebook.
struct CodedSize {
  TensorCoding coding = TensorCoding::raw;
  Index elements = 0;
  Index kept = 0;    ///< Elements that are not zero.
  Index levels = 0;  ///< Different values among those that are coded; 0 if raw.
  /// Indices into the codebook and gaps in as few bits as they need if all take the same number, fillers included, and
  /// the codebook with 4 bytes for each float; or raw bytes. Deep Compression before its last stage.
  double packed_bytes = 0;
  /// The entropy of the indices and gaps as they occur in this tensor, and the codebook as it is stored.
  double entropy_bytes = 0;
  double coded_bytes = 0;  ///< As written, with codebook and lengths of the codes.
};

/// Appends type, shape and elements of a tensor, the elements in the way that takes the fewest bits. Whatever was
/// written is read bit by bit as it was: NaN and -0 keep their bits.
///
/// A value is a pattern of bits as wide as the type (a byte for packed types), zero is the pattern of zeros. Positions
/// of what is not zero are gaps, the numbers of zeros before them (Han, Mao, Dally, "Deep Compression", ICLR 2016,
/// section 2 and figure 2): a gap too long for the alphabet is filled by a symbol that stands for as many zeros as the
/// alphabet has and no value, so that, other than in the paper, a filler costs no index. The size of the alphabet is
/// chosen by cost, and so is the order of the elements: row-major, or the first axis fastest, which makes the gaps of
/// inputs that nobody reads long. Cost: O(n log n).
CodedSize write_tensor(BitWriter& out, const Tensor& tensor);

/// A tensor that `write_tensor` wrote. Any bytes may be given. Throws `FormatError` where they are no tensor, or one of
/// more than `maximum_bytes`, before memory is taken for it.
Tensor read_tensor(BitReader& in, std::size_t maximum_bytes);

}  // namespace condense::quantize

#ifndef CONDENSE_COMPILED
#include "condense/quantize/coded_tensor.ipp"
#endif

#endif
