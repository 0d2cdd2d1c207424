#ifndef CONDENSE_EXAMPLES_CLI_MODEL_HPP
#define CONDENSE_EXAMPLES_CLI_MODEL_HPP

#include <string>

#include "condense/io/onnx.hpp"

namespace cli {

/// Calls `read`; what it says of a malformed file ends with what was wanted.
template <class Read>
auto expecting_onnx(Read&& read) {
  try {
    return read();
  } catch (const condense::FormatError& error) {
    throw condense::FormatError(
        fmt::format("{}; an ONNX model is expected, whole and with its external data beside it", error.what()));
  }
}

inline condense::io::OnnxModel read_model(const std::string& path) {
  return expecting_onnx([&] { return condense::io::read_onnx(path); });
}

}  // namespace cli

#endif
