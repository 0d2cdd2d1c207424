#ifndef CONDENSE_COMPRESS_CODED_FILE_HPP
#define CONDENSE_COMPRESS_CODED_FILE_HPP

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "condense/graph/graph.hpp"
#include "condense/quantize/coded_tensor.hpp"

namespace condense::compress {

/// What one constant takes in a coded file.
struct CodedConstant {
  std::string name;
  quantize::CodedSize size;
};

/// What a coded file is made of. Sizes in bytes.
struct CodedReport {
  std::vector<CodedConstant> constants = {};
  double mask_sparsity = 0;     ///< The share of all elements that is zero.
  std::size_t dense_bytes = 0;  ///< All constants as they are in memory.
  double packed_bytes = 0;   ///< Codes and gaps of fixed widths and codebooks, before Huffman coding: see `CodedSize`.
  double entropy_bytes = 0;  ///< Shannon's bound for the same codes and gaps, with the codebooks.
  double coded_bytes = 0;    ///< Constants as they are written.
  std::size_t structure_bytes = 0;  ///< Everything in the file that is no constant: head, nodes, names, check sum.
  std::size_t file_bytes = 0;       ///< The whole file.

  /// How many times smaller the file is than the constants in memory.
  double ratio() const noexcept { return static_cast<double>(dense_bytes) / static_cast<double>(file_bytes); }
};

/// A graph in one file: its structure, and its constants each in the way that takes the fewest bytes (see
/// `quantize::write_tensor`). Nothing is lost: every constant is read with the bits that it had. Small it becomes if
/// many weights are zero and the others take few values, as `deep_compression` leaves them, or are integers.
///
/// The structure is an ONNX model in which each constant is an empty tensor, so what can be exported can be coded, and
/// the sizes bound to open dimensions stay. Throws `Unsupported` naming the node if ONNX has no such operator.
std::vector<std::byte> encode_graph(const graph::Graph& graph, CodedReport* report = nullptr);

/// The same as a file, whole or not at all; see `io::AtomicFile`.
CodedReport save_coded(const graph::Graph& graph, const std::filesystem::path& path);

/// How a coded file is read.
struct CodedOptions {
  /// The most bytes that the constants may take in memory, all together: a few bytes can stand for many zeros.
  std::size_t maximum_bytes = std::size_t{1} << 30;
};

/// The graph that `encode_graph` wrote. Any bytes may be given. Throws `FormatError`, naming the file (`name`) and the
/// place, for what is no such file, is of another version, or has changed by a bit.
graph::Graph decode_graph(std::span<const std::byte> bytes, std::string_view name, const CodedOptions& options = {});

/// The same from a file.
graph::Graph load_coded(const std::filesystem::path& path, const CodedOptions& options = {});

}  // namespace condense::compress

#ifndef CONDENSE_COMPILED
#include "condense/compress/coded_file.ipp"
#endif

#endif
