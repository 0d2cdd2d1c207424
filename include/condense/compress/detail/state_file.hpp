#ifndef CONDENSE_COMPRESS_DETAIL_STATE_FILE_HPP
#define CONDENSE_COMPRESS_DETAIL_STATE_FILE_HPP

#include <charconv>
#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "condense/graph/graph.hpp"
#include "condense/io/safetensors.hpp"

// Files that long work goes on from: safetensors whose metadata name the format and what the work depends on.

namespace condense::compress::detail {

/// Adds the float constants of a graph, each by its name after `prefix`: what training changes.
inline void put_constants(const graph::Graph& graph, const std::string& prefix, io::SafeTensors& content) {
  for (int i = 0; i < graph.value_count(); ++i) {
    const Tensor* constant = graph.constant_if({i});
    if (constant != nullptr && is_float(constant->type())) content.tensors.emplace(prefix + graph.name({i}), *constant);
  }
}

/// A tensor of a file that has this type and shape.
inline const Tensor& tensor_of(const io::SafeTensors& content, const std::string& name, DataType type,
                               const Shape& shape, const std::string& file) {
  const auto found = content.tensors.find(name);
  if (found == content.tensors.end()) throw FormatError(fmt::format("{}: there is no tensor '{}'", file, name));
  const Tensor& tensor = found->second;
  if (tensor.type() != type || tensor.shape() != shape) {
    throw FormatError(fmt::format("{}: tensor '{}' is {} {}, {} {} is expected", file, name,
                                  condense::name(tensor.type()), tensor.shape().to_string(), condense::name(type),
                                  shape.to_string()));
  }
  return tensor;
}

inline Index number_of(const io::SafeTensors& content, const std::string& key, const std::string& file) {
  Index number = 0;
  const auto found = content.metadata.find(key);
  const std::string text = found == content.metadata.end() ? "" : found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || number < 0) {
    throw FormatError(fmt::format("{}: '{}' is '{}', a number is expected", file, key, text));
  }
  return number;
}

/// Throws unless each string about a run is in the file's metadata.
inline void require_same(const io::SafeTensors& content, const std::map<std::string, std::string>& about,
                         const std::string& file) {
  for (const auto& [key, value] : about) {
    const auto found = content.metadata.find(key);
    const std::string there = found == content.metadata.end() ? "not given" : found->second;
    require(there == value,
            "{}: the run in the file has {} {}, this one {}; continue with the same, or remove the file", file, key,
            there, value);
  }
}

inline io::SafeTensors read_state(const std::filesystem::path& path, const char* format,
                                  const std::map<std::string, std::string>& about) {
  io::SafeTensors content = io::read_safetensors(path);
  const auto found = content.metadata.find("format");
  if (found == content.metadata.end() || found->second != format) {
    throw FormatError(fmt::format("{}: this is no file of the format '{}'", path.string(), format));
  }
  require_same(content, about, path.string());
  return content;
}

/// `graph` with the float constants that `put_constants` wrote. Throws `FormatError`, naming the constant, unless all
/// of them are there with their type and shape.
inline graph::Graph with_constants(graph::Graph graph, const std::string& prefix, const io::SafeTensors& content,
                                   const std::string& file) {
  for (int i = 0; i < graph.value_count(); ++i) {
    const Tensor* constant = graph.constant_if({i});
    if (constant == nullptr || !is_float(constant->type())) continue;
    graph.set_constant({i}, tensor_of(content, prefix + graph.name({i}), constant->type(), constant->shape(), file));
  }
  return graph;
}

}  // namespace condense::compress::detail

#endif
