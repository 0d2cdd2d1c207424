#ifndef CONDENSE_IO_ONNX_MODEL_FILE_HPP
#define CONDENSE_IO_ONNX_MODEL_FILE_HPP

#include "condense/io/onnx/detail/decode_model.hpp"

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
