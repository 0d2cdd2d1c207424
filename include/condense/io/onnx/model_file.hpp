#ifndef CONDENSE_IO_ONNX_MODEL_FILE_HPP
#define CONDENSE_IO_ONNX_MODEL_FILE_HPP

#include "condense/io/onnx/detail/decode_model.hpp"
#include "condense/io/onnx/detail/encode_model.hpp"

namespace condense::io::onnx {

/// What the ONNX file in memory says; `name` stands for the path in messages. External data cannot be read so.
inline Model parse_model(std::span<const std::byte> bytes, std::string_view name) {
  const detail::ModelDecoder decoder({.name = std::string(name)});
  return detail::decoding(std::string(name), [&] {
    return decoder.model(protozero::pbf_reader(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  });
}

/// What an ONNX file says, its external data included.
///
/// Memory is bounded by a multiple of the file's size and its external data. Throws `FormatError` naming the file and
/// the place if it is malformed, and `Unsupported` for what condense has no type for.
inline Model read_model(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  const detail::ModelDecoder decoder({.name = path.string(), .folder = path.parent_path(), .has_folder = true});
  return detail::decoding(path.string(), [&] {
    return decoder.model(protozero::pbf_reader(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  });
}

/// The bytes of the ONNX file that says what the model does. The same model gives the same bytes.
inline std::string serialize_model(const Model& model) {
  std::string bytes = detail::ModelEncoder().model(model);
  constexpr std::size_t kLargestMessage = std::size_t{1} << 31;
  require(bytes.size() < kLargestMessage,
          "the model takes {} bytes, a protobuf message at most {}; write its weights to "
          "a file of their own (WriteOptions::external_from_bytes)",
          bytes.size(), kLargestMessage - 1);
  return bytes;
}

/// How a model is written.
struct WriteOptions {
  /// Tensors of at least so many bytes go into a file of their own beside the model, which models of 2 GiB and more
  /// need. None: all stay in the model.
  std::optional<std::size_t> external_from_bytes = {};
};

/// Writes an ONNX file, whole or not at all; see `AtomicFile`.
///
/// A file of external data is complete before the model gets its name, and named after the model and its own content
/// ("model.onnx.1f0c9e5b4a32d871.data"), so that a model that is replaced keeps its data to the last moment.
/// They stay after it; removing them is the caller's affair.
inline void write_model(const std::filesystem::path& path, const Model& model, const WriteOptions& options = {}) {
  if (!options.external_from_bytes) {
    const std::string bytes = serialize_model(model);
    return write_file_atomically(path, std::as_bytes(std::span(bytes)));
  }
  const auto encode = [&](const std::string& location) {
    detail::ExternalTensors external(location, *options.external_from_bytes);
    std::string bytes = detail::ModelEncoder(&external).model(model);
    return std::pair{std::move(bytes), std::move(external)};
  };
  const auto tensors = encode("").second.tensors();
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, 64 bits
  for (const Tensor& tensor : tensors) {
    for (std::size_t i = 0; i < tensor.bytes(); ++i) {
      hash = (hash ^ static_cast<std::uint64_t>(tensor.raw()[i])) * 0x100000001b3;
    }
  }
  const std::string location = fmt::format("{}.{:016x}.data", path.filename().string(), hash);
  if (!tensors.empty()) {
    AtomicFile data(path.parent_path() / location);
    const std::vector<std::byte> zeros(detail::ExternalTensors::kAlignment);
    for (const Tensor& tensor : tensors) {
      data.write({tensor.raw(), tensor.bytes()});
      const std::size_t over = tensor.bytes() % zeros.size();
      if (over > 0) data.write(std::span(zeros).first(zeros.size() - over));
    }
    data.commit();
  }
  const std::string bytes = encode(location).first;
  write_file_atomically(path, std::as_bytes(std::span(bytes)));
}

/// A file that holds one TensorProto, as ONNX's test data are.
inline Tensor read_tensor(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  return detail::decoding(path.string(), [&] {
    const protozero::pbf_reader message(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return detail::decode_tensor(message, {.name = path.string()}).second;
  });
}

}  // namespace condense::io::onnx

#endif
