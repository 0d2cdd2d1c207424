#ifndef CONDENSE_IO_ONNX_DETAIL_OPERATOR_SETS_HPP
#define CONDENSE_IO_ONNX_DETAIL_OPERATOR_SETS_HPP

#include "condense/core/error.hpp"
#include "condense/io/onnx/model.hpp"

namespace condense::io::onnx::detail {

/// The first operator set of which all is read.
inline constexpr std::int64_t kFirstSet = 7;

/// Runs `body`; what it complains about may be due to an operator set before the first one that is read.
template <class Body>
void naming_old_set(std::int64_t version, Body&& body) {
  const auto with_remedy = [&](const Error& error) {
    return fmt::format(
        "{} (the model is of operator set {}; condense reads those from {} on, and of older ones what has not "
        "changed: convert it, in Python by onnx.version_converter.convert_version(model, 21))",
        error.what(), version, kFirstSet);
  };
  try {
    body();
  } catch (const Unsupported& error) {
    if (version >= kFirstSet) throw;
    throw Unsupported(with_remedy(error));
  } catch (const Error& error) {
    if (version >= kFirstSet) throw;
    throw FormatError(with_remedy(error));
  }
}

}  // namespace condense::io::onnx::detail

#endif
