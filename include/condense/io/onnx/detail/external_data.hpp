#ifndef CONDENSE_IO_ONNX_DETAIL_EXTERNAL_DATA_HPP
#define CONDENSE_IO_ONNX_DETAIL_EXTERNAL_DATA_HPP

#include <algorithm>
#include <filesystem>
#include <optional>

#include "condense/core/tensor.hpp"
#include "condense/io/file.hpp"

namespace condense::io::onnx::detail {

/// Where a tensor's bytes lie outside the model's file.
struct ExternalData {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

/// The file that a location names, which must lie in the model's folder also after symbolic links are followed. Throws
/// `FormatError` for a path that leads out of it (as CVE-2022-25882 and CVE-2024-27318 did), or to no regular file.
inline std::filesystem::path external_file(const std::filesystem::path& folder, const std::string& location,
                                           std::string_view place) {
  const auto refuse = [&](std::string_view why) {
    throw FormatError(
        fmt::format("{}: its external data '{}' {}; external data lies beside the model, under a relative "
                    "path without '..'",
                    place, location.c_str(), why));
  };
  const std::filesystem::path path(location);
  if (location.empty() || location.find('\0') != std::string::npos) refuse("is no path");
  if (path.is_absolute() || path.has_root_path() || location.find('\\') != std::string::npos) refuse("is not relative");
  if (std::ranges::find(path, std::filesystem::path("..")) != path.end()) refuse("leaves the model's folder");

  std::error_code code;
  const std::filesystem::path root = std::filesystem::canonical(folder.empty() ? "." : folder, code);
  if (code) io::detail::throw_system_error(folder, "open the model's folder", code);
  const std::filesystem::path file = std::filesystem::canonical(root / path, code);
  if (code) io::detail::throw_system_error(root / path, "open the external data", code);
  const auto [end, in_file] = std::mismatch(root.begin(), root.end(), file.begin(), file.end());
  if (end != root.end()) refuse("is a link that leaves the model's folder");
  if (!std::filesystem::is_regular_file(file)) refuse("is not a regular file");
  return file;
}

/// The tensor that its external data hold. Nothing is allocated before the file is known to be long enough.
inline Tensor read_external(const std::filesystem::path& folder, const ExternalData& data, DataType type,
                            const Shape& shape, std::string_view place) {
  const std::filesystem::path path = external_file(folder, data.location, place);
  const std::uint64_t size = std::filesystem::file_size(path);
  const std::uint64_t wanted = bytes(type, shape.count());
  if (data.length && *data.length != wanted) {
    throw FormatError(fmt::format("{}: its external data has {} bytes, its shape {} of {} needs {}", place,
                                  *data.length, shape.to_string(), name(type), wanted));
  }
  if (data.offset > size || wanted > size - data.offset) {
    throw FormatError(fmt::format("{}: its external data is {} bytes from byte {} of '{}', which has {}", place, wanted,
                                  data.offset, data.location, size));
  }
  const io::detail::FileHandle file(std::fopen(path.string().c_str(), "rb"));
  if (!file) io::detail::throw_system_error(path, "open the external data");
  Tensor tensor(type, shape);
  if (std::fseek(file.get(), static_cast<long>(data.offset), SEEK_SET) != 0 ||
      std::fread(tensor.mutable_raw(), 1, tensor.bytes(), file.get()) != tensor.bytes()) {
    io::detail::throw_system_error(path, "read the external data");
  }
  return tensor;
}

}  // namespace condense::io::onnx::detail

#endif
