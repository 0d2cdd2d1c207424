#ifndef CONDENSE_COMPRESS_CODED_FILE_IPP
#define CONDENSE_COMPRESS_CODED_FILE_IPP

#include <algorithm>
#include <array>

#include "condense/compress/coded_file.hpp"
#include "condense/core/inline.hpp"
#include "condense/io/file.hpp"
#include "condense/io/onnx/export.hpp"
#include "condense/io/onnx/import.hpp"
#include "condense/io/onnx/model_file.hpp"

namespace condense::compress {

namespace detail {

// A file is the mark, the version and the check sum of what follows: the shapes bound to the inputs, the structure as a
// tensor of bytes, and the constants in the order of the structure.

inline constexpr std::string_view kCodedMark = "condensed";
inline constexpr std::uint64_t kCodedVersion = 1;

/// The cyclic redundancy check of IEEE 802.3, reflected, of 32 bits: finds every change of up to 32 bits in a row.
inline std::uint32_t check_sum(std::span<const std::byte> bytes) noexcept {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t rest = i;
    for (int bit = 0; bit < 8; ++bit) rest = (rest & 1U) != 0 ? 0xedb88320U ^ (rest >> 1) : rest >> 1;
    table[i] = rest;
  }
  std::uint32_t sum = ~0U;
  for (const std::byte byte : bytes) {
    sum = table[(sum ^ std::to_integer<std::uint32_t>(byte)) & 0xffU] ^ (sum >> 8);
  }
  return ~sum;
}

inline void write_shape(quantize::BitWriter& out, const Shape& shape) {
  out.write_number(static_cast<std::uint64_t>(shape.rank()));
  for (const Index extent : shape) out.write_number(static_cast<std::uint64_t>(extent));
}

inline Shape read_shape(quantize::BitReader& in) {
  std::vector<Index> extents(static_cast<std::size_t>(in.read_number(kMaximumRank)));
  for (Index& extent : extents) extent = static_cast<Index>(in.read_number(std::uint64_t{1} << 31));
  return Shape(std::span<const Index>(extents));
}

/// The model of a graph without what only people read.
inline io::onnx::Model structure_of(const graph::Graph& graph) {
  io::onnx::Model model = io::onnx::export_model(graph, {.graph_name = "g"});
  model.producer_name.clear();
  model.producer_version.clear();
  model.documentation.clear();
  model.metadata.clear();
  model.graph.values.clear();
  return model;
}

inline void count(CodedReport& report, const std::string& name, const Tensor& tensor, const quantize::CodedSize& size) {
  report.constants.push_back({name, size});
  report.dense_bytes += tensor.bytes();
  report.packed_bytes += size.packed_bytes;
  report.entropy_bytes += size.entropy_bytes;
  report.coded_bytes += size.coded_bytes;
}

inline graph::Graph decode_body(quantize::BitReader& in, const CodedOptions& options) {
  std::vector<Shape> inputs(static_cast<std::size_t>(in.read_number(in.remaining_bits())));
  for (Shape& shape : inputs) shape = read_shape(in);
  const Tensor structure = quantize::read_tensor(in, options.maximum_bytes);
  if (structure.type() != DataType::uint8) in.refuse("its structure is not a row of bytes");
  io::onnx::Model model = io::onnx::parse_model({structure.raw(), structure.bytes()}, in.name());
  std::size_t room = options.maximum_bytes;
  for (auto& [name, tensor] : model.graph.initializers) {
    if (tensor.count() != 0) in.refuse(fmt::format("the constant '{}' is in the structure", name));
    tensor = quantize::read_tensor(in, room);
    room -= tensor.bytes();
  }
  in.require_end();
  io::onnx::ImportOptions import;
  if (inputs.size() != model.graph.inputs.size()) {
    in.refuse(fmt::format("{} shapes of {} inputs", inputs.size(), model.graph.inputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) import.example_shapes[model.graph.inputs[i].name] = inputs[i];
  return io::onnx::import_graph(model, in.name(), import);
}

}  // namespace detail

CONDENSE_INLINE std::vector<std::byte> encode_graph(const graph::Graph& graph, CodedReport* report) {
  io::onnx::Model model = detail::structure_of(graph);
  CodedReport sizes;
  Index elements = 0;
  Index kept = 0;
  std::vector<Tensor> tensors;
  for (auto& [name, tensor] : model.graph.initializers) {
    tensors.push_back(std::exchange(tensor, Tensor(DataType::uint8, {0})));
  }
  const std::string structure = io::onnx::serialize_model(model);

  quantize::BitWriter body;
  body.write_number(graph.inputs().size());
  for (const graph::Value input : graph.inputs()) detail::write_shape(body, graph.type(input).shape);
  const auto characters = std::span(reinterpret_cast<const std::uint8_t*>(structure.data()), structure.size());
  quantize::write_tensor(body, Tensor::of<std::uint8_t>({static_cast<Index>(structure.size())}, characters));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const quantize::CodedSize size = quantize::write_tensor(body, tensors[i]);
    detail::count(sizes, model.graph.initializers[i].first, tensors[i], size);
    elements += size.elements;
    kept += size.kept;
  }

  quantize::BitWriter file;
  file.write_bytes(std::as_bytes(std::span(detail::kCodedMark)));
  file.write(detail::kCodedVersion, 8);
  file.write(detail::check_sum(body.bytes()), 32);
  file.write_bytes(body.bytes());
  sizes.mask_sparsity = elements == 0 ? 0.0 : static_cast<double>(elements - kept) / static_cast<double>(elements);
  sizes.file_bytes = file.bytes().size();
  sizes.structure_bytes = sizes.file_bytes - std::min(sizes.file_bytes, static_cast<std::size_t>(sizes.coded_bytes));
  if (report != nullptr) *report = std::move(sizes);
  return file.bytes();
}

CONDENSE_INLINE CodedReport save_coded(const graph::Graph& graph, const std::filesystem::path& path) {
  CodedReport report;
  io::write_file_atomically(path, encode_graph(graph, &report));
  return report;
}

CONDENSE_INLINE graph::Graph decode_graph(std::span<const std::byte> bytes, std::string_view name,
                                          const CodedOptions& options) {
  quantize::BitReader in(bytes, name);
  const std::span<const std::byte> mark = in.read_bytes(detail::kCodedMark.size());
  if (!std::ranges::equal(mark, std::as_bytes(std::span(detail::kCodedMark)))) in.refuse("it is no coded network");
  const std::uint64_t version = in.read(8);
  if (version != detail::kCodedVersion) {
    in.refuse(fmt::format("it has version {}, this condense reads version {}", version, detail::kCodedVersion));
  }
  const std::uint64_t sum = in.read(32);
  const std::uint32_t found = detail::check_sum(bytes.subspan(bytes.size() - in.remaining_bits() / 8));
  if (sum != found) in.refuse(fmt::format("its check sum is {:08x}, {:08x} was written; copy it again", found, sum));
  try {
    return detail::decode_body(in, options);
  } catch (const InvalidArgument& error) {
    in.refuse(error.what());
  }
}

CONDENSE_INLINE graph::Graph load_coded(const std::filesystem::path& path, const CodedOptions& options) {
  return decode_graph(io::read_file(path), path.string(), options);
}

}  // namespace condense::compress

#endif
